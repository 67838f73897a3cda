"""A body that cannot be read is set aside with its bytes, by a real worker, and everything else goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue
from tests.bad_inputs.corpus import BODIES, body, mutations
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import WorkerProcess


@pytest.fixture
def admin(redis_server: RedisProcess) -> Iterator[Any]:
    with redis_server.client() as client:
        yield client


def put(admin: Any, jobs: JobQueue, bodies: dict[str, bytes], queue: str = "default") -> None:
    """Have them stand in line, as if they had been submitted."""
    keys = jobs.inspector.keys
    pipeline = admin.pipeline(transaction=False)
    for number, (job_id, data) in enumerate(bodies.items(), 1):
        pipeline.hset(keys.bodies, job_id, data)
        pipeline.zadd(keys.queue(queue, "ready"), {job_id: number})
    pipeline.zadd(keys.queues, {queue: 1})
    pipeline.execute()


def ended_all(jobs: JobQueue, ids: list[str], worker: WorkerProcess) -> None:
    """Wait until a good job, which stands behind them all, has run; nobody has died of them."""
    before = {each.pid for each in worker.family()}
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    assert set(jobs.inspector.statuses(ids)) == set(ids)
    assert {each.pid for each in worker.family()} == before, worker.log()
    assert "died" not in worker.log()


def test_it_is_set_aside_with_its_bytes_and_the_next_runs(
    jobs: JobQueue, admin: Any, start_worker: StartWorker
) -> None:
    worker = start_worker(slots=1)
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1
    bodies = {f"bad-{number}": data for number, data in enumerate(BODIES.values())}
    put(admin, jobs, bodies)
    ended_all(jobs, list(bodies), worker)
    found = {job.id: job for job in jobs.jobs(status="failed", limit=len(bodies))}
    names = dict(zip(bodies, BODIES, strict=True))
    assert {names[each.id]: each.reason for each in found.values()} == dict.fromkeys(BODIES, "corrupt_record")
    assert dict(zip(bodies, admin.hmget(jobs.inspector.keys.bodies, list(bodies)), strict=True)) == bodies


def test_any_one_byte_may_be_wrong(jobs: JobQueue, admin: Any, start_worker: StartWorker) -> None:
    worker = start_worker("--max-jobs-per-child", "10000", slots=1)
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1
    whole = body("quick", [12], {}, {"timeout": 60, "retry": [0, 2.0, 2.0, 600.0, 0.25], "tags": ["x"]})
    bodies = {f"m{number}": data for number, data in enumerate(mutations(whole, 300, seed=11))}
    put(admin, jobs, bodies)
    ended_all(jobs, list(bodies), worker)
    rows = {job.id: job for job in jobs.jobs(limit=1000)}
    assert {row.status for row in rows.values()} <= {"succeeded", "failed", "scheduled"}
    kept = admin.hmget(jobs.inspector.keys.bodies, list(bodies))
    assert dict(zip(bodies, kept, strict=True)) == bodies
    reasons = [rows[each].reason for each in bodies]
    assert reasons.count("corrupt_record") > 100


def test_a_newer_version_is_left_where_it_is_and_other_queues_go_on(
    jobs: JobQueue, admin: Any, start_worker: StartWorker
) -> None:
    worker = start_worker(slots=1)
    newer = {"newer-1": b"9new|5|what a later version writes\n\xc1\xff", "newer-2": b"\xffnew|5\n\xc1"}
    put(admin, jobs, newer, queue="new")
    behind = jobs.submit(tasks.quick.with_options(queue="new"), 1)
    wait_until(lambda: "queue new has jobs of a newer version" in worker.log(), what="the worker to meet it")
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    keys = jobs.inspector.keys
    assert admin.zrange(keys.queue("new", "ready"), 0, -1) == [b"newer-1", b"newer-2", behind.id.encode()]
    assert admin.hmget(keys.bodies, list(newer)) == list(newer.values())
    assert {jobs.job(job_id).task for job_id in newer} == {"(unreadable)"}
    assert behind.status == "queued"
