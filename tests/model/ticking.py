"""The rules by which there are schedules, and their ticks are fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from junmai_jobs.errors import ScheduleNotFound
from junmai_jobs.schedule import Schedule
from tests.backends import Backend
from tests.model.frame import Frame
from tests.model.job import EPOCH
from tests.model.refusal import refused_if
from tests.model.schedules import Plan, Round
from tests.model.wishes import as_schedule, choices, plans

START = EPOCH // 1000


class Ticking(Frame):
    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.seen: list[list[Round]] = []
        """What was due whenever somebody looked and something was."""

    @initialize(begun=st.lists(plans, max_size=2))
    def begin_with_schedules(self, begun: list[Plan]) -> None:
        for plan in begun:
            self.somebody_schedules(plan, "all", "now")

    @rule(
        plan=plans,
        change=st.sampled_from(["job", "job", "all", "nothing"]),
        read=st.sampled_from(["now", "before the next tick", "before the first tick"]),
    )
    def somebody_schedules(self, plan: Plan, change: str, read: str) -> None:
        """In the place of one that is there; the clock was read now, or before that one's ticks."""
        self.tick()
        now, moments = self.model.now, dict[str, int]()
        if there := self.model.schedules.get(plan.name):
            moments = {"before the next tick": there.tick - 1, "before the first tick": there.first - 1}
            if change != "all":
                plan = replace(there.plan, content=plan.content if change == "job" else there.plan.content)
        first, made = plan.tick_after(min(now, moments.get(read, now))), as_schedule(plan)
        self.model.schedule(plan, first)
        for _ in range(2):
            if read == "now":
                self.broker.schedule(made)
            else:
                self.broker._call(
                    "schedule", name=made.name, spec=made.encode(), first=(START + first) * 1000
                )

    @rule(name=st.sampled_from(["s", "t"]))
    @precondition(lambda self: self.model.schedules)
    def somebody_unschedules(self, name: str) -> None:
        self.tick()
        request = self.request()
        with refused_if(self.model.schedules.pop(name, None) is None, ScheduleNotFound):
            for _ in range(2):
                self.broker.unschedule(name, request)

    @rule(choice=choices, seconds=st.sampled_from([10, 60, 200]))
    @precondition(lambda self: self.model.schedules)
    def somebody_fires(self, choice: int, seconds: int) -> None:
        """Not always who has just looked: also who did before and was held up, or got no answer then."""
        self.tick(seconds)
        self.look_what_is_due()
        for rounds in self.seen[::-1][choice % 4 :][:1]:
            self.fire(rounds)

    def look_what_is_due(self) -> list[Round]:
        due, expected = self.broker.due(), self.model.due()
        assert [(name, tick) for name, tick, _ in due.ticks] == [
            (each.plan.name, START + each.tick) for each in expected
        ]
        for each, (name, tick, spec) in zip(expected, due.ticks, strict=True):
            ticks, following = Schedule.decode(name, spec).timetable.due(tick, due.now)
            assert [tick - START for tick in (*ticks, following)] == [*each.ticks, each.following]
        assert (None if due.wait is None else round(due.wait)) == self.model.wait()
        self.seen += [expected] if expected else []
        return expected

    def fire_what_is_due(self) -> None:
        self.fire(self.look_what_is_due())

    def fire(self, rounds: Sequence[Round]) -> None:
        for each in rounds:
            self.model.fire(each)
            schedule = as_schedule(each.plan)
            ticks = [START + tick for tick in (each.tick, *each.ticks, each.following)]
            for _ in range(2):
                self.broker.fire(schedule, schedule.encode(), ticks[0], ticks[1:-1], ticks[-1])
