"""What the tests share: servers that live as long as the session, and a namespace for each test."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, settings

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from tests.backends import BACKENDS, Backend, Backends, Clock
from tests.command_line import CommandLine, home_with_server, in_namespace
from tests.embedded_servers import Servers
from tests.forks import Forks
from tests.homes import in_home
from tests.servers import RedisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from junmai_jobs.broker import Broker
    from junmai_jobs.server import Server

# A shell that runs the suite in the background has it ignore Ctrl-C, and every process under test would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # under nohup it would be ignored, also by what the tests start
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# The same examples everywhere and always; a machine that stalls for a while is no finding.
settings.register_profile(
    "junmai",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("junmai")


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
    with backend.namespace() as name:
        yield name


@pytest.fixture
def broker(backend: Backend, namespace: str) -> Broker:
    """The verbs on the test's namespace, with a clock that can be moved."""
    return backend.broker(namespace)


@pytest.fixture
def clock(backend: Backend, namespace: str) -> Clock:
    """The clock of ``broker``."""
    return backend.clock(namespace)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server that the tests of a module share."""
    server = RedisProcess(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def jobs(server: RedisProcess, tmp_path: Path) -> Iterator[JobQueue]:
    """A queue on it, with nothing in it."""
    with server.client() as client:
        client.flushall()
    config = load_config(environ=in_home(tmp_path / "home"))
    with closing(JobQueue(server.url, config=config)) as jobs:
        yield jobs


class StartServer(Protocol):
    """Starts a server; ``options`` are for its command line."""

    def __call__(self, *options: str) -> RedisProcess: ...


@pytest.fixture
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Servers that the test may kill, stop and start again, with a log that is safe at every reply."""
    started: list[RedisProcess] = []

    def start(*options: str) -> RedisProcess:
        started.append(RedisProcess(tmp_path_factory.mktemp("redis"), options=options))
        return started[-1].start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Embedded servers, in a home of the test's own."""
    with closing(Servers(tmp_path / "home")) as servers:
        yield servers


@pytest.fixture
def started(servers: Servers) -> Server:
    """An embedded server that runs."""
    made = servers.make()
    made.start()
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Path]:
    """The data folder of the tests of a module that type commands, with a server of its own."""
    with home_with_server(tmp_path_factory.mktemp("cli") / "home", forks) as home:
        yield home


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with closing(Forks()) as forks:
        forks.start()
        yield forks


@pytest.fixture
def cli(home: Path, tmp_path: Path, forks: Forks) -> CommandLine:
    """The command line, in a namespace with nothing in it."""
    return in_namespace(home, tmp_path / "cwd", forks)
