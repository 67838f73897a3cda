"""A studio where jobs run, wait and fail, on a server of its own, and a terminal to watch it in."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.command_line import COMMAND, CommandLine
from tests.homes import in_home
from tests.servers import RedisProcess
from tests.terminals import Terminal, terminal
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.forks import Forks

TASKS = """
from threading import Event

from junmai_jobs import RetryPolicy, current_job, task

@task(queue="slow")
def develop(message):
    done = 0
    while True:
        current_job().check_cancelled()
        done = min(done + 1, 40)
        current_job().progress(done, 100, message=message)
        Event().wait(0.05)

@task
def add(a, b=1):
    return a + b

@task(retry=RetryPolicy(max_retries=0))
def explode(text):
    raise ValueError(text)
"""


@dataclass
class Studio:
    """A server, the command line, and a queue to look at it without."""

    server: RedisProcess
    line: CommandLine
    jobs: JobQueue
    stack: ExitStack = field(default_factory=ExitStack)

    def submit(self, *arguments: str) -> str:
        return str(self.line.json("submit", *arguments)["id"])

    def status(self, job_id: str) -> str:
        return str(self.jobs.job(job_id).status)

    def wait_for(self, job_id: str, status: str) -> None:
        wait_until(lambda: self.status(job_id) == status, what=f"{job_id} to be {status}")

    def work(self, slots: int = 2) -> None:
        """Have a worker run what can run, till the end of the test."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        worker = self.line.start(
            "worker", "--concurrency", str(slots), "--grace", "1", "--no-schedules", **pipes
        )
        self.stack.callback(worker.wait, 30)
        self.stack.callback(worker.terminate)

    @contextmanager
    def top(self, width: int = 80, height: int = 24, **environment: str) -> Iterator[Terminal]:
        line = self.line.having(**environment)
        with terminal([*COMMAND, "top"], line.folder, line.variables, width, height) as screen:
            yield screen


@contextmanager
def opened(binary: str, folder: Path, forks: Forks | None = None) -> Iterator[Studio]:
    server = RedisProcess(folder, binary=binary).start()
    environment = {"JUNMAI_REDIS_URL": server.url, "JUNMAI_TASKS": "scene"}
    line = CommandLine(folder / "home", folder / "cwd", environment, forks)
    (line.folder / "scene.py").write_text(TASKS, "utf-8")
    config = load_config(environ=in_home(folder / "home"))
    with closing(JobQueue(server.url, config=config)) as jobs:
        studio = Studio(server, line, jobs)
        try:
            with studio.stack:
                yield studio
        finally:
            server.stop()
