"""Something else in the place of a key of ours: its queue is closed and named, and the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, StoreUnavailable
from junmai_jobs.inspector.base import STANDARD_QUEUES
from junmai_jobs.keys import QUEUE_HOMES
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

KINDS = (*QUEUE_HOMES, "bell")
ODD_NAMES = (b"q+gpu=x", b"q+", b"q+gpu", b"q+gpu=1=2", b"q+\xff", b"q+gpu=nan", b"+", b"Not a queue")


def submitted(jobs: JobQueue, queue: str, **options: Any) -> Any:
    return jobs.submit(tasks.quick.with_options(queue=queue, **options), 7)


def test_the_other_queues_go_on(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker
) -> None:
    """Each home and the bell in turn, in the middle of the line of queues, while the worker runs."""
    worker = start_worker(slots=1)
    keys = jobs.inspector.keys
    handles = [submitted(jobs, queue) for queue in ("a-first", *KINDS, "z-last")]
    for handle in handles:
        handle.result(timeout=60)
    with redis_server.client() as admin:
        foreign = {keys.queue(home, home): home.encode() for home in KINDS}
        for key, text in foreign.items():
            admin.delete(key)
            admin.set(key, text)
        for queue in ("a-first", "z-last"):
            assert submitted(jobs, queue).result(timeout=60) == 7
            assert submitted(jobs, queue, delay=0.05).result(timeout=60) == 7
        said = [f"queue {home} is closed: {key} holds what is not ours; move it away" for key, home in
                zip(foreign, KINDS, strict=True)]  # fmt: skip
        assert [worker.log().count(each) for each in said] == [1] * len(said)
        assert {key: admin.get(key) for key in foreign} == foreign
        with pytest.raises(StoreUnavailable, match=r"cannot work: .*:q:blocked:blocked"):
            jobs.stats()
        admin.delete(*foreign)
    for queue in KINDS:
        assert submitted(jobs, queue).result(timeout=60) == 7


@pytest.mark.parametrize("home", QUEUE_HOMES)
def test_who_lists_is_told_which_key_it_is(jobs: JobQueue, redis_server: RedisProcess, home: str) -> None:
    submitted(jobs, "default")
    submitted(jobs, "bad")
    with redis_server.client() as admin:
        key = jobs.inspector.keys.queue("bad", home)
        admin.delete(key)
        admin.set(key, "foreign")
        for ask in (jobs.stats, jobs.jobs):
            with pytest.raises(StoreUnavailable, match=rf"cannot work: .*{key}.*doctor --repair"):
                ask()
        assert len(jobs.jobs(queue="default")) == 1


def test_a_name_that_is_none_is_left_out_and_told_once(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker
) -> None:
    keys = jobs.inspector.keys
    with redis_server.client() as admin:
        admin.zadd(keys.queues, dict.fromkeys(ODD_NAMES, 0))
        worker = start_worker(slots=1)
        for _ in range(2):  # a queue that is new is seen at a later look than the names
            assert submitted(jobs, "later").result(timeout=60) == 7
        assert [worker.log().count(repr(name)) for name in ODD_NAMES] == [1] * len(ODD_NAMES)
        assert set(jobs.stats()["queues"]) == {*jobs.inspector.queues()} | set(STANDARD_QUEUES)
        assert jobs.inspector.queues() == ["later"]
        assert admin.zcard(keys.queues) == len(ODD_NAMES) + 1


def test_a_chore_that_the_server_refuses_is_told_once_and_stops_no_other(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker
) -> None:
    keys = jobs.inspector.keys
    with redis_server.client() as admin:
        admin.set(keys.expiring, "foreign")
        worker = start_worker(slots=1)
        wait_until(lambda: "chore prune: " in worker.log(), what="the chore to fail")
        # Promoted by another chore, when that which fails has been tried again.
        assert submitted(jobs, "default", delay=2).result(timeout=60) == 7
        admin.delete(keys.expiring)
        wait_until(lambda: "chore prune works again" in worker.log(), what="the chore to be done")
    assert worker.log().count("chore prune: ") == worker.log().count("chore prune works again") == 1
    assert "waiting for it" not in worker.log()
