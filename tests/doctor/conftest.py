"""What the doctor is shown: a server of either kind with nothing in it, and whoever may be on it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from junmai_jobs.broker import Broker
from junmai_jobs.config import load_config
from junmai_jobs.doctor import Check, Patient, diagnose
from junmai_jobs.server import Server
from tests.homes import in_home
from tests.servers import RedisProcess, debian_redis, embedded_valkey

NAMESPACE = "studio"
KINDS: dict[str, Callable[[], str]] = {"redis": debian_redis, "valkey": embedded_valkey}


class StartKind(Protocol):
    """Starts a server of the kind under test; ``options`` are for its command line."""

    def __call__(self, *options: str, **more: Any) -> RedisProcess: ...


class Admit(Protocol):
    """Makes a patient of a server's address; ``settings`` are the content of its config.json."""

    def __call__(self, url: str | None, settings: object = None, **more: Any) -> Patient: ...


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The binary of each kind of server in turn."""
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def shared(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server that the tests of a module share; what a busy machine holds up is not held against it."""
    quiet = ("--slowlog-log-slower-than", "-1")
    server = RedisProcess(tmp_path_factory.mktemp("shared"), kind, options=quiet).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared: RedisProcess) -> RedisProcess:
    """It, with nothing on it."""
    with shared.client() as client:
        client.flushall()
        client.function_flush()
    return shared


@pytest.fixture
def start(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartKind]:
    """Servers of the test's own."""
    with ExitStack() as stack:

        def start(*options: str, **more: Any) -> RedisProcess:
            server = RedisProcess(tmp_path_factory.mktemp("own"), kind, options=options, **more)
            stack.callback(server.stop)
            return server.start()

        yield start


@pytest.fixture
def admit(tmp_path: Path) -> Iterator[Admit]:
    with ExitStack() as stack:

        def admit(url: str | None, settings: object = None, **more: Any) -> Patient:
            home = tmp_path / "home"
            home.mkdir(mode=0o700, exist_ok=True)
            if settings is not None:
                (home / "config.json").write_text(json.dumps(settings), "utf-8")
            config = load_config(environ=in_home(home))
            patient = Patient(config, Server(url, home), NAMESPACE, **more)
            stack.callback(patient.link.close)
            return patient

        yield admit


@pytest.fixture
def patient(redis_server: RedisProcess, admit: Admit) -> Patient:
    """One who is well."""
    return admit(redis_server.url)


@pytest.fixture
def broker(patient: Patient) -> Broker:
    """The verbs on its namespace."""
    return Broker(patient.link, NAMESPACE)


@pytest.fixture
def register(broker: Broker, redis_server: RedisProcess) -> Callable[..., None]:
    """Has a worker say of itself what a test wants; one that is ``silent`` said it so many seconds ago."""

    def register(name: str = "w", silent: float = 0, **said: Any) -> None:
        told = {"host": "desk", "pid": 1, "queues": None, "tasks": [], "concurrency": 3, "offers": []}
        broker.register(name, told | {"claimers": [f"{name}/1"]} | said)
        if silent:
            with redis_server.client() as admin:
                admin.zincrby(broker.keys.workers, -silent * 1000, name)

    return register


def checks_of(patient: Patient) -> dict[str, Check]:
    """All that is found, by name."""
    return {check.name: check for check in diagnose(lambda: patient)}


def follow(server: RedisProcess, fix: str) -> None:
    """Do at a server what a fix says to do now, as its administrator."""
    for step in fix.partition("; from its next start on: ")[0].split("; "):
        words = shlex.split(step)
        assert words[:3] == ["redis-cli", "-p", str(server.port)], fix
        with server.client() as admin:
            admin.execute_command(*[word for word in words[3:] if word != "--askpass"])
