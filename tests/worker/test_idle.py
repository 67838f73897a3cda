"""A worker with nothing to do asks little of the server and of the machine. See also benchmarks/idle.py."""

from __future__ import annotations

import threading

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.scheduler import QUIET_EVERY
from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.servers import RedisProcess
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import WorkerProcess
from tests.worker.idleness import commands, processor_percent


def rested(jobs: JobQueue, start_worker: StartWorker) -> WorkerProcess:
    """A worker that has worked, and has come to rest."""
    worker = start_worker(slots=3, JUNMAI_GOVERNOR="on")
    jobs.submit(lightroom_apply, photo_id=1, config={})  # for somebody else, who may never come
    assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1
    threading.Event().wait(QUIET_EVERY)
    return worker


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_at_most_two_commands_a_second(
    jobs: JobQueue, start_worker: StartWorker, redis_server: RedisProcess, seconds: int
) -> None:
    worker = rested(jobs, start_worker)
    with commands(redis_server.url) as sent:
        used = processor_percent(worker, seconds)
    assert 0 < sent.total() <= 2 * seconds, sent
    print(f"{sent.total() / seconds:.2f} commands a second; percent of a core: {used}")
