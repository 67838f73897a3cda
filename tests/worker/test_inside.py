"""What a task asks of its own job: checkpoints, making way, children, a log. Async tasks, and results."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from junmai_jobs import JobFailed, JobQueue, Priority, ResultExpired, ResultTimeout, RetryPolicy
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

# ---- checkpoints ---------------------------------------------------------------------------------


def test_the_next_run_goes_on_after_a_kill(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.go_on, str(journal), "is killed")
    os.kill(journal.wait_for(1, "saved")[0].pid, signal.SIGKILL)

    assert handle.result(timeout=60) == {"done": 3, "log": [journal.path]}

    assert [entry["event"] for entry in handle.job().history] == ["crashed", "succeeded"]
    assert len(journal.runs()) == 2


def test_the_next_run_goes_on_after_a_failure(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.go_on, str(journal), "fails")
    assert handle.result(timeout=60)["done"] == 3
    assert [run.attempt for run in journal.runs()] == [1, 2]


def test_the_next_run_goes_on_when_the_worker_was_stopped(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--grace", "0.1", slots=1)
    handle = jobs.submit(tasks.go_on, str(journal), "is stopped")
    journal.wait_for(1, "saved")
    worker.stop()

    start_worker(slots=1)

    assert handle.result(timeout=60)["done"] == 3
    assert (handle.job().attempt, len(journal.runs())) == (1, 2)


# ---- making way ----------------------------------------------------------------------------------


def test_a_job_makes_way_to_a_more_urgent_one_and_goes_on_after_it(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker(slots=1)
    release = tmp_path / "release"
    polite = jobs.submit(tasks.be_polite.with_options(priority=Priority.LOW), str(journal), str(release))
    journal.wait_for(1)
    equal = jobs.submit(tasks.quick.with_options(priority=Priority.LOW), 1)
    urgent = jobs.submit(tasks.quick.with_options(priority=Priority.HIGH), 2)

    assert urgent.result(timeout=60) == 2

    journal.wait_for(2)
    assert (polite.status, equal.status) == ("running", "queued"), "it is first again among its equals"
    release.touch()
    assert polite.result(timeout=60) == 2
    assert equal.result(timeout=60) == 1
    job = polite.job()
    assert (job.attempt, job.retry_count) == (1, 0)
    assert [entry["event"] for entry in job.history] == ["released", "succeeded"]
    assert journal.runs("swallowed") == []


def test_a_job_of_a_queue_that_the_worker_does_not_serve_is_not_made_way_to(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker("--queues", "default", slots=1)
    elsewhere = jobs.submit(tasks.quick.with_options(priority=9, queue="other"), 1)
    polite = jobs.submit(tasks.be_polite, str(journal), str(tmp_path / "release"))
    journal.wait_for(1)
    here = jobs.submit(tasks.quick.with_options(priority=9), 1)
    assert here.result(timeout=60) == 1
    journal.wait_for(2)
    (tmp_path / "release").touch()
    assert polite.result(timeout=60) == 2
    assert elsewhere.status == "queued"


# ---- children ------------------------------------------------------------------------------------


def test_children_are_submitted_once_however_often_their_parent_runs(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    parent = jobs.submit(tasks.bring_forth, str(journal), [7, 8])

    ids = parent.result(timeout=60)

    assert len(journal.runs()) == 2
    assert ids == [f"{parent.id}/1", f"{parent.id}/2"]
    wait_until(lambda: all(jobs.job(each).status.finished for each in ids), what="the children")
    assert [jobs.job(each).result for each in ids] == [7, 8]
    assert len(jobs.jobs(task="quick")) == 2


def test_another_child_in_the_place_of_the_first_is_refused(
    jobs: JobQueue, start_worker: StartWorker
) -> None:
    start_worker(slots=1)
    parent = jobs.submit(tasks.change_its_mind)
    with pytest.raises(JobFailed, match="submit the same in the same order in every run"):
        parent.result(timeout=60)


# ---- a log, a delay ------------------------------------------------------------------------------


def test_a_log_is_kept_with_the_job(
    jobs: JobQueue, start_worker: StartWorker, redis_server: RedisProcess
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.write_log, 3)
    handle.result(timeout=60)
    times, texts = zip(*(line.split(" ", 1) for line in handle.job().log), strict=True)
    assert list(texts) == ["line 0", "line 1", "line 2", "caf\u00e9", "and a lone \\udcff surrogate"]
    assert list(times) == sorted(times)
    assert all(time.endswith("Z") for time in times)
    command = [sys.executable, "-m", "junmai_jobs.cli", "--redis", redis_server.url, "show", handle.id]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-5:] == handle.job().log


def test_an_exception_says_when_to_try_again(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.slow_down, str(journal))
    assert handle.result(timeout=60) == "done"
    first, second = journal.runs()
    assert 0.2 <= second.time - first.time < 5
    assert (second.attempt, handle.job().retry_count) == (2, 1)


# ---- async ---------------------------------------------------------------------------------------


def test_a_task_may_be_async(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.sleep, str(journal), 0.01)
    assert handle.result(timeout=60) == handle.id


def test_its_soft_timeout_cancels_it(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(slots=1)
    once = tasks.sleep.with_options(soft_timeout=0.2, retry=RetryPolicy(max_retries=0))
    handle = jobs.submit(once, str(journal), 60.0)
    with pytest.raises(JobFailed, match="SoftTimeout: the task has used up its soft_timeout"):
        handle.result(timeout=60)
    assert len(journal.runs("cancelled")) == 1


def test_its_own_timeout_stays_what_it_is(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.time_out_by_itself)
    with pytest.raises(JobFailed, match="failed: TimeoutError"):
        handle.result(timeout=60)
    trace = handle.job().error
    assert trace
    assert trace["traceback"].splitlines()[1].strip().startswith('File "')
    assert "tests/worker/tasks.py" in trace["traceback"].splitlines()[1]


# ---- results -------------------------------------------------------------------------------------


def test_a_result_that_has_expired(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.quick.with_options(result_ttl=0.5), 7)
    assert handle.result(timeout=60) == 7

    def expired() -> bool:
        jobs.broker.expire()
        return handle.job().reason == "result_expired"

    wait_until(expired, what="the end of its time")
    with pytest.raises(ResultExpired, match="the result_ttl of its result is over"):
        handle.result()
    assert (handle.status, handle.job().result) == ("succeeded", None)


def test_handles_come_as_their_jobs_end(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker(slots=2)
    slow = jobs.submit(tasks.hold, str(journal), str(tmp_path / "release"))
    quick = jobs.submit(tasks.quick, 7)
    coming = jobs.as_completed([slow, quick], timeout=20)
    assert next(coming) is quick
    assert jobs.wait([slow, quick], timeout=0) == ([quick], [slow])
    with pytest.raises(ResultTimeout, match=r"1 of 2 jobs have not ended within 0\.1 s"):
        list(jobs.as_completed([slow, quick], timeout=0.1))
    (tmp_path / "release").touch()
    assert list(coming) == [slow]
    assert jobs.wait([slow, quick]) == ([slow, quick], [])


def test_a_result_can_be_awaited(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "release"))
    journal.wait_for(1)

    async def both() -> str:
        with pytest.raises(ResultTimeout, match=r"has not ended within 0\.05 s; it is running"):
            await handle.result_async(timeout=0.05)
        waiting = asyncio.create_task(handle.result_async(timeout=60))
        await asyncio.sleep(0)
        (tmp_path / "release").touch()
        return await waiting

    assert asyncio.run(both()) == "released"
