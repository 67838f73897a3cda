"""Crashes at every call to the store: before it got there, and after it was done but before its reply came.

A crash is a ``Crash``, of which no outcome is made; whoever is gone says nothing any more. Then all goes on
as in real life: the lease runs out and the job comes back, or the client sends its submission again.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from junmai_jobs.context import RunningJob
from junmai_jobs.errors import InvalidState
from junmai_jobs.executor import Crash
from junmai_jobs.testing.fake import FakeLink, FakeServer
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from junmai_jobs.scripts import Verb
    from junmai_jobs.testing.in_process import InProcessQueue

Scene: TypeAlias = "Callable[[InProcessQueue], object]"
Moment = Literal["before", "after"]
_MOMENTS: tuple[Moment, ...] = ("before", "after")
_AGAIN = 10
"""So many times as many calls a scenario may make that is played with a crash: much is done anew."""
_OFTEN = 1000
"""So many calls of ``progress`` may be made for each that there may be to the store."""
_FIRST_ENDING = 7
"""Where the verb of the first run that ends stands among the arguments of ``step``."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where somebody crashed: at which call to the store."""

    number: int
    """Of the call, from 1 on."""
    verb: str
    moment: Moment
    """Before the call got to the store, or after that had done it."""

    def __str__(self) -> str:
        happened = "reached the store" if self.moment == "before" else "was done, its reply lost"
        return f"crash {self.moment} call {self.number}, {self.verb!r}, {happened}"


@dataclass(slots=True)
class CrashPlan:
    """That there is to be a crash at one call, and how many calls there may be."""

    number: int
    """Of the call, from 1 on; 0: there is to be none."""
    moment: Moment
    most: int
    """So many calls there may be."""
    calls: int = 0
    """So many there have been."""
    told: int = 0
    """So often somebody has said how far a job is, of which few were calls."""
    point: Point | None = None
    """Where it was, once it has been."""

    @property
    def is_overrun(self) -> bool:
        """Whether there have been more than there may be."""
        return self.calls > self.most or self.told > self.most * _OFTEN


class CrashingLink(FakeLink):
    """Counts the calls, and may crash at one of them."""

    plan: CrashPlan | None = None
    calls = 0
    _crash = ""

    def run(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        """Call a verb, unless the caller is gone."""
        self.check()
        self.calls += 1
        plan = self.plan
        if plan is None:
            return super().run(verb, prefix, arguments)
        plan.calls += 1
        self._stop_overrun(plan)
        if plan.number != plan.calls:
            return super().run(verb, prefix, arguments)
        if plan.moment == "after":
            super().run(verb, prefix, arguments)
        plan.point = Point(plan.calls, _word(verb, arguments), plan.moment)
        self._crash = str(plan.point)
        raise Crash(self._crash)

    def hear_progress(self) -> None:
        """Somebody shows how far a job is, which is no call each time."""
        self.check()
        if self.plan is not None:
            self.plan.told += 1
            self._stop_overrun(self.plan)

    def _stop_overrun(self, plan: CrashPlan) -> None:
        if plan.is_overrun:
            self._crash = "there are too many calls"
            raise Crash(self._crash)  # which no task takes for an error of its own

    def check(self) -> None:
        """Raise the crash again where it was caught."""
        if self._crash:
            raise Crash(self._crash)

    def revive(self) -> None:
        """Another process calls from now on.

        Raises:
            InvalidState: there have been more calls than there may be.
        """
        self._crash = ""
        if self.plan is not None and self.plan.is_overrun:
            raise InvalidState(
                f"the scenario makes more than {count(self.plan.most, 'call')} to the store: see whether it, "
                "or a task of it, ever ends; if so, take fewer jobs, or a higher limit"
            )


class CountedJob(RunningJob):
    """Tells the store of the first progress and of the last one, however quick the machine is."""

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """See there."""
        cast("CrashingLink", self._broker.link).hear_progress()
        super().progress(done, total, message)
        self._next_progress = math.inf


def _word(verb: Verb, arguments: Sequence[object]) -> str:
    """What the call does for whoever looks at it: a step ends a run, or only claims."""
    if verb.name != "step":
        return {"enqueue": "submit"}.get(verb.name, verb.name)
    return str(arguments[_FIRST_ENDING]) if len(arguments) > _FIRST_ENDING else "claim"


@dataclass(frozen=True)
class Stage:
    """Where a scenario is played, again and again; see ``InProcessQueue.crash_everywhere``."""

    another: Callable[[FakeServer, CrashPlan | None], InProcessQueue]
    """Makes a queue on a server, in which there will be a crash."""
    scenario: Scene
    check: Scene | None
    begin: Callable[[], object] | None
    server: FakeServer = field(default_factory=FakeServer)
    """For all of them: it is given the Lua once."""

    def crash_everywhere(self, most: int) -> list[Point]:
        """The points, each of which has left everything in order."""
        calls = self.play(CrashPlan(0, "before", most))
        if not calls:
            raise InvalidState("no call was made: submit something in the scenario, on the queue it is given")
        points: list[Point] = []
        wrong: list[tuple[Point, Exception]] = []
        for number, moment in itertools.product(range(1, calls + 1), _MOMENTS):
            plan = CrashPlan(number, moment, most * _AGAIN)
            try:
                self.play(plan)
            except Exception as error:
                if plan.point is None:
                    raise
                wrong.append((plan.point, error))
            if plan.point is None:
                raise _changed(calls, number - 1)
            points.append(plan.point)
        if wrong:
            raise AssertionError(_told(wrong, len(points))) from wrong[0][1]
        if (again := self.play(CrashPlan(0, "before", most))) != calls:
            raise _changed(calls, again)
        return points

    def play(self, plan: CrashPlan) -> int:
        """Once, with nothing there before; how many calls the scenario has made."""
        self.server.empty()
        if self.begin is not None:
            self.begin()
        with closing(self.another(self.server, plan)) as fresh:
            try:
                self._act(fresh)
            except Crash:  # of the client; that of a worker is seen to where it runs
                fresh.assert_laws()
                self._act(fresh)
            fresh.revive(for_good=True)
            fresh.assert_laws()
            if self.check is not None:
                self.check(fresh)
        return plan.calls

    def _act(self, fresh: InProcessQueue) -> None:
        try:
            self.scenario(fresh)
        except Crash:
            fresh.revive()
            raise


def _changed(calls: int, later: int) -> InvalidState:
    return InvalidState(
        f"the scenario made {count(calls, 'call')} at first and {later} later: it must do the same each "
        "time; begin= puts back what it changes outside the queue"
    )


def _told(wrong: Sequence[tuple[Point, Exception]], total: int) -> str:
    lines = [f"{len(wrong)} of {total} crashes leave something wrong:"]
    for point, error in wrong:
        text = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        lines.append(f"- {point}:\n{textwrap.indent(text or 'a bare assert', '    ')}")
    return "\n".join(lines)
