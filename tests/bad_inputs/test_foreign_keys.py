"""Something else in the place of a key of ours: its queue is closed and named, and the others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, StoreUnavailable
from junmai_jobs.keys import QUEUE_HOMES
from tests.worker import tasks

if TYPE_CHECKING:
    from tests.servers import RedisProcess
    from tests.worker.conftest import StartWorker

KINDS = (*QUEUE_HOMES, "bell")


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
        handle.result(timeout=20)
    with redis_server.client() as admin:
        foreign = {keys.queue(home, home): home.encode() for home in KINDS}
        for key, text in foreign.items():
            admin.delete(key)
            admin.set(key, text)
        for queue in ("a-first", "z-last"):
            assert submitted(jobs, queue).result(timeout=20) == 7
            assert submitted(jobs, queue, delay=0.05).result(timeout=20) == 7
        said = [f"queue {home} is closed: {key} holds what is not ours; move it away" for key, home in
                zip(foreign, KINDS, strict=True)]  # fmt: skip
        assert [worker.log().count(each) for each in said] == [1] * len(said)
        assert {key: admin.get(key) for key in foreign} == foreign
        with pytest.raises(StoreUnavailable, match=r"cannot work: .*:q:blocked:blocked"):
            jobs.stats()
        admin.delete(*foreign)
    for queue in KINDS:
        assert submitted(jobs, queue).result(timeout=20) == 7


@pytest.mark.parametrize("home", QUEUE_HOMES)
def test_who_lists_is_told_which_key_it_is(jobs: JobQueue, redis_server: RedisProcess, home: str) -> None:
    submitted(jobs, "default")
    submitted(jobs, "bad")
    with redis_server.client() as admin:
        key = jobs.inspector.keys.queue("bad", home)
        admin.delete(key)
        admin.set(key, "foreign")
        for ask in (jobs.stats, jobs.jobs):
            with pytest.raises(StoreUnavailable, match=rf"cannot work: .*{key}"):
                ask()
        assert len(jobs.jobs(queue="default")) == 1
