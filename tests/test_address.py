from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError

from junmai_jobs.address import Place, parse_address
from junmai_jobs.config import Config, load_config, redact
from junmai_jobs.errors import ConfigError
from junmai_jobs.route import Route
from junmai_jobs.server import Server, find_server

SEVERAL = "redis://bob:p%40w@one:1,[::1]:2,three/4"
A, B, C = ("a", 1), ("b", 2), ("c", 3)


@pytest.mark.parametrize(
    ("url", "places", "service"),
    [
        ("redis://one", [("one", 6379)], None),
        ("rediss://:pw@one:1/2", [("one", 1)], None),
        (SEVERAL, [("one", 1), ("::1", 2), ("three", 6379)], None),
        ("redis+sentinel://one,two:3/my%20room", [("one", 26379), ("two", 3)], "my room"),
        ("rediss+sentinel://:pw@one/room/4?sentinel_password=q", [("one", 26379)], "room"),
        ("unix:///run/redis.sock?db=1", [], None),
    ],
)
def test_an_address_in_parts(url: str, places: list[Place], service: str | None) -> None:
    address = parse_address(url)
    assert (list(address.places), address.service) == (places, service)


@pytest.mark.parametrize(
    "url",
    [
        "redis://one,", "redis://one,:3/0", "redis://one:0,two", "redis://one/room", "redis+sentinel://one",
        "redis+sentinel://one/", "redis+sentinel://one/room/x", "redis+cluster://one", "one:6379", "unix://",
    ],
)  # fmt: skip
def test_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_address(url)


def test_what_the_url_says_reaches_the_connection() -> None:
    options = Server(f"{SEVERAL}?socket_timeout=9", Path()).client().connection_pool.connection_kwargs
    expected = {"username": "bob", "password": "p@w", "db": 4, "socket_timeout": 9.0}
    assert expected.items() <= options.items()
    assert options["socket_connect_timeout"] == pytest.approx(1 / 3)


def test_an_option_that_is_none() -> None:
    with pytest.raises(ConfigError, match="sock_timeout"):
        Server("redis://:hunter2@one?sock_timeout=9", Path()).client()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://one?socket_connect_timeout=-5", "its option socket_connect_timeout"),
        ("redis://one?socket_timeout=abc", "its option socket_timeout"),
        ("redis://one?socket_timeout=0.000", "its option socket_timeout"),
        ("redis://one?socket_timeout=", "its option socket_timeout"),
        ("redis://one?protocol=9", "its option protocol"),
        ("redis://one?db=1&db=2", "its option db"),
        ("redis://one?client_name=a%20b", "its option client_name"),
        ("redis://one?nope=1", "no option 'nope'; there are db, "),
        ("redis://one?retry=3", "no option 'retry'"),
        ("redis://one?redis_connect_func=x", "no option 'redis_connect_func'"),
        ("redis://one?ssl_ca_certs=/ca.pem", "no option 'ssl_ca_certs'"),
        ("rediss://one?ssl_cert_reqs=never", "its option ssl_cert_reqs"),
        ("rediss://one?sentinel_username=x", "no option 'sentinel_username'"),
        ("unix:///P?credential_provider=x", "no option 'credential_provider'"),
        ("unix:///P?ssl_keyfile=x", "no option 'ssl_keyfile'"),
        ("unix:///P%00Q", "no such path"),
        ("redis://a:1?hunter2=x@one", "%3F"),
        ("redis://[hunter2", "cannot be read"),
        ("redis://one:hunter2", "cannot be read"),
    ],
)
def test_what_an_address_cannot_say_is_refused_wherever_it_stands(
    tmp_path: Path, url: str, said: str
) -> None:
    environ = {"JUNMAI_HOME": str(tmp_path)}
    (tmp_path / "config.json").write_text(json.dumps({"redis": {"url": url}}))
    for refuse in (
        lambda: find_server(Config(home=tmp_path), url),
        lambda: load_config(environ=environ),
        lambda: load_config(environ={"JUNMAI_HOME": str(tmp_path / "other"), "REDIS_URL": url}),
    ):
        with pytest.raises(ConfigError, match=re.escape(said)) as refused:
            refuse()
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://one?db=3&username=u&password=p&client_name=c&socket_timeout=0.5&protocol=2",
        "unix:///run/redis.sock?db=1&password=a%40b&socket_connect_timeout=2",
        "rediss://one?ssl_ca_certs=/ca.pem&ssl_ca_path=/ca&ssl_cert_reqs=none&ssl_check_hostname=False",
        "rediss://one?ssl_certfile=/c&ssl_keyfile=/k&ssl_password=p",
        "rediss+sentinel://one/room?sentinel_username=u&sentinel_password=p&ssl_ca_certs=/ca.pem",
    ],
)
def test_what_an_address_can_say_makes_a_connection(url: str) -> None:
    Server(url, Path()).client().connection_pool.make_connection()


def test_passwords_among_several_hosts_are_hidden() -> None:
    shown = redact("redis+sentinel://bob:hunter2@one,two/room?sentinel_password=hunter2&db=1")
    assert shown == "redis+sentinel://bob:***@one,two/room?sentinel_password=***&db=1"


def test_a_server_travels_to_other_processes() -> None:
    server = Server(SEVERAL, Path())
    assert pickle.loads(pickle.dumps(server)) == server  # noqa: S301 - our own


def led(*errors: Exception, reached: Place | None = None) -> list[Any]:
    route = Route([A, B])
    if reached:
        route.reached(reached)
    for error in errors:
        route.lead_on(error)
    return list(route.ways())


def test_where_a_route_leads() -> None:
    assert led() == [A, B]
    assert led(reached=B) == [B, A]
    assert led(MovedError("7 c:3")) == [C, A, B]
    assert led(MovedError("7 b:2")) == [B, A]
    assert led(MovedError("7 :5"), reached=B) == [("b", 5), B, A]
    assert led(ReadOnlyError("no")) == led(ClusterDownError("down")) == [B, A]
    assert led(MovedError("7 c:3"), ReadOnlyError("no")) == [B, A]
    assert led(AskError("7 c:3")) == [A, B]


def test_the_way_to_a_node_that_is_gone_is_forgotten() -> None:
    route = Route([A, B])
    route.lead_on(MovedError("7 c:3"))
    route.reached(C)
    assert (route.now, list(route.ways())) == (C, [C, A, B])
    route.reached(B)
    assert (route.now, list(route.ways())) == (B, [B, A])
