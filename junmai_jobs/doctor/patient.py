"""Whom the doctor examines: a configuration, a server, a namespace on it; and what several checks ask."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from junmai_jobs.config import Config
from junmai_jobs.connection import ClientLink
from junmai_jobs.doctor.reader import Lane, Reader
from junmai_jobs.inspector.stats import ALIVE_WITHIN
from junmai_jobs.replies import text_of
from junmai_jobs.route import route_of
from junmai_jobs.server import Server

T = TypeVar("T")
_LOOPBACK = ("localhost", "::1", "127.")


class Worker(NamedTuple):
    """One that has registered: its name, seconds since its last sign of life, and what it said of itself."""

    name: str
    silent: float
    said: dict[str, Any]

    @property
    def alive(self) -> bool:
        """Whether it is known to live."""
        return self.silent < ALIVE_WITHIN


@dataclass(frozen=True)
class Patient:
    """What is examined. The server is not reached before a check asks it something."""

    config: Config
    server: Server
    namespace: str
    allow_eviction: bool = False
    options: tuple[str, ...] = ()
    """Of the command line, those that name server, namespace, settings and tasks: a fix has them again."""
    register_tasks: Callable[[], None] = lambda: None
    """Imports the modules that register tasks; raises ConfigError where one cannot be."""

    @cached_property
    def link(self) -> ClientLink:
        """To the server."""
        return ClientLink(self.server, client_name="junmai-jobs-doctor")

    @cached_property
    def reader(self) -> Reader:
        """Of the namespace."""
        return Reader(self.link, self.namespace)

    @cached_property
    def info(self) -> dict[str, Any]:
        """The server's INFO."""
        return dict(self.ask(lambda client: client.info()))

    @cached_property
    def workers(self) -> list[Worker]:
        """All that have registered, by name."""
        said = self.reader.worker_info()
        return [
            Worker(name, silent, said.get(name, {}))
            for name, silent in sorted(self.reader.silences().items())
        ]

    @property
    def alive(self) -> list[Worker]:
        """The workers that live."""
        return [worker for worker in self.workers if worker.alive]

    @cached_property
    def lanes(self) -> list[Lane]:
        """What waits in each lane that a worker may serve."""
        return self.reader.look()

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker, in queues that are not paused."""
        return sum(lane.waiting for lane in self.lanes if not lane.paused)

    def ask(self, ask: Callable[[Any], T]) -> T:
        """Ask the server by a redis-py client.

        Raises:
            CallRefused: the server does not answer that, or not this user.
            StoreUnavailable: it cannot be reached.
        """
        return self.link.insist(lambda: ask(self.link.client))

    def command(self, words: str) -> str:
        """A command of ours, to be typed where this one was."""
        return " ".join(("junmai-jobs", *self.options, words))

    def redis_cli(self, words: str) -> str:
        """A command to the server, as its administrator types it."""
        if self.socket:
            return f"redis-cli -s {shlex.quote(self.socket)} {words}"
        host, port = self.place
        tls = "--tls " if self._scheme.startswith("rediss") else ""
        askpass = "--askpass " if self._connecting.get("password") else ""
        return (
            f"redis-cli {tls}{'' if self.is_near else f'-h {shlex.quote(host)} '}-p {port} {askpass}{words}"
        )

    def set_for_good(self, name: str, value: str) -> str:
        """A setting of the server's, now and from its next start on: it may come back as it was begun."""
        now = self.redis_cli(f"CONFIG SET {name} {value}")
        if self.server.url is None:  # which is told at each start what it is to do
            return now
        if self.info.get("config_file"):
            return f"{now}; {self.redis_cli('CONFIG REWRITE')}"
        return f"{now}; from its next start on: redis-server --{name} {value}"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of the server; a Unix socket has none."""
        told, route = self._connecting, route_of(self.link.client)
        return route.now if route is not None else (str(told.get("host", "")), int(told.get("port", 0)))

    @property
    def socket(self) -> str:
        """The path of the server's Unix socket; empty: it has none."""
        return str(self._connecting.get("path", ""))

    @property
    def has_sentinels(self) -> bool:
        """Whether sentinels are asked where the server is."""
        return "+sentinel" in self._scheme

    def url_for(self, user: str = "") -> str:
        """The server's address as it is to be written, with database 0 and this user."""
        if self.socket:
            return f"unix://{user}{self.socket}"
        host, port = self.place
        return f"redis{'s' if self._scheme.startswith('rediss') else ''}://{user}{host}:{port}/0"

    @property
    def is_near(self) -> bool:
        """Whether the server is on this computer, as far as its address tells."""
        return bool(self.socket) or self.place[0].startswith(_LOOPBACK)

    @property
    def _connecting(self) -> dict[str, Any]:
        """What redis-py has made of the address."""
        return dict(self.link.client.connection_pool.connection_kwargs)

    @property
    def _scheme(self) -> str:
        return (self.server.url or "").partition("://")[0]


def as_text(value: Any) -> str:
    """A text of a reply of redis-py's, which are bytes or not by command and protocol."""
    return text_of(value) if isinstance(value, bytes) else str(value)
