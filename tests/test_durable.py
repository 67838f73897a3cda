"""``durable``: a submission returns when the job is on the server's disk, or says that nobody knows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import InvalidState, JobQueue, NotDurable, OptionError, StoreUnavailable, disk, task
from junmai_jobs.config import load_config
from tests import acl
from tests.faults.trace import Trace, traced
from tests.homes import in_home
from tests.proxy import Proxy
from tests.servers import RedisProcess, debian_redis, embedded_valkey
from tests.verbs.store import new_job
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import WorkerProcess, queue_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.command_line import CommandLine

DURABLE = tasks.quick.with_options(durable=True)
Begin = Callable[..., tuple[RedisProcess, JobQueue]]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start a server, and open a queue on it."""
    begun: list[tuple[RedisProcess, JobQueue]] = []

    def start(binary: str, *options: str) -> tuple[RedisProcess, JobQueue]:
        (folder := tmp_path / f"server-{len(begun)}").mkdir()
        server = RedisProcess(folder, binary, options=options).start()
        begun.append((server, queue_on(server, tmp_path / "home")))
        return begun[-1]

    yield start
    for server, jobs in begun:
        jobs.close()
        server.stop()


BINARIES = [debian_redis, embedded_valkey]


@pytest.mark.parametrize("binary", BINARIES)
def test_it_is_there_after_a_kill(begin: Begin, binary: Callable[[], str]) -> None:
    server, jobs = begin(binary(), "--appendfsync", "always")
    handle = jobs.submit(DURABLE, 7)
    server.kill()
    server.start()
    assert jobs.job(handle.id).args == [7]


@pytest.mark.parametrize("binary", BINARIES)
def test_what_is_acknowledged_was_synced_before(tmp_path: Path, binary: Callable[[], str]) -> None:
    """While the server syncs once a second, what is acknowledged would be lost in a power cut.

    When it syncs before it answers, what is submitted is on the disk; and what had been submitted before, and
    is submitted again to be on the disk.
    """
    server = RedisProcess(tmp_path, traced(binary(), tmp_path), options=("--appendfsync", "everysec"))
    acknowledged: dict[str, list[tuple[str, float]]] = {"plain": [], "durable": [], "again": []}
    try:
        with closing(queue_on(server.start(), tmp_path / "home")) as jobs, server.client() as admin:
            for number in range(4):
                for kind, policy, options in (
                    ("plain", "everysec", {"id": f"plain-{number}"}),
                    ("plain", "everysec", {"id": f"twice-{number}"}),
                    ("again", "always", {"id": f"twice-{number}", "durable": True}),
                    ("durable", "always", {"id": f"durable-{number}", "durable": True}),
                ):
                    admin.config_set("appendfsync", policy)
                    handle = jobs.submit(tasks.quick.with_options(**options), number)
                    acknowledged[kind].append((handle.id, time.time()))
        server.kill()
    finally:
        server.stop()
    wait_until(lambda: "+++ killed by" in _end_of(tmp_path / "trace"), what="the end of the trace")
    trace = Trace.read(tmp_path / "trace")
    [log] = tmp_path.glob("appendonlydir/*.incr.aof")
    written = log.read_bytes()

    def lost(kind: str) -> list[str]:
        found = acknowledged[kind]
        return [name for name, at in found if name.encode() not in written[: trace.at(at)[0]]]

    assert (lost("durable"), lost("again")) == ([], [])
    assert lost("plain") != [], "else this takes no power"


def _end_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-200:]


UNABLE = [
    (
        ("--appendfsync", "everysec"),
        "answers before it has something on its disk: set appendfsync always there",
    ),
    (("--appendonly", "no"), "set appendonly yes there"),
    (
        ("--appendfsync", "no", "--no-appendfsync-on-rewrite", "yes"),
        "set appendfsync always and no-appendfsync-on-rewrite no there",
    ),
]


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize(("options", "what"), UNABLE)
def test_a_server_that_cannot_is_told_before(
    begin: Begin, binary: Callable[[], str], options: tuple[str, ...], what: str
) -> None:
    server, jobs = begin(binary(), *options)
    for submit in (
        lambda: jobs.submit(DURABLE, 1),
        lambda: jobs.submit_many(DURABLE, [(1,), (2,)]),
        lambda: jobs.submit_all([(tasks.quick, (1,)), (DURABLE, (2,))]),
    ):
        with pytest.raises(NotDurable, match=what) as caught:
            submit()
        assert (caught.value.ids, server.url in str(caught.value)) == ([], True)
        assert "Nothing was submitted" in str(caught.value)
    assert jobs.jobs() == []
    assert jobs.submit(tasks.quick, 1).status == "queued"


def test_a_setting_that_is_put_right_counts_at_once(begin: Begin) -> None:
    server, jobs = begin(debian_redis(), "--appendfsync", "everysec")
    with pytest.raises(NotDurable):
        jobs.submit(DURABLE)
    with server.client() as admin:
        admin.config_set("appendfsync", "always")
        assert jobs.submit(DURABLE).status == "queued"
        admin.config_set("appendfsync", "everysec")
    with pytest.raises(NotDurable):
        jobs.submit(DURABLE)


def test_settings_that_change_meanwhile(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs are accepted, and named; to submit them again adds nothing."""
    server, jobs = begin(embedded_valkey(), "--appendfsync", "everysec")
    with monkeypatch.context() as at_first:
        at_first.setattr(disk, "_wrong_before", lambda *_: "")  # it has looked just before
        with pytest.raises(NotDurable, match="Then submit the same again with the same id") as caught:
            jobs.submit(DURABLE, 7)
        [own] = caught.value.ids
        assert f"job {own} is accepted, but the server answers before it has something" in str(caught.value)
        assert jobs.job(own).args == [7]
        with pytest.raises(NotDurable) as many:
            jobs.submit_many(DURABLE, [(1,), (2,)])
        assert [jobs.job(each).args for each in many.value.ids] == [[1], [2]]
    with server.client() as admin:
        admin.config_set("appendfsync", "always")
    again = jobs.submit(DURABLE.with_options(id=own), 7)
    assert (again.id, again.existing, len(jobs.jobs())) == (own, True, 3)
    with pytest.raises(InvalidState):
        jobs.submit(DURABLE.with_options(id=own), 8)


def test_a_log_that_a_restart_would_not_read(begin: Begin) -> None:
    """One that has just been switched on counts from its first rewrite on; a later one does no harm."""
    server, jobs = begin(embedded_valkey(), "--appendfsync", "always")
    with server.client() as admin:

        def is_rewriting() -> bool:
            return bool(admin.info("persistence")["aof_rewrite_in_progress"])

        admin.mset(dict.fromkeys(map(str, range(100)), ""))
        admin.config_set("rdb-key-save-delay", 20_000)
        admin.config_set("appendonly", "no")
        admin.config_set("appendonly", "yes")
        with pytest.raises(NotDurable, match="has begun a new log, which a restart would not read") as caught:
            jobs.submit(DURABLE, 7)
        assert is_rewriting()
        [own] = caught.value.ids
        wait_until(lambda: not is_rewriting(), what="the log to be complete")
        assert jobs.submit(DURABLE.with_options(id=own), 7).existing is True
        admin.bgrewriteaof()
        wait_until(is_rewriting, what="a later rewrite")
        also = jobs.submit(DURABLE, 8)
        assert is_rewriting()
        server.kill()
        server.start()
        with suppress(StoreUnavailable):  # who rewrites holds the other end until it has ended
            jobs.stats()
        assert [jobs.job(each).args for each in (own, also.id)] == [[7], [8]]


@pytest.mark.parametrize("after", range(6))
def test_a_reply_that_is_lost(begin: Begin, tmp_path: Path, after: int) -> None:
    """Whichever it is, the job is there once."""
    server, _ = begin(embedded_valkey())
    config = load_config(environ=in_home(tmp_path / "home"))
    with (
        Proxy(server.port) as proxy,
        closing(JobQueue(f"redis://127.0.0.1:{proxy.port}/0", config=config)) as jobs,
    ):
        jobs.submit(DURABLE.with_options(id="first"))
        proxy.lose_reply(after)
        handle = jobs.submit(DURABLE.with_options(id="second"))
        assert handle.id == "second"
        assert len(jobs.jobs()) == 2
        assert proxy.lost == 1 or after > 1


def test_many_and_workflows(begin: Begin) -> None:
    _, jobs = begin(embedded_valkey(), "--appendfsync", "always")
    handles = jobs.submit_many(DURABLE, [(number,) for number in range(450)])
    assert len({handle.id for handle in handles}) == 450
    child = jobs.submit(DURABLE.with_options(after=handles[0]), 1)
    assert child.status == "blocked"


def test_rights(begin: Begin, tmp_path: Path) -> None:
    server, _ = begin(embedded_valkey())
    config = load_config(environ=in_home(tmp_path / "home"))
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "worker", *acl.rules("junmai", "open-sesame"))
        with closing(
            JobQueue(f"redis://worker:open-sesame@127.0.0.1:{server.port}/0", config=config)
        ) as jobs:
            with pytest.raises(NotDurable, match=r"allow this user CONFIG GET \(\+config\|get\)"):
                jobs.submit(DURABLE)
            assert jobs.jobs() == []
            asking, waiting = acl.FOR_THE_DISK
            admin.execute_command("ACL", "SETUSER", "worker", f"+{asking}")
            with pytest.raises(NotDurable, match=r"allow this user \+waitaof") as caught:
                jobs.submit(DURABLE)
            assert [job.id for job in jobs.jobs()] == caught.value.ids
            admin.execute_command("ACL", "SETUSER", "worker", f"+{waiting}")
            assert jobs.submit(DURABLE).status == "queued"


def test_a_job_that_submits(begin: Begin, tmp_path: Path) -> None:
    server, jobs = begin(embedded_valkey())
    parent = jobs.submit(tasks.submit_durably)
    worker = WorkerProcess(
        server, tmp_path / "w", ("--concurrency", "1", "--burst", "--no-schedules")
    ).start()
    assert worker.wait(60) == 0
    assert jobs.job(f"{parent.id}/1").result == 3


def test_it_is_no_part_of_the_job(begin: Begin) -> None:
    """So the same id with and without it is the same job."""
    bodies = [each.with_options(id="a").new_job((1,), {}).body for each in (DURABLE, tasks.quick)]
    assert bodies[0] == bodies[1]
    assert new_job("a").durable is False
    with pytest.raises(OptionError, match="durable is 'yes'; give True or False"):
        tasks.quick.with_options(durable="yes")

    _, jobs = begin(debian_redis(), "--appendfsync", "always")
    assert jobs.submit(tasks.quick.with_options(id="a"), 1).existing is False
    assert jobs.submit(DURABLE.with_options(id="a"), 1).existing is True


def test_a_task_may_say_it(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})

    @task(durable=True)
    def precious() -> None:
        pass

    _, jobs = begin(debian_redis(), "--appendfsync", "everysec")
    with pytest.raises(NotDurable):
        jobs.submit(precious)


def test_the_command_line(begin: Begin, cli: CommandLine) -> None:
    weak, strong = begin(debian_redis(), "--appendfsync", "everysec")[0], begin(embedded_valkey())[0]
    done = cli.run("submit", "add", "1", "--durable", "--redis", weak.url)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"Error: the server {weak.url} answers before it")
    done = cli.run("submit", "add", "1", "--durable", "--json", "--redis", strong.url)
    assert (done.code, json.loads(done.out)["status"]) == (0, "queued")
    row = json.dumps({"args": [1], "durable": True})
    assert cli.run("submit", "add", "--stdin", "--redis", weak.url, stdin=row).code == 1
