"""How well ``why`` tells when a job will start: real workers under a steady load, and when the very job did.

python -m benchmarks.prediction [--rounds 1] [CASE ...]
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import prediction_tasks as tasks
from benchmarks.command import at_least, one_of, run_main
from benchmarks.stage import memory_folder
from junmai_jobs import JobHandle, JobQueue, Priority
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker.harness import WorkerProcess, queue_on

BOUND = 0.25
"""Of the predicted wait: more than that the median case must not be off."""
_WARM = 60
"""So many jobs have ended before anybody asks."""
_SHARES = (0.1, 0.3, 0.6, 0.95)
"""How far behind in line those are of which is asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """One job: what was told of it, and what came of that. Seconds."""

    case: str
    reason: str
    position: int | None
    predicted: float
    real: float

    @property
    def error(self) -> float:
        """Relative to the predicted wait."""
        return abs(self.real - self.predicted) / max(self.predicted, 1e-3)


@dataclass
class Load:
    """A queue with workers on it, and what is asked of which job."""

    folder: Path
    redis: RedisProcess
    jobs: JobQueue
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    _workers: list[WorkerProcess] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def worker(self, slots: int, *arguments: str) -> None:
        """Start one, and wait until it is there."""
        before = len(self.jobs.workers())
        home = self.folder / f"worker-{before}"
        given = ("--concurrency", str(slots), "--grace", "1", "--tasks", tasks.__name__, *arguments)
        self._workers.append(WorkerProcess(self.redis, home, given).start())
        wait_until(lambda: len(self.jobs.workers()) > before, 30, "the worker")

    def submit(
        self, task: Any, count: int, low: float = 0.05, high: float = 0.2, **options: Any
    ) -> list[JobHandle[Any]]:
        """So many jobs that take between these seconds."""
        variant = task.with_options(**options) if options else task
        return self.jobs.submit_many(variant, [(self.chance.uniform(low, high),) for _ in range(count)])

    @contextlib.contextmanager
    def stream(self, every: float, task: Any, **options: Any) -> Iterator[None]:
        """More and more jobs meanwhile, one in so many seconds on average."""
        dice = random.Random(11)

        def go_on() -> None:
            while not self._stop.wait(dice.expovariate(1 / every)):
                self.submit(task, 1, **options)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def warm_up(self, count: int = _WARM) -> None:
        """Until so many have ended."""
        wait_until(lambda: self.jobs.stats()["jobs_by_status"]["succeeded"] >= count, 60, "jobs to end")

    def waiting(self, handles: Sequence[JobHandle[Any]]) -> list[JobHandle[Any]]:
        """Those of them, in order, that do not run yet."""
        statuses = self.jobs.inspector.statuses([each.id for each in handles])
        return [each for each in handles if statuses[each.id] in {"queued", "blocked", "scheduled"}]

    def ask(
        self, case: str, handles: Sequence[JobHandle[Any]], shares: Sequence[float] = _SHARES
    ) -> list[Found]:
        """Ask of some of these jobs, wait until they run, and compare."""
        waiting = self.waiting(handles)
        asked = []
        for share in shares:
            each = waiting[int(share * (len(waiting) - 1))]
            now = self.jobs.inspector.now()
            asked.append((each, now, self.jobs.why(each.id)))
        found = []
        for each, now, why in asked:
            if why.expected_start is None:
                sys.exit(f"{case}: nothing is told of a job that is {why.status}: {why.detail}")
            each.result(timeout=120)
            real = _seconds(each.job().started_at) - now
            found.append(Found(case, why.reason, why.position, _seconds(why.expected_start) - now, real))
        return found

    def close(self) -> None:
        """Stop everything."""
        for worker in self._workers:
            worker.stop()
        self.jobs.close()
        self.redis.stop()


def _seconds(iso: str | None) -> float:
    return datetime.fromisoformat(str(iso)).timestamp()


def even(load: Load) -> list[Found]:
    """One queue, one priority, three slots."""
    load.worker(3)
    handles = load.submit(tasks.work, 300)
    load.warm_up()
    return load.ask("even", handles)


def priorities(load: Load) -> list[Found]:
    """All priorities mixed."""
    load.worker(3)
    by_priority = {
        priority: load.submit(tasks.work, 90, priority=priority)
        for priority in (Priority.LOW, 5, Priority.HIGH)
    }
    load.warm_up()
    found = load.ask("priorities", by_priority[5], (0.3, 0.8))
    return found + load.ask("priorities", by_priority[Priority.LOW], (0.2, 0.8))


def queues(load: Load) -> list[Found]:
    """Two workers, one of which serves one queue alone."""
    load.worker(2)
    load.worker(1, "--queues", "low_priority")
    rows = {
        name: load.submit(tasks.work, 90, queue=name) for name in ("high_priority", "default", "low_priority")
    }
    load.warm_up()
    return load.ask("queues", rows["default"], (0.2, 0.8)) + load.ask(
        "queues", rows["low_priority"], (0.3, 0.9)
    )


def two_tasks(load: Load) -> list[Found]:
    """Quick jobs, and slow ones behind them."""
    load.worker(3)
    load.submit(tasks.other, 30, 0.3, 0.5, priority=9)
    quick = load.submit(tasks.work, 100, 0.02, 0.05)
    slow = load.submit(tasks.other, 30, 0.3, 0.5)
    load.warm_up()
    return load.ask("two tasks", quick, (0.9,)) + load.ask("two tasks", slow, (0.2, 0.5, 0.9))


def stream(load: Load) -> list[Found]:
    """More urgent jobs come all the time."""
    load.worker(3)
    handles = load.submit(tasks.work, 200, priority=1)
    with load.stream(0.1, tasks.work, priority=9):
        load.warm_up(100)
        return load.ask("stream", handles)


def limit(load: Load) -> list[Found]:
    """Jobs that wait for room in a limit, and others beside them."""
    load.worker(3)
    handles = load.submit(tasks.narrow, 60)
    beside = load.submit(tasks.work, 200)
    load.warm_up()
    return load.ask("limit", handles) + load.ask("limit", beside, (0.5, 0.9))


def rate(load: Load) -> list[Found]:
    """Jobs that may begin so many times a second."""
    load.worker(3)
    handles = load.submit(tasks.paced, 60)
    load.warm_up(10)
    return load.ask("rate", handles)


def later(load: Load) -> list[Found]:
    """Jobs that are for later, among others that keep the workers busy."""
    load.worker(3)
    load.submit(tasks.work, 200)
    handles = [
        load.submit(tasks.work, 1, delay=delay, priority=p)[0] for delay, p in ((6, 5), (8, 9), (20, 5))
    ]
    load.warm_up()
    return load.ask("later", handles, (0.0, 0.5, 1.0))


def tiny(load: Load) -> list[Found]:
    """Jobs of some milliseconds, whose processes are replaced after a hundred of them."""
    load.worker(3)
    handles = load.submit(tasks.work, 6000, 0.002, 0.008)
    load.warm_up(600)
    return load.ask("tiny", handles)


def near(load: Load) -> list[Found]:
    """The very next ones: of these chance decides most, so that ever so many are asked for."""
    load.worker(2)
    handles = load.submit(tasks.work, 160, 0.2, 0.2)
    load.warm_up(10)
    found = []
    for _ in range(8):
        found += load.ask("near", load.waiting(handles)[:6], (0.0, 0.4, 1.0))
    return found


CASES: dict[str, Callable[[Load], list[Found]]] = {
    each.__name__: each
    for each in (even, priorities, queues, two_tasks, stream, limit, rate, later, tiny, near)
}


def measure(case: Callable[[Load], list[Found]]) -> list[Found]:
    """On a server of its own."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        folder = Path(name)
        redis = RedisProcess(folder, options=("--appendonly", "no")).start()
        load = Load(folder, redis, queue_on(redis, folder / "home"))
        try:
            return case(load)
        finally:
            load.close()


def main() -> None:
    """Print a row for each job, and a line for each case; exit 1 if the median case is beyond the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", type=one_of(CASES), default=list(CASES), metavar="CASE")
    parser.add_argument("--rounds", type=at_least(1), default=1)
    options = parser.parse_args()
    medians = []
    print(
        "| case | reason | position | predicted, s | real, s | error |\n| --- | --- | --- | --- | --- | --- |"
    )
    for name in options.cases:
        found = [each for _ in range(options.rounds) for each in measure(CASES[name])]
        for each in found:
            place = "" if each.position is None else each.position
            told = f"{each.predicted:.2f} | {each.real:.2f} | {each.error:.0%}"
            print(f"| {each.case} | {each.reason} | {place} | {told} |")
        errors = [each.error for each in found]
        medians.append(statistics.median(errors))
        print(f"| **{name}** | | | | | median {medians[-1]:.0%}, worst {max(errors):.0%} |", flush=True)
    median = statistics.median(medians)
    print(f"\nmedian over {len(medians)} cases {median:.1%}, worst median {max(medians):.1%}")
    sys.exit(median > BOUND)


if __name__ == "__main__":
    run_main(main)
