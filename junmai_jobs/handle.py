"""One job in a user's hands: ``JobHandle`` asks each time, ``StoredJob`` is as it was when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from junmai_jobs import codec
from junmai_jobs.errors import REUSED, JobCancelled, JobFailed
from junmai_jobs.job import Job, Status, new_id
from junmai_jobs.waiting import pauses, wait_until_finished
from junmai_jobs.wording import clean_lines

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.why import Why

R_co = TypeVar("R_co", covariant=True)


class JobHandle(Generic[R_co]):
    """A submitted job."""

    def __init__(self, jobs: JobQueue, job_id: str, *, existing: bool = False) -> None:
        self.id = job_id
        self.existing = existing
        """Whether the job was there before this submission."""
        self._jobs = jobs

    @property
    def reused(self) -> bool:
        """Whether the submission was answered with a result that is kept: then there is no job."""
        return False

    def __repr__(self) -> str:
        return f"<job {self.id}>"

    @property
    def status(self) -> Status:
        """As it is now, asked for each time."""
        return self._jobs.inspector.status(self.id)

    def job(self) -> StoredJob:
        """Everything there is to know of it now."""
        return self._jobs.job(self.id)

    def why(self) -> Why:
        """See ``JobQueue.why``."""
        return self._jobs.why(self.id)

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
            wait_until_finished(self._jobs.inspector, self.id, self._jobs.deadline_in(timeout)), timeout
        )

    async def result_async(self, timeout: float | None = None) -> R_co:  # noqa: ASYNC109 - as result has it
        """``result`` for a coroutine: while it waits, others run, and no thread is blocked.

        Raises:
            JunmaiJobsError: see ``result``.
        """
        import asyncio  # noqa: PLC0415 - whoever calls this has it

        for pause in pauses(self._jobs.deadline_in(timeout)):
            if (await asyncio.to_thread(self._jobs.inspector.status, self.id)).finished:
                break
            await asyncio.sleep(pause)
        status = await asyncio.to_thread(self._jobs.inspector.status, self.id)
        return await asyncio.to_thread(self._outcome, status, timeout)

    def _outcome(self, status: Status, timeout: float | None) -> R_co:
        if not status.finished:
            hint = f"; it is {status}: `junmai-jobs why {self.id}` tells what it waits for"
            raise self._jobs.timed_out(f"job {self.id} has", timeout, hint)
        if status is Status.SUCCEEDED:
            return cast("R_co", self._jobs.inspector.result(self.id))
        job = self._jobs.inspector.job(self.id)
        if status is Status.CANCELLED:
            raise JobCancelled(f"job {self.id} was cancelled: {clean_lines(job.reason)}")
        error = job.error or {}
        why = clean_lines(f"{error.get('type')}: {error.get('message')}")
        raise JobFailed(f"job {self.id} failed: {why}")


class AnsweredHandle(JobHandle[R_co]):
    """What a submission gives that was answered at once: it has succeeded, and its id names no job."""

    def __init__(self, jobs: JobQueue, result: bytes) -> None:
        super().__init__(jobs, REUSED + new_id())
        self._result = result

    @property
    def reused(self) -> bool:
        """True."""
        return True

    @property
    def status(self) -> Status:
        """It has succeeded."""
        return Status.SUCCEEDED

    def result(self, timeout: float | None = None) -> R_co:
        """What is kept; nothing is waited for, and no server asked."""
        self._jobs.deadline_in(timeout)
        return cast("R_co", codec.unpack(self._result))

    async def result_async(self, timeout: float | None = None) -> R_co:  # noqa: ASYNC109 - as result has it
        """``result``."""
        return self.result(timeout)


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
