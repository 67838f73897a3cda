"""Submit and run jobs while workers, their children and the server are killed and stalled; then audit.

    python -m tests.chaos.chaos [--jobs 2000] [--seed N]

Prints what happened as JSON, and exits 1 if a job was lost, was ended twice, or is told wrongly.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs import InvalidState, JobQueue, StoreUnavailable
from junmai_jobs.config import Config
from tests.chaos.audit import audit
from tests.chaos.faults import LEASE, Fleet, Nemesis
from tests.chaos.tasks import read_journal, work
from tests.servers import RedisProcess, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import Task

RATE = 70
"""Jobs a second that are submitted, less than can be run: the faults fall on running jobs."""
SETTLE = 120.0
"""Seconds within which all must be finished when the faults are over."""
QUEUES = ("high_priority", "default", "low_priority")


@dataclass
class Producer:
    """Submits jobs, each again and again until the queue has acknowledged it."""

    jobs: JobQueue
    count: int
    chance: random.Random
    acknowledged: list[str] = field(default_factory=list)
    repeated: int = 0
    """Jobs that were accepted by a call whose reply was lost, and acknowledged to the next."""

    def run(self) -> None:
        """Submit everything, one by one and in batches."""
        while len(self.acknowledged) < self.count:
            size = min(self.chance.choice((1, 1, 1, 10)), self.count - len(self.acknowledged))
            started = time.monotonic()
            batch = [self._call(len(self.acknowledged) + offset) for offset in range(size)]
            self._insist(batch)
            self.acknowledged += [str(task.options.id) for task, _ in batch]
            if self.chance.random() < 0.05:
                self._cancel(self.chance.choice(self.acknowledged))
            time.sleep(max(0.0, started + size / RATE - time.monotonic()))

    def _call(self, number: int) -> tuple[Task[..., str], dict[str, Any]]:
        """Most jobs are short and succeed; some outlast a lease, fail, come later, or await another."""
        chance = self.chance
        options: dict[str, Any] = {"queue": chance.choice(QUEUES), "priority": chance.randrange(11)}
        if chance.random() < 0.05:
            options["delay"] = chance.uniform(0.1, 2.0)
        if self.acknowledged and chance.random() < 0.05:
            options |= {
                "after": chance.choice(self.acknowledged),
                "after_policy": chance.choice(("cancel", "continue")),
            }
        failures = chance.choices((0, 1, 9), (85, 10, 5))[0]
        seconds = chance.uniform(0, 0.08) if chance.random() < 0.985 else LEASE * 1.6
        return work.with_options(id=f"job-{number}", **options), {"seconds": seconds, "failures": failures}

    def _insist(self, batch: list[tuple[Task[..., str], dict[str, Any]]]) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                self.repeated += sum(handle.existing for handle in self.jobs.submit_all(batch))
                return

    def _cancel(self, job_id: str) -> None:
        with contextlib.suppress(InvalidState, StoreUnavailable):
            self.jobs.cancel(job_id)


@contextlib.contextmanager
def battlefield(folder: Path, workers: int) -> Iterator[tuple[RedisProcess, Fleet]]:
    """A server with a log that is safe at every reply, and workers; all gone at the end."""
    server = RedisProcess(folder, server_binary()).start()
    fleet = Fleet(server, folder, workers)
    try:
        yield server, fleet
    finally:
        fleet.close()
        server.stop()


def run(folder: Path, count: int, seed: int, workers: int = 4) -> dict[str, Any]:
    """One run; what happened, ``ok`` among it."""
    started = time.monotonic()
    with battlefield(folder, workers) as (server, fleet):
        jobs = JobQueue(server.url, config=Config(home=folder))
        producer = Producer(jobs, count, random.Random(seed))
        nemesis = Nemesis(server, fleet, random.Random(seed + 1))
        thread = threading.Thread(target=producer.run, daemon=True)
        thread.start()
        while thread.is_alive():
            nemesis.strike()
        over = time.monotonic()
        fleet.thaw()
        fleet.keep_up()
        settled = _settle(jobs)
        settled_after = time.monotonic() - over
        codes, left_behind = fleet.stop(), fleet.left_behind()
        found = audit(server.client(), jobs.namespace, producer.acknowledged, read_journal(fleet.journal))
    return {
        "seed": seed,
        "jobs": count,
        **found.as_dict(),
        **{name.replace(" ", "_"): times for name, times in sorted(nemesis.counts.items())},
        "accepted_unheard": producer.repeated,
        "settled": settled,
        "settled_after_s": round(settled_after, 1),
        "exit_codes": codes,
        "left_behind": left_behind,
        "seconds": round(time.monotonic() - started, 1),
        "ok": found.ok and found.acknowledged == count and settled and not any(codes) and not left_behind,
    }


def _settle(jobs: JobQueue) -> bool:
    """Whether everything finishes when the faults are over."""

    def unfinished() -> int:
        counts = jobs.stats()
        return int(counts["total_pending"] + counts["active_tasks"])

    try:
        return wait_until(lambda: unfinished() == 0, SETTLE, "the last job")
    except AssertionError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--folder", type=Path, help="for data and logs, to be kept; else a passing one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="junmai-chaos-") as passing:
        found = run(options.folder or Path(passing), options.jobs, options.seed, options.workers)
    print(json.dumps(found, indent=2))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
