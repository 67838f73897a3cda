"""``InProcessQueue``: a queue for tests. The real Lua, broker and executor, on a server in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

from junmai_jobs.broker import Broker
from junmai_jobs.broker_base import accepted
from junmai_jobs.broker_upkeep import LEASE
from junmai_jobs.config import Config
from junmai_jobs.errors import InvalidState, OptionError, ResultTimeout
from junmai_jobs.executor import Crash
from junmai_jobs.inspector import Inspector
from junmai_jobs.inspector.base import STANDARD_QUEUES
from junmai_jobs.job import NewJob, check_name
from junmai_jobs.keys import Keys
from junmai_jobs.lanes import needs_of
from junmai_jobs.laws import Violation, check_laws
from junmai_jobs.machines import OF_A_CARD, offers
from junmai_jobs.scheduler import DEFAULT_RETENTION, Scheduler
from junmai_jobs.scripts import library
from junmai_jobs.settings import served
from junmai_jobs.testing.assertions import Assertions
from junmai_jobs.testing.crashes import CrashingLink, CrashPlan, Point, Stage
from junmai_jobs.testing.fake import Clock, FakeLink, FakeServer
from junmai_jobs.testing.in_process_worker import InProcessWorker

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink
    from junmai_jobs.scripts import Verb
    from junmai_jobs.server import Server

_NOWHERE = Path(os.devnull) / "junmai-jobs"
"""A home in which nothing can be read or written."""
_LONGEST = 100 * 365 * 86_400  # s
_NOTHING: Mapping[str, str] = {}


class InProcessQueue(Assertions):
    """A ``JobQueue`` with nothing in it, of this process alone: no server, no configuration, no files.

    ``run_until_idle`` runs its jobs here and now, with the real Lua, broker and executor. Time passes as
    ever, and by ``advance``. The machine has whatever its jobs need.

    Args:
        namespace: keeps these jobs apart from others on the same server.
        server: where other queues are, too; None: one of its own.
        altered: text of the library's Lua -> what stands there instead, to see a test fail that should.
    """

    def __init__(
        self,
        *,
        namespace: str = "testing",
        server: FakeServer | None = None,
        altered: Mapping[str, str] = _NOTHING,
    ) -> None:
        self._altered = _checked(altered)
        self._fake = server or FakeServer()
        self._clock = Clock(self._fake.client(), Keys.of(namespace).meta)
        self._workers, self._busy = 0, threading.Lock()
        self._has_jumped = True
        """Whether chores may be due of which their own clock knows nothing."""
        super().__init__(namespace=namespace, config=Config(home=_NOWHERE))
        self._broker = _WithoutDisk(self._link, self.namespace, moved_clock=True)
        # The supervisor's part is done by somebody who does not crash: any worker's would do.
        self._upkeep_link = FakeLink(self._fake, clock=self._clock, altered=self._altered)
        self._upkeep = Broker(self._upkeep_link, self.namespace, moved_clock=True)
        self._onlooker = Inspector(self._upkeep_link, self.namespace)
        self._worker = self._new_worker()

    def _find(self, _url: str | None) -> tuple[Server, ClientLink]:
        link = CrashingLink(self._fake, clock=self._clock, altered=self._altered)
        return cast("Server", self._fake), link

    # Running.

    def run_until_idle(
        self, *, queues: Iterable[str] | None = None, limit: int = 1000, advance: bool = False
    ) -> int:
        """Run what can run, and what that submits or lets run, until nothing is left; how many runs it took.

        Args:
            queues: only the jobs of these; None: of all but those that are served from outside.
            limit: how many runs there may be.
            advance: where nothing is left but jobs whose time has not come, let it pass: retries and delayed
                jobs run at once. A schedule's ticks are not waited for; ``advance`` the clock for these.

        Raises:
            InvalidState: there is no end to it; or a task has called this.
            OptionError: a queue's name or the limit is none.
        """
        if isinstance(queues, str):
            raise OptionError(f"queues is {queues!r}; give a list of names")
        if type(limit) is not int or limit < 0:
            raise OptionError(f"limit is {limit!r}; give a whole number, 0 or more")
        named = None if queues is None else tuple(check_name(each, "queue") for each in queues)
        if not self._busy.acquire(blocking=False):
            raise InvalidState("the jobs of this queue are running already: a task cannot run them")
        try:
            return self._run_all(named, limit, advance=advance)
        finally:
            self._busy.release()

    def _run_all(self, named: tuple[str, ...] | None, limit: int, *, advance: bool) -> int:
        runs = waits = 0
        while True:
            ran = self._round(named, limit - runs)
            runs += ran
            if ran:
                continue
            wait = self._time_to_wait(named) if advance else None
            if wait is None:
                return runs
            if (waits := waits + 1) > limit:
                raise InvalidState(
                    f"after {limit} waits there is still a job whose time has not come: limit it"
                )
            self.advance(wait)

    def advance(self, seconds: float) -> None:
        """Let so much time pass for the server; what is due then runs with the next ``run_until_idle``.

        Raises:
            OptionError: it is no number of seconds, less than 0, or more than a century.
        """
        if type(seconds) not in {int, float} or not 0 <= seconds <= _LONGEST:
            raise OptionError(f"advance by {seconds!r}: give a number of seconds, from 0 to a century")
        self._clock.advance(seconds)
        self._has_jumped = True

    def _round(self, queues: tuple[str, ...] | None, most: int) -> int:
        """The chores, then whatever can be claimed; how many runs there were."""
        self._scheduler.queues = lanes = self._onlooker.lanes()
        self._worker.introduce(pools := _pools_for(lanes))
        self._scheduler.alarm()
        self._scheduler.run_due(everything=self._has_jumped)
        self._has_jumped = False
        try:
            return self._worker.work(served(queues, STANDARD_QUEUES, pools, lanes), most)
        except Crash:
            cast("CrashingLink", self._link).revive()
            self._outlive_worker(lanes)
            return 1

    def _outlive_worker(self, lanes: Sequence[str]) -> None:
        """The worker is gone without a word: its lease runs out, a reaper takes the job, another works."""
        self._upkeep.reap(lanes)
        for _ in range(5):  # in steps, as who comes half a lease late is taken for one who slept
            self.advance(LEASE / 4)
            self._upkeep.reap(lanes)
        self._worker = self._new_worker()
        self.assert_laws()

    def _time_to_wait(self, queues: tuple[str, ...] | None) -> float | None:
        """Seconds until something may run that cannot now."""
        lanes = self._onlooker.lanes()
        waited = served(queues, STANDARD_QUEUES, _pools_for(lanes), lanes)
        found = [each for each in (self._upkeep.promote(waited), self._worker.again) if each is not None]
        return max(0.001, min(found)) if found else None

    def _new_worker(self) -> InProcessWorker:
        self._workers += 1
        link = cast("CrashingLink", self._link)
        return InProcessWorker(f"in-process-{self._workers}", self._broker, link, self._upkeep)

    @cached_property
    def _scheduler(self) -> Scheduler:
        told = DEFAULT_RETENTION, lambda _count, _jobs: None
        return Scheduler(self._upkeep, self._onlooker, "chores", LEASE, *told, is_test=True)

    # Crashing.

    def crash_everywhere(
        self,
        scenario: Callable[[InProcessQueue], object],
        check: Callable[[InProcessQueue], object] | None = None,
        *,
        begin: Callable[[], object] | None = None,
        limit: int = 500,
    ) -> list[Point]:
        """Play a scenario again and again, with a crash at each call that it makes to the store.

        Each call is two points: before it got there, and after it was done but before its reply came. Where
        a worker crashes, in ``run_until_idle``, its lease runs out and the job comes back to another one; the
        scenario goes on. Where the scenario crashes itself, as in ``submit``, it is played once more from its
        beginning, as a program that was started again. Then the laws of the store are looked at, and
        ``check`` is called. Each time the queue is another one, with nothing in it; this one takes no part.

        Args:
            scenario: submits and calls ``run_until_idle``, on the queue it is given; the same each time.
            check: asserts what must be so at the end, whatever has crashed; with the same queue.
            begin: called before each time, to put back what the tasks change outside the queue.
            limit: how many calls a scenario may make; with a crash in it ten times as many.

        Returns:
            The points, all of which have left everything in order.

        Raises:
            AssertionError: at some points something was left wrong; the message names them and tells what.
            InvalidState: the scenario makes no call, too many, or another number of them each time.
        """
        return Stage(self.another, scenario, check, begin).crash_everywhere(limit)

    def another(self, server: FakeServer, plan: CrashPlan | None) -> InProcessQueue:
        """One like this, in which there will be a crash."""
        made = InProcessQueue(namespace=self.namespace, server=server, altered=self._altered)
        cast("CrashingLink", made._link).plan = plan
        return made

    def revive(self, *, for_good: bool = False) -> None:
        """Who has crashed outside ``run_until_idle`` was started again; ``for_good``: and will not crash."""
        link = cast("CrashingLink", self._link)
        link.revive()
        if for_good:
            link.plan = None

    # What is otherwise here than on a server.

    def _broken_laws(self) -> Iterator[Violation]:
        return check_laws(self._upkeep, self._onlooker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the connections; what was stored goes with the object."""
        super().close()
        self._upkeep_link.close()

    def worker(self, **_: Any) -> NoReturn:
        """There is none to be had.

        Raises:
            InvalidState: always.
        """
        raise InvalidState("an in-process queue has no worker of its own: run_until_idle() runs its jobs")

    worker_settings = worker

    def deadline_in(self, timeout: float | None) -> float:
        """Nobody runs jobs while one waits for them: without a timeout nothing is waited for."""
        return super().deadline_in(0 if timeout is None else timeout)

    def timed_out(self, who: str, timeout: float | None, hint: str = "") -> ResultTimeout:  # noqa: ARG002 - as there
        """The same error with what is to be done here."""
        return ResultTimeout(f"{who} not ended, and nothing runs by itself here: call run_until_idle()")


class _WithoutDisk(Broker):
    """Where there is no disk, what is accepted counts as durable."""

    def _enqueue_to_disk(
        self, jobs: Sequence[NewJob], call: tuple[Verb, str, list[object]], max_waiting: int
    ) -> list[str | None]:
        return accepted(jobs, self.link.run(*call), max_waiting)


def _checked(altered: Mapping[str, str]) -> dict[str, str]:
    lua = library(moved_clock=True)
    if missing := [old for old in altered if old not in lua]:
        raise OptionError(f"altered: {missing[0]!r} stands nowhere in the Lua of this version")
    return dict(altered)


def _pools_for(lanes: Sequence[str]) -> list[dict[str, Any]]:
    """What a machine offers that has all that the jobs of these lanes need."""
    most: dict[str, float] = {}
    for lane in lanes:
        for name, amount in needs_of(lane).items():
            most[name] = max(amount, most.get(name, 0.0))
    if OF_A_CARD & most.keys():
        most["gpu"] = 1
    return offers(most)
