from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import server
from junmai_jobs.config import load_config
from junmai_jobs.errors import ConfigError, StoreUnavailable
from junmai_jobs.server import Server, find_server
from tests.embedded_servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartServer


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
def test_a_client_never_sends_twice(servers: Servers, url: str | None) -> None:
    client = Server(url, servers.make().home).client(socket_timeout=7, client_name="tester")
    options = client.connection_pool.connection_kwargs
    assert options["retry"].get_retries() == 0
    assert (options.get("socket_connect_timeout", 1), options["socket_timeout"]) == (1, 7)
    assert (options["health_check_interval"], options["client_name"]) == (0, "tester")


def test_an_embedded_server_passes_the_check(started: Server) -> None:
    started.check()
    with started.client() as client:
        client.config_set("maxmemory-policy", "volatile-lru")
        started.check()


def test_a_server_that_evicts_is_refused(started: Server) -> None:
    with started.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreUnavailable, match=r"allkeys-lru.*noeviction.*--allow-eviction"):
            started.check()
        started.check(allow_eviction=True)


def test_a_replica_is_refused(started: Server) -> None:
    with started.client() as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="primary"):
            started.check()
        client.replicaof("NO", "ONE")


def test_a_user_who_may_not_read_info_passes(started: Server) -> None:
    with started.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.acl_setuser(
            "bob", enabled=True, passwords=["+hunter2"], commands=["+@all", "-info"], keys=["*"]
        )
    Server(f"unix://bob:hunter2@{started.embedded.socket}", started.home).check()


def test_a_server_that_is_just_starting_is_waited_for(redis_process: StartServer, tmp_path: Path) -> None:
    server = redis_process()
    server.kill()
    with ThreadPoolExecutor() as pool:
        checked = pool.submit(Server(server.url, tmp_path).check)
        server.start()
        checked.result()


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
            away.check()
        told = f"{caught.value!r} {away.describe()} {away.status()}"
        assert "hunter2" not in told
        assert "***@" in told
    with pytest.raises(ConfigError) as refused:
        Server("redis://:hunter2@host?socket_timeout=long", started.home).client()
    assert "hunter2" not in str(refused.value)
    with started.client(password="other") as client:  # noqa: S106 - made for this test
        client.config_set("requirepass", "")


def test_a_server_with_a_url_is_never_started_or_stopped(started: Server, tmp_path: Path) -> None:
    other = Server(f"unix://{started.embedded.socket}", tmp_path / "elsewhere")
    other.ensure()
    other.start()
    assert {"kind": "url", "running": True}.items() <= other.status().items()
    assert not other.stop()
    assert started.client().ping()
    assert not (tmp_path / "elsewhere").exists()
