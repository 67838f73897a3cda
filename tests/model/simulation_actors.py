"""Who acts in the simulation: the library's own worker and child, on simulated processes; and people."""

from __future__ import annotations

import itertools
import logging
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from junmai_jobs import (
    Abort,
    RetryLater,
    RetryPolicy,
    child,
    connection,
    context,
    guard,
    interrupt,
    learning,
    pool,
    retry,
    scheduler,
    task,
    worker,
)
from junmai_jobs import slot as slots
from junmai_jobs.board import Board
from junmai_jobs.broker import Broker
from junmai_jobs.child import Child
from junmai_jobs.child_process import ChildSetup
from junmai_jobs.connection import ClientLink
from junmai_jobs.context import RunningJob, current_job
from junmai_jobs.errors import InvalidState, JobNotFound, ScheduleNotFound, StoreUnavailable
from junmai_jobs.guard import LeaseGuard
from junmai_jobs.schedule import Schedule, Timetable
from junmai_jobs.slot import Slot
from junmai_jobs.worker import Worker
from tests.model.simulation_store import QUEUES
from tests.model.simulation_world import Time, World
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from junmai_jobs.job import Job, NewJob
    from junmai_jobs.settings import WorkerSettings
    from tests.model.simulation_laws import Laws
    from tests.model.simulation_world import Process

TASK = "simulated_work"
LIMITS = {"one": 1, "two": 2}


@task(name=TASK, timeout=8, retry=RetryPolicy(max_retries=2, base=0.5, cap=2))
def simulated_work() -> str:
    """Take a while, ask this and that meanwhile, and end somehow. Its result says whose it is."""
    world, job = World.this, current_job()
    chance = world.random
    for step in range(chance.randint(0, 3)):
        world.sleep(chance.expovariate(1.5))
        _ask(job, chance.choice(ASKED), step)
    end = chance.choice(ENDS) if chance.random() < 0.4 else "returns"
    if end == "dies":
        world.me().kill(-11)
    elif end == "hangs":
        world.sleep(60)
    elif end != "returns":
        raise {"fails": ValueError, "aborts": Abort, "defers": RetryLater}[end](2)
    return job.token


ASKED = ("progress", "checkpoint", "log", "publish", "make_way", "check_cancelled", "check_cancelled")
ENDS = ("fails", "fails", "aborts", "defers", "dies", "hangs")


def _ask(job: RunningJob, what: str, step: int) -> None:
    match what:
        case "progress":
            job.progress(step)
        case "checkpoint":
            job.checkpoint(step)
        case "log":
            job.log("on the way")
        case "publish":  # but for the file
            job._insist_that_it_is_ours()
        case "make_way":
            job.make_way()
        case _:
            job.check_cancelled()


class Line:
    """One end of the line between a child and its parent."""

    def __init__(self, other: Line | None = None) -> None:
        self._come: list[Any] = []
        self._other = other

    @classmethod
    def pair(cls) -> tuple[Line, Line]:
        """Both ends."""
        one = cls()
        one._other = cls(one)
        return one, one._other

    def send(self, message: Any) -> None:
        assert self._other
        self._other._come.append(message)
        World.this.stir()

    def recv(self) -> Any:
        return self._come.pop(0)

    send_bytes, recv_bytes = send, recv

    def ready(self) -> bool:
        return bool(self._come)

    def close(self) -> None:
        """Nobody reads it any more."""


class SimulatedSlot(Slot):
    def start(self, context: Any, setup: ChildSetup, least: int) -> None:  # noqa: ARG002 - it starts no real one
        self.prepare(Board(), least)
        ours: Any
        theirs: Any
        ours, theirs = Line.pair()
        self._line = ours

        def work() -> None:
            Child(setup, self.board, theirs).work()

        self.process = World.this.spawn(f"{setup.claimer}#{setup.generation}", work)
        self.process.at_death.append(self._keep_board)

    def kill(self, fate: slots.Fate) -> None:
        self.fate = self.fate or fate
        self.process.kill()

    def interrupt(self) -> None:
        """No signal comes through to a simulated process: it is killed when the grace is over."""

    def _keep_board(self) -> None:
        """What the dying thread still writes is not seen."""
        self.board = Board.from_buffer_copy(self.board)


class SimulatedGuard(LeaseGuard):
    """Its thread is a process of its own, which freezes and dies with the supervisor."""

    process: Process | None = None

    def start(self) -> None:
        over: Any = _Over()
        self._over = over
        self.process = World.this.spawn(f"{World.this.me().name}/guard", self.run)


class _Over:
    _set = False

    def set(self) -> None:
        self._set = True

    def wait(self, seconds: float) -> bool:
        if not self._set:
            World.this.sleep(seconds)
        return self._set


class SimulatedWorker(Worker):
    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(settings)
        slots: list[Slot] = [SimulatedSlot(each.claimer) for each in self._pool.slots]
        self._pool.slots = slots
        self._guard: SimulatedGuard = SimulatedGuard(slots, settings.lease)

    def _tell(self, count: int, failed: list[Job]) -> None:
        """Nobody is told."""

    @property
    def children(self) -> list[Any]:
        return [each.process for each in self._pool.slots if each.process is not None and each.process.alive]

    @property
    def guard(self) -> list[Any]:
        return [self._guard.process] if self._guard.process else []

    def close(self) -> None:
        for each in self.guard:
            each.kill()
        self._waker.close()
        self._wakened.close()


@contextmanager
def stage() -> Iterator[None]:
    """While it lasts, workers live in the world that is there."""
    dead = {"is_gone": lambda info: World.this.one_host and info.get("pid") not in _pids()}
    replaced: list[tuple[Any, dict[str, Any]]] = [
        *(
            (each, {"time": Time})
            for each in (child, pool, worker, scheduler, context, slots, connection, guard)
        ),
        *(
            (each, {"wait": lambda objects, timeout=None: World.this.wait(objects, timeout)})
            for each in (child, worker, slots)
        ),
        *((each, {"task_names": lambda: [TASK]}) for each in (worker, scheduler)),
        (scheduler, dead),
        (pool, {"children_context": lambda: None}),
        (worker, {"worker_name": lambda _: World.this.me().name}),
        (worker, {"describe_process": lambda: {"pid": World.this.me().pid, "host_id": "here"}}),
        (scheduler, {"host_id": lambda: "here"}),
        (context.RunningJob, {"_logging": nullcontext()}),  # one a process
        (interrupt, {"time_limit": lambda _: _NoLimit()}),
        (retry, {"random": _Chance}),
        (child, {"Learning": lambda broker: learning.Learning(broker, clock=Time.monotonic)}),
        (learning, {"new_id": _new_id, "reset_peak": lambda: None, "peak": lambda: None}),
    ]
    log = logging.getLogger("junmai_jobs.worker")
    with ExitStack() as stack:
        for module, names in replaced:
            stack.enter_context(mock.patch.multiple(module, **names))
        stack.enter_context(mock.patch.multiple(log, disabled=True))
        yield


class _NoLimit(nullcontext[None]):
    def end(self) -> None:
        """There is none."""


def _pids() -> set[int]:
    return {each.pid for each in World.this.processes if each.alive}


def _new_id() -> str:
    return f"{World.this.random.getrandbits(64):016x}"


class _Chance:
    @staticmethod
    def random() -> float:
        return World.this.random.random()


class People:
    """Producers, and somebody who cancels, revives, pauses; each insists until answered, or is told off."""

    def __init__(self, world: World, endpoint: Any, namespace: str, laws: Laws) -> None:
        self._world, self._endpoint, self._namespace, self._laws = world, endpoint, namespace, laws
        self._numbers = itertools.count(1)
        self.acknowledged: list[str] = []
        self.tried: list[str] = []
        self._dependencies: dict[str, str] = {}

    def _broker(self) -> Broker:
        return Broker(ClientLink(self._endpoint, patience=1.0), self._namespace, moved_clock=True)

    def _insist(self, call: Callable[[], Any]) -> Any:
        """Call until there is an answer, with the same arguments; whoever is killed has none."""
        while True:
            try:
                return call()
            except StoreUnavailable:
                self._world.sleep(self._world.random.uniform(0, 1))
            except (InvalidState, JobNotFound, ScheduleNotFound) as refused:
                return refused

    def produce(self, count: int) -> None:
        broker, chance = self._broker(), self._world.random
        for _ in range(count):
            page = [self._job() for _ in range(chance.choice([1, 1, 2, 4]))]
            answer = self._insist(partial(broker.enqueue, page))
            if not isinstance(answer, Exception):
                self.acknowledged += [job.id for job in page]
            if chance.random() < 0.2:
                other = new_job(page[0].id, queue="a", task=TASK, args=[1])
                assert isinstance(self._insist(partial(broker.enqueue, [other])), InvalidState) or isinstance(
                    answer, Exception
                ), f"{other.id} is accepted with other content"
            self._world.sleep(chance.expovariate(0.7))

    def _job(self) -> NewJob:
        chance, job_id = self._world.random, f"j{next(self._numbers)}"
        extras = {}
        if chance.random() < 0.3:
            key = self._laws.limit_of[job_id] = chance.choice(list(LIMITS))
            extras["c"] = f"{key},{LIMITS[key]}"
        parents = chance.sample(self.acknowledged, 1) if self.acknowledged and chance.random() < 0.2 else []
        self._laws.parents[job_id] = parents
        self.tried.append(job_id)
        job = new_job(
            job_id,
            queue=chance.choice(QUEUES),
            priority=chance.choice([5, 5, 9, 0]),
            task=TASK,
            after=parents,
            after_policy=chance.choice(["cancel", "continue"]),
            extras=extras,
            delay=chance.choice([0, 0, 0, 0.5, 2.0]),
            expires=chance.choice([None] * 9 + [20]),
        )
        self._dependencies[job_id] = job.dependencies
        return job

    def meddle(self, count: int) -> None:
        broker, chance = self._broker(), self._world.random
        likes = chance.sample(range(8), 3)
        for number in range(count):
            self._world.sleep(chance.expovariate(1))
            request, job_id = f"p{self._world.me().pid}.{number}", self._some_job()
            match chance.choice(likes):
                case 0 | 1:
                    self._insist(partial(broker.cancel, job_id, request))
                case 2 | 3:
                    self._insist(partial(broker.revive, job_id, request, self._dependencies.get(job_id, "")))
                case 4:
                    self._insist(partial(broker.reprioritize, job_id, chance.choice([0, 5, 9])))
                case 5:
                    names = chance.choice([(), ("a",), ("b",)])
                    self._insist(partial(broker.pause, names))
                    self._world.sleep(chance.uniform(0, 3))
                    self._insist(partial(broker.resume, names))
                case 6:
                    homes = chance.choice([["ready"], ["scheduled", "retrying"], ["blocked"]])
                    self._insist(partial(broker.purge, chance.choice(QUEUES), homes, request))
                case _:
                    self._insist(partial(broker.schedule, self._schedule()))

    def _some_job(self) -> str:
        ended = sorted(self._laws.have_ended) if self._world.random.random() < 0.5 else []
        return self._world.random.choice(ended or self.tried or ["none"])

    def _schedule(self) -> Schedule:
        body = new_job("", queue="b", task=TASK).body
        every = self._world.random.choice([3, 7])
        return Schedule(name="often", timetable=Timetable.of(every=every, catch_up="once"), body=body)

    def come_to_rest(self) -> None:
        """What somebody does who wants everything to end."""
        broker = self._broker()
        self._insist(broker.resume)
        self._insist(partial(broker.unschedule, "often", "rest"))
