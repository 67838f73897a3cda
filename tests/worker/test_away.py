"""Sleep, stalls, stepped clocks and a server that is away: nobody is taken for dead who only slept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from junmai_jobs import JobHandle, JobQueue
from junmai_jobs.scheduler import DEFAULT_RETENTION, Scheduler
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, queue_on

LEASE = 2.0


@pytest.fixture
def own_jobs(own_server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    queue = queue_on(own_server, tmp_path / "home")
    yield queue
    queue.close()


def until_past(moment: float) -> None:
    wait_until(lambda: time.time() > moment, 60, "time to pass")


def test_a_worker_that_slept_alone_goes_on(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    worker = start_worker("--lease", str(LEASE), slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)

    worker.freeze()
    until_past(time.time() + 3 * LEASE)
    worker.thaw()

    until_past(time.time() + LEASE / 2)
    (tmp_path / "go").touch()
    assert handle.result(timeout=60) == "released"
    assert [entry["event"] for entry in handle.job().history] == ["succeeded"]
    assert len(journal.runs()) == 1


@pytest.mark.parametrize("lease", [1.0, LEASE])
def test_a_worker_that_slept_beside_another_has_lost_its_job_once(
    lease: float, jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    sleeper = start_worker("--lease", str(lease), slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    start_worker("--lease", str(lease), slots=1)
    wait_until(lambda: sum(row["alive"] for row in jobs.workers()) == 2, what="both workers")

    sleeper.freeze()
    second = journal.wait_for(2)[1]
    (tmp_path / "go").touch()
    assert handle.result(timeout=60) == "released"
    done = handle.job()
    sleeper.thaw()
    until_past(time.time() + LEASE)

    job = handle.job()
    assert [entry["event"] for entry in job.history] == ["lost", "succeeded"]
    assert job.token == second.token
    assert (job.finished_at, job.result) == (done.finished_at, done.result)
    assert jobs.submit(tasks.quick, 5).result(timeout=60) == 5


def test_a_server_that_stalls_for_a_lease_costs_no_attempt(
    own_jobs: JobQueue, own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker("--lease", str(LEASE), server=own_server, slots=1)
    start_worker("--lease", str(LEASE), server=own_server, slots=1)
    handle = own_jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)

    own_server.pause()
    until_past(time.time() + LEASE * 1.5)
    own_server.resume()

    (tmp_path / "go").touch()
    assert handle.result(timeout=60) == "released"
    job = handle.job()
    assert {entry["event"] for entry in job.history} <= {"released", "succeeded"}
    assert (job.attempt, job.retry_count) == (1, 0)


def test_a_worker_waits_for_the_server_and_loses_nothing(
    own_jobs: JobQueue, own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    start_worker(server=own_server)
    running = own_jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    waiting = own_jobs.submit_many(tasks.record, [(str(journal),)] * 50)

    own_server.kill()
    (tmp_path / "go").touch()
    journal.wait_for(1, "end")
    until_past(time.time() + 1)
    own_server.start()

    back = time.time()
    assert running.result(timeout=60) == "released"
    for handle in waiting:
        handle.result(timeout=60)
    assert len({run.job for run in journal.runs()}) == 51
    assert min(run.time for run in journal.runs() if run.time > back) - back < 20


@pytest.mark.parametrize("hours", [1, -1])
def test_a_stepped_clock_counts_nothing(
    redis_server: RedisProcess, jobs: JobQueue, journal: Journal, tmp_path: Path, hours: int
) -> None:
    with jobs.worker(concurrency=1, lease=LEASE, moved_clock=True, loglevel="WARNING"):
        handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
        journal.wait_for(1)
        with redis_server.client() as client:
            client.hset(jobs.inspector.keys.meta, "clock_offset", hours * 3_600_000)
        until_past(time.time() + 2 * LEASE)
        (tmp_path / "go").touch()

        assert handle.result(timeout=60) == "released"
    assert [entry["event"] for entry in handle.job().history] == ["succeeded"]
    assert len(journal.runs()) == 1


def beside_a_long_sleeper(jobs: JobQueue) -> tuple[JobHandle[int], Scheduler]:
    """A running job whose worker has given no sign of life for ages, and the chores of another worker."""
    broker, inspector = jobs.broker, jobs.inspector
    broker.register("sleeper", {"claimers": ["sleeper/0"]})
    handle = jobs.submit(tasks.quick, 1)
    assert broker.claim("sleeper/0", "1.1", ["default"])
    with jobs.server.client() as client:
        client.zadd(inspector.keys.workers, {"sleeper": 0})
    return handle, Scheduler(broker, inspector, "other", 30.0, dict(DEFAULT_RETENTION), print, ["default"])


def test_who_slept_long_is_not_taken_for_dead_at_once(jobs: JobQueue) -> None:
    handle, chores = beside_a_long_sleeper(jobs)

    chores.run_due()
    assert handle.status == "running"

    chores.run_due(everything=True)
    assert [entry["event"] for entry in handle.job().history] == ["lost"]


def test_who_wakes_up_between_two_looks_is_not_dead(jobs: JobQueue) -> None:
    handle, chores = beside_a_long_sleeper(jobs)

    chores.run_due()
    jobs.broker.extend("sleeper", ["sleeper/0"])
    chores.run_due(everything=True)

    assert handle.status == "running"
