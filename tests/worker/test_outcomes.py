"""What a task does, and what becomes of its job."""

from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

import pytest

from junmai_jobs import JobCancelled, JobFailed, JobQueue, RetryPolicy, task
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, alive


def test_a_task_that_always_fails_runs_four_times(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker()
    handle = jobs.submit(tasks.fail_always, str(journal))

    with pytest.raises(JobFailed, match="attempt 4 went wrong"):
        handle.result(timeout=60)

    job = handle.job()
    assert (job.status, job.attempt, job.max_retries, job.retry_count) == ("failed", 4, 3, 3)
    assert [entry["attempt"] for entry in job.history] == [1, 2, 3, 4]
    for number, entry in enumerate(job.history, 1):
        assert f"attempt {number} went wrong" in entry["error"]["traceback"]
        assert "tests/worker/tasks.py" in entry["error"]["traceback"]
    waits = [later.time - earlier.time for earlier, later in pairwise(journal.runs())]
    assert all(low <= wait < low + 1 for wait, low in zip(waits, (0.1, 0.2, 0.4), strict=True))


def test_a_task_that_closes_what_others_print_to(jobs: JobQueue, start_worker: StartWorker) -> None:
    worker = start_worker(slots=1)
    handles = [jobs.submit(tasks.close_streams) for _ in range(2)]
    assert len({handle.result(timeout=60) for handle in handles}) == 2, "the next one has another process"
    for handle in handles:
        assert [entry["event"] for entry in handle.job().history] == ["succeeded"]
    assert "died" not in worker.log()


def test_a_person_retries_it_and_its_history_stays(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker()
    task = tasks.fail_always.with_options(retry=RetryPolicy(max_retries=0))
    handle = jobs.submit(task, str(journal))
    wait_until(lambda: handle.status == "failed", what="the failure")

    jobs.retry(handle.id)

    journal.wait_for(2)
    wait_until(lambda: handle.status == "failed", what="the second failure")
    assert [(entry["attempt"], entry["event"]) for entry in handle.job().history] == [(1, "failed")] * 2


@pytest.mark.slow
def test_the_schedule_of_the_house_is_two_four_and_eight_seconds(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker()
    handle = jobs.submit(tasks.fail_on_schedule, str(journal))

    with pytest.raises(JobFailed):
        handle.result(timeout=60)

    waits = [later.time - earlier.time for earlier, later in pairwise(journal.runs())]
    assert [0.75 * about <= wait <= 1.25 * about + 0.5 for wait, about in zip(waits, (2, 4, 8), strict=True)]


def test_abort_spends_no_retry(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.abort, str(journal))

    with pytest.raises(JobFailed, match="the disk is full"):
        handle.result(timeout=60)

    assert (handle.job().attempt, handle.job().reason) == (1, "the disk is full")
    assert len(journal.runs()) == 1


def test_retry_later_spends_no_attempt(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.come_back, str(journal))

    assert handle.result(timeout=60) == "done"

    job = handle.job()
    assert (job.attempt, job.retry_count) == (1, 0)
    assert [entry["event"] for entry in job.history] == ["deferred", "deferred", "succeeded"]


def test_a_result_that_cannot_be_stored_fails_the_job_and_says_why(
    jobs: JobQueue, start_worker: StartWorker
) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.return_a_set)

    with pytest.raises(JobFailed, match="the result is a set, which cannot be stored"):
        handle.result(timeout=60)

    assert handle.job().attempt == 1


def test_progress_is_kept_with_the_job(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.show_progress, 50)

    handle.result(timeout=60)

    assert handle.job().progress == {"done": 50, "total": 50, "message": "step 50"}


def test_a_job_of_an_unknown_task_is_left_to_other_workers(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    @task
    def only_known_here() -> None: ...

    start_worker(slots=1)
    handle = jobs.submit(only_known_here)

    wait_until(lambda: handle.status == "scheduled", what="the deferral")
    job = handle.job()
    assert (job.history[0]["event"], job.retry_count) == ("deferred", 0)


def test_a_soft_timeout_is_raised_inside_the_task(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    once = RetryPolicy(max_retries=0)
    handle = jobs.submit(tasks.hold.with_options(soft_timeout=0.3, retry=once), str(journal), "never")

    with pytest.raises(JobFailed, match="SoftTimeout"):
        handle.result(timeout=60)


def test_a_hard_timeout_kills_what_is_stuck_in_c(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker(slots=1)
    once = RetryPolicy(max_retries=0)
    handle = jobs.submit(tasks.hold_in_c.with_options(timeout=0.5, retry=once), str(journal))

    with pytest.raises(JobFailed, match=r"timeout of 0\.5 s"):
        handle.result(timeout=60)

    assert (handle.job().reason, handle.job().attempt) == ("timeout", 1)
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1


def test_cancel_reaches_a_running_task(jobs: JobQueue, start_worker: StartWorker, journal: Journal) -> None:
    start_worker(slots=1)
    handle = jobs.submit(tasks.wait_for_cancel, str(journal))
    journal.wait_for(1)

    assert handle.cancel() is False

    with pytest.raises(JobCancelled):
        handle.result(timeout=2)
    assert [entry["event"] for entry in handle.job().history] == ["cancelled"]


def test_cancel_kills_a_task_that_does_not_listen(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker("--grace", "0.5", slots=1)
    handle = jobs.submit(tasks.hold_in_c, str(journal))
    journal.wait_for(1)

    handle.cancel()

    with pytest.raises(JobCancelled):
        handle.result(timeout=60)
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1


def test_a_stale_worker_cannot_publish(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker(slots=1)
    final, go = tmp_path / "final", tmp_path / "go"
    handle = jobs.submit(tasks.publish, str(journal), str(tmp_path / "part"), str(final), str(go))
    run = journal.wait_for(1)[0]
    # As if another worker had been given the job meanwhile.
    with jobs.server.client() as client:
        state = client.hget(jobs.inspector.keys.states, handle.id)
        assert isinstance(state, bytes)
        other = state.replace(run.token.encode(), str(int(run.token) + 1).encode())
        client.hset(jobs.inspector.keys.states, handle.id, other)

    go.touch()

    journal.wait_for(1, "refused")
    assert not final.exists()


def test_a_child_is_replaced_after_its_number_of_jobs(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    start_worker("--max-jobs-per-child", "10", slots=1)
    for handle in jobs.submit_many(tasks.record, [(str(journal),)] * 30):
        handle.result(timeout=60)

    pids = [run.pid for run in journal.runs()]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [10, 10, 10]


def test_a_copy_of_the_process_that_a_task_has_forked_does_nothing_more(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker(slots=1)
    handle = jobs.submit(tasks.fork, str(journal))
    copy = int(handle.result(timeout=60))
    wait_until(lambda: copy not in [each.pid for each in alive(worker.family())], what="the end of the copy")
    assert [jobs.submit(tasks.quick, number).result(timeout=60) for number in range(20)] == list(range(20))
    assert handle.job().history[-1]["event"] == "succeeded"
    assert len(handle.job().history) == 1


def test_what_a_task_forks_ends_by_a_sigterm(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker(slots=1)
    assert jobs.submit(tasks.fork_and_terminate).result(timeout=60) == -signal.SIGTERM


def test_a_temporary_folder_with_a_long_path_is_no_hindrance(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    temporary = tmp_path / ("long" * 25)
    temporary.mkdir()
    start_worker(slots=1, TMPDIR=str(temporary))
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
