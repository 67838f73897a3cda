"""A password is shown nowhere: not by a command, in an error, a log, the store or the list of processes."""

from __future__ import annotations

import json
import signal
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import psutil
import pytest

from junmai_jobs import JobQueue, StoreUnavailable
from junmai_jobs.config import load_config
from tests.command_line import COMMANDS, CommandLine
from tests.in_process import typed
from tests.servers import RedisProcess, free_port
from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SECRET = "S3cr3t!"  # noqa: S105 - that is the point
ENCODED = quote("p@ss/S3cr3t!#%", safe="")
SECRETS = (SECRET, ENCODED, unquote(ENCODED), "S3cr3t")
ARGUMENTS = {
    "submit": ["quick", "1"], "show": ["x"], "why": ["x"], "retry": ["x"], "cancel": ["x"], "batch": ["x"],
    "purge": ["--yes"], "demo": ["--photos", "5"],
    "process": ["/nowhere"], "schedule add": ["s", "quick", "--every", "60"], "schedule remove": ["x"],
    "schedule pause": ["x"], "schedule resume": ["x"], "schedule run": ["x"], "worker": ["--queues", "A B"],
    "init": ["/dev/null/folder"],
}  # fmt: skip
SOURCES = ("option", "query", "JUNMAI_REDIS_URL", "REDIS_URL", "REDIS_PASSWORD", "file", "JUNMAI_CONFIG")
TYPED = [[*command, *ARGUMENTS.get(" ".join(command), [])] for command in COMMANDS]


def shows_none(text: object) -> bool:
    return not any(secret in str(text) for secret in SECRETS)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A server that wants a password."""
    server = RedisProcess(
        tmp_path_factory.mktemp("guarded"), options=("--requirepass", SECRET), password=SECRET
    )
    server.start()
    yield server
    server.stop()


def address(server: RedisProcess, password: str = SECRET) -> str:
    return f"redis://:{password}@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("command", TYPED, ids=" ".join)
def test_no_command_shows_it_whether_it_can_work_or_not(
    guarded: RedisProcess, tmp_path: Path, command: list[str]
) -> None:
    for url in (address(guarded), address(guarded, ENCODED)):
        for options in ([], ["--json"], ["--help"]):
            done = typed(tmp_path, "--redis", url, "--tasks", "tests.worker.tasks", *command, *options)
            assert shows_none(done.output)
            assert "Warning: a password in --redis shows in the list of processes" in done.output
            assert done.exit_code != 69 or url != address(guarded), done.output
            assert done.exit_code != 1 or "Error: " in done.output


def sources(tmp_path: Path, url: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Each way to name a server, as options and environment."""
    file = tmp_path / "secret.json"
    file.write_text(json.dumps({"redis": {"url": url}}), "utf-8")
    file.chmod(0o600)
    password, _, place = url.removeprefix("redis://:").rpartition("@")
    port = place.removeprefix("127.0.0.1:").partition("/")[0]
    parts = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": port, "REDIS_PASSWORD": unquote(password)}
    return {
        "option": (["--redis", url], {}),
        "query": (["--redis", f"redis://{place}?password={password}"], {}),
        "JUNMAI_REDIS_URL": ([], {"JUNMAI_REDIS_URL": url}),
        "REDIS_URL": ([], {"REDIS_URL": url}),
        "REDIS_PASSWORD": ([], parts),
        "file": (["--config", str(file)], {}),
        "JUNMAI_CONFIG": ([], {"JUNMAI_CONFIG": str(file)}),
    }


@pytest.mark.parametrize("source", SOURCES)
def test_wherever_it_stands(guarded: RedisProcess, tmp_path: Path, source: str) -> None:
    nowhere = replace(guarded, port=free_port())
    for url, code in ((address(guarded), 0), (address(guarded, ENCODED), 69), (address(nowhere), 69)):
        options, environment = sources(tmp_path, url)[source]
        for command in (["config", "show"], ["config", "show", "--json"], ["server", "status"], ["stats"]):
            done = typed(tmp_path, *options, *command, **environment)
            assert shows_none(done.output), done.output
            assert done.exit_code == (0 if command[0] == "config" else code), done.output
            assert (done.stderr.count("Warning: a password in --redis") == 1) is (
                source in {"option", "query"}
            )


WRONG = ("redis://:{}@h:99999", "http://:{}@h", "redis://:{}@h/x y", "redis://:{}@", "redis://{}@h:a",
         "redis://:a#{}@h", "{}")  # fmt: skip


@pytest.mark.parametrize("wrong", [each.format(SECRET) for each in WRONG])
def test_an_address_that_is_none(tmp_path: Path, wrong: str) -> None:
    for options, environment in (
        (["--redis", wrong], {}),
        ([], {"REDIS_URL": wrong}),
        ([], {"REDIS_HOST": wrong}),
        ([], {"REDIS_PORT": f"{wrong}@"}),
    ):
        done = typed(tmp_path, *options, "stats", **environment)
        assert done.exit_code == 2
        assert shows_none(done.output) or environment == {"REDIS_HOST": SECRET}, done.output


def test_a_file_with_a_secret_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    warning = f"Warning: there is a secret in {file}, which others may read: chmod 600 {file}\n"
    for content, mode, warned in (
        ({"redis": {"url": f"redis://:{SECRET}@h"}}, 0o644, True),
        ({"redis": {"url": f"redis://:{SECRET}@h"}}, 0o640, True),
        ({"redis": {"url": f"redis://:{SECRET}@h"}}, 0o600, False),
        ({"redis": {"url": "redis://h"}}, 0o644, False),
        ({"notify": {"webhook": f"https://h/{SECRET}"}}, 0o644, True),
    ):
        file.write_text(json.dumps(content), "utf-8")
        file.chmod(mode)
        done = typed(tmp_path, "config", "show", "--json")
        assert (done.exit_code, done.stderr) == (0, warning if warned else "")
        assert shows_none(done.output)


def test_an_error_and_its_traceback(guarded: RedisProcess, tmp_path: Path) -> None:
    config = load_config(environ={"JUNMAI_HOME": str(tmp_path)})
    for url in (address(guarded, "wrong-" + ENCODED), address(replace(guarded, port=free_port()))):
        with closing(JobQueue(url, config=config)) as jobs:
            with pytest.raises(StoreUnavailable) as caught:
                jobs.stats()
            assert shows_none("".join(traceback.format_exception(caught.value)))
            assert shows_none([repr(jobs), repr(jobs.server.client()), str(config), repr(config)])


def test_a_worker_tells_nobody(guarded: RedisProcess, tmp_path: Path) -> None:
    """Nor does it put what its jobs are about where all users of the machine can read it."""
    environment = {"JUNMAI_REDIS_URL": address(guarded), "JUNMAI_TASKS": "tests.worker.tasks"}
    cli = CommandLine(tmp_path / "home", tmp_path / "cwd", environment | {"PYTHONPATH": str(ROOT)})
    config = load_config(environ={"JUNMAI_HOME": str(tmp_path)})
    with closing(JobQueue(address(guarded), config=config)) as jobs, guarded.client() as admin:
        admin.flushall()
        journal, release = tmp_path / "journal", tmp_path / "release"
        handle = jobs.submit(tasks.hold, str(journal), str(release))
        process = cli.start("worker", "--concurrency", "1", "--loglevel", "DEBUG")
        try:
            wait_until(journal.exists, what="the job to run")
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            lines = [" ".join(each.cmdline()) for each in family]
            assert len(lines) >= 3
            assert shows_none(lines)
            assert str(journal) not in "".join(lines)
            assert shows_none([_whole(admin, key) for key in admin.scan_iter("*")])
            assert shows_none(admin.client_list())
            release.touch()
            assert handle.result(timeout=60) == "released"
        finally:
            process.send_signal(signal.SIGTERM)
            done = cli.finish(process)
        assert "succeeded" in done.err
        assert shows_none(done.out + done.err)


def _whole(admin: Any, key: bytes) -> Any:
    read: dict[bytes, Callable[[], Any]] = {
        b"hash": lambda: admin.hgetall(key),
        b"zset": lambda: admin.zrange(key, 0, -1),
        b"list": lambda: admin.lrange(key, 0, -1),
        b"set": lambda: admin.smembers(key),
        b"string": lambda: admin.get(key),
        b"stream": lambda: admin.xrange(key),
        b"none": lambda: None,  # it has expired meanwhile
    }
    return read[admin.type(key)]()
