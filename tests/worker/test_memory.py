"""A job that runs out of memory runs again alone, and then at a smaller working size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import JobFailed, JobQueue
from tests.in_process import typed
from tests.servers import RedisProcess
from tests.worker import stubborn_tasks, tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

STUBBORN = ("--tasks", "tests.worker.stubborn_tasks")
ALONE = "out of memory: runs again alone"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there is a process held to its memory")


def told(job: Any) -> list[tuple[str, str | None]]:
    return [(run["event"], run["reason"]) for run in job.history]


def test_it_climbs_alone_until_it_fits(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(*STUBBORN, slots=3)
    heavy = jobs.submit(stubborn_tasks.take_memory.with_options(priority=9), str(journal), 300, 200)
    light = jobs.submit_many(tasks.take_time, [(str(journal), 0.05)] * 60)

    assert heavy.result(timeout=60) == 0.5
    for handle in light:
        handle.result(timeout=60)

    job = heavy.job()
    assert (job.attempt, job.retry_count) == (1, 0)
    assert told(job) == [
        ("deferred", ALONE),
        ("deferred", f"{ALONE}, at half its working size"),
        ("succeeded", None),
    ]
    assert [run["error"] and run["error"]["type"] for run in job.history] == [
        "MemoryError",
        "MemoryError",
        None,
    ]
    ends = {run.token: run.time for run in journal.runs("end")}
    spans = [(run, ends[run.token]) for run in journal.runs()]
    mine = [(run, end) for run, end in spans if run.job == heavy.id]
    assert len({run.pid for run, _ in mine}) == 3, "a process that had no memory left runs nothing more"
    for alone, until in mine[1:]:
        beside = [run for run, end in spans if run.job != heavy.id and run.time < until and end > alone.time]
        assert beside == []


def test_what_never_fits_fails_and_says_why(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, redis_server: RedisProcess, tmp_path: Path
) -> None:
    start_worker(*STUBBORN, slots=1)
    handle = jobs.submit(stubborn_tasks.take_memory, str(journal), 2000, 200)
    with pytest.raises(JobFailed, match="MemoryError"):
        handle.result(timeout=60)
    job = handle.job()
    assert (job.reason, job.attempt, len(journal.runs())) == ("out_of_memory", 1, 4)
    assert [event for event, _ in told(job)] == ["deferred", "deferred", "deferred", "failed"]

    shown = typed(tmp_path / "home", "show", handle.id, JUNMAI_REDIS_URL=redis_server.url).stdout
    assert f"{ALONE}, at a quarter of its working size" in shown
