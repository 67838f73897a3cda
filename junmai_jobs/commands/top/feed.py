"""The one thread of ``top`` that speaks with the server, so that no key waits for it, nor the screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

from textual.message import Message

from junmai_jobs.commands.top.snapshot import Reader, Snapshot
from junmai_jobs.errors import JunmaiJobsError, StoreUnavailable
from junmai_jobs.job import WAITING, Job
from junmai_jobs.jobqueue import JobQueue
from junmai_jobs.why import Why

_EVERY = 1.0
_SHARE = 3
"""After a reading it rests for at least so many times as long as that took."""


class Fresh(Message):
    """What there is now."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


class Away(Message):
    """The server does not answer."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class Told(Message):
    """What came of a key."""

    def __init__(self, what: str, *, failed: bool = False) -> None:
        super().__init__()
        self.what = what
        self.failed = failed


class Opened(Message):
    """One job, whole, and of one that waits for what."""

    def __init__(self, job: Job, why: Why | None) -> None:
        super().__init__()
        self.job = job
        self.why = why

    @classmethod
    def read(cls, jobs: JobQueue, job_id: str) -> Opened:
        """As it is now."""
        job = jobs.job(job_id)
        return cls(job, jobs.why(job_id) if job.status in WAITING else None)


class Broken(Message):
    """A mistake of ours."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


Order = Callable[[JobQueue], Message]


class Feed(threading.Thread):
    """Reads every second, and does in between what it is told to; all of it arrives as messages.

    A reading that takes long is followed by a longer rest, and no other begins before it is over.
    """

    def __init__(self, jobs: JobQueue, post: Callable[[Message], object]) -> None:
        super().__init__(name="junmai-top", daemon=True)  # whoever quits does not wait for a server
        self.queue: str | None = None
        """Of which alone what waits is read."""
        self._jobs = jobs
        self._reader = Reader(jobs)
        self._post = post
        self._orders: SimpleQueue[Order] = SimpleQueue()

    def order(self, order: Order) -> None:
        """Have something done soon; once all such things are, it reads again."""
        self._orders.put(order)

    def look(self) -> Snapshot:
        """Read once, at the beginning.

        Raises:
            JunmaiJobsError: the server does not answer.
        """
        return self._reader.read(self.queue)

    def run(self) -> None:
        """Until the process ends."""
        try:
            while True:
                began = time.monotonic()
                self._post(self._reading())
                took = time.monotonic() - began
                rest = max(_EVERY - took, _SHARE * took)
                with suppress(Empty):
                    while True:
                        self._post(self._carried_out(self._orders.get(timeout=rest)))
                        rest = 0.0
        except Exception as error:  # noqa: BLE001 - it is raised again where it is seen
            self._post(Broken(error))

    def _reading(self) -> Message:
        try:
            return Fresh(self._reader.read(self.queue))
        except StoreUnavailable as error:
            return Away(str(error))

    def _carried_out(self, order: Order) -> Message:
        try:
            return order(self._jobs)
        except JunmaiJobsError as error:
            return Told(str(error), failed=True)
