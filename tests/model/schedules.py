"""Schedules and their ticks; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.model.job import EPOCH, Content, Job
from tests.model.submissions import Submissions

ON_TIME = 30
MOST_TICKS = 32
"""So many are fired in a round; the others are due in the next."""


@dataclass(frozen=True)
class Plan:
    """A schedule to be stored. The machine's times are multiples of ten, and no tick is one."""

    name: str
    every: int
    catch_up: str
    queue: str
    priority: int
    delay: int
    content: Content

    def tick_after(self, moment: int) -> int:
        return moment + self.every - (EPOCH // 1000 + moment) % self.every

    def job(self, tick: int) -> Job:
        time = datetime.fromtimestamp(EPOCH // 1000 + tick, UTC)
        return Job(f"{self.name}:{time:%Y-%m-%dT%H:%M:%S}Z", self.queue, self.priority, self.content)


@dataclass(frozen=True)
class Round:
    """What somebody who read that a schedule's tick is due is going to do."""

    plan: Plan
    tick: int
    """The one that was read."""
    ticks: tuple[int, ...]
    """Which are to be fired."""
    following: int
    read: int
    """When."""


@dataclass
class Schedule:
    """One that is stored."""

    plan: Plan
    first: int
    tick: int
    """The next."""
    fired: list[tuple[int, int]] = field(default_factory=list)
    """Each tick that was, and when it was read that it is due."""


@dataclass
class Schedules(Submissions):
    schedules: dict[str, Schedule] = field(default_factory=dict)

    def schedule(self, plan: Plan, first: int) -> None:
        """One that is there keeps its tick, unless the first by the time that was read is before it."""
        there = self.schedules.get(plan.name)
        if there is None or there.plan != plan or there.tick > first:
            self.schedules[plan.name] = Schedule(plan, first, first)

    def due(self) -> list[Round]:
        there = sorted(self.schedules.values(), key=lambda each: (each.tick, each.plan.name))
        return [self.round(each.plan, each.tick) for each in there if each.tick <= self.now]

    def wait(self) -> int | None:
        """How long until the next tick that is not due yet."""
        later = [each.tick - self.now for each in self.schedules.values() if each.tick > self.now]
        return min(later, default=None)

    def round(self, plan: Plan, tick: int) -> Round:
        ticks = tuple(range(tick, self.now + 1, plan.every))
        if plan.catch_up == "all":
            ticks = ticks[:MOST_TICKS]
        following = ticks[-1] + plan.every
        if self.now - tick > ON_TIME:
            ticks = {"skip": (), "once": ticks[-1:], "all": ticks}[plan.catch_up]
        return Round(plan, tick, ticks, following, self.now)

    def fire(self, due: Round) -> None:
        """Only what stands as it was read; the job of a tick is made once."""
        there = self.schedules.get(due.plan.name)
        if there is None or (there.plan, there.tick) != (due.plan, due.tick):
            return
        jobs = [due.plan.job(tick) for tick in due.ticks]
        self.enqueue([(job, due.plan.delay) for job in jobs if job.id not in self.jobs])
        there.tick = due.following
        there.fired += [(tick, due.read) for tick in due.ticks]
