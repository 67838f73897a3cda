"""What a submission would take, told before anything is submitted: when it ends, memory, and room on disks.

Times are those of runs like it (``estimates``) and of what is before it in line (``why``). Where too few have
run it is told that nobody knows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import psutil

from junmai_jobs.estimates import Like, Quantiles, Window
from junmai_jobs.job import iso
from junmai_jobs.room import Room, in_mb, rooms
from junmai_jobs.why.placing import Lot

if TYPE_CHECKING:
    from junmai_jobs.estimates import Estimates
    from junmai_jobs.job import NewJob
    from junmai_jobs.task import Task
    from junmai_jobs.why.placing import InspectorPlacing, Placed

T = TypeVar("T")
_ASKED = 50
"""Of many jobs so many are looked at: to tell of which kind one is may mean to open a file."""
_SAMPLE = 200
"""So many times stand for those of jobs of several kinds."""
Call = tuple["Task[..., Any]", Sequence[Any], Mapping[str, Any]]
"""A task, and the arguments by place and by name."""


class Known(NamedTuple):
    """What runs of jobs tell of more like them."""

    seconds: tuple[float, ...] = ()
    """In ascending order; empty: too few have run."""
    memory: int | None = None
    """Bytes below which nine of ten stay; None: not known."""

    @classmethod
    def of(cls, windows: Sequence[tuple[Window | None, int]]) -> Known:
        """Of jobs of several kinds: the window of each, and how many jobs are of it."""
        found = [(window, count) for window, count in windows if window is not None]
        if len(found) < len(windows):
            return cls()
        total = sum(count for _, count in found)
        seconds = sorted(
            each for window, count in found for each in _spread(window.seconds, _SAMPLE * count / total)
        )
        most = [each.estimate.memory.most for each, _ in found if each.estimate and each.estimate.memory]
        return cls(tuple(seconds), round(max(most)) if most else None)


def _spread(ordered: Sequence[T], count: float) -> list[T]:
    """So many of these, evenly from all over them; one at least."""
    wanted = min(max(1, round(count)), len(ordered))
    return [ordered[(2 * number + 1) * len(ordered) // (2 * wanted)] for number in range(wanted)]


NOTHING = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The jobs of one task, queue and priority in a submission."""

    task: str
    queue: str
    priority: int
    jobs: int
    at_once: int = 0
    """How many of them may run at once."""
    known: Known = NOTHING

    @property
    def seconds(self) -> Quantiles | None:
        """How long one of them takes; None: too few have run."""
        return Quantiles.of(self.known.seconds) if self.known.seconds else None

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return {
            "task": self.task,
            "queue": self.queue,
            "priority": self.priority,
            "jobs": self.jobs,
            "at_once": self.at_once,
            "seconds_each": self.seconds and round(self.seconds.half, 3),
            "most_seconds_each": self.seconds and round(self.seconds.most, 3),
            "memory_bytes": self.known.memory,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a submission would take. Times are in seconds from now."""

    shares: Sequence[Share]
    existing: int = 0
    """How many of the jobs are there already, by their ids."""
    reused: int = 0
    """How many more need no job, as a result will do that is kept."""
    start: float | None = None
    """Of the first; None: nobody knows."""
    ends: Sequence[float] = ()
    """Of the last, one for each way in which it may go, in ascending order; empty: nobody knows."""
    rooms: Sequence[Room] = ()
    """What is needed of the disks that are here."""
    obstacles: Sequence[str] = ()
    """What keeps jobs from running until somebody does something."""
    unknown: Sequence[str] = ()
    """Why it is not known when it ends."""
    now: float = field(default_factory=time.time)
    memory_free: int = field(default_factory=lambda: psutil.virtual_memory().available)
    """Bytes, on this computer."""

    @property
    def jobs(self) -> int:
        """How many are asked for."""
        return sum(share.jobs for share in self.shares)

    @property
    def finish(self) -> Quantiles | None:
        """In how many seconds all have ended; None: nobody knows."""
        return Quantiles.of(self.ends) if self.ends else None

    @property
    def memory(self) -> int | None:
        """Bytes that one of the runs needs at most; None: not known."""
        return max((share.known.memory for share in self.shares if share.known.memory), default=None)

    @property
    def tightest(self) -> Room | None:
        """The disk that would have the least left."""
        return min(self.rooms, key=lambda room: room.free_bytes - room.bytes, default=None)

    @property
    def fits(self) -> bool:
        """Whether the disks have room, and the memory is enough for one run."""
        return all(room.is_enough for room in self.rooms) and (self.memory or 0) <= self.memory_free

    @property
    def problems(self) -> list[str]:
        """What stands in the way, in sentences."""
        return [
            *self.obstacles,
            *(room.problem for room in self.rooms if not room.is_enough),
            *self._crowded(),
        ]

    def _crowded(self) -> Iterable[str]:
        known = [(share.known.memory * max(1, min(share.at_once, share.jobs)), share)
                 for share in self.shares if share.known.memory]  # fmt: skip
        most, share = max(known, key=lambda each: each[0], default=(0, None))
        if share is not None and most > self.memory_free:
            runs = min(share.at_once, share.jobs)
            fewer = max(1, int(self.memory_free / most * runs))
            advice = (
                f"let {fewer} run at once (--concurrency {fewer})" if runs > 1 else "close other programs"
            )
            yield (
                f"{runs} of {share.task} at once take about {in_mb(most)} of memory, and "
                f"{in_mb(self.memory_free)} are free: {advice}"
            )

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        queues = {share.queue for share in self.shares}
        priorities = {share.priority for share in self.shares}
        each = self.shares[0].seconds if len(self.shares) == 1 else None
        tightest, finish = self.tightest, self.finish
        return {
            "jobs": self.jobs,
            "existing": self.existing,
            "reused": self.reused,
            "queue": next(iter(queues)) if len(queues) == 1 else None,
            "priority": next(iter(priorities)) if len(priorities) == 1 else None,
            "tasks": [share.as_dict() for share in self.shares],
            "expected_start": None if self.start is None else iso(self.now + self.start),
            "expected_finish": finish and iso(self.now + finish.half),
            "latest_finish": finish and iso(self.now + finish.most),
            "seconds_each": each and round(each.half, 3),
            "memory_bytes": self.memory,
            "memory_free_bytes": self.memory_free,
            "disk_bytes": tightest and tightest.bytes,
            "disk_free_bytes": tightest and tightest.free_bytes,
            "disks": [
                {"folder": str(room.folder), "bytes": room.bytes, "free_bytes": room.free_bytes,
                 "fits": room.is_enough}
                for room in self.rooms
            ],
            "fits": self.fits,
            "problems": self.problems,
            "unknown": list(self.unknown),
        }  # fmt: skip


def known_of(estimates: Estimates, calls: Sequence[Call]) -> Known:
    """What is known of jobs of one task, whatever their kinds: of many, some are asked for theirs."""
    some = _spread(calls, _ASKED)
    likes = Counter(Like(task.name, task.kind_of(args, kwargs)) for task, args, kwargs in some)
    return Known.of(list(zip(estimates.windows(list(likes)), likes.values(), strict=True)))


def outlook(
    placing: InspectorPlacing,
    estimates: Estimates,
    calls: Sequence[Call],
    reserve: int | None,
    answered: Callable[[Sequence[NewJob]], Iterable[NewJob]],
) -> Outlook:
    """What it would take to submit these.

    Args:
        placing: sees what is before them in line.
        estimates: knows how long such jobs take.
        calls: what would be submitted.
        reserve: bytes that are to stay free on a disk; None: nothing is refused.
        answered: gives the same jobs, those that need not be made with their answer.

    Raises:
        PayloadError, OptionError: see ``Task.new_job``.
    """
    new = answered([task.new_job(tuple(args), kwargs) for task, args, kwargs in calls])
    made = [(call, job) for call, job in zip(calls, new, strict=True) if job.answer is None]
    sorts: dict[tuple[str, str, int, float], list[tuple[Call, NewJob]]] = {}
    for call, job in made:
        options = call[0].options
        sort = (call[0].name, options.queue, options.priority, options.delay)
        sorts.setdefault(sort, []).append((call, job))
    known = [known_of(estimates, [call for call, _ in rows]) for rows in sorts.values()]
    lots = [
        Lot(rows[-1][1], len(rows), each.seconds) for rows, each in zip(sorts.values(), known, strict=True)
    ]
    placed = [
        placing.place(lot, [each for each in lots if each is not lot and each.job.delay == lot.job.delay])
        for lot in lots
    ]
    shares = [
        Share(task=name, queue=queue, priority=priority, jobs=lot.number, at_once=each.slots, known=what)
        for (name, queue, priority, _), lot, each, what in zip(sorts, lots, placed, known, strict=True)
    ]
    given = [job.id for (task, _, _), job in made if task.options.id is not None]
    return Outlook(
        shares=shares,
        existing=len(placing.statuses(given)) if given else 0,
        reused=len(calls) - len(made),
        start=min((each.start for each in placed if each.start is not None), default=None),
        ends=latest([each.ends for each in placed]),
        rooms=rooms((job.writes for _, job in made if job.writes is not None), reserve or 0),
        obstacles=list(dict.fromkeys(each.obstacle for each in placed if each.obstacle)),
        unknown=_unknown(shares, placed),
    )


def latest(ends: Sequence[Sequence[float]]) -> list[float]:
    """Of several lots, each with its ends in ascending order, those of the last; empty: one is not known.

    They share the workers, so where one goes slowly the others do as well: the slowest play of one stands
    beside the slowest of the others.
    """
    if not ends or not all(ends):
        return []
    plays = max(map(len, ends))
    return [max(each[number * len(each) // plays] for each in ends) for number in range(plays)]


def too_few(shares: Sequence[Share]) -> list[str]:
    """Why it is not known how long some take."""
    names = list(dict.fromkeys(share.task for share in shares if not share.known.seconds))
    verb = "takes" if len(names) == 1 else "take"
    return [f"how long {', '.join(names)} {verb} is unknown until some have run"] if names else []


def _unknown(shares: Sequence[Share], placed: Sequence[Placed]) -> list[str]:
    told = dict.fromkeys(each.unknown for each in placed if each.unknown)
    return [*too_few(shares), *told]
