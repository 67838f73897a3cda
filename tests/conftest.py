"""What the tests share: servers that live as long as the session, and a namespace for each test."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import fakeredis
import pytest

from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink, Endpoint
from junmai_jobs.keys import Keys
from tests import acl
from tests.servers import RedisProcess, embedded_valkey, free_port, server_binary
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

BACKENDS = ("redis", "valkey", "cluster", "acl", "fakeredis")
_USER, _PASSWORD = "worker", "open-sesame"
_namespaces = (f"test-{number}" for number in itertools.count(1))


class FakeServer:
    """An endpoint without a server: what passed only here has not run."""

    def __init__(self) -> None:
        self._server = fakeredis.FakeServer(server_type="redis", version=(7,))

    def client(self, **_: Any) -> redis.Redis:
        client: redis.Redis = fakeredis.FakeRedis(server=self._server)
        return client

    def ensure(self) -> None:
        """It is always there."""

    def describe(self) -> str:
        return "fakeredis"


@dataclass
class Backend:
    """A kind of server, as a user of the library reaches it, and as its administrator does."""

    name: str
    endpoint: Endpoint
    admin: Any
    link: ClientLink = field(init=False)

    def __post_init__(self) -> None:
        self.link = ClientLink(self.endpoint, client_name="junmai-jobs")

    @property
    def shebang(self) -> bool:
        """Whether its scripts may say that they make room."""
        return self.name != "fakeredis"

    def open_to(self, namespace: str) -> None:
        """Let the library's user into one namespace, where there is such a user."""
        if self.name == "acl":
            self.admin.execute_command("ACL", "SETUSER", _USER, *acl.rules(namespace, _PASSWORD))


class Backends:
    """Each started when it is first asked for; none keeps a log."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._started: dict[str, Backend] = {}
        self._stack = ExitStack()
        self.close = self._stack.close

    def get(self, name: str) -> Backend:
        if name not in self._started:
            self._started[name] = self._start(name)
        return self._started[name]

    def _start(self, name: str) -> Backend:
        if name == "fakeredis":
            fake = FakeServer()
            return Backend(name, fake, fake.client())
        options: tuple[str, ...] = ("--appendonly", "no")
        if name == "cluster":
            options += ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        binary = embedded_valkey() if name == "valkey" else server_binary()
        server = RedisProcess(self._folders.mktemp(name), binary, options=options)
        self._stack.callback(server.stop)
        admin: Any = self._stack.enter_context(closing(server.start().client()))
        if name == "cluster":
            _own_all_slots(admin)
        if name != "acl":
            return self._with_link(Backend(name, server, admin))
        admin.execute_command("ACL", "SETUSER", _USER, *acl.rules("nothing", _PASSWORD))
        return self._with_link(Backend(name, replace(server, username=_USER, password=_PASSWORD), admin))

    def _with_link(self, backend: Backend) -> Backend:
        self._stack.callback(backend.link.client.close)
        return backend


def _own_all_slots(admin: Any) -> None:
    admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(
        lambda: "cluster_state:ok" in str(admin.execute_command("CLUSTER", "INFO")),
        what="the cluster to be whole",
    )


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with closing(Backends(tmp_path_factory)) as backends:
        yield backends


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, backends: Backends) -> Backend:
    """Every kind of server in turn."""
    return backends.get(request.param)


@pytest.fixture
def namespace(backend: Backend) -> Iterator[str]:
    """A namespace of the test's own, empty before and after it."""
    name = next(_namespaces)
    backend.open_to(name)
    yield name
    if left := list(backend.admin.scan_iter(f"{{{name}}}:*", count=1000)):
        backend.admin.delete(*left)


@pytest.fixture
def broker(backend: Backend, namespace: str) -> Broker:
    """The verbs on the test's namespace, with a clock that can be moved."""
    return Broker(backend.link, namespace, shebang=backend.shebang, moved_clock=True)


@dataclass
class Clock:
    """The clock of one namespace, as scripts with ``moved_clock`` read it."""

    admin: Any
    namespace: str

    def advance(self, seconds: float) -> None:
        """Let so much time pass; less than 0 for a clock that is set back."""
        self.admin.hincrby(Keys.of(self.namespace).meta, "clock_offset", round(seconds * 1000))


@pytest.fixture
def clock(backend: Backend, namespace: str) -> Clock:
    return Clock(backend.admin, namespace)


class StartServer(Protocol):
    """Starts a server of the test's own; ``options`` are for its command line."""

    def __call__(self, *options: str) -> RedisProcess: ...


@pytest.fixture
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Servers that the test may kill, stop and start again, with a log that is safe at every reply."""
    started: list[RedisProcess] = []

    def start(*options: str) -> RedisProcess:
        folder: Path = tmp_path_factory.mktemp("redis")
        started.append(RedisProcess(folder, server_binary(), options=options))
        return started[-1].start()

    yield start
    for server in started:
        server.stop()
