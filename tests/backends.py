"""The kinds of server that the verbs are tried on, each with a namespace of its own for every test.

What passed only on fakeredis has not run.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink, Endpoint
from junmai_jobs.keys import Keys
from junmai_jobs.testing.fake import Clock, FakeLink, FakeServer
from tests import acl
from tests.servers import RedisProcess, embedded_valkey, free_port, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

__all__ = ["BACKENDS", "Backend", "Backends", "Clock"]

BACKENDS = ("redis", "valkey", "cluster", "acl", "fakeredis")
_USER, _PASSWORD = "worker", "open-sesame"
_numbers = itertools.count(1)


@dataclass
class Backend:
    """A server as a user of the library reaches it, by ``endpoint``, and as its administrator does."""

    name: str
    endpoint: Endpoint
    admin: Any
    """A redis-py client; the types of its replies would be in the way."""
    link: ClientLink = field(init=False)

    def __post_init__(self) -> None:
        if isinstance(self.endpoint, FakeServer):
            self.link = FakeLink(self.endpoint)
        else:
            self.link = ClientLink(self.endpoint, client_name="junmai-jobs")

    def close(self) -> None:
        self.link.client.close()
        self.admin.close()

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """A namespace that nobody else has, and that the library's user may enter; emptied at the end."""
        name = f"test-{next(_numbers)}"
        self.let_in(name)
        yield name
        if left := list(self.admin.scan_iter(f"{{{name}}}:*", count=1000)):
            self.admin.delete(*left)

    def let_in(self, namespace: str) -> None:
        """Give the library's user the rights to this namespace, and to no other."""
        if self.name == "acl":
            self.admin.execute_command("ACL", "SETUSER", _USER, *acl.rules(namespace, _PASSWORD))

    def broker(self, namespace: str) -> Broker:
        """The verbs, with a clock that can be moved."""
        return Broker(self.link, namespace, moved_clock=True)

    def clock(self, namespace: str) -> Clock:
        """The clock that this broker's scripts read."""
        return Clock(self.admin, Keys.of(namespace).meta)


class Backends:
    """Each started when it is first asked for; none keeps a log."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: dict[str, Backend] = {}
        self._stack = ExitStack()
        self.close = self._stack.close

    def get(self, name: str) -> Backend:
        if name not in self._started:
            self._started[name] = self._stack.enter_context(closing(self._start(name)))
        return self._started[name]

    def _start(self, name: str) -> Backend:
        if name == "fakeredis":
            fake = FakeServer()
            return Backend(name, fake, fake.client())
        binary = embedded_valkey() if name == "valkey" else server_binary()
        server = RedisProcess(self._folders.mktemp(name), binary, options=("--appendonly", "no"))
        if name == "cluster":
            server.options += ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        self._stack.callback(server.stop)
        admin: Any = server.start().client()
        if name == "cluster":
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: "cluster_state:ok" in str(admin.execute_command("CLUSTER", "INFO")))
        if name == "acl":
            server = replace(server, username=_USER, password=_PASSWORD)
        return Backend(name, server, admin)
