from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError

from junmai_jobs.address import Place, parse_address
from junmai_jobs.config import redact
from junmai_jobs.errors import ConfigError
from junmai_jobs.route import Route
from junmai_jobs.server import Server

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
