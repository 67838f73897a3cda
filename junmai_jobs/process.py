"""The main job: have a folder of photographs judged, grouped and given presets, once, whatever crashes.

``plan.py`` says which jobs that takes. A second run finds the jobs of the first, submits only what is
missing, gives another chance to what failed for a reason that may pass, and waits for the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from junmai_jobs import contact_sheet
from junmai_jobs.catalog import Catalog, CatalogError
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.job import Job, Status
from junmai_jobs.known_photos import record_known
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.export.destinations import drive_of, is_away
from junmai_jobs.photo.pictures.files import Photo, find_photos
from junmai_jobs.photo.xmp.writing import has_lost_settings
from junmai_jobs.plan import NO_WISHES, TASKS, Plan, Wishes, Work, is_grouped, make_plan, resolved
from junmai_jobs.report import LOST, Account, Failure, Report, may_pass, reason
from junmai_jobs.session_outlook import SessionOutlook, refuse_what_has_no_room, session_outlook
from junmai_jobs.session_wait import Progress, Tell, Waiting, patiently
from junmai_jobs.tasks.recording import CATALOG_FILE
from junmai_jobs.time_left import TimeLeft

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

_PAGE = 200  # jobs loaded at a time
_REGROUPINGS = 3


def process(
    jobs: JobQueue,
    folder: Path,
    wishes: Wishes = NO_WISHES,
    *,
    photos: Sequence[Photo] | None = None,
    dry_run: bool = False,
    sheet: Path | bool = True,
    progress: Progress = lambda *_: None,
    tell: Tell = lambda _sentence: None,
) -> Report:
    """Have every photo of a folder worked on, or just these of it, and tell what has become of each.

    Where no worker is alive it starts a pool of its own for the time. Interrupted, it leaves the queue as it
    is; called again, it goes on. A dry run only counts, and submits nothing. At the end a contact sheet is
    written: as the file ``sheet``, in ``JUNMAI_HOME`` for True, and none for False.

    Raises:
        PhotoError: the folder is not there, is no folder, or cannot be read; a wish cannot be fulfilled.
        DiskFull: a disk has no room for what all of it will write; nothing is submitted.
        StoreUnavailable: the server cannot be reached, or was away for longer than ``PATIENCE``.
    """
    folder, wishes = resolved(folder), wishes.checked(jobs.config)
    closed: list[Failure] = []
    if photos is None:
        photos = find_photos(folder, lambda path, error: closed.append(Failure(str(path), str(error))))
    with Catalog(jobs.config.home / CATALOG_FILE) as catalog:
        plan = make_plan(jobs.config, catalog, folder, photos, wishes, dry_run=dry_run)
        run = _Run(jobs, catalog, plan, tell, closed)
        run.tell_of_other_sessions()
        started = len(run.to_start)
        if dry_run:
            outlook = run.outlook(sheet=sheet is not False)
            return replace(run.report(started), outlook=outlook)
        run.go(progress)
        report = run.report(started)
        return run.with_sheet(report, sheet) if photos else report


def begin(
    jobs: JobQueue, folder: Path, photos: Sequence[Photo], wishes: Wishes = NO_WISHES
) -> tuple[int, int, str | None]:
    """Submit what is missing of these photos of a folder, and wait for nothing: whoever works does them.

    Returns:
        The session's id; how many jobs were submitted, or are tried again; the id of the last job of the
        session, None if it has none.

    Raises:
        PhotoError, DiskFull, StoreUnavailable: see ``process``.
    """
    folder, wishes = resolved(folder), wishes.checked(jobs.config)
    with Catalog(jobs.config.home / CATALOG_FILE) as catalog:
        plan = make_plan(jobs.config, catalog, folder, photos, wishes, dry_run=False)
        submitted, last = _Run(jobs, catalog, plan, lambda _sentence: None, ()).submit()
    return plan.session_id, submitted, last


@dataclass(slots=True)
class _Run:
    """The jobs of a session, and what has become of them as far as this run has seen."""

    jobs: JobQueue
    catalog: Catalog
    plan: Plan
    tell: Tell
    closed: Sequence[Failure]
    """Folders that may not be read."""
    photo_works: list[Work] = field(init=False)
    photo_ids: set[str] = field(init=False)
    works: dict[str, Work] = field(init=False, default_factory=dict)
    known: dict[str, Status | None] = field(init=False, default_factory=dict)
    """None: the job is not kept any more. A job that is not here was never submitted."""
    revivable: set[str] = field(init=False, default_factory=set)
    waiting: Waiting = field(init=False)
    export_drive: Path | None = field(init=False, default=None)
    """Where the drive is mounted that the session was exported to before."""

    def __post_init__(self) -> None:
        if self.plan.photos:
            self.jobs.inspector.queues()  # not patiently: a server that never answered is not waited for
        left = TimeLeft(self.jobs, self.works)
        self.waiting = Waiting(self.jobs, self.tell, self._away, self._sync, left.of)
        if self.plan.wishes.export is not None:
            folders = self.catalog.export_folders(self.plan.session_id)
            self.export_drive = folders.get(self.plan.wishes.export)
        self.photo_works = self._photo_works()
        self.photo_ids = {work.id for work in self.photo_works}
        self._add(self.photo_works)

    def _photo_works(self) -> list[Work]:
        """One job a photo: another than the one that is done, where the catalog lacks what that has found.

        So it is of a photo whose catalog was deleted, or restored as it was before.
        """
        photos = self.plan.photos
        works = [self.plan.photo_work(photo) for photo in photos]
        asked: Sequence[int] = range(len(photos))
        while asked:
            statuses = self._statuses([works[each].id for each in asked])
            found = self.catalog.looked_at(self.plan.session_id)  # after the statuses, which follow it
            asked = [
                each
                for each in asked
                if statuses.get(works[each].id) is Status.SUCCEEDED and works[each].photo_id not in found
            ]
            for each in asked:
                works[each] = self.plan.photo_work(photos[each], works[each].id)
        answered = self.catalog.answered_jobs(self.plan.session_id)
        return [replace(work, is_answered=work.id in answered) for work in works]

    def tell_of_other_sessions(self) -> None:
        """Tell whose photos the exports would be too, until something was exported there."""
        folder = self.plan.wishes.export
        if folder is not None and self.plan.wishes.group and self.export_drive is None:
            for around in self.catalog.sessions_around(folder):
                self.tell(
                    f"{folder} is in the folder of another session, {around}: when that is processed again, "
                    "what is exported there counts among its photos."
                )

    @property
    def to_start(self) -> list[str]:
        """The jobs that are missing, or worth another try."""
        return [job_id for job_id in self.works if job_id not in self.known or job_id in self.revivable]

    def go(self, progress: Progress) -> None:
        """Submit what is missing and wait for the end of it all."""
        self.waiting.tell_of_drives()
        self._record_known(progress)
        later = self._later_works()
        for _ in range(_REGROUPINGS):
            self._add(later)
            self._start()
            self.waiting.for_all(self.known, self.photo_ids, progress)
            self._settle()
            if not later or is_grouped(self.catalog, self.plan.session_id):
                break
            # Some photos were worked on after their session had been grouped.
            later = self.plan.later_works(self.photo_works, self.catalog.results_digest(self.plan.session_id))

    def _record_known(self, progress: Progress) -> None:
        """Have those of the missing photos recorded at once that need no job."""
        missing = [work for work in self.photo_works if work.id not in self.known]
        ids = record_known(self.jobs, self.catalog, self.plan.session_id, missing, progress)
        self.known |= dict.fromkeys(ids, Status.SUCCEEDED)
        works = self.photo_works
        self.photo_works = [replace(each, is_answered=True) if each.id in ids else each for each in works]

    def submit(self) -> tuple[int, str | None]:
        """Submit what is missing: how many jobs, and the id of the last there is of the session."""
        self._add(later := self._later_works())
        submitted = len(self.to_start)
        self._start()
        return submitted, later[-1].id if later else None

    def outlook(self, *, sheet: bool) -> SessionOutlook:
        """What it would take to go on; photos that are new to the catalog have no ids of their own."""
        later = self._later_works()
        found = self._statuses([work.id for work in later])
        lost = self._load([job_id for job_id, status in found.items() if status in LOST])
        begun = found.keys() - {job.id for job in lost if may_pass(job)}
        ended = {job_id for job_id in begun if found[job_id].finished}
        to_do = [self.works[job_id] for job_id in self.to_start] + [w for w in later if w.id not in begun]
        unfinished = self._unfinished() + [work for work in later if work.id not in ended]
        self._add(later)  # so that the report tells what has become of them
        return session_outlook(self.jobs, self.plan, self.catalog, to_do, unfinished, sheet=sheet)

    def _unfinished(self) -> list[Work]:
        ended = self._ended()
        return [work for job_id, work in self.works.items() if job_id not in ended]

    def _ended(self) -> dict[str, Status | None]:
        items = self.known.items()
        over = {job_id: status for job_id, status in items if status is None or status.finished}
        return {job_id: status for job_id, status in over.items() if job_id not in self.revivable}

    def _later_works(self) -> list[Work]:
        salt = self._salt()
        while (later := self.plan.later_works(self.photo_works, salt)) and (
            self._is_lost(later[0]) or self._is_unmade(later)
        ):
            salt = later[0].id  # who waited for its groups was cancelled with it: once more from there
        return later

    def _salt(self) -> str:
        """What the last run had to salt the groups with, if they are of the same results still."""
        digest = self.catalog.results_digest(self.plan.session_id)
        group = self.plan.group_work(self.photo_works, digest)
        return digest if self._statuses([group.id]) else ""

    def _add(self, works: Sequence[Work]) -> None:
        new = {work.id: work for work in works if work.id not in self.works}
        found = self._statuses(list(new))
        self.works |= new
        self.known |= found | {work.id: Status.SUCCEEDED for work in works if work.is_answered}
        lost = [job_id for job_id, status in found.items() if status in LOST]
        self.revivable |= {job.id for job in self._load(lost) if may_pass(job)}

    def _is_lost(self, work: Work) -> bool:
        return self._statuses([work.id]).get(work.id) in LOST

    def _is_unmade(self, works: Sequence[Work]) -> bool:
        """Whether a sidecar or an export that one of these jobs has made is not there any more."""
        picks = {row.id: row.path for row in self.catalog.photos(self.plan.session_id) if row.is_pick}
        made = {work.id: picks[work.photo_id] for work in works if work.photo_id in picks}
        found = self._statuses(list(made))
        done = [job_id for job_id, status in found.items() if status is Status.SUCCEEDED]
        is_away = self._exports_are_away
        return any(_is_gone(job, made[job.id], exports_are_away=is_away) for job in self._load(done))

    def _start(self) -> None:
        """Submit what is missing, and revive what is worth another try, if the disks have room for it."""
        if self.to_start:
            refuse_what_has_no_room(self.jobs, self.plan, self.catalog, self._unfinished())
        missing = self._best_first([self.works[job_id] for job_id in self.works if job_id not in self.known])
        self.catalog.add_jobs(work.planned(self.plan.session_id) for work in missing)
        patiently(lambda: self.jobs.submit_all((work.task, work.arguments) for work in missing))
        for job_id in self.revivable:
            with contextlib.suppress(InvalidState, JobNotFound):  # somebody else was faster
                patiently(partial(self.jobs.retry, job_id))
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

    def _settle(self) -> None:
        """Make the catalog say of jobs and photos what the queue says.

        It may not know: a worker that dies tells nothing, and a catalog may have been replaced.
        """
        self._sync()
        rows = {row.id: row for row in self.catalog.photos(self.plan.session_id)}
        ended = {work.id: rows[work.photo_id] for work in self.photo_works if work.photo_id is not None}
        lost = [job_id for job_id in ended if self.known.get(job_id) is Status.FAILED]
        for job in self._load([job_id for job_id in lost if ended[job_id].status != "failed"]):
            self.catalog.record_failure(ended[job.id].id, reason(job))

    def _sync(self) -> None:
        self.catalog.sync_with(lambda ids: list(self._load(ids)), self.plan.session_id)
        folder = self.plan.wishes.export
        if folder is not None and folder.is_dir() and not self._exports_are_away:
            self.export_drive = drive_of(folder)
            self.catalog.add_export_folder(self.plan.session_id, folder, self.export_drive)

    def _away(self) -> list[str]:
        found = []
        if not self.plan.folder.is_dir():
            found.append(f"{self.plan.folder} is away: its photos wait until its card or drive is back.")
        if self._exports_are_away:
            found.append(
                f"{self.plan.wishes.export} is away: what was exported stays as it is recorded, and what is "
                "new waits until its drive is back. If you deleted it, make an empty folder there and run"
                " this again."
            )
        return found

    @property
    def _exports_are_away(self) -> bool:
        folder, drive = self.plan.wishes.export, self.export_drive
        return folder is not None and drive is not None and is_away(folder, drive)

    def report(self, started: int) -> Report:
        """What has become of the photos whose jobs have ended."""
        account = Account(
            catalog=self.catalog,
            plan=self.plan,
            works=self.works,
            ended=self._ended(),
            load=self._load,
            exports_are_away=self._exports_are_away,
        )
        found = account.report(started)
        return replace(found, failures=[*found.failures, *self.closed])

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

    def _statuses(self, ids: Sequence[str]) -> dict[str, Status]:
        return patiently(lambda: self.jobs.inspector.statuses(ids)) if ids else {}

    def _load(self, ids: Sequence[str]) -> Iterator[Job]:
        for at in range(0, len(ids), _PAGE):
            yield from patiently(partial(self.jobs.inspector.load, ids[at : at + _PAGE]))


def _is_gone(job: Job, photo: Path, *, exports_are_away: bool) -> bool:
    """Whether the file that a job has made of a pick was removed since."""
    if not isinstance(job.result, dict):
        return False
    exported, status = job.result.get("path"), job.result.get("status")
    is_missing = isinstance(exported, Path) and not exports_are_away and not exported.exists()
    return is_missing or (status in {"written", "unchanged"} and has_lost_settings(photo))
