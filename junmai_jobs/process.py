"""The main job: have every photograph of a folder worked on, once, whatever crashes meanwhile.

A job's id follows from what it is to do. So a second run finds the jobs of the first, submits only what is
missing, gives another chance to what failed for a reason that may pass, and waits for the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.errors import InvalidState, JobNotFound, StoreUnavailable
from junmai_jobs.host import is_gone
from junmai_jobs.job import Job, Status
from junmai_jobs.logs import start_logging
from junmai_jobs.photo.files import Photo, find_photos
from junmai_jobs.tasks.photos import CATALOG_FILE, process_photo

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.task import Task

T = TypeVar("T")
Watch = Callable[[int, int], object]
"""Told how many photos are done, and how many there are."""
Tell = Callable[[str], object]
"""Told what a person should know, in a sentence."""

QUEUE = process_photo.options.queue
PATIENCE = 60.0
"""Seconds for which a server that was there may be away."""
_LOOK_EVERY, _SEE_TO_WORKERS_EVERY = 0.1, 2.0  # s
_WINDOW, _PAGE = 1000, 200  # jobs looked at, and loaded, at a time
_LOST = (Status.FAILED, Status.CANCELLED)
_NOT_KEPT = "its job is not kept any more: run this again"
_NO_USE = {f"{kind.__module__}.{kind.__qualname__}" for kind in process_photo.options.retry.never}

_Words = Sequence[tuple[float, str]]  # falling; the first number that a score reaches names it
_FOCUS: _Words = ((4, "sharp"), (3, "fairly sharp"), (2, "a little soft"), (0, "blurred"))
_EXPOSURE: _Words = ((4, "well exposed"), (3, "fairly exposed"), (0, "badly exposed"))
_COMPOSITION: _Words = ((4, "strong composition"), (3, "good composition"), (2, "plain composition"),
                        (0, "weak composition"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pick:
    """A photo that was worked on; ``why`` is a sentence for the photographer."""

    path: str
    score: float
    why: str
    preset: str | None = None
    exported: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo that could not be worked on, and why."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class Report:
    """What has become of a folder."""

    session_id: int
    photos: int
    picks: Sequence[Pick]
    """The best first."""
    failures: Sequence[Failure]
    started: int
    """How many jobs this run has submitted or revived; of a dry run, how many it would have."""

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return {
            "session_id": self.session_id,
            "photos": self.photos,
            "succeeded": len(self.picks),
            "failed": len(self.failures),
            "groups": [],
            "picks": [asdict(pick) for pick in self.picks],
            "failures": [asdict(failure) for failure in self.failures],
            "started": self.started,
        }


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done on a photo."""

    photo_id: int
    path: Path
    task: Task[..., Any]
    """With the job's id."""
    arguments: dict[str, Any]


def process(
    jobs: JobQueue,
    folder: Path,
    *,
    session: str | None = None,
    dry_run: bool = False,
    watch: Watch = lambda _done, _total: None,
    tell: Tell = lambda _sentence: None,
) -> Report:
    """Have every photo of a folder worked on, and tell what has become of each.

    Where no worker is alive it starts a pool of its own for the time. Interrupted, it leaves the queue as it
    is; called again, it goes on. A ``session`` is called as its folder's path unless it has a name; a dry run
    only counts, and submits nothing.

    Raises:
        PhotoError: the folder is not there, is no folder, or cannot be read.
        StoreUnavailable: the server cannot be reached, or was away for longer than ``PATIENCE``.
    """
    folder = folder.resolve()
    photos = find_photos(folder)
    file = jobs.config.home / CATALOG_FILE
    with Catalog(file) as catalog:
        name = session or str(folder)
        session_id = catalog.session(name, folder)
        ids = catalog.photo_ids(session_id, [photo.path for photo in photos])
        run = _Run(jobs, [_plan(photo, ids[photo.path], name, file) for photo in photos])
        started = run.to_start
        if not dry_run:
            run.start()
            run.wait(watch, tell)
        ended = run.settle(catalog, session_id)
        rows = [row for row in catalog.photos(session_id) if row.id in ended]
    picks = [_pick(row) for row in rows if row.status == "completed"]
    failures = [Failure(str(row.path), row.error or _NOT_KEPT) for row in rows if row.status != "completed"]
    best_first = sorted(picks, key=lambda pick: -pick.score)
    return Report(session_id, len(photos), best_first, failures, started)


def _plan(photo: Photo, photo_id: int, session: str, catalog: Path) -> _Work:
    """The job on a photo. Its id stands for session, file, size, time of change, task and options."""
    arguments: dict[str, Any] = {"photo_id": photo_id, "path": photo.path, "catalog": catalog}
    if photo.companion is not None:
        arguments["companion"] = photo.companion
    try:
        found = photo.path.stat()
        state = f"{found.st_size}|{found.st_mtime_ns}"
    except OSError:
        state = "gone"
    digest = hashlib.sha256(os.fsencode(f"{session}|{state}|"))
    digest.update(process_photo.new_job((), arguments).body)
    task = process_photo.with_options(id=f"photo:{digest.hexdigest()[:32]}")
    return _Work(photo_id, photo.path, task, arguments)


class _Run:
    """The jobs on the photos of a folder, and what has become of them as far as this run has seen."""

    def __init__(self, jobs: JobQueue, works: Iterable[_Work]) -> None:
        self._jobs = jobs
        self._works = {str(work.task.options.id): work for work in works}
        self._known: dict[str, Status | None] = {}  # None: the job is not kept any more
        if self._works:
            self._known |= jobs.inspector.statuses(list(self._works))
        self._missing = [job_id for job_id in self._works if job_id not in self._known]
        lost = [job_id for job_id, status in self._known.items() if status in _LOST]
        self._revivable = {job.id for job in self._load(lost) if _may_pass(job)}

    @property
    def to_start(self) -> int:
        """How many jobs are missing, or worth another try."""
        return len(self._missing) + len(self._revivable)

    def start(self) -> None:
        """Submit what is missing, and revive what is worth another try."""
        works = [self._works[job_id] for job_id in self._missing]
        _patiently(lambda: self._jobs.submit_all((work.task, work.arguments) for work in works))
        for job_id in self._revivable:
            with contextlib.suppress(InvalidState, JobNotFound):  # somebody else was faster
                _patiently(partial(self._jobs.retry, job_id))
        self._known |= dict.fromkeys((*self._missing, *self._revivable), Status.QUEUED)
        self._missing, self._revivable = [], set()

    def wait(self, watch: Watch, tell: Tell) -> None:
        """Until every job has ended; with a pool of our own from when no worker is alive."""
        pending = deque(job_id for job_id, status in self._known.items() if status and not status.finished)
        if pending and QUEUE in _patiently(self._jobs.inspector.paused):
            tell(f"The queue {QUEUE} is paused; `junmai-jobs resume {QUEUE}` lets it go on.")
        has_pool, next_look = False, 0.0
        with contextlib.ExitStack() as stack:
            while pending:
                watch(len(self._works) - len(pending), len(self._works))
                if not has_pool and next_look <= time.monotonic():
                    next_look = time.monotonic() + _SEE_TO_WORKERS_EVERY
                    if not _patiently(lambda: _has_worker(self._jobs)):
                        stack.enter_context(_pool(self._jobs))
                        has_pool = True
                time.sleep(_LOOK_EVERY)
                self._look(pending)
            watch(len(self._works), len(self._works))

    def _look(self, pending: deque[str]) -> None:
        """Ask for some of the pending jobs, in turn, and take out those that have ended."""
        window = list(islice(pending, _WINDOW))
        found = _patiently(lambda: self._jobs.inspector.statuses(window))
        for job_id in window:
            pending.popleft()
            status = self._known[job_id] = found.get(job_id)
            if status and not status.finished:
                pending.append(job_id)

    def settle(self, catalog: Catalog, session_id: int) -> set[int]:
        """Make the catalog say of each photo what its job says.

        It may not know: a worker that dies tells nothing, and a catalog may have been replaced.

        Returns:
            The photos whose jobs have ended.
        """
        rows = {row.id: row for row in catalog.photos(session_id)}
        ended = {
            job_id: rows[self._works[job_id].photo_id]
            for job_id, status in self._known.items()
            if job_id not in self._revivable and (status is None or status.finished)
        }
        for job in self._load([job_id for job_id in ended if self._known[job_id] in _LOST]):
            row, why = ended[job.id], _reason(job)
            if (row.status, row.error) != ("failed", why):
                catalog.record_failure(row.id, why)
        succeeded = [job_id for job_id in ended if self._known[job_id] is Status.SUCCEEDED]
        for job in self._load([job_id for job_id in succeeded if ended[job_id].status != "completed"]):
            catalog.record_result(ended[job.id].id, exif=job.result["exif"], quality=job.result["quality"])
        return {row.id for row in ended.values()}

    def _load(self, ids: Sequence[str]) -> Iterator[Job]:
        for at in range(0, len(ids), _PAGE):
            yield from _patiently(partial(self._jobs.inspector.load, ids[at : at + _PAGE]))


def _may_pass(job: Job) -> bool:
    """Whether a job that was lost is worth another try."""
    return job.error is None or job.error["type"] not in _NO_USE


def _reason(job: Job) -> str:
    """Why there is nothing of a photo, for the photographer."""
    if job.error is None:
        return f"its job was cancelled ({job.reason}): run this again to have it worked on"
    kind, message = job.error["type"], str(job.error["message"])
    is_ours = kind.startswith("junmai_jobs.") or ("." not in kind and bool(message))
    return message if is_ours else f"{kind.rpartition('.')[2]}: {message}"


def _pick(row: PhotoRow) -> Pick:
    parts = (
        next(word for least, word in words if (score or 0) >= least)
        for score, words in (
            (row.focus_score, _FOCUS),
            (row.exposure_score, _EXPOSURE),
            (row.composition_score, _COMPOSITION),
        )
    )
    return Pick(str(row.path), row.ai_score or 0.0, f"{', '.join(parts).capitalize()}.")


def _patiently(call: Callable[[], T]) -> T:
    """Make a call that may be made twice, again and again while the server is away, within ``PATIENCE``."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_EVERY)


def _has_worker(jobs: JobQueue) -> bool:
    """Whether a worker is alive that serves the photos' queue."""
    gone = {name for name, info in jobs.inspector.worker_info().items() if is_gone(info)}
    return any(
        worker["alive"] and worker["name"] not in gone and QUEUE in (worker["queues"] or (QUEUE,))
        for worker in jobs.workers()
    )


@contextlib.contextmanager
def _pool(jobs: JobQueue) -> Iterator[None]:
    """A pool of our own, whose log stays off the terminal; after an error it gives its jobs back at once."""
    log, level = jobs.config.home / "logs" / "process.log", jobs.config.loglevel
    start_logging(level, str(log))
    with jobs.worker(queues=[QUEUE], loglevel=level, log_file=str(log)) as worker:
        try:
            yield
        except BaseException:
            worker.stop(now=True)
            raise
