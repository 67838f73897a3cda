"""What a test asks of a queue, answered in words that help where it is not so."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ParamSpec

from junmai_jobs import codec
from junmai_jobs.errors import REUSED, JobNotFound
from junmai_jobs.handle import JobHandle, StoredJob
from junmai_jobs.job import Job, Status
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.laws import Violation
from junmai_jobs.task import Task, as_task
from junmai_jobs.wording import clean_lines, count

P = ParamSpec("P")
_MOST = 1000


class Assertions(JobQueue):
    """The part of ``InProcessQueue`` that looks at jobs. A job is its handle, itself or its id."""

    def assert_succeeded(self, job: JobHandle[Any] | Job | str) -> StoredJob:
        """The job, which has succeeded; ``result`` is what its task returned."""
        return self._in_status(job, Status.SUCCEEDED)

    def assert_failed(self, job: JobHandle[Any] | Job | str, *, match: str = "") -> StoredJob:
        """The job, which has failed for good, of an error that matches: ``TYPE: MESSAGE``, or its reason.

        Args:
            job: which.
            match: a regular expression that is found somewhere in one of them.
        """
        found = self._in_status(job, Status.FAILED)
        told = _error_of(found)
        assert re.search(match, told) or re.search(match, found.reason or ""), (
            f"job {found.id} ({found.task}) has failed, but {match!r} is not found in {told!r}"
            + (f", nor in its reason {found.reason!r}" if found.reason else "")
        )
        return found

    def submitted(self, task: Task[..., Any] | None = None) -> list[StoredJob]:
        """The jobs there are, of one task or of all, the oldest first; whatever has become of them."""
        return self.jobs(task=None if task is None else as_task(task).name, limit=_MOST)[::-1]

    def assert_submitted(self, task: Task[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> StoredJob:
        """The newest job of this task with these arguments, given by place or by name."""
        chosen = as_task(task)
        wanted = _bound(chosen, args, kwargs)
        known = self.submitted(chosen)
        for job in reversed(known):
            if _bound(chosen, job.args, job.kwargs) == wanted:
                return job
        calls = "".join(f"\n  {_call(chosen, job.args, job.kwargs)}" for job in known)
        raise AssertionError(
            f"{_call(chosen, args, kwargs)} was not submitted; of {chosen.name} there "
            f"{'is' if len(known) == 1 else 'are'} {count(len(known), 'job') if known else 'none'}"
            + (f":{calls}" if known else "")
        )

    def assert_laws(self) -> None:
        """All laws of the store hold, see docs/repair.md: whatever has crashed, no job is lost or stuck."""
        broken = [f"law {each.law!r} is broken: {each.where} {each.detail}" for each in self._broken_laws()]
        assert not broken, "\n".join(broken)

    @abstractmethod
    def _broken_laws(self) -> Iterator[Violation]:
        """See ``check_laws``."""

    def job(self, job_id: str) -> StoredJob:
        """See ``JobQueue.job``."""
        try:
            return super().job(job_id)
        except JobNotFound:
            if job_id.startswith(REUSED):
                raise
            raise JobNotFound(f"no job {job_id} in this queue: submitted() has those there are") from None

    def _in_status(self, given: JobHandle[Any] | Job | str, status: Status) -> StoredJob:
        job = self.job(given if isinstance(given, str) else given.id)
        if job.status is not status:
            raise AssertionError(f"job {job.id} ({job.task}) is {job.status}, not {status}{self._hint(job)}")
        return job

    def _hint(self, job: StoredJob) -> str:
        """Why it is as it is, or how a test gets on."""
        if job.status is Status.FAILED:
            told = f": {_error_of(job)}\n{(job.error or {}).get('traceback', '')}"
            return clean_lines(told.rstrip())
        if job.status is Status.CANCELLED:
            return clean_lines(f": {job.reason}")
        if job.status in {Status.SCHEDULED, Status.RETRYING}:
            last = next((each["error"] for each in reversed(job.history) if each.get("error")), None)
            after = clean_lines(f" after {last['type']}: {last['message']}") if last else ""
            return f"{after}: it is due {job.run_at}; run_until_idle(advance=True) lets that time pass"
        if job.status.finished or job.status is Status.RUNNING:
            return ""
        return f": {self.why(job.id).detail or 'call run_until_idle() first'}"


def _error_of(job: Job) -> str:
    error = job.error or {}
    return f"{error.get('type')}: {error.get('message')}" if error else job.reason or "no error is known"


def _bound(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The arguments by name, as they come back from the store: a tuple is a list."""
    return codec.unpack(codec.pack(dict(task.arguments(args, kwargs)), place="the arguments"))


def _call(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    given = [*(f"{each!r:.80}" for each in args), *(f"{name}={each!r:.80}" for name, each in kwargs.items())]
    return f"{task.name}({', '.join(given)})"
