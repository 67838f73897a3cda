"""Waits for the jobs of a session, by its own pool where no worker is alive, and tells what holds them up."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.host import is_gone
from junmai_jobs.job import Status
from junmai_jobs.logs import LogForm, log_others, start_logging
from junmai_jobs.notify import QUEUE as NOTICES
from junmai_jobs.plan import QUEUES
from junmai_jobs.resources import in_words

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

T = TypeVar("T")


class Progress(Protocol):
    """Is told how far it is."""

    def __call__(self, what: str, done: int, total: int, left: float | None = None, /) -> object:
        """What is being worked on, how many of these jobs are done, and how many there are.

        ``left`` are the seconds until they are, None where too little is known.
        """


Tell = Callable[[str], object]
"""Told what a person should know, in a sentence."""

PATIENCE = 60.0
"""Seconds for which a server that was there may be away."""
_LOOK_EVERY, _SEE_TO_WORKERS_EVERY, _SYNC_EVERY = 0.1, 2.0, 60.0  # s
_WINDOW = 1000  # jobs looked at, at a time


@dataclass(slots=True)
class Waiting:
    """How a run waits, and what it has told meanwhile."""

    jobs: JobQueue
    tell: Tell
    away: Callable[[], Sequence[str]]
    """What is away just now, a sentence for each."""
    sync: Callable[[], object]
    """Called now and then."""
    left: Callable[[Collection[str]], float | None]
    """Seconds until these jobs have ended, see ``TimeLeft.of``."""
    told: set[str] = field(init=False, default_factory=set)

    def for_all(
        self, known: MutableMapping[str, Status | None], photo_ids: Collection[str], progress: Progress
    ) -> None:
        """Wait until every job has ended; with a pool of our own from when no worker is alive.

        Args:
            known: the jobs by id, whose statuses are kept up to date; None: it is not kept any more.
            photo_ids: those of them that are on photos, and come first.
            progress: told how far it is.
        """
        pending = deque(job_id for job_id, status in known.items() if status and not status.finished)
        if pending:
            self._tell_of_pauses()
        has_pool, is_held, left = False, False, None
        next_look, next_sync = 0.0, time.monotonic() + _SYNC_EVERY
        with contextlib.ExitStack() as stack:
            while pending:
                _show(progress, pending, len(known), photo_ids, left)
                if next_look <= time.monotonic():
                    next_look = time.monotonic() + _SEE_TO_WORKERS_EVERY
                    left = self._time_left(pending, photo_ids)
                    if not has_pool and not patiently(lambda: has_workers(self.jobs)):
                        stack.enter_context(_pool(self.jobs))
                        has_pool = True
                    is_held = self._tell_of_governor(is_held)
                if next_sync <= time.monotonic():
                    next_sync = time.monotonic() + _SYNC_EVERY
                    self.sync()
                self.tell_of_drives()
                time.sleep(_LOOK_EVERY)
                self._look(pending, known)
            _show(progress, pending, len(known), photo_ids)

    def _time_left(self, pending: Collection[str], photo_ids: Collection[str]) -> float | None:
        """Of the photos, as long as there are some; then of what follows."""
        photos = [job_id for job_id in pending if job_id in photo_ids]
        return patiently(lambda: self.left(photos or pending))

    def tell_of_drives(self) -> None:
        """Tell what is away, once until it is back."""
        away = self.away()
        for sentence in away:
            if sentence not in self.told:
                self.tell(sentence)
        self.told = set(away)

    def _tell_of_pauses(self) -> None:
        for queue in set(QUEUES) & set(patiently(self.jobs.inspector.paused)):
            self.tell(f"The queue {queue} is paused; `junmai-jobs resume {queue}` lets it go on.")

    def _tell_of_governor(self, was_held: bool) -> bool:
        """Whether a worker may begin less than it could, since others need its machine."""
        infos = patiently(self.jobs.inspector.worker_info).values()
        living = (info for info in infos if not is_gone(info) and info.get("governor"))
        held = [info for info in living if info["governor"]["grade"] != "full"]
        if held and not was_held:
            allowed = in_words(held[0]["governor"])
            self.tell(f"Others need the machine {held[0].get('host')}, so less is begun: {allowed}.")
        elif was_held and not held:
            self.tell("It is free again.")
        return bool(held)

    def _look(self, pending: deque[str], known: MutableMapping[str, Status | None]) -> None:
        """Ask for some of the pending jobs, in turn, and take out those that have ended."""
        window = list(islice(pending, _WINDOW))
        found = patiently(lambda: self.jobs.inspector.statuses(window))
        for job_id in window:
            pending.popleft()
            status = known[job_id] = found.get(job_id)
            if status and not status.finished:
                pending.append(job_id)


def _show(
    progress: Progress,
    pending: Collection[str],
    total: int,
    photo_ids: Collection[str],
    left: float | None = None,
) -> None:
    """First the photos; then what follows, as one."""
    photos, photos_left = len(photo_ids), sum(each in photo_ids for each in pending)
    progress("Photos", photos - photos_left, photos, left if photos_left else None)
    later, later_left = total - photos, len(pending) - photos_left
    if not photos_left:
        progress("Picks", later - later_left, later, left)


def patiently(call: Callable[[], T]) -> T:
    """Make a call that may be made twice, again and again while the server is away, within ``PATIENCE``."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_EVERY)


def has_workers(jobs: JobQueue) -> bool:
    """Whether workers are alive that together serve all the queues of a session."""
    gone = {name for name, info in jobs.inspector.worker_info().items() if is_gone(info)}
    alive = [worker for worker in jobs.workers() if worker["alive"] and worker["name"] not in gone]
    return bool(alive) and set(QUEUES) <= {queue for worker in alive for queue in worker["queues"] or QUEUES}


@contextlib.contextmanager
def _pool(jobs: JobQueue) -> Iterator[None]:
    """A pool of our own, whose log stays off the terminal; after an error it gives its jobs back at once."""
    log, level = jobs.config.home / "logs" / "process.log", jobs.config.loglevel
    start_logging(level, str(log), LogForm.of(jobs.config))
    log_others()
    with jobs.worker(queues=(*QUEUES, NOTICES), schedules=False, loglevel=level, log_file=str(log)) as worker:
        try:
            yield
        except BaseException:
            worker.stop(now=True)
            raise
