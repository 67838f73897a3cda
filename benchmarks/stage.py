"""What every measurement stands on: a server of its own, processes that are ended, a file of records."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from benchmarks.record import LOG_VARIABLE, records_in
from junmai_jobs import JobQueue
from junmai_jobs.config import Config
from tests.servers import RedisProcess
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
CHILD = "junmai-jobs-child"
"""The client name by which a worker's children can be told from others at the server."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A server without persistence, a queue on it, and where jobs record their start."""

    server: RedisProcess
    client: redis.Redis
    jobs: JobQueue
    log: Path

    def clear(self) -> None:
        """No jobs, no records, no statistics."""
        self.client.flushall()
        self.client.config_resetstat()
        self.log.write_bytes(b"")

    @contextlib.contextmanager
    def process(self, module: str, *arguments: object) -> Iterator[None]:
        """A Python module as a process, ended when the block is left."""
        with running([sys.executable, "-m", module, *map(str, arguments)]):
            yield

    @contextlib.contextmanager
    def worker(self, concurrency: int, *queues: str) -> Iterator[None]:
        """A worker of ours, its children idle."""
        before = self.blocked(CHILD)
        with self.process("benchmarks.worker", self.server.url, concurrency, *queues):
            self.wait_for(CHILD, before + concurrency)
            yield

    def blocked(self, name: str) -> int:
        """How many clients of this name wait at a list."""
        clients = self.client.client_list()
        return sum(each["name"] == name and each["cmd"] == "blpop" for each in clients)

    def wait_for(self, name: str, count: int) -> None:
        """Until so many clients of this name wait at a list."""
        wait_until(lambda: self.blocked(name) == count, 30, f"{count} idle {name}")

    def wait_for_records(self, count: int, timeout: float = 120.0) -> None:
        """Until so many jobs have started."""
        wait_until(lambda: records_in(self.log) >= count, timeout, f"{count:,} jobs")


@contextlib.contextmanager
def running(command: Sequence[str], output: Path | None = None, **environment: str) -> Iterator[psutil.Popen]:
    """A process that may print into a file; ended with all that it has started when the block is left."""
    with contextlib.ExitStack() as files:
        printed = files.enter_context(output.open("ab")) if output else None
        variables = os.environ | environment
        process = psutil.Popen(command, cwd=ROOT, env=variables, stdout=printed, stderr=printed)
    try:
        yield process
    finally:
        _end(process)


def _end(process: psutil.Popen) -> None:
    """Politely, and then not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        for each in psutil.wait_procs(family, timeout=5)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


def memory_folder() -> Path | None:
    """Where files are in memory, if there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if memory.is_dir() else None


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Set up, and take down whatever happens."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        folder = Path(name)
        server = RedisProcess(folder, options=("--appendonly", "no"))
        log = folder / "records"
        os.environ[LOG_VARIABLE] = str(log)
        try:
            server.start()
            yield Stage(server, server.client(), JobQueue(server.url, config=Config(home=folder)), log)
        finally:
            server.stop()
