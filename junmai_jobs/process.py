"""The main job: have a folder of photographs judged, grouped and given presets, once, whatever crashes.

``plan.py`` says which jobs that takes. A second run finds the jobs of the first, submits only what is
missing, gives another chance to what failed for a reason that may pass, and waits for the rest.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from junmai_jobs import contact_sheet
from junmai_jobs.catalog import Catalog, CatalogError, PhotoRow, PlannedJob
from junmai_jobs.errors import InvalidState, JobNotFound, StoreUnavailable
from junmai_jobs.host import is_gone
from junmai_jobs.job import Job, Status
from junmai_jobs.ledger import why
from junmai_jobs.logs import start_logging
from junmai_jobs.photo.errors import PhotoError, UnreadablePhoto
from junmai_jobs.photo.pictures.files import Photo, find_photos
from junmai_jobs.photo.xmp.writing import has_lost_settings
from junmai_jobs.plan import NO_WISHES, QUEUES, TASKS, Forecast, Plan, Wishes, Work, resolved
from junmai_jobs.report import Failure, Pick, Report, sentence
from junmai_jobs.resources import in_words
from junmai_jobs.tasks.photos import record
from junmai_jobs.tasks.recording import CATALOG_FILE
from junmai_jobs.tasks.sessions import NOT_A_PICK, export_preset_named

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

T = TypeVar("T")
Watch = Callable[[str, int, int], object]
"""Told what is being worked on, how many of these jobs are done, and how many there are."""
Tell = Callable[[str], object]
"""Told what a person should know, in a sentence."""

PATIENCE = 60.0
"""Seconds for which a server that was there may be away."""
_LOOK_EVERY, _SEE_TO_WORKERS_EVERY, _SYNC_EVERY = 0.1, 2.0, 60.0  # s
_WINDOW, _PAGE = 1000, 200  # jobs looked at, and loaded, at a time
_LOST = (Status.FAILED, Status.CANCELLED)
_NOT_KEPT = "its job is not kept any more: run this again"
_REGROUPINGS = 3
_NO_USE = f"{UnreadablePhoto.__module__}.{UnreadablePhoto.__qualname__}"
_USUAL_SECONDS = 0.3  # a photo, where none was timed yet


def process(
    jobs: JobQueue,
    folder: Path,
    wishes: Wishes = NO_WISHES,
    *,
    photos: Sequence[Photo] | None = None,
    dry_run: bool = False,
    sheet: Path | bool = True,
    watch: Watch = lambda _what, _done, _total: None,
    tell: Tell = lambda _sentence: None,
) -> Report:
    """Have every photo of a folder worked on, or just these of it, and tell what has become of each.

    Where no worker is alive it starts a pool of its own for the time. Interrupted, it leaves the queue as it
    is; called again, it goes on. A dry run only counts, and submits nothing. At the end a contact sheet is
    written: as the file ``sheet``, in ``JUNMAI_HOME`` for True, and none for False.

    Raises:
        PhotoError: the folder is not there, is no folder, or cannot be read; a wish cannot be fulfilled.
        StoreUnavailable: the server cannot be reached, or was away for longer than ``PATIENCE``.
    """
    folder, wishes = resolved(folder), wishes.checked(jobs.config)
    photos = find_photos(folder) if photos is None else photos
    file = jobs.config.home / CATALOG_FILE
    with Catalog(file) as catalog:
        name = wishes.session or str(folder)
        session_id = catalog.session(name, folder)
        plan = Plan(
            session=name,
            session_id=session_id,
            folder=folder,
            photos=photos,
            catalog=file,
            ids=catalog.photo_ids(session_id, [photo.path for photo in photos]),
            wishes=wishes,
            turn=catalog.turn(session_id, wishes.digest(jobs.config) + catalog.verdicts_digest()),
            export_preset=export_preset_named(jobs.config, None),
        )
        run = _Run(jobs, catalog, plan, tell)
        started = len(run.to_start)
        if not dry_run:
            run.go(watch)
        seconds = started * (catalog.typical_seconds("process_photo") or _USUAL_SECONDS)
        forecast = plan.forecast(seconds / jobs.config.max_concurrent_jobs) if dry_run else None
        report = run.report(started, forecast)
        return report if dry_run or not photos else run.with_sheet(report, sheet)


@dataclass(slots=True)
class _Run:
    """The jobs of a session, and what has become of them as far as this run has seen."""

    jobs: JobQueue
    catalog: Catalog
    plan: Plan
    tell: Tell
    photo_works: list[Work] = field(init=False)
    photo_ids: set[str] = field(init=False)
    works: dict[str, Work] = field(init=False, default_factory=dict)
    known: dict[str, Status | None] = field(init=False, default_factory=dict)
    """None: the job is not kept any more. A job that is not here was never submitted."""
    revivable: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.photo_works = self.plan.photo_works()
        self.photo_ids = {work.id for work in self.photo_works}
        if self.photo_works:
            self.jobs.inspector.queues()  # not patiently: a server that never answered is not waited for
        self._add(self.photo_works)

    @property
    def to_start(self) -> list[str]:
        """The jobs that are missing, or worth another try."""
        return [job_id for job_id in self.works if job_id not in self.known or job_id in self.revivable]

    def go(self, watch: Watch) -> None:
        """Submit what is missing and wait for the end of it all."""
        salt = ""
        while (later := self.plan.later_works(self.photo_works, salt)) and (
            self._is_lost(later[0]) or self._is_unmade(later)
        ):
            salt = later[0].id  # who waited for its groups was cancelled with it: once more from there
        for _ in range(_REGROUPINGS):
            self._add(later)
            self._start()
            self._wait(watch)
            self._settle()
            if not later or self._is_grouped():
                break
            # Some photos were worked on after their session had been grouped.
            later = self.plan.later_works(self.photo_works, self.catalog.results_digest(self.plan.session_id))

    def _add(self, works: Sequence[Work]) -> None:
        new = {work.id: work for work in works if work.id not in self.works}
        found = _patiently(lambda: self.jobs.inspector.statuses(list(new))) if new else {}
        self.works |= new
        self.known |= found
        lost = [job_id for job_id, status in found.items() if status in _LOST]
        self.revivable |= {job.id for job in self._load(lost) if _may_pass(job)}

    def _is_lost(self, work: Work) -> bool:
        return _patiently(lambda: self.jobs.inspector.statuses([work.id])).get(work.id) in _LOST

    def _is_unmade(self, works: Sequence[Work]) -> bool:
        """Whether a sidecar or an export that one of these jobs has made is not there any more."""
        picks = {row.id: row.path for row in self.catalog.photos(self.plan.session_id) if row.is_pick}
        made = {work.id: picks[work.photo_id] for work in works if work.photo_id in picks}
        found = _patiently(lambda: self.jobs.inspector.statuses(list(made))) if made else {}
        done = [job_id for job_id, status in found.items() if status is Status.SUCCEEDED]
        return any(_is_gone(job, made[job.id]) for job in self._load(done))

    def _is_grouped(self) -> bool:
        session = self.plan.session_id
        return self.catalog.grouped_from(session) == self.catalog.results_digest(session)

    def _start(self) -> None:
        """Submit what is missing, and revive what is worth another try."""
        missing = self._best_first([self.works[job_id] for job_id in self.works if job_id not in self.known])
        self.catalog.add_jobs(_planned(work, self.plan.session_id) for work in missing)
        _patiently(lambda: self.jobs.submit_all((work.task, work.arguments) for work in missing))
        for job_id in self.revivable:
            with contextlib.suppress(InvalidState, JobNotFound):  # somebody else was faster
                _patiently(partial(self.jobs.retry, job_id))
        self.known |= dict.fromkeys([*(work.id for work in missing), *self.revivable], Status.QUEUED)
        self.revivable = set()

    def _best_first(self, works: Iterable[Work]) -> list[Work]:
        """Put what is done for one photo in the order of the scores, as far as they are known."""
        rows = self.catalog.results(self.plan.session_id)
        scores = self.catalog.learned_scores({row.id: row.ai_score or 0.0 for row in rows})
        names = [task.name for task in TASKS]
        return sorted(
            works, key=lambda work: (names.index(work.task.name), -scores.get(work.photo_id or 0, 0.0))
        )

    def _wait(self, watch: Watch) -> None:
        """Until every job has ended; with a pool of our own from when no worker is alive."""
        pending = deque(job_id for job_id, status in self.known.items() if status and not status.finished)
        if pending:
            self._tell_of_pauses()
        has_pool = is_away = is_held = False
        next_look, next_sync = 0.0, time.monotonic() + _SYNC_EVERY
        with contextlib.ExitStack() as stack:
            while pending:
                self._show(watch, pending)
                if next_look <= time.monotonic():
                    next_look = time.monotonic() + _SEE_TO_WORKERS_EVERY
                    if not has_pool and not _patiently(lambda: _has_workers(self.jobs)):
                        stack.enter_context(_pool(self.jobs))
                        has_pool = True
                    is_held = self._tell_of_governor(is_held)
                if next_sync <= time.monotonic():
                    next_sync = time.monotonic() + _SYNC_EVERY
                    self._sync()
                is_away = self._tell_of_volume(is_away)
                time.sleep(_LOOK_EVERY)
                self._look(pending)
            self._show(watch, pending)

    def _show(self, watch: Watch, pending: Collection[str]) -> None:
        """First the photos; then what follows, as one."""
        photos, photos_left = len(self.photo_works), sum(each in self.photo_ids for each in pending)
        watch("Photos", photos - photos_left, photos)
        later, later_left = len(self.works) - photos, len(pending) - photos_left
        if not photos_left:
            watch("Picks", later - later_left, later)

    def _tell_of_pauses(self) -> None:
        for queue in set(QUEUES) & set(_patiently(self.jobs.inspector.paused)):
            self.tell(f"The queue {queue} is paused; `junmai-jobs resume {queue}` lets it go on.")

    def _tell_of_volume(self, was_away: bool) -> bool:
        is_away = not self.plan.folder.is_dir()
        if is_away and not was_away:
            self.tell(f"{self.plan.folder} is away: its photos wait until its card or drive is back.")
        return is_away

    def _tell_of_governor(self, was_held: bool) -> bool:
        """Whether a worker may begin less than it could, since others need its machine."""
        infos = _patiently(self.jobs.inspector.worker_info).values()
        living = (info for info in infos if not is_gone(info) and info.get("governor"))
        held = [info for info in living if info["governor"]["grade"] != "full"]
        if held and not was_held:
            allowed = in_words(held[0]["governor"])
            self.tell(f"Others need the machine {held[0].get('host')}, so less is begun: {allowed}.")
        elif was_held and not held:
            self.tell("It is free again.")
        return bool(held)

    def _look(self, pending: deque[str]) -> None:
        """Ask for some of the pending jobs, in turn, and take out those that have ended."""
        window = list(islice(pending, _WINDOW))
        found = _patiently(lambda: self.jobs.inspector.statuses(window))
        for job_id in window:
            pending.popleft()
            status = self.known[job_id] = found.get(job_id)
            if status and not status.finished:
                pending.append(job_id)

    def _settle(self) -> None:
        """Make the catalog say of jobs and photos what the queue says.

        It may not know: a worker that dies tells nothing, and a catalog may have been replaced.
        """
        self._sync()
        rows = {row.id: row for row in self.catalog.photos(self.plan.session_id)}
        ended = {work.id: rows[work.photo_id] for work in self.photo_works if work.photo_id is not None}
        lost = [job_id for job_id in ended if self.known.get(job_id) is Status.FAILED]
        for job in self._load([job_id for job_id in lost if ended[job_id].status != "failed"]):
            self.catalog.record_failure(ended[job.id].id, _reason(job))
        done = [job_id for job_id in ended if self.known.get(job_id) is Status.SUCCEEDED]
        for job in self._load([job_id for job_id in done if ended[job_id].status != "completed"]):
            record(self.catalog, job.result)

    def _sync(self) -> None:
        self.catalog.sync_with(lambda ids: list(self._load(ids)), self.plan.session_id)

    def report(self, started: int, forecast: Forecast | None) -> Report:
        """What has become of the photos whose jobs have ended."""
        ended = {
            work.photo_id: work.id
            for work in self.photo_works
            if work.id in self.known and work.id not in self.revivable and _is_over(self.known[work.id])
        }
        rows = [row for row in self.catalog.photos(self.plan.session_id) if row.id in ended]
        failures = list(dict.fromkeys(self._failures(rows, ended)))
        paths = {failure.path for failure in failures}
        failed = sum(str(row.path) in paths for row in rows)
        return Report(
            session_id=self.plan.session_id,
            photos=len(self.plan.photos),
            succeeded=len(rows) - failed,
            failed=failed,
            groups=self.catalog.groups(self.plan.session_id),
            picks=sorted(self._picks(rows), key=lambda pick: -pick.score),
            failures=failures,
            started=started,
            forecast=forecast,
        )

    def with_sheet(self, report: Report, sheet: Path | bool) -> Report:
        """Write the contact sheet, if one is wanted; that it cannot be written is no loss to the session."""
        if sheet is False:
            return report
        usual = contact_sheet.usual_file(self.jobs.config.home, self.plan.folder, self.plan.session_id)
        file = usual if sheet is True else sheet
        try:
            paths = [photo.path for photo in self.plan.photos]
            contact_sheet.write(file, self.catalog, self.plan.folder, report, paths)
        except (OSError, CatalogError, PhotoError) as error:
            why_not = error.strerror if isinstance(error, OSError) and error.strerror else error
            self.tell(f"The contact sheet {file} cannot be written: {why_not}.")
            return report
        return replace(report, contact_sheet=str(file))

    def _failures(self, rows: Iterable[PhotoRow], ended: dict[int | None, str]) -> Iterator[Failure]:
        """The photos' own jobs first; of the later ones not those that were cancelled with the one before."""
        lost = {job.id: job for job in self._load([i for i, status in self.known.items() if status in _LOST])}
        paths = {row.id: str(row.path) for row in rows}
        for row in rows:
            job = lost.pop(ended[row.id], None)
            if job is not None or row.status != "completed":
                yield Failure(paths[row.id], _reason(job) if job else row.error or _NOT_KEPT)
        for job_id, job in lost.items():
            if job.reason != "parent_failed":
                photo_id = self.works[job_id].photo_id
                yield Failure(paths.get(photo_id or 0, str(self.plan.folder)), _reason(job))

    def _picks(self, rows: Sequence[PhotoRow]) -> Iterator[Pick]:
        sizes = Counter(row.group_id for row in rows if row.group_id is not None)
        picked = {row.id: row for row in rows if row.is_pick}
        later = [job_id for job_id, work in self.works.items() if work.photo_id in picked]
        made: dict[int, dict[str, Any]] = {photo_id: {} for photo_id in picked}
        for job in self._load([job_id for job_id in later if self.known.get(job_id) is Status.SUCCEEDED]):
            if isinstance(job.result, dict) and job.result.get("status") != NOT_A_PICK:
                made[job.result["photo_id"]][job.task] = job.result
        leanings = self.catalog.leanings(picked)
        learned = {
            photo_id: (row.ai_score or 0.0) + leanings[photo_id].points for photo_id, row in picked.items()
        }
        for photo_id in sorted(picked, key=lambda photo_id: -learned[photo_id]):
            row = picked[photo_id]
            applied = made[photo_id].get("apply_preset", {})
            exported = made[photo_id].get("export_photo", {})
            yield Pick(
                str(row.path), min(5.0, max(1.0, learned[photo_id])),
                f"{sentence(row)} {leanings[photo_id]}".rstrip(),
                sizes.get(row.group_id) if row.group_id else None,
                applied.get("preset_name"), applied.get("status"), _there(exported.get("path")),
            )  # fmt: skip

    def _load(self, ids: Sequence[str]) -> Iterator[Job]:
        for at in range(0, len(ids), _PAGE):
            yield from _patiently(partial(self.jobs.inspector.load, ids[at : at + _PAGE]))


def _planned(work: Work, session_id: int) -> PlannedJob:
    options = work.task.options
    return PlannedJob(work.id, work.task.name, work.photo_id, session_id, options.priority)


def _there(path: Path | None) -> str | None:
    return str(path) if path is not None and path.exists() else None


def _is_gone(job: Job, photo: Path) -> bool:
    """Whether the file that a job has made of a pick was removed since."""
    if not isinstance(job.result, dict):
        return False
    exported, status = job.result.get("path"), job.result.get("status")
    return (isinstance(exported, Path) and not exported.exists()) or (
        status in {"written", "unchanged"} and has_lost_settings(photo)
    )


def _is_over(status: Status | None) -> bool:
    return status is None or status.finished


def _may_pass(job: Job) -> bool:
    """Whether a job that was lost is worth another try."""
    return job.error is None or job.error["type"] != _NO_USE


def _reason(job: Job) -> str:
    """Why a job was lost, for the photographer."""
    if job.status is Status.CANCELLED:
        return f"its job was cancelled ({job.reason}): run this again to have it worked on"
    return why(job) or "its job failed"


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


def _has_workers(jobs: JobQueue) -> bool:
    """Whether workers are alive that together serve all the queues of a session."""
    gone = {name for name, info in jobs.inspector.worker_info().items() if is_gone(info)}
    alive = [worker for worker in jobs.workers() if worker["alive"] and worker["name"] not in gone]
    return bool(alive) and set(QUEUES) <= {queue for worker in alive for queue in worker["queues"] or QUEUES}


@contextlib.contextmanager
def _pool(jobs: JobQueue) -> Iterator[None]:
    """A pool of our own, whose log stays off the terminal; after an error it gives its jobs back at once."""
    log, level = jobs.config.home / "logs" / "process.log", jobs.config.loglevel
    start_logging(level, str(log))
    with jobs.worker(queues=QUEUES, schedules=False, loglevel=level, log_file=str(log)) as worker:
        try:
            yield
        except BaseException:
            worker.stop(now=True)
            raise
