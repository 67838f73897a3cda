"""Strict order: priority, then the order of the queues, then first in, first out."""

from __future__ import annotations

import random

from junmai_jobs import JobQueue
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker

QUEUES = ("high_priority", "medium_priority", "default", "low_priority")


def test_three_children_claim_3000_jobs_in_exact_order(jobs: JobQueue, start_worker: StartWorker) -> None:
    chance = random.Random(7)
    wanted = [(chance.randint(0, 10), chance.choice(QUEUES)) for _ in range(3000)]
    handles = jobs.submit_all(
        (tasks.quick.with_options(priority=priority, queue=queue), (number,))
        for number, (priority, queue) in enumerate(wanted)
    )

    start_worker("--loglevel", "WARNING", "--burst", slots=3).wait(120)

    found = jobs.inspector.load([handle.id for handle in handles])
    assert all(job.status == "succeeded" for job in found)
    claimed = sorted(range(3000), key=lambda number: int(found[number].token or 0))
    ordered = sorted(range(3000), key=lambda n: (-wanted[n][0], QUEUES.index(wanted[n][1]), n))
    assert claimed == ordered


def test_the_order_of_the_queues_is_the_one_named(jobs: JobQueue, start_worker: StartWorker) -> None:
    handles = jobs.submit_all(
        (tasks.quick.with_options(queue=queue), (number,)) for number, queue in enumerate(("a", "b") * 5)
    )

    start_worker("--queues", "b,a", "--burst", slots=1).wait()

    by_token = sorted((handle.job() for handle in handles), key=lambda job: int(job.token or 0))
    assert [job.queue for job in by_token] == ["b"] * 5 + ["a"] * 5


def test_a_worker_without_queues_serves_a_new_one(jobs: JobQueue, start_worker: StartWorker) -> None:
    start_worker()
    wait_until(lambda: any(row["alive"] for row in jobs.workers()), what="the worker")

    handle = jobs.submit(tasks.quick.with_options(queue="brand-new"), 7)

    assert handle.result(timeout=60) == 7
