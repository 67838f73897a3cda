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
from tests.verbs.store import Store
from tests.verbs.test_twice import CASES, enqueue, fire, remember

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import StartServer
    from tests.verbs.test_twice import Case

OTHER_CASES = [case for case in CASES if case not in {enqueue, fire, remember}]


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


def test_no_value_is_kept(store: Store) -> None:
    call = remember(store)
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
