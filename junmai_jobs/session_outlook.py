"""What a run of ``process`` would take: its jobs go in stages, one when that before it has ended."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from junmai_jobs.catalog import Catalog
from junmai_jobs.outlook import Known, Outlook, Share, known_of, too_few
from junmai_jobs.plan import TASKS, Plan, Work
from junmai_jobs.room import Writes, check_room, rooms
from junmai_jobs.session_wait import has_workers
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.sessions import apply_preset, finish_session, group_similar_photos
from junmai_jobs.tasks.sizes import ON_SHEET
from junmai_jobs.why.placing import Lot, Placed

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

_STAGES = {
    process_photo.name: 0, group_similar_photos.name: 1, apply_preset.name: 2, export_photo.name: 2,
    finish_session.name: 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutlook(Outlook):
    """What a run would take."""

    photos_to_do: int
    photos_done: int
    waiting: int
    """Jobs that were submitted before and have not ended, beside those to be submitted."""

    @property
    def seconds(self) -> float | None:
        """Until all is done, as likely less as more; None: nobody knows."""
        return self.finish.half if self.finish else None if self.jobs or self.waiting else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        names = ("photos_to_do", "photos_done", "waiting")
        return {name: getattr(self, name) for name in names} | Outlook.as_dict(self)


def needs_of(plan: Plan, catalog: Catalog, unfinished: Collection[Work], *, sheet: bool) -> list[Writes]:
    """What the unfinished jobs of a session will write, were every photo a pick that may become one."""
    is_grouping = any(work.task.name == group_similar_photos.name for work in unfinished)
    picks = {row.id for row in catalog.photos(plan.session_id) if row.is_pick}
    may_write = [
        work
        for work in unfinished
        if is_grouping or work.task.name == process_photo.name or work.photo_id in picks
    ]
    on_sheet: Writes = {plan.catalog.parent: ON_SHEET * len(plan.photos)} if sheet and unfinished else {}
    return [*(work.writes for work in may_write), on_sheet]


def refuse_what_has_no_room(
    jobs: JobQueue, plan: Plan, catalog: Catalog, unfinished: Collection[Work]
) -> None:
    """Refuse to begin what the disks cannot hold.

    Raises:
        DiskFull: see ``room.check_room``.
    """
    check_room(needs_of(plan, catalog, unfinished, sheet=False), jobs.config.disk_reserve_bytes)


def session_outlook(
    jobs: JobQueue,
    plan: Plan,
    catalog: Catalog,
    to_do: Sequence[Work],
    unfinished: Collection[Work],
    *,
    sheet: bool,
) -> SessionOutlook:
    """What a run would take.

    Args:
        jobs: where it would submit.
        plan: of the session.
        catalog: knows what the jobs of other sessions took.
        to_do: what would be submitted, or tried again.
        unfinished: these, and what waits or runs already.
        sheet: whether there will be a contact sheet.
    """
    works = {task.name: [work for work in unfinished if work.task.name == task.name] for task in TASKS}
    works = {name: each for name, each in works.items() if each}
    new = Counter(work.task.name for work in to_do)
    known = {name: _known(jobs, catalog, each) for name, each in works.items()}
    placed, ends = _ends(jobs, catalog, works, known, new)
    shares = [_share(works[name][0], new[name], known[name], placed.slots) for name in works if new[name]]
    photos = new[process_photo.name]
    return SessionOutlook(
        shares=shares,
        start=placed.start,
        ends=ends,
        rooms=rooms(needs_of(plan, catalog, unfinished, sheet=sheet), jobs.config.disk_reserve_bytes or 0),
        obstacles=[placed.obstacle] if placed.obstacle else [],
        unknown=[*too_few(shares), *filter(None, [placed.unknown])],
        photos_to_do=photos,
        photos_done=len(plan.photos) - len(works.get(process_photo.name, ())),
        waiting=len(unfinished) - len(to_do),
    )


def _share(work: Work, number: int, known: Known, slots: int) -> Share:
    options = work.task.options
    return Share(
        task=work.task.name,
        queue=options.queue,
        priority=options.priority,
        jobs=number,
        at_once=slots,
        known=known,
    )


def _known(jobs: JobQueue, catalog: Catalog, works: Sequence[Work]) -> Known:
    """By the last runs anywhere; of a task that runs once a session, by the sessions of this catalog."""
    known = known_of(jobs.estimates, [(work.task, (), work.arguments) for work in works])
    return known if known.seconds else Known(catalog.recent_seconds(works[0].task.name), known.memory)


def _ends(
    jobs: JobQueue,
    catalog: Catalog,
    works: Mapping[str, Sequence[Work]],
    known: Mapping[str, Known],
    new: Mapping[str, int],
) -> tuple[Placed, list[float]]:
    """What becomes of the first stage, as things are; and when the last has ended."""
    if not works:
        return Placed(), []
    pool = 0 if has_workers(jobs) else jobs.config.max_concurrent_jobs
    (first, *beside), *rest = [list(names) for _, names in groupby(works, _STAGES.__getitem__)]
    work = works[first][-1]
    # It waits for nobody who has not ended: that is what makes its stage the first. What waits is in line.
    job = work.task.new_job((), work.arguments)._replace(dependencies="")
    placed = jobs.placing.place(Lot(job, max(1, new[first]), known[first].seconds), pool=pool)
    if not placed.ends or not all(each.seconds for each in known.values()):
        return placed, []
    later = [
        [(len(works[name]), known[name].seconds) for name in names] for names in (beside, *rest) if names
    ]
    begin = catalog.usual_start() if pool else 0.0
    ends = [begin + end for end in placed.ends]
    found = _followed(ends, later, max(1, placed.slots), placed.overhead)
    return replace(placed, start=(placed.start or 0.0) + begin), found


def _followed(
    ends: Sequence[float],
    stages: Sequence[Sequence[tuple[int, Sequence[float]]]],
    slots: int,
    overhead: float,
) -> list[float]:
    """When the last stage ends: each begins when the one before has ended, and its jobs share the slots.

    Args:
        ends: of the stage before these, one for each way in which it may go.
        stages: of each the numbers of jobs that are alike, and how long such took.
        slots: how many run at once.
        overhead: seconds that a job takes beside its run.
    """
    found = []
    for number, end in enumerate(ends):
        chance, last = random.Random(number), end
        for stage in stages:
            drawn = [
                each
                for count, seconds in stage
                for each in chance.choices(chance.choices(seconds, k=len(seconds)), k=count)
            ]
            last += max((sum(drawn) + overhead * len(drawn)) / slots, *drawn)
        found.append(last)
    return sorted(found)
