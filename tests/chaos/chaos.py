"""Submit and run jobs while workers, their children and the server are killed and stalled; then audit.

    python -m tests.chaos.chaos [--jobs 20000] [--seed N]

Prints what happened as JSON, and exits 1 if a job was lost, was ended twice, or is told wrongly.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs import InvalidState, JobQueue, StoreUnavailable
from junmai_jobs.config import Config
from junmai_jobs.laws import check_laws
from tests.chaos.audit import audit
from tests.chaos.faults import Nemesis
from tests.chaos.fleet import LEASE, Fleet
from tests.chaos.scrape import Scraper
from tests.chaos.tasks import read_journal, work
from tests.proxy import Proxy
from tests.servers import RedisProcess, server_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import Task

JOBS = 20_000
WORKERS = 4
"""The first reaches the server through a proxy."""
BACKLOG = 300
"""The most unfinished jobs for whom more are submitted: the faults are to fall on running jobs to the end."""
LOOK_EVERY = 0.1
"""Seconds between two looks at the backlog."""
UNHEARD = 60.0
"""Seconds after which a producer that nobody answers gives up the run."""
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
    doomed: set[str] = field(default_factory=set)
    """Jobs that cannot succeed."""
    repeated: int = 0
    """Jobs that were accepted by a call whose reply was lost, and acknowledged to the next."""

    def run(self) -> None:
        """Submit everything, one by one and in batches, as fast as it is run."""
        look_at = 0.0
        while (made := len(self.acknowledged)) < self.count:
            size = min(self.chance.choice((1, 1, 1, 20)), self.count - made)
            batch = [self._call(made + offset) for offset in range(size)]
            self._insist(batch)
            self.acknowledged += [str(task.options.id) for task, _ in batch]
            if self.chance.random() < 0.05:
                self._cancel(self.chance.choice(self.acknowledged[-BACKLOG:]))
            if time.monotonic() > look_at:
                if not wait_for_backlog(self.jobs, BACKLOG, UNHEARD):
                    raise TimeoutError(f"in {UNHEARD:g} s the backlog was not worked off")
                look_at = time.monotonic() + LOOK_EVERY

    def _call(self, number: int) -> tuple[Task[..., str], dict[str, Any]]:
        """Most jobs are short and succeed; some outlast a lease, fail, come later, or await another."""
        chance = self.chance
        options: dict[str, Any] = {"queue": chance.choice(QUEUES), "priority": chance.randrange(11)}
        if chance.random() < 0.05:
            options["delay"] = chance.uniform(0.1, 2.0)
        if self.acknowledged and chance.random() < 0.05:
            options |= {
                "after": chance.choice(self.acknowledged[-BACKLOG:]),
                "after_policy": chance.choice(("cancel", "continue")),
            }
        failures = chance.choices((0, 1, 9), (85, 10, 5))[0]
        seconds = chance.choices((0.0, chance.uniform(0.0, 0.1), LEASE * 2.5), (896, 100, 4))[0]
        task = work.with_options(id=f"job-{number}", **options)
        if failures > task.options.retry.max_retries:
            self.doomed.add(f"job-{number}")
        return task, {"seconds": seconds, "failures": failures}

    def _insist(self, batch: list[tuple[Task[..., str], dict[str, Any]]]) -> None:
        deadline = time.monotonic() + UNHEARD
        while True:
            try:
                self.repeated += sum(handle.existing for handle in self.jobs.submit_all(batch))
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _cancel(self, job_id: str) -> None:
        with contextlib.suppress(InvalidState, StoreUnavailable):
            self.jobs.cancel(job_id)


def wait_for_backlog(jobs: JobQueue, most: int, timeout: float) -> bool:
    """Wait until no more jobs than that are unfinished, and say whether it came to that in time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreUnavailable):
            counts = jobs.stats()
            if counts["total_pending"] + counts["active_tasks"] <= most:
                return True
        time.sleep(LOOK_EVERY)
    return False


@contextlib.contextmanager
def battlefield(folder: Path) -> Iterator[tuple[RedisProcess, Proxy, Fleet]]:
    """A server with a log that is safe at every reply, and workers; all gone at the end."""
    server = RedisProcess(folder, server_binary()).start()
    try:
        with Proxy(server.port) as proxy:
            fleet = Fleet(server, folder, (proxy.port, *[server.port] * (WORKERS - 1)))
            fleet.keep_up()
            try:
                yield server, proxy, fleet
            finally:
                fleet.close()
    finally:
        server.stop()


def run(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """One run; what happened, ``ok`` among it."""
    started = time.monotonic()
    with battlefield(folder) as (server, proxy, fleet):
        version = server.client().info("server")["redis_version"]
        jobs = JobQueue(server.url, config=Config(home=folder))
        producer = Producer(jobs, count, random.Random(seed))
        nemesis = Nemesis(server, proxy, fleet, lambda: len(producer.acknowledged), seed)
        scraper = Scraper(server.url, folder)
        with scraper.at_work():
            with nemesis.rage():
                producer.run()
            over = time.monotonic()
            fleet.recover()
            settled = wait_for_backlog(jobs, 0, SETTLE)
            settled_after = time.monotonic() - over
        codes, left_behind = fleet.stop(), fleet.left_behind()
        found = audit(
            server.client(),
            jobs.namespace,
            producer.acknowledged,
            read_journal(fleet.journal),
            producer.doomed,
        )
        laws = list(check_laws(jobs.broker, jobs.inspector))
    told = found.as_dict()
    told["findings"] += (differences := scraper.differences(found))
    told["findings"] += (broken := [f"{each.law}: {each.where} {each.detail}" for each in laws])
    return {
        "seed": seed,
        "jobs": count,
        "server": version,
        **told,
        **dict(sorted(nemesis.counts.items())),
        "replies_lost_by_proxy": proxy.lost,
        "accepted_unheard": producer.repeated,
        "ended_late": fleet.ended_late(),
        "scrapes": scraper.scrapes,
        "scrapes_without_server": scraper.away,
        "settled": settled,
        "under_fire_s": round(over - started, 1),
        "settled_after_s": round(settled_after, 1),
        "exit_codes": codes,
        "fell": fleet.fell,
        "left_behind": left_behind,
        "seconds": round(time.monotonic() - started, 1),
        "ok": found.ok
        and found.acknowledged == count
        and settled
        and not differences
        and not broken
        and not (any(codes) or fleet.fell or left_behind),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--folder", type=Path, help="for data and logs, to be kept; else a passing one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="junmai-chaos-") as passing:
        found = run(options.folder or Path(passing), options.jobs, options.seed)
    print(json.dumps(found, indent=2))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
