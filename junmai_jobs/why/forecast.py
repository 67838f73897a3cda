"""When a job will start if all goes on as it does: what is before it in line is played through, many times.

The same scene always gives the same answer: no clock is read here, and what is drawn by lot is drawn alike.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
import random
import statistics
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from junmai_jobs.lanes import queue_of, ranks_of

_PLAYS = 100
_MOST_STEPS = 20_000
"""In all plays together; where more jobs wait they are played by the handful."""
_HANDFULS = 2_000
_LONGEST_PLAY = 20_000
_OVERDUE = 0.1
"""The part of its usual time that a run takes on that has taken longer than any before it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of jobs that are alike."""

    seconds: tuple[float, ...]
    """How long some of them ran, in ascending order; one at least. Infinite: nobody knows."""
    limits: tuple[str, ...] = ()
    """The keys of the limits in which each needs room."""


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of one lane and priority that wait."""

    lane: str
    band: int
    """10 less the priority."""
    count: int
    kinds: tuple[Kind, ...]
    """Some of them, drawn evenly; one at least."""
    per_second: float = 0.0
    """How many more come."""
    parked: str = ""
    """The limit for whose room they wait, out of line."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many may run at once, or, with a ``span``, start within so many seconds."""

    most: int
    span: float = 0.0
    starts: tuple[float, ...] = ()
    """How many seconds ago those began that the span still counts, the oldest first."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job that runs."""

    kind: Kind
    elapsed: float
    """Seconds."""
    lane: str = ""
    behind: int = 0
    """How many jobs its process has claimed that begin after it."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Slots that serve alike, as far as their governors let them begin a job like the one asked for."""

    lanes: tuple[str, ...]
    """What they serve, in their order."""
    runs: tuple[Run, ...] = ()
    idle: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The job, what waits beside it, and who works."""

    job: Kind
    lane: str
    band: int
    joins: float = 0.0
    """Seconds until it stands in line, behind its equals; 0: it does."""
    lines: Sequence[Line] = ()
    """Of the job's own queue and priority only what is before it."""
    crews: Sequence[Crew] = ()
    others: Sequence[Run] = ()
    """What runs elsewhere and holds room in a limit."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    machines: Mapping[str, int] = field(default_factory=dict)
    """How many jobs of a lane the machines there are have room for."""
    overhead: float = 0.0
    """Seconds from the end of a job to the start of the next in a slot that is never idle."""


def expected_wait(scene: Scene) -> float | None:
    """Seconds until the job starts; None: never, as things are."""
    handful = handful_of(scene)
    if scene.joins * _pace(scene) > _HANDFULS:
        # So far off that what is in line now is either gone by then, or all that counts.
        now = _mean_start(scene, handful, 0.0)
        return None if now is None else max(scene.joins, now)
    return _mean_start(scene, handful, scene.joins)


def _mean_start(scene: Scene, handful: int, joins: float) -> float | None:
    starts = list[float]()
    for number in range(plays_of(scene, handful, joins)):
        starts.append(Play(scene, handful, joins, random.Random(number)).start())
        if starts[-1] == math.inf:
            return None
    return statistics.fmean(starts)


def handful_of(scene: Scene) -> int:
    """How many of the jobs that wait are played as one."""
    return max(1, math.ceil(sum(line.count for line in scene.lines) / _HANDFULS))


def plays_of(scene: Scene, handful: int, joins: float) -> int:
    """How often it is worth being played."""
    steps = 1 + sum(len(crew.runs) for crew in scene.crews) + joins * _pace(scene)
    steps += sum(math.ceil(line.count / handful) for line in scene.lines)
    return max(1, min(_PLAYS, int(_MOST_STEPS / steps)))


def _pace(scene: Scene) -> float:
    """How many jobs can begin in a second, about."""
    kinds = [kind for line in scene.lines for kind in line.kinds] or [scene.job]
    seconds = statistics.fmean(statistics.fmean(kind.seconds) for kind in kinds) + scene.overhead
    return sum(len(crew.runs) + crew.idle for crew in scene.crews) / max(seconds, 1e-3)


class _Waiting:
    """A line as it is played: how many of it are left, and how many have come."""

    def __init__(self, line: Line, phase: float) -> None:
        self.line = line
        self._taken, self._phase = 0, phase

    @property
    def is_spent(self) -> bool:
        """Whether there will never be one of it any more."""
        return self._taken >= self.line.count and not self.line.per_second

    def left(self, now: float) -> int:
        return self.line.count - self._taken + int(self.line.per_second * now + self._phase)

    def take(self, now: float, most: int) -> int:
        number = max(0, min(most, self.left(now)))
        self._taken += number
        return number


class _Room:
    """A limit as it is played."""

    def __init__(self, limit: Limit) -> None:
        self._limit, self._running = limit, 0
        self._starts = deque(-ago for ago in limit.starts)
        self.parked: deque[tuple[str, Kind, int]] = deque()
        """Lane, kind and number of jobs that have left their line for want of room."""

    def has_any(self, now: float) -> bool:
        return self.free_at(now) <= now

    def free_at(self, now: float) -> float:
        """When there is room, as far as time alone brings it."""
        if not self._limit.span:
            return now if self._running < self._limit.most else math.inf
        while self._starts and self._starts[0] + self._limit.span <= now:
            self._starts.popleft()
        if len(self._starts) < self._limit.most:
            return now
        return self._starts[len(self._starts) - self._limit.most] + self._limit.span

    def enter(self, now: float, starts: int) -> None:
        self._running += 1
        if self._limit.span:
            self._starts.extend([now] * starts)

    def leave(self) -> None:
        self._running -= 1


class Play:
    """One way in which it may go on."""

    def __init__(self, scene: Scene, handful: int, joins: float, chance: random.Random) -> None:
        self._scene, self._handful, self._joins, self._chance = scene, handful, joins, chance
        self._now = 0.0
        self._lines = [_Waiting(line, chance.random()) for line in scene.lines]
        self._rooms = {key: _Room(limit) for key, limit in scene.limits.items()}
        self._on_machines = dict.fromkeys(scene.machines, 0)
        self._ends: list[tuple[float, int, int | None, Kind, str]] = []
        self._numbers = itertools.count()
        self._idle = [crew.idle for crew in scene.crews]
        self._orders = [self._order(crew) for crew in scene.crews]
        for number, run in self._all_runs():
            self._enter(run.kind, run.lane, 0)
            self._end_in(self._time_left(run), number, run.kind, run.lane)

    def start(self) -> float:
        """When the job starts; infinite: it does not, as far as this is played."""
        for _ in range(_LONGEST_PLAY):
            if self._begin_all():
                return self._now
            self._now = self._next_change()
            if self._now == math.inf:
                break
            while self._ends and self._ends[0][0] <= self._now:
                _, _, number, kind, lane = heapq.heappop(self._ends)
                self._leave(kind, lane)
                if number is not None:
                    self._idle[number] += 1
        return math.inf

    def end(self) -> float:
        """When the job has ended, and with it those of its own kind that run when it starts."""
        kind, started = self._scene.job, self.start()
        others = (end for end, _, _, each, _ in self._ends if each is kind)
        return max(started + self._chance.choice(kind.seconds), *others, 0.0)

    def _begin_all(self) -> bool:
        """Have each slot that is idle begin what is next for it, if anything is; whether that was the job."""
        for number in range(len(self._idle)):
            while self._idle[number] and (word := self._begin(number)) != "none":
                if word == "ours":
                    return True
                self._idle[number] -= 1
        return False

    def _all_runs(self) -> Iterator[tuple[int | None, Run]]:
        for number, crew in enumerate(self._scene.crews):
            yield from ((number, run) for run in crew.runs)
        yield from ((None, run) for run in self._scene.others)

    def _time_left(self, run: Run) -> float:
        known = run.kind.seconds
        mean = statistics.fmean(known)
        first = bisect.bisect_right(known, run.elapsed)
        if first < len(known):
            left = known[self._chance.randrange(first, len(known))] - run.elapsed
        else:
            left = max(run.elapsed - known[-1], _OVERDUE * mean)
        return left + self._scene.overhead + (run.behind * mean if run.behind else 0.0)

    def _order(self, crew: Crew) -> tuple[list[_Waiting], bool, list[_Waiting]]:
        """The lines that go before the job at a crew, whether it serves the job, those that go after."""
        ranks, lanes = ranks_of(crew.lanes), frozenset(crew.lanes)
        own = queue_of(self._scene.lane)
        mine = (self._scene.band, ranks.get(own, len(ranks)))
        places = {
            number: (each.line.band, ranks[queue_of(each.line.lane)])
            for number, each in enumerate(self._lines)
            if each.line.lane in lanes
        }
        # What has left the line for want of room in a limit came before those that still stand there.
        order = sorted(places, key=lambda number: (places[number], not self._lines[number].line.parked))
        before = [self._lines[number] for number in order if places[number] <= mine]
        return (
            before,
            self._scene.lane in lanes,
            [self._lines[number] for number in order[len(before) :]],
        )

    def _begin(self, number: int) -> str:
        """Have a slot of a crew begin what is next for it: the job itself is ``ours``."""
        before, serves, after = self._orders[number]
        while before and before[0].is_spent:
            del before[0]
        lanes = self._scene.crews[number].lanes
        if self._begin_parked(number, lanes) or any(self._begin_of(number, line) for line in before):
            return "other"
        if serves and self._joins <= self._now and self._may_begin(self._scene.job, self._scene.lane):
            return "ours"
        return "other" if any(self._begin_of(number, line, 1) for line in after) else "none"

    def _begin_parked(self, number: int, lanes: Sequence[str]) -> bool:
        for room in self._rooms.values():
            if room.parked and room.has_any(self._now):
                lane, kind, count = room.parked[0]
                if lane in lanes and self._may_begin(kind, lane):
                    room.parked.popleft()
                    self._run(number, kind, lane, count)
                    return True
        return False

    def _begin_of(self, number: int, waiting: _Waiting, most: int = 0) -> bool:
        """Begin the first of a line that may; what has no room in its limit leaves it, see ``admit``."""
        line = waiting.line
        is_full = line.parked and not self._rooms[line.parked].has_any(self._now)
        if is_full or not self._has_machine(line.lane):
            return False
        while count := waiting.take(self._now, most or self._handful):
            kind = self._chance.choice(line.kinds)
            full = next((key for key in kind.limits if not self._rooms[key].has_any(self._now)), None)
            if full is None:
                self._run(number, kind, line.lane, count)
                return True
            self._rooms[full].parked.append((line.lane, kind, count))
        return False

    def _may_begin(self, kind: Kind, lane: str) -> bool:
        return self._has_machine(lane) and all(self._rooms[key].has_any(self._now) for key in kind.limits)

    def _has_machine(self, lane: str) -> bool:
        return self._on_machines.get(lane, 0) < self._scene.machines.get(lane, 1)

    def _run(self, number: int, kind: Kind, lane: str, count: int) -> None:
        took = self._chance.choice(kind.seconds) if count == 1 else count * statistics.fmean(kind.seconds)
        self._enter(kind, lane, count)
        self._end_in(took + count * self._scene.overhead, number, kind, lane)

    def _end_in(self, seconds: float, number: int | None, kind: Kind, lane: str) -> None:
        entry = (self._now + seconds, next(self._numbers), number, kind, lane)
        heapq.heappush(self._ends, entry)

    def _enter(self, kind: Kind, lane: str, starts: int) -> None:
        for key in kind.limits:
            self._rooms[key].enter(self._now, starts)
        if lane in self._on_machines:
            self._on_machines[lane] += 1

    def _leave(self, kind: Kind, lane: str) -> None:
        for key in kind.limits:
            self._rooms[key].leave()
        if lane in self._on_machines:
            self._on_machines[lane] -= 1

    def _next_change(self) -> float:
        """The next end of a run, or time at which somebody who is idle may find something."""
        times = [self._ends[0][0]] if self._ends else []
        if any(self._idle):
            times += [room.free_at(self._now) for room in self._rooms.values()]
            times.append(self._joins)
        return min((each for each in times if each > self._now), default=math.inf)
