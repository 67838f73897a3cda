"""A server that is out of memory takes no more jobs, and everything goes on that makes room."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink
from junmai_jobs.errors import QueueFull
from tests.backends import Clock
from tests.verbs.cases import CASES, enqueue, fire, learn, remember, restore
from tests.verbs.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import StartServer
    from tests.verbs.cases import Case

VALUES, SIZE = 250, 32 * 2**10
OTHER_CASES = [case for case in CASES if case not in {enqueue, fire, learn, remember, restore}]


def filled(broker: Broker, token: str) -> list[str]:
    """Keep so many values of that size; their keys."""
    keys = [f"noop 1 {number:05}" for number in range(VALUES)]
    for key in keys:
        broker.remember(key, token, bytes(SIZE), lasts=60, most=VALUES, room=VALUES * (SIZE + 99))
    return keys


@pytest.fixture
def store(redis_process: StartServer) -> Iterator[Store]:
    link = ClientLink(redis_process("--appendonly", "no"))
    with closing(link.client) as client:
        broker = Broker(link, "full", moved_clock=True)
        yield Store(broker, client, "full", Clock(client, broker.keys.meta).advance)


def test_no_job_is_taken_and_nothing_is_left_of_it(store: Store) -> None:
    store.add("a")
    store.admin.config_set("maxmemory", 1)
    with store.unchanged(), pytest.raises(QueueFull, match="is out of memory: raise its maxmemory, or purge"):
        store.add("b")
    store.admin.config_set("maxmemory", 0)
    store.add("b")
    assert store.line() == ["a", "b"]


def test_a_tick_stays_due(store: Store) -> None:
    call = fire(store)
    store.admin.config_set("maxmemory", 1)
    with store.unchanged(), pytest.raises(QueueFull, match="is out of memory"):
        call(store.broker)
    store.admin.config_set("maxmemory", 0)
    call(store.broker)
    assert len(store.line()) == 2


@pytest.mark.parametrize("case", [enqueue, fire])
def test_what_was_made_before_gives_way_to_jobs(store: Store, case: Case) -> None:
    keys = filled(store.broker, store.running("maker").token)
    call = case(store)
    used = store.admin.info("memory")["used_memory"]
    store.admin.config_set("maxmemory", used - VALUES * SIZE // 5)
    call(store.broker)
    assert store.line("cache_uses") == keys[100:], "no more than must"
    assert len(store.line()) + len(store.line("blocked")) == 2
    store.admin.config_set("maxmemory", 1)
    with pytest.raises(QueueFull, match="is out of memory"):
        store.add("more")
    assert store.admin.exists(store.keys.cached, store.keys.cache_uses) == 0


@pytest.mark.parametrize("case", [remember, restore, learn])
def test_no_value_is_kept_and_no_job_is_restored(store: Store, case: Case) -> None:
    call = case(store)
    store.admin.config_set("maxmemory", 1)
    with store.unchanged(), pytest.raises(QueueFull, match="is out of memory"):
        call(store.broker)


@pytest.mark.parametrize("case", OTHER_CASES, ids=lambda case: case.__name__)
def test_everything_else_goes_on(store: Store, case: Case) -> None:
    call = case(store)
    store.admin.config_set("maxmemory", 1)
    call(store.broker)
    store.audit()


def test_a_run_ends_and_the_next_begins(store: Store) -> None:
    store.add("a", "b")
    store.admin.config_set("maxmemory", 1)
    for job_id in ("a", "b"):
        job = store.claim()
        assert job is not None
        assert job.id == job_id
        store.broker.end(job, verbs.succeed(b"\x01"))
