"""One job in a user's hands: ``JobHandle`` asks each time, ``StoredJob`` is as it was when asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from junmai_jobs.errors import JobCancelled, JobFailed, ResultTimeout
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Job, Status

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

R = TypeVar("R")


class JobHandle(Generic[R]):
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

    def result(self, timeout: float | None = None) -> R:
        """Wait for the job's end, at most so many seconds, and give what the task returned.

        Raises:
            JobFailed, JobCancelled: it ended without a result; the message says why.
            ResultTimeout: it has not ended in time.
            JobNotFound: it is not kept any more.
            PayloadError: what it returned cannot be read.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        status = wait_until_finished(self._jobs.inspector, self.id, deadline)
        if not status.finished:
            raise ResultTimeout(f"job {self.id} has not ended within {timeout:g} s; it is {status}")
        if status is Status.SUCCEEDED:
            return self._jobs.inspector.result(self.id)  # type: ignore[no-any-return]
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

    def retry(self) -> None:
        """See ``JobQueue.retry``."""
        self.jobs.retry(self.id)


def wait_until_finished(inspector: Inspector, job_id: str, deadline: float | None) -> Status:
    """Wait for a job's end, or until the deadline (of ``time.monotonic``); its status then.

    By asking, at first every 2 ms, later every 0.2 s: a ring per job would cost every job a write.
    """
    pause = 0.002
    while not (status := inspector.status(job_id)).finished:
        if deadline is not None and (left := deadline - time.monotonic()) <= 0:
            break
        time.sleep(pause if deadline is None else min(pause, left))
        pause = min(pause * 1.3, 0.2)
    return status
