"""How much other work is done while jobs kill the processes they run in: a ratio, side by side.

python -m benchmarks.poison [--rounds 3] [--jobs 2000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import at_least, run_main
from junmai_jobs import JobQueue
from tests.servers import RedisProcess
from tests.worker.deadly_tasks import die
from tests.worker.harness import Journal, WorkerProcess, queue_on
from tests.worker.tasks import take_time

SLOTS, SECONDS = 3, 0.05
PILLS = 100
DEATHS = ("SIGKILL", "SIGSEGV", "exit code 1", "out of memory")


@dataclass
class Round:
    """One line of jobs, some of them pills, on a worker of its own."""

    jobs: JobQueue
    good: Journal
    bad: Journal
    count: int

    def submit(self, count: int) -> None:
        """So many jobs that are well."""
        self.jobs.submit_many(take_time, [(str(self.good), SECONDS)] * count)

    def pills(self, count: int) -> list[str]:
        """So many that kill, in each way by turns; their ids."""
        rows = [(str(self.bad), DEATHS[number % len(DEATHS)]) for number in range(count)]
        return [handle.id for handle in self.jobs.submit_many(die.with_options(queue="default"), rows)]

    def rate(self) -> float:
        """Good jobs a second, from the first to the last."""
        self.good.wait_for(self.count, "end", timeout=900)
        ends = [run.time for run in self.good.runs("end")]
        return (len(ends) - 1) / (max(ends) - min(ends))

    def rate_meanwhile(self) -> float:
        """Good jobs a second, from the first death to the last good job."""
        begin = min(run.time for run in self.bad.runs("died"))
        ends = [run.time for run in self.good.runs("end") if run.time >= begin]
        return len(ends) / (max(ends) - begin)


def without(this: Round) -> float:
    """Nothing but good jobs."""
    this.submit(this.count)
    return this.rate()


def one_at_a_time(this: Round) -> float:
    """A pill in line as soon as the one before has failed."""
    done = threading.Event()

    def feed() -> None:
        while not done.is_set():
            [pill] = this.pills(1)
            this.jobs.reprioritize(pill, 6)  # not behind all that waits
            while not done.is_set() and not this.jobs.inspector.status(pill).finished:
                done.wait(0.1)

    this.submit(this.count)
    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return this.rate()
    finally:
        done.set()
        feeder.join()


def all_at_once(this: Round) -> float:
    """A hundred pills in line before all but a few of the good jobs."""
    this.submit(SLOTS * 10)
    this.pills(PILLS)
    this.submit(this.count - SLOTS * 10)
    this.rate()
    return this.rate_meanwhile()


SCENES: dict[str, Callable[[Round], float]] = {
    "without pills": without,
    "one pill at a time": one_at_a_time,
    f"{PILLS} pills at once": all_at_once,
}


@contextmanager
def stage(folder: Path, count: int) -> Iterator[Round]:
    """A server with nothing in it, and a worker whose children idle."""
    folder.mkdir()
    server = RedisProcess(folder)
    jobs = queue_on(server, folder / "home")
    arguments = ("--tasks", "tests.worker.deadly_tasks", "--concurrency", str(SLOTS), "--no-schedules",
                 "--max-jobs-per-child", "1000000", "--loglevel", "ERROR")  # fmt: skip
    worker = WorkerProcess(server, folder / "worker", arguments)
    try:
        server.start()
        worker.start()
        warm = Journal(folder / "warm")
        jobs.submit_many(take_time, [(str(warm), 0.5)] * SLOTS)
        warm.wait_for(SLOTS, "end")
        yield Round(jobs, Journal(folder / "good"), Journal(folder / "bad"), count)
    finally:
        worker.stop()
        jobs.close()
        server.stop()


def main() -> None:
    """Print a row a scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--jobs", type=at_least(SLOTS * 10 + 1), default=2000)
    given = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in SCENES}
    deaths: dict[str, list[int]] = {name: [] for name in SCENES}
    with tempfile.TemporaryDirectory(prefix="junmai-poison-") as top:
        for number in range(given.rounds):
            for name, scene in SCENES.items():
                with stage(Path(top) / f"{number} {name}", given.jobs) as this:
                    begin = time.monotonic()
                    rates[name].append(scene(this))
                    deaths[name].append(len(this.bad.runs("died")))
                    print(f"  {name}: {rates[name][-1]:.1f}/s, {deaths[name][-1]} deaths, "
                          f"{time.monotonic() - begin:.0f} s", flush=True)  # fmt: skip
    usual = rates.pop("without pills")
    print(f"{'without pills':20s} {statistics.median(usual):6.1f} jobs/s")
    for name, found in rates.items():
        ratios = [rate / other for rate, other in zip(found, usual, strict=True)]
        print(
            f"{name:20s} {statistics.median(found):6.1f} jobs/s, ratio {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f}), {statistics.median(deaths[name]):.0f} deaths"
        )


if __name__ == "__main__":
    run_main(main)
