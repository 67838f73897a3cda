"""How fast a job runs again after what ran it was killed: seconds, of real processes on a real server.

python -m benchmarks.recovery [--rounds 10]
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.command import at_least, run_main
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, WorkerProcess, alive, queue_on

LEASE = 3.0


class Stage:
    """A server, a queue, and workers that are started as the measured command starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis = RedisProcess(folder)
        self.jobs = queue_on(self.redis, folder / "home")
        self.workers: list[WorkerProcess] = []

    def worker(self, *arguments: str, **environment: str) -> WorkerProcess:
        """Start a worker and wait until it has signed on."""
        known = {row["name"] for row in self.jobs.workers()}
        worker = WorkerProcess(
            self.redis,
            self.folder / f"worker-{len(self.workers)}",
            ("--concurrency", "2", "--grace", "1", "--lease", str(LEASE), *arguments),
            environment,
        ).start()
        self.workers.append(worker)
        wait_until(lambda: {row["name"] for row in self.jobs.workers()} - known, what="the worker")
        return worker

    def hold(self) -> Journal:
        """A job that runs until it is killed, its first run begun."""
        journal = Journal(self.folder / f"journal-{time.monotonic_ns()}")
        handle = self.jobs.submit(tasks.hold, str(journal), str(self.folder / "never"))
        journal.wait_for(1)
        self.held = handle
        return journal

    def close(self) -> None:
        """Stop everything."""
        for worker in self.workers:
            worker.stop()
        self.jobs.close()
        self.redis.stop()


def child_killed(stage: Stage) -> float:
    """kill -9 of a child, until its job has begun again."""
    worker = stage.worker()
    journal = stage.hold()
    os.kill(journal.runs()[0].pid, signal.SIGKILL)
    killed = time.time()
    seconds = journal.wait_for(2)[1].time - killed
    stage.held.cancel()
    worker.stop()
    return seconds


def worker_killed(stage: Stage, *, host: str) -> float:
    """kill -9 of a worker, until another that was running has begun its job."""
    first = stage.worker(JUNMAI_HOST="one")
    journal = stage.hold()
    second = stage.worker(JUNMAI_HOST=host)
    os.kill(first.pid, signal.SIGKILL)
    killed = time.time()
    seconds = journal.wait_for(2)[1].time - killed
    stage.held.cancel()
    second.stop()
    return seconds


def family_gone(stage: Stage) -> float:
    """kill -9 of a worker with a child stuck in C, until no process of it lives."""
    worker = stage.worker()
    journal = Journal(stage.folder / f"journal-{time.monotonic_ns()}")
    handle = stage.jobs.submit(tasks.hold_in_c, str(journal))
    journal.wait_for(1)
    family = worker.family()
    os.kill(worker.pid, signal.SIGKILL)
    killed = time.time()
    wait_until(lambda: not alive(family), what="the end of the family")
    seconds = time.time() - killed
    handle.cancel()
    return seconds


MEASURES: dict[str, Callable[[Stage], float]] = {
    "child killed -> its job runs again": child_killed,
    "worker killed -> another of the host runs its job": lambda stage: worker_killed(stage, host="one"),
    f"worker killed -> another host runs its job (lease {LEASE:g} s)": lambda stage: worker_killed(
        stage, host="two"
    ),
    "worker killed, a child stuck in C -> no process is left": family_gone,
}


def main() -> None:
    """Print a row a measure: median and range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="junmai-recovery-") as folder:
        stage = Stage(Path(folder))
        try:
            stage.redis.start()
            for name, measure in MEASURES.items():
                seconds = [measure(stage) for _ in range(rounds)]
                print(
                    f"{name:62s} median {statistics.median(seconds):6.3f} s "
                    f"({min(seconds):.3f} to {max(seconds):.3f})",
                    flush=True,
                )
        finally:
            stage.close()


if __name__ == "__main__":
    run_main(main)
