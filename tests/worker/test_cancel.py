"""A run that is to be cancelled is asked to stop, then interrupted, then killed; its history tells which."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import JobCancelled, JobQueue
from junmai_jobs.task import Task
from tests.in_process import typed
from tests.servers import RedisProcess
from tests.worker import stubborn_tasks, tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
STUBBORN = ("--tasks", "tests.worker.stubborn_tasks")


def cancel(jobs: JobQueue, journal: Journal, task: Task[..., Any], *arguments: Any) -> str:
    """Cancel a run of this task once it has begun; how it was stopped."""
    begun = len(journal.runs())
    handle = jobs.submit(task, str(journal), *arguments)
    journal.wait_for(begun + 1)
    assert handle.cancel() is False
    with pytest.raises(JobCancelled):
        handle.result(timeout=60)
    [run] = handle.job().history
    assert (run["event"], run["attempt"], run["error"]) == ("cancelled", 1, None)
    return str(run["how"])


def test_one_that_looks_stops_by_itself(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker("--grace", "10", slots=1)  # it is interrupted after half of it
    assert cancel(jobs, journal, tasks.wait_for_cancel) == "asked"


@posix
def test_a_run_is_interrupted_in_its_task_and_its_process_goes_on(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker("--grace", "2", *STUBBORN, slots=1)
    assert cancel(jobs, journal, stubborn_tasks.sleep_in_c) == "interrupted"
    assert cancel(jobs, journal, tasks.sleep, 60) == "interrupted"
    jobs.submit(tasks.record, str(journal)).result(timeout=60)

    assert len({run.pid for run in journal.runs()}) == 1
    assert (len(journal.runs("tidied-up")), len(journal.runs("cancelled"))) == (1, 1)


@posix
def test_one_that_will_not_stop_is_killed(
    jobs: JobQueue,
    start_worker: StartWorker,
    journal: Journal,
    redis_server: RedisProcess,
    tmp_path: Path,
) -> None:
    worker = start_worker("--grace", "0.5", *STUBBORN, slots=1)
    assert cancel(jobs, journal, stubborn_tasks.swallow) == "killed"
    assert cancel(jobs, journal, tasks.hold_in_c) == "killed"
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    assert "died" not in worker.log()

    newest = jobs.jobs(status="cancelled")[0].id
    shown = typed(tmp_path / "home", "show", newest, JUNMAI_REDIS_URL=redis_server.url).stdout
    assert "it was killed, as it did not stop" in shown
