"""A user with the least rights can do everything in its namespace, and nothing else anywhere."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import NoPermissionError

import junmai_jobs
from junmai_jobs import JobQueue
from junmai_jobs import endings as verbs
from junmai_jobs.config import load_config
from junmai_jobs.connection import DedicatedLink
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Status
from tests import acl
from tests.homes import in_home
from tests.servers import RedisProcess
from tests.verbs.store import ERROR, new_job
from tests.worker.tasks import quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends import Backend, Backends

PACKAGE = Path(junmai_jobs.__file__).parent
READERS = [
    *sorted(PACKAGE.glob("inspector/*.py")),
    *sorted(PACKAGE.glob("why/*.py")),
    PACKAGE / "events.py",
    PACKAGE / "history.py",
]


@pytest.fixture
def restricted(backends: Backends) -> Backend:
    return backends.get("acl")


@pytest.fixture
def namespace(restricted: Backend) -> Iterator[str]:
    with restricted.namespace() as name:
        yield name


def test_the_list_has_the_commands_that_the_scripts_give_and_no_other() -> None:
    text = "".join(path.read_text() for path in PACKAGE.glob("lua/**/*.lua"))
    given = {command.lower() for command in re.findall(r"redis\.call\('(\w+)'", text)}
    assert set(acl.IN_SCRIPTS) == given


def test_the_list_has_the_commands_that_readers_give_and_no_other() -> None:
    text = "".join(path.read_text() for path in READERS)
    given = {command.lower() for command in re.findall(r'\("([A-Z]+)"', text)}
    assert given <= {*acl.IN_SCRIPTS, *acl.LOOKING}
    assert set(acl.LOOKING) == given - {*acl.IN_SCRIPTS}


def test_the_inspector_sees_everything(restricted: Backend, namespace: str) -> None:
    broker, inspector = restricted.broker(namespace), Inspector(restricted.link, namespace)
    broker.register("w", {"host": "studio", "pid": 1, "claimers": ["w/1"]})
    broker.enqueue([new_job("a"), new_job("b"), new_job("later", delay=60)])
    job = broker.claim("w/1", "1.1", ["default"])
    assert job is not None
    broker.progress(job, {"done": 1})
    broker.end(job, verbs.fail(ERROR))
    broker.claim("w/1", "1.2", ["default"])
    broker.pause(["default"])
    assert (
        inspector.stats()["jobs_by_status"] | {"running": 1, "failed": 1, "scheduled": 1}
        == (inspector.stats()["jobs_by_status"])
    )
    assert inspector.job("a").status is Status.FAILED
    assert inspector.status("later") is Status.SCHEDULED
    assert len(inspector.jobs()) == 3
    assert inspector.unfinished(["default"], within=100) == 2
    assert inspector.paused() == ["default"]
    assert inspector.workers()[0]["slots"][0]["job"] == "b"
    assert inspector.worker_info()["w"]["host"] == "studio"
    assert inspector.memory() is None, "that is told to who may ask INFO"


def test_a_worker_needs_no_more(restricted: Backend, namespace: str, tmp_path: Path) -> None:
    server = restricted.endpoint
    assert isinstance(server, RedisProcess)
    address = f"redis://{server.username}:{server.password}@127.0.0.1:{server.port}/0"
    config = load_config(environ=in_home(tmp_path))
    with closing(JobQueue(address, namespace=namespace, config=config)) as jobs, jobs.worker(concurrency=1):
        assert jobs.submit(quick, 7).result(timeout=60) == 7
        assert jobs.stats()["workers"] == 1


def test_a_bell_can_be_waited_for(restricted: Backend, namespace: str) -> None:
    broker = restricted.broker(namespace)
    broker.enqueue([new_job("a")])
    link = DedicatedLink(restricted.endpoint, client_name="junmai-jobs-child")
    with closing(link):
        link.send("BLPOP", broker.keys.queue("default", "bell"), broker.keys.control("w"), 1)
        assert link.receive()[1] == b"1"


def test_other_namespaces_are_closed(restricted: Backend, namespace: str) -> None:
    for other in ("other", f"{namespace}-too", f"x{namespace}"):
        with pytest.raises(StoreUnavailable, match="forbids a command to this user"):
            restricted.broker(other).enqueue([new_job("a")])


@pytest.mark.parametrize(
    "command",
    [
        ("KEYS", "*"), ("SCAN", "0"), ("GET", "a"), ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"),
        ("DEBUG", "SLEEP", "0"), ("SHUTDOWN",), ("ACL", "LIST"), ("SCRIPT", "FLUSH"), ("CLIENT", "LIST"),
        ("MONITOR",), ("PUBLISH", "a", "b"), ("SUBSCRIBE", "a"),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_all_other_commands_are_refused(restricted: Backend, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        restricted.link.client.execute_command(*command)


def test_the_docs_give_the_same_list() -> None:
    page = (Path(__file__).parents[1] / "docs" / "redis-schema.md").read_text("utf-8")
    assert re.findall(r"\+(\S+)", page.partition("least-privilege")[2]) == [*acl.COMMANDS, *acl.FOR_THE_DISK]
