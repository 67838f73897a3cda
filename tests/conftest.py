"""What the tests share: servers that live as long as the session, and a namespace for each test."""

from __future__ import annotations

import signal
import zlib
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


_ONE_IN = 3
_KINDS = ("valkey", "embedded_valkey", "cluster", "acl")
"""Of server, beside Redis, on which each test runs that runs on several."""
_FAMILIES = (
    "bridge/dashboard/test_everybody.py", "laws/test_corruptions.py", "laws/test_havoc.py", "test_cluster.py",
    "photo/export/test_metadata.py", "photo/quality/test_judging.py", "photo/xmp/test_into_file.py",
    "test_cli_errors.py", "test_guide.py", "test_pages.py", "verbs/test_torn_log.py",
)  # fmt: skip
"""Of tests that are alike, and long when taken together."""


def _is_one_of_many(item: pytest.Item) -> bool:
    values = call.params.values() if (call := getattr(item, "callspec", None)) else ()
    names = (value if isinstance(value, str) else getattr(value, "__name__", None) for value in values)
    is_of_family = item.nodeid.partition("::")[0].endswith(_FAMILIES)
    return any(name in _KINDS for name in names) or (bool(values) and is_of_family)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of what is tried in many forms all are slow but a third, which is the same everywhere."""
    for item in items:
        if _is_one_of_many(item) and zlib.crc32(item.nodeid.encode()) % _ONE_IN:
            item.add_marker(pytest.mark.slow)


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
