"""How a worker stops, and what it leaves behind: nothing leased, nothing counted."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from pathlib import Path

from junmai_jobs import JobQueue
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, alive, queue_on


def test_sigterm_lets_a_running_job_finish(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    worker = start_worker("--grace", "10", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    waiting = jobs.submit(tasks.quick, 2)

    worker.signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in worker.log(), what="the worker to heed the signal")
    (tmp_path / "go").touch()

    assert worker.wait() == 0
    assert handle.status == "succeeded"
    assert waiting.status == "queued"
    assert jobs.workers() == []


def test_sigterm_gives_back_what_does_not_finish_in_time(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--grace", "0.5", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), "never")
    journal.wait_for(1)

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    job = handle.job()
    assert (job.status, job.retry_count) == ("queued", 0)
    assert [entry["event"] for entry in job.history] == ["released"]
    assert jobs.stats()["jobs_by_status"]["running"] == 0


def test_it_stops_also_while_the_server_is_away_and_nothing_is_lost(
    own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    with closing(queue_on(own_server, tmp_path / "home")) as jobs:
        worker = start_worker("--grace", "0.2", server=own_server, slots=1)
        handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
        journal.wait_for(1)
        own_server.kill()
        wait_until(lambda: "waiting for it" in worker.log(), what="the worker to miss the server")

        worker.signal(signal.SIGTERM)

        assert worker.wait(5) == 0
        own_server.start()
        (tmp_path / "go").touch()
        start_worker(server=own_server, slots=1)
        assert handle.result(timeout=10) == "released"


def test_a_second_interrupt_stops_at_once(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--grace", "60", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), "never")
    journal.wait_for(1)
    family = worker.family()

    worker.signal(signal.SIGINT)
    wait_until(lambda: "stopping" in worker.log(), what="the worker to heed the first")
    worker.signal(signal.SIGINT)

    assert worker.wait(5) == 130
    assert handle.status == "queued"
    wait_until(lambda: not alive(family), 2, "the whole family to end")


def test_burst_ends_when_nothing_is_left_that_can_run(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    jobs.submit_many(tasks.record, [(str(journal),)] * 20)
    retried = jobs.submit(tasks.fail_always, str(journal))
    child = jobs.submit(tasks.record.with_options(after=[retried], after_policy="continue"), str(journal))
    far = jobs.submit(tasks.record.with_options(delay=7200), str(journal))
    jobs.pause("low_priority")
    paused = jobs.submit(tasks.record.with_options(queue="low_priority"), str(journal))

    assert start_worker("--burst").wait(30) == 0

    assert retried.status == "failed"
    assert child.status == "succeeded"
    assert (far.status, paused.status) == ("scheduled", "queued")


def test_after_pause_returns_no_job_starts_also_after_a_restart(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker()
    jobs.submit_many(tasks.record, [(str(journal),)] * 500)
    journal.wait_for(20)

    jobs.pause()
    paused_at = time.time()
    wait_until(lambda: jobs.stats()["active_tasks"] == 0, what="running jobs to end")
    worker.stop()
    start_worker()
    wait_until(lambda: any(row["alive"] for row in jobs.workers()), what="the second worker")
    late = jobs.submit(tasks.record.with_options(queue="new"), str(journal))
    with jobs.server.client() as client:
        claims = [int(job.token or 0) / 1e6 for job in jobs.jobs(status="succeeded", limit=500)]
        assert client.ping()

    assert max(claims) < paused_at
    assert late.status == "queued"
    jobs.resume()
    journal.wait_for(501, timeout=30)
