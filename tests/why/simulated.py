"""A day's work on a real server in a moment: slots that claim and end jobs by a clock that is moved.

Nothing here waits: a job takes as long as it says because the clock is set to its end.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs import endings
from junmai_jobs.why.looking import InspectorWhy
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from junmai_jobs.broker import Broker
    from junmai_jobs.job import Claimed, NewJob
    from junmai_jobs.why import Why
    from tests.backends import Backend

DIGITS = "0123456789abcdefghijklmnopqrstuv"
LEASE = 1e5


class Inspected(InspectorWhy):
    """The read side, by the clock that the scripts read."""

    def _clock(self, now: float) -> float:  # noqa: ARG002 - the server's, which goes on
        return int(self._read("HGET", self.keys.meta, "clock_at")) / 1e6


@dataclass
class Worker:
    """One that is there, and what it says of itself."""

    name: str
    slots: int
    queues: tuple[str, ...]
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def claimers(self) -> list[str]:
        return [f"{self.name}/{number}" for number in range(self.slots)]


@dataclass
class Simulated:
    """One namespace, its clock, and workers that never err."""

    backend: Backend
    broker: Broker
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    now: float = 2e9
    """The clock, in seconds since 1970: it stands until it is set, however long a call takes."""
    started: dict[str, float] = field(default_factory=dict)
    """When each job began."""
    workers: dict[str, Worker] = field(default_factory=dict)
    pause: float = 0.0
    """Seconds from a job's end to the next claim of its slot."""

    def __post_init__(self) -> None:
        self.inspector = Inspected(self.backend.link, self.broker.keys.prefix.strip("{}:"))
        self._ids = itertools.count()
        self._requests = itertools.count(1)
        self._takes: dict[str, float] = {}
        self._busy: list[tuple[float, int, str, Claimed]] = []
        self._idle: list[str] = []
        self._plans: list[tuple[float, int, Callable[[], object]]] = []

    def worker(self, name: str, slots: int, *queues: str, **said: Any) -> None:
        """One begins to work."""
        worker = self.workers[name] = Worker(name, slots, queues, said)
        self._set_clock(self.now)
        self.broker.register(name, {
            "queues": list(queues), "tasks": ["noop", "slow"], "concurrency": slots, "schema": "2",
            "claimers": worker.claimers, **said,
        })  # fmt: skip
        self._idle += worker.claimers

    def submit(self, count: int, low: float, high: float, **options: Any) -> list[str]:
        """So many jobs that take between these seconds; their ids."""
        jobs = [new_job(self._new_id(), **options) for _ in range(count)]
        self._takes |= {job.id: self.chance.uniform(low, high) for job in jobs}
        self._accept(jobs)
        return [job.id for job in jobs]

    def stream(self, per_second: float, low: float, high: float, **options: Any) -> None:
        """From now on more and more jobs come, at times that chance decides."""

        def come() -> None:
            self.submit(1, low, high, **options)
            self.plan(self.chance.expovariate(per_second), come)

        self.plan(self.chance.expovariate(per_second), come)

    def plan(self, delay: float, do: Callable[[], object]) -> None:
        """Have something happen in so many seconds."""
        heapq.heappush(self._plans, (self.now + delay, next(self._ids), do))

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until this holds."""
        while not until():
            due = self.broker.promote(self._lanes())
            self._claim()
            if until():
                return
            times = [plan[0][0] for plan in (self._busy, self._plans) if plan]
            if due is not None:
                times.append(self.now + max(due, 0.001))
            assert times, "nothing will ever happen any more"
            self._set_clock(min(times))
            while self._plans and self._plans[0][0] <= self.now:
                heapq.heappop(self._plans)[2]()
            while self._busy and self._busy[0][0] <= self.now:
                self._end(*heapq.heappop(self._busy)[2:])

    def run_for(self, seconds_: float) -> None:
        """Let so much time pass."""
        till = self.now + seconds_
        self.plan(seconds_, lambda: None)
        self.run(lambda: self.now >= till)

    def why(self, job_id: str) -> Why:
        """What is told of a job now."""
        self._set_clock(self.now)
        for worker in self.workers.values():
            self.broker.extend(worker.name, worker.claimers, lease=LEASE)
        return self.inspector.why(job_id)

    def _lanes(self) -> Sequence[str]:
        return list(dict.fromkeys(queue for worker in self.workers.values() for queue in worker.queues))

    def _claim(self) -> None:
        self._set_clock(self.now)
        for claimer in self._idle[:]:
            self._begin(claimer, ())

    def _begin(self, claimer: str, ended: Sequence[tuple[Claimed, endings.Ending]]) -> None:
        queues = self.workers[claimer.partition("/")[0]].queues
        step = self.broker.step(claimer, f"1.{next(self._requests)}", queues, ended, lease=LEASE)
        if step.jobs:
            [job] = step.jobs
            self.started[job.id] = self.now
            heapq.heappush(self._busy, (self.now + self._takes[job.id], next(self._ids), claimer, job))
            if claimer in self._idle:
                self._idle.remove(claimer)
        elif claimer not in self._idle:
            self._idle.append(claimer)

    def _end(self, claimer: str, job: Claimed) -> None:
        self._set_clock(self.now)
        self._begin(claimer, [(job, endings.succeed(b"", None))])

    def _accept(self, jobs: Sequence[NewJob]) -> None:
        self._set_clock(self.now)
        for at in range(0, len(jobs), 200):
            self.broker.enqueue(jobs[at : at + 200])

    def _set_clock(self, at: float) -> None:
        self.backend.admin.hset(self.broker.keys.meta, "clock_at", round(at * 1e6))
        self.now = at

    def _new_id(self) -> str:
        """As ``job.new_id`` makes them, of the time that is."""
        number = int(self.now * 1000) << 2
        return (
            "".join(DIGITS[number >> place & 31] for place in range(45, -1, -5)) + f"{next(self._ids):012d}"
        )
