"""What a caller of ours sees of a bad line, mode by mode."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import load
from tests.crossing import KINDS, linked
from tests.proxy import Mode, Proxy
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.connection import Link
    from tests.servers import RedisProcess


PAUSED, PREFIX = Keys.of("n").paused, Keys.of("n").prefix


@pytest.fixture
def proxy(server: RedisProcess) -> Iterator[Proxy]:
    with server.client() as client:
        client.flushall()
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def link(kind: str, server: RedisProcess, proxy: Proxy) -> Iterator[Link]:
    """One that is connected."""
    with linked(kind, replace(server, port=proxy.port), patience=10.0) as link:
        pause(link)
        yield link


@pytest.fixture
def hasty(kind: str, server: RedisProcess, proxy: Proxy) -> Iterator[Link]:
    """One that is connected, and soon gives up."""
    with linked(kind, replace(server, port=proxy.port), patience=0.1, socket_timeout=0.3) as link:
        wait_until(lambda: is_well(link))
        yield link


def pause(link: Link, queue: str = "first") -> None:
    assert link.run(load("pause"), PREFIX, (queue,)) == [b"OK"]


def is_well(link: Link) -> bool:
    try:
        pause(link)
    except StoreUnavailable:
        return False
    return True


def test_latency_is_only_waited_for(link: Link, proxy: Proxy) -> None:
    proxy.mode = Mode.LATENCY
    begin = time.monotonic()
    pause(link)
    assert time.monotonic() - begin >= 2 * proxy.latency


def test_replies_in_crumbs_are_put_together(link: Link, proxy: Proxy) -> None:
    proxy.mode = Mode.BYTE_BY_BYTE
    pause(link)


def test_a_lost_reply_is_asked_for_again(link: Link, proxy: Proxy) -> None:
    proxy.lose_reply()
    pause(link)
    assert proxy.lost == 1


def test_a_reset_goes_unnoticed(link: Link, proxy: Proxy) -> None:
    proxy.mode = Mode.RESET
    proxy.mode = Mode.PASS
    pause(link)


def test_where_all_is_reset_the_caller_is_told_and_it_heals(hasty: Link, proxy: Proxy) -> None:
    proxy.mode = Mode.RESET
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        pause(hasty)
    proxy.mode = Mode.PASS
    wait_until(lambda: is_well(hasty))


def test_a_black_hole_is_given_up_in_time_and_heals(hasty: Link, proxy: Proxy, server: RedisProcess) -> None:
    proxy.mode = Mode.BLACK_HOLE
    begin = time.monotonic()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        pause(hasty, "second")
    assert time.monotonic() - begin < 5.0
    with server.client() as direct:
        assert direct.hget(PAUSED, "second") is None
        proxy.mode = Mode.PASS
        wait_until(lambda: is_well(hasty))
        # What was sent into the hole arrives yet, long after its caller has given up.
        wait_until(lambda: direct.hget(PAUSED, "second") == b"1", what="the late call")


def test_byte_by_byte_is_that() -> None:
    """Some may come together, if the reader is slow."""
    sent, pieces, times = b"x" * 600, 0, 20
    with socket.create_server(("127.0.0.1", 0)) as listener, Proxy(listener.getsockname()[1]) as proxy:
        proxy.mode = Mode.BYTE_BY_BYTE
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            upstream, _ = listener.accept()
            with upstream:
                for _ in range(times):
                    client.sendall(sent)
                    left = len(sent)
                    while left:
                        left -= len(upstream.recv(65536))
                        pieces += 1
    assert pieces > 2 * times


def test_a_reset_is_an_rst(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(100) == b"+PONG\r\n"
        proxy.mode = Mode.RESET
        with pytest.raises(ConnectionResetError):
            client.recv(100)
