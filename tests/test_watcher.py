from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import watcher
from junmai_jobs.host import is_alive
from tests.embedded_servers import Servers
from tests.waiting import wait_until

if TYPE_CHECKING:
    from junmai_jobs.server import Server


def test_stop(servers: Servers) -> None:
    made = servers.make()
    assert not made.stop()
    made.start()
    marks = list(made.embedded.read_state().values())
    assert made.stop()
    assert not any(map(is_alive, marks))
    assert not made.stop()


def test_it_stops_when_idle_and_comes_back_with_its_data(servers: Servers) -> None:
    made = servers.make(idle_seconds=0.3)
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


def test_a_schedule_does_not_keep_it(started: Server) -> None:
    with started.client() as client:
        client.zadd("{studio}:queues", {"default": 0})
        client.zadd("{studio}:ticks", {"hourly": 1})
        client.hset("{studio}:schedules", "hourly", "spec")
        assert not watcher._is_in_use(client)


def test_a_client_keeps_it(started: Server) -> None:
    with started.client() as client:
        assert not watcher._is_in_use(client)
        connections = watcher._count_connections(client)
        with started.client() as other:
            other.ping()
            assert watcher._is_in_use(client)
        wait_until(lambda: not watcher._is_in_use(client))
        assert watcher._count_connections(client) > connections
