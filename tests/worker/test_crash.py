"""Processes killed: children, workers, their whole host as it seems from another."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from junmai_jobs import JobFailed, JobQueue
from junmai_jobs.broker_upkeep import LEASE
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, alive


def test_a_killed_childs_job_runs_again_then_waits_then_fails(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker()
    handle = jobs.submit(tasks.hold, str(journal), "never")

    killed_at = []
    for run in (1, 2, 3):
        os.kill(journal.wait_for(run)[-1].pid, signal.SIGKILL)
        killed_at.append(time.time())

    with pytest.raises(JobFailed, match="SIGKILL"):
        handle.result(timeout=60)
    starts = [run.time for run in journal.runs()]
    assert starts[1] - killed_at[0] < LEASE
    assert starts[2] - killed_at[1] >= 5
    job = handle.job()
    assert (job.status, job.reason, job.attempt, job.retry_count) == ("failed", "crashed", 1, 0)
    assert [(entry["event"], entry["signal"]) for entry in job.history] == [("crashed", "SIGKILL")] * 3


def test_an_exit_code_is_in_the_history(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.exit_process, 3)

    wait_until(lambda: handle.job().history, what="the crash")
    handle.cancel()

    assert handle.job().history[0]["exit_code"] == 3


def test_a_task_that_ends_its_process_in_peace_counts_as_a_crash_too(
    jobs: JobQueue, start_worker: StartWorker
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.exit_process, 0)

    with pytest.raises(JobFailed, match="exit code 0"):
        handle.result(timeout=60)

    assert [entry["event"] for entry in handle.job().history] == ["crashed"] * 3


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_no_process_outlives_a_killed_worker(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, method: str
) -> None:
    """Neither one that runs Python, nor its sibling that is stuck in C."""
    # A path so long is no place for the forkserver's socket.
    temporary = tmp_path / ("long" * 25)
    temporary.mkdir()
    worker = start_worker(**({"TMPDIR": str(temporary)} if method == "spawn" else {}))
    jobs.submit(tasks.hold_in_c, str(journal))
    jobs.submit(tasks.hold, str(journal), "never")
    journal.wait_for(2)
    family = worker.family()
    assert any("forkserver" in word for each in family for word in each.cmdline()) == (method == "forkserver")

    os.kill(worker.pid, signal.SIGKILL)

    wait_until(lambda: not alive(family), what="the whole family to end")


def test_a_worker_on_the_same_host_takes_over_at_once(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    first = start_worker(slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    start_worker(slots=1)
    wait_until(lambda: sum(row["alive"] for row in jobs.workers()) == 2, what="both workers")

    os.kill(first.pid, signal.SIGKILL)
    killed = time.time()

    assert journal.wait_for(2)[1].time - killed < LEASE
    (tmp_path / "go").touch()
    assert handle.result(timeout=60) == "released"
    assert [entry["event"] for entry in handle.job().history] == ["lost", "succeeded"]
    assert len(jobs.workers()) == 1


def test_a_worker_on_another_host_takes_over_when_the_lease_is_over(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    first = start_worker("--lease", "3", slots=1, JUNMAI_HOST="one")
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    start_worker("--lease", "3", slots=1, JUNMAI_HOST="two")
    wait_until(lambda: sum(row["alive"] for row in jobs.workers()) == 2, what="both workers")

    os.kill(first.pid, signal.SIGKILL)

    journal.wait_for(2)
    (tmp_path / "go").touch()
    assert handle.result(timeout=60) == "released"
    assert [entry["event"] for entry in handle.job().history] == ["lost", "succeeded"]


def test_a_worker_that_is_started_later_takes_over_too(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    first = start_worker("--lease", "3", slots=1, JUNMAI_HOST="one")
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    (run,) = journal.wait_for(1)
    child = psutil.Process(run.pid)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    wait_until(lambda: not alive([child]), what="the end of its child")
    (tmp_path / "go").touch()

    start_worker("--lease", "3", slots=1, JUNMAI_HOST="two")

    wait_until(lambda: any(row["host"] == "two" for row in jobs.workers()), what="the second worker")
    assert handle.result(timeout=60) == "released"


DEADLY = """
import multiprocessing, os
if multiprocessing.parent_process() is not None:
    os._exit(9)
"""


def test_a_child_that_dies_while_it_starts_is_not_started_in_a_storm(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    (tmp_path / "deadly_module.py").write_text(DEADLY, encoding="utf-8")
    handle = jobs.submit(tasks.quick, 1)
    begin = time.monotonic()
    worker = start_worker("--tasks", "deadly_module", slots=1, PYTHONPATH=f"{tmp_path}:{Path.cwd()}")
    wait_until(lambda: worker.log().count("exit code 9") >= 4, what="the fourth death")

    # With pauses of 0.05, 0.1 and 0.2 s at least in between.
    assert time.monotonic() - begin > 0.35
    assert (handle.status, handle.job().history) == ("queued", [])
