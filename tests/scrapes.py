"""Jobs that end in every way, and what a registry tells of them, as Prometheus' own library reads it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from junmai_jobs import endings as verbs
from junmai_jobs.job import Body, NewJob
from junmai_jobs.metrics import QueueCollector
from junmai_jobs.tally import RUN_EVENTS
from tests.waiting import wait_until

if TYPE_CHECKING:
    from junmai_jobs import JobQueue
    from junmai_jobs.job import Claimed

ERROR = {"type": "E", "message": "m", "traceback": ""}
TASK = "develop"
_numbers = itertools.count(1)
Figures = dict[tuple[str, ...], float]
"""Each sample: its name and its labels' values, in the order of the labels' names."""


def registry_of(jobs: JobQueue) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(QueueCollector(jobs))
    return registry


def read(text: str) -> Figures:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for sample in samples
    }
    assert len(found) == len(samples), "a series is told twice"
    return found


def let_pass(jobs: JobQueue, milliseconds: int = 1) -> None:
    """Of the server's time: what ends in the millisecond in which it is asked is told the next time."""
    now = jobs.inspector.now
    end = int(now() * 1000) + milliseconds
    wait_until(lambda: int(now() * 1000) >= end, what=f"{milliseconds} ms")


def scrape(registry: CollectorRegistry, jobs: JobQueue | None = None) -> Figures:
    """With ``jobs``: everything that has ended by now."""
    if jobs is not None:
        let_pass(jobs)
    return read(generate_latest(registry).decode())


def counters(found: Figures) -> Figures:
    """Those that must never go down."""
    return {key: value for key, value in found.items() if key[0].endswith(("_total", "_count", "_bucket"))}


def submit(jobs: JobQueue, queue: str = "default", name: str = TASK, count: int = 1) -> list[str]:
    body = Body(queue=queue, priority=5, task=name).encode(stamp=True)
    new = [NewJob(f"job-{next(_numbers)}", body) for _ in range(count)]
    jobs.broker.enqueue(new)
    return [each.id for each in new]


def claim(jobs: JobQueue, queue: str = "default", claimer: str = "", lease: float = 60.0) -> Claimed:
    found = jobs.broker.claim(claimer or f"w/{next(_numbers)}", "1.1", [queue], lease=lease)
    assert found
    return found


def succeed(jobs: JobQueue, queue: str = "default") -> None:
    jobs.broker.end(claim(jobs, queue), verbs.succeed(b""))


def retry(jobs: JobQueue) -> None:
    jobs.broker.end(claim(jobs), verbs.retry(0.0, ERROR))
    jobs.broker.promote(["default"])


def crash(jobs: JobQueue) -> None:
    claimer = f"w/{next(_numbers)}"
    claim(jobs, claimer=claimer)
    jobs.broker.crash(claimer, "1.2", {"signal": "SIGSEGV"})


def lose(jobs: JobQueue) -> None:
    """Nobody extends the lease, and who reaps does so often enough to vouch for it."""
    lost = claim(jobs, lease=0.05)

    def is_back() -> bool:
        jobs.broker.reap(["default"], lease=10.0)
        return jobs.job(lost.id).status == "queued"

    wait_until(is_back, what="the lease to be over")


def release(jobs: JobQueue) -> None:
    claimer = f"w/{next(_numbers)}"
    claim(jobs, claimer=claimer)
    jobs.broker.release(claimer, "1.2")


def defer(jobs: JobQueue) -> None:
    jobs.broker.end(claim(jobs), verbs.defer(0.0))
    jobs.broker.promote(["default"])


def runs(found: Figures, name: str = TASK) -> dict[str, float]:
    told = {event: found.get(("junmai_job_runs_total", event, name), 0.0) for event in RUN_EVENTS}
    return {event: value for event, value in told.items() if value}


def ends(found: Figures, name: str = TASK) -> dict[str, float]:
    return {key[1]: value for key, value in found.items() if key[0] == "junmai_jobs_total" and key[2] == name}
