"""Real servers for tests: each on a free loopback port, in a folder of its own, ended by its pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from junmai_jobs.embedded import find_binary
from tests.waiting import wait_until

INSTALL = "apt-get install redis-server"


def debian_redis() -> str:
    """The redis-server of the system."""
    binary = shutil.which("redis-server")
    assert binary, f"these tests need a redis-server on PATH: {INSTALL}"
    return binary


def embedded_valkey() -> str:
    """The server binary that is installed with the library."""
    return str(find_binary())


def server_binary() -> str:
    """Debian's Redis where it is installed, as in CI it must be; else the embedded server's binary."""
    if shutil.which("redis-server") or os.environ.get("CI"):
        return debian_redis()
    return embedded_valkey()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RedisProcess:
    """A server process that can be killed, stopped for a while and started again on the same data.

    It is also an ``Endpoint``, so brokers and workers can be pointed at it.
    """

    folder: Path
    binary: str = field(default_factory=server_binary)
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    password: str | None = None
    username: str | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisProcess:
        command = [
            self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "always",
            "--enable-debug-command", "local", "--daemonize", "no", *self.options,
        ]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            process = self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait_until(
            lambda: process.poll() is not None or self.answers(), what=f"the server on port {self.port}"
        )
        assert self._listens(), f"port {self.port} is not had by the server of {self.folder}; see its log"
        return self

    def _listens(self) -> bool:
        """Whether the port is had by this server, or by one below what traces it, and not by a stranger."""
        assert self.process
        with contextlib.suppress(redis.RedisError), self.client(driver_info=None) as client:
            if client.info("server")["process_id"] == self.process.pid:
                return True
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return any(
                each.status == psutil.CONN_LISTEN and each.laddr.port == self.port
                for process in (parent, *parent.children(recursive=True))
                for each in process.net_connections("tcp")
            )
        return False

    def answers(self) -> bool:
        try:
            # Nor is it told of redis-py, whose version would be looked up each time.
            with self.client(driver_info=None) as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """As by kill -9."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def client(self, **options: Any) -> redis.Redis:
        given: dict[str, Any] = {
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": 5.0,
            "password": self.password,
            "username": self.username,
        }
        return redis.Redis(host="127.0.0.1", port=self.port, **(given | options))

    def ensure(self) -> None:
        """It is the test's to start."""

    def processes(self) -> tuple[int, ...]:
        """It is nobody's own."""
        return ()

    def describe(self) -> str:
        return self.url

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"process": None}
