"""One job in a user's hands: ``JobHandle`` asks each time, ``StoredJob`` is as it was when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from junmai_jobs.errors import JobCancelled, JobFailed, ResultTimeout
from junmai_jobs.job import Job, Status
from junmai_jobs.waiting import deadline_in, pauses, wait_until_finished

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

R_co = TypeVar("R_co", covariant=True)


class JobHandle(Generic[R_co]):
    """A submitted job."""

    def __init__(self, jobs: JobQueue, job_id: str, *, existing: bool = False) -> None:
        self.id = job_id
        self.existing = existing
        """Whether the job was there before this submission."""
        self._jobs = jobs

    def __repr__(self) -> str:
        return f"<job {self.id}>"

    @property
    def status(self) -> Status:
        """As it is now, asked for each time."""
        return self._jobs.inspector.status(self.id)

    def job(self) -> StoredJob:
        """Everything there is to know of it now."""
        return self._jobs.job(self.id)

    def cancel(self) -> bool:
        """See ``JobQueue.cancel``."""
        return self._jobs.cancel(self.id)

    def result(self, timeout: float | None = None) -> R_co:
        """Wait for the job's end, at most so many seconds, and give what the task returned.

        Raises:
            JobFailed, JobCancelled: it ended without a result; the message says why.
            ResultTimeout: it has not ended in time.
            ResultExpired: it has succeeded, and its ``result_ttl`` is over.
            JobNotFound: it is not kept any more.
            PayloadError: what it returned cannot be read.
        """
        return self._outcome(
            wait_until_finished(self._jobs.inspector, self.id, deadline_in(timeout)), timeout
        )

    async def result_async(self, timeout: float | None = None) -> R_co:  # noqa: ASYNC109 - as result has it
        """``result`` for a coroutine: while it waits, others run, and no thread is blocked.

        Raises:
            JunmaiJobsError: see ``result``.
        """
        import asyncio  # noqa: PLC0415 - whoever calls this has it

        for pause in pauses(deadline_in(timeout)):
            if (await asyncio.to_thread(self._jobs.inspector.status, self.id)).finished:
                break
            await asyncio.sleep(pause)
        status = await asyncio.to_thread(self._jobs.inspector.status, self.id)
        return await asyncio.to_thread(self._outcome, status, timeout)

    def _outcome(self, status: Status, timeout: float | None) -> R_co:
        if not status.finished:
            raise ResultTimeout(f"job {self.id} has not ended within {timeout:g} s; it is {status}")
        if status is Status.SUCCEEDED:
            return cast("R_co", self._jobs.inspector.result(self.id))
        job = self._jobs.inspector.job(self.id)
        if status is Status.CANCELLED:
            raise JobCancelled(f"job {self.id} was cancelled: {job.reason}")
        error = job.error or {}
        raise JobFailed(f"job {self.id} failed: {error.get('type')}: {error.get('message')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob(Job):
    """A job as it was when asked for, with the means to act on it."""

    jobs: JobQueue = field(repr=False, compare=False)

    @classmethod
    def of(cls, job: Job, jobs: JobQueue) -> StoredJob:
        """Bind a job to its queue."""
        return cls(**{each.name: getattr(job, each.name) for each in fields(Job)}, jobs=jobs)

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return {each.name: getattr(self, each.name) for each in fields(Job)}

    def cancel(self) -> bool:
        """See ``JobQueue.cancel``."""
        return self.jobs.cancel(self.id)

    def retry(self, *, force: bool = False) -> None:
        """See ``JobQueue.retry``."""
        self.jobs.retry(self.id, force=force)
