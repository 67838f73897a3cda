"""With aging on, who waits longest is not overtaken for ever; off, nobody is raised."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.worker.conftest import StartWorker

BOUND = 6.0
LEAD = 3.0


@contextmanager
def stream_of_urgent_jobs(jobs: JobQueue, waiting: int) -> Iterator[threading.Event]:
    """At least so many always wait; they take time, and not the cores from all that runs beside this."""
    urgent, args = tasks.take_time.with_options(priority=9), (os.devnull, 0.01)
    stop = threading.Event()

    def submit() -> None:
        while not stop.is_set():
            if jobs.stats()["jobs_by_priority"].get("9", 0) < waiting:
                jobs.submit_many(urgent, [args] * 200)
            stop.wait(0.01)

    producer = threading.Thread(target=submit)
    jobs.submit_many(urgent, [args] * waiting)
    producer.start()
    try:
        yield stop
    finally:
        stop.set()
        producer.join()


def succeeded(jobs: JobQueue) -> int:
    return int(jobs.stats()["jobs_by_status"]["succeeded"])


def test_a_low_job_under_an_endless_stream_starts_within_its_bound(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    config = tmp_path / "aging.json"
    config.write_text(json.dumps({"queues": {"aging_seconds": BOUND}}))
    with stream_of_urgent_jobs(jobs, 100):
        start_worker("--loglevel", "WARNING", JUNMAI_CONFIG=str(config))
        wait_until(lambda: succeeded(jobs) > 0, what="the worker")
        low = jobs.submit(tasks.quick.with_options(priority=1), 1)
        assert low.result(timeout=BOUND + 10) == 1
    job = low.job()
    assert job.priority == 10, "it was raised"
    assert BOUND - LEAD <= between(job.created_at, job.started_at) <= BOUND


def test_without_aging_it_waits_until_there_is_nothing_better(
    jobs: JobQueue, start_worker: StartWorker
) -> None:
    with stream_of_urgent_jobs(jobs, 300):
        start_worker("--loglevel", "WARNING")
        wait_until(lambda: succeeded(jobs) > 0, what="the worker")
        low = jobs.submit(tasks.quick.with_options(priority=1), 1)
        others = succeeded(jobs)
        created = low.job().created_at
        wait_until(lambda: between(created, jobs.stats()["timestamp"]) > BOUND, what="the bound")
        assert succeeded(jobs) > others
        assert low.status == "queued"
        assert low.job().priority == 1
    assert low.result(timeout=60) == 1


def between(first: str | None, second: str | None) -> float:
    """Seconds."""
    assert first
    assert second
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
