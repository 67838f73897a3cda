"""What a running task sees of its own job."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from junmai_jobs.broker import Broker
from junmai_jobs.errors import InvalidState, JobCancelled, StoreUnavailable
from junmai_jobs.job import Claimed

_PROGRESS_INTERVAL = 0.25


class RunningJob:
    """The job that is running here; ``current_job()`` gives it to the task."""

    def __init__(
        self, job: Claimed, broker: Broker, timeout: float, cancel_asked: Callable[[], bool] = lambda: False
    ) -> None:
        self.id = job.id
        self.attempt = job.attempt
        self.token = job.token
        """Fencing token: digits that grow with every claim, for whatever must refuse a stale writer."""
        self.deadline = time.time() + timeout
        """When the run will be killed, in seconds since 1970."""
        self._job = job
        self._broker = broker
        self._cancel_asked = cancel_asked
        self._told_to_cancel = False
        self._next_progress = 0.0

    def check_cancelled(self) -> None:
        """Stop here if somebody asked for it. Cheap: call it as often as you like.

        Raises:
            JobCancelled: let it pass, so that the job is recorded as cancelled.
        """
        if self._told_to_cancel or self._cancel_asked():
            self._told_to_cancel = True
            raise JobCancelled(f"job {self.id} was cancelled")

    @property
    def cancel_asked(self) -> bool:
        """Whether ``check_cancelled`` would raise."""
        return self._told_to_cancel or self._cancel_asked()

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Show how far the job is; at most four times a second, the last step always.

        Raises:
            StaleLease: the job was given to someone else; let it pass.
        """
        now = time.monotonic()
        if now < self._next_progress and done != total:
            return
        self._next_progress = now + _PROGRESS_INTERVAL
        # For display only: while the server is away there is nobody to show it to.
        with contextlib.suppress(StoreUnavailable):
            self._told_to_cancel |= self._broker.progress(
                self._job, {"done": done, "total": total, "message": message}
            )

    def publish(self, temporary: str | Path, final: str | Path) -> str:
        """Put a finished file in its place: durable, atomic, and not at all if the job is no longer ours.

        Both paths must be on one file system. A worker that stalls between the check and the rename, both
        within microseconds, for longer than its lease can still replace the file: with the same content if
        the task is deterministic.

        Returns:
            The final path.

        Raises:
            StaleLease: the job was given to someone else; nothing was replaced.
        """
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        self._insist_that_it_is_ours()
        Path(temporary).replace(final)
        if os.name == "posix":
            folder = os.open(Path(final).parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return str(final)

    def _insist_that_it_is_ours(self) -> None:
        """Ask until the server answers; if it stays away, the supervisor ends this run in time."""
        while True:
            try:
                self._broker.progress(self._job)
            except StoreUnavailable:
                time.sleep(_PROGRESS_INTERVAL)
            else:
                return


_current: ContextVar[RunningJob | None] = ContextVar("junmai_jobs_current", default=None)


def current_job() -> RunningJob:
    """The job this code runs in.

    Raises:
        InvalidState: it does not run in a job.
    """
    job = _current.get()
    if job is None:
        raise InvalidState("current_job() is for code that a worker runs; here no job is running")
    return job


class running:  # noqa: N801 - it reads as a word: with running(job)
    """While a job's task runs."""

    def __init__(self, job: RunningJob) -> None:
        self._job = job

    def __enter__(self) -> None:
        self._token = _current.set(self._job)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
