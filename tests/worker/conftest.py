from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from junmai_jobs import JobQueue
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker.harness import Journal, WorkerProcess, alive, queue_on

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def redis_server(server: RedisProcess) -> RedisProcess:
    """A server with nothing in it, shared by the tests of a module."""
    with server.client() as client:
        client.flushall()
    return server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server that the test may kill, stop and start again."""
    folder = tmp_path / "own-redis"
    folder.mkdir()
    server = RedisProcess(folder).start()
    yield server
    server.stop()


@pytest.fixture
def jobs(redis_server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    queue = queue_on(redis_server, tmp_path / "home")
    yield queue
    queue.close()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def start_worker(redis_server: RedisProcess, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers; at the end of the test they must stop in order and leave no process behind."""
    workers: list[WorkerProcess] = []
    families: list[psutil.Process] = []

    def start(
        *arguments: str,
        server: RedisProcess = redis_server,
        slots: int | None = 2,
        schedules: bool = False,
        **environment: str,
    ) -> WorkerProcess:
        worker = WorkerProcess(
            server,
            tmp_path / f"worker-{len(workers)}",
            (
                *(() if slots is None else ("--concurrency", str(slots))),
                "--grace",
                "2",
                *(() if schedules else ("--no-schedules",)),
                *arguments,
            ),
            environment,
        )
        workers.append(worker.start())
        return worker

    yield start
    for worker in workers:
        families += worker.family()
    for worker in workers:
        worker.stop()
    wait_until(lambda: not alive(families), what="every process of the workers to end")
