"""Workers as a user runs them: the command in a process of its own, with its whole family of processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.homes import in_home
from tests.waiting import wait_until

TASKS = "tests.worker.tasks"


@dataclass(frozen=True)
class Run:
    """One line of a journal."""

    event: str
    time: float
    pid: int
    job: str
    attempt: int
    token: str


@dataclass
class Journal:
    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def runs(self, event: str = "start") -> list[Run]:
        if not self.path.exists():
            return []
        rows = [line.split() for line in self.path.read_text(encoding="utf-8").splitlines()]
        return [
            Run(row[0], float(row[1]), int(row[2]), row[3], int(row[4]), row[5])
            for row in rows
            if row[0] == event
        ]

    def wait_for(self, count: int, event: str = "start", timeout: float = 60.0) -> list[Run]:
        """Until so many runs have begun (or ended)."""
        wait_until(lambda: len(self.runs(event)) >= count, timeout, f"{count} {event}s")
        return self.runs(event)


class Addressed(Protocol):
    """A server, or several, that a URL leads to."""

    @property
    def url(self) -> str: ...


@dataclass
class WorkerProcess:
    """A worker in a process of its own."""

    redis: Addressed
    home: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    inside: tuple[str, ...] = ()
    """What enters the host that it is to run on."""

    def start(self) -> WorkerProcess:
        self.home.mkdir(parents=True, exist_ok=True)
        command = [
            *self.inside, sys.executable, "-m", "junmai_jobs.cli", "--redis", self.redis.url,
            "--tasks", TASKS, "worker", *self.arguments,
        ]  # fmt: skip
        with (self.home / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=os.environ | in_home(self.home) | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def log(self) -> str:
        return (self.home / "worker.log").read_text(encoding="utf-8")

    def family(self) -> list[psutil.Process]:
        """The worker and every process below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop the worker and all below it, as a laptop's sleep or a debugger would."""
        for process in self.family():
            process.suspend()

    def thaw(self) -> None:
        for process in reversed(self.family()):
            process.resume()

    def wait(self, timeout: float = 60.0) -> int:
        assert self.process
        return self.process.wait(timeout)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def queue_on(redis: Addressed, home: Path) -> JobQueue:
    return JobQueue(redis.url, config=load_config(environ=in_home(home)))


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
