"""survey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.broker_upkeep import Sight
from junmai_jobs.keys import QUEUE_HOMES

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_nothing_is_known(store: Store) -> None:
    assert store.broker.survey([]) == {}


def test_a_queue_that_nobody_knows_is_looked_at_when_asked_for(store: Store) -> None:
    assert store.broker.survey(["new"]) == {b"new": Sight(0, 0, "")}


def test_what_waits_in_line_and_what_runs(store: Store) -> None:
    store.add("a", "b", "c")
    store.add("later", delay=60)
    store.add("other", queue="night")
    assert store.claim() is not None
    with store.unchanged():
        found = store.broker.survey(["default"])
    assert found == {b"default": Sight(2, 1, ""), b"night": Sight(1, 0, "")}


def test_nothing_waits_in_a_queue_that_is_paused(store: Store) -> None:
    store.add("a", "b")
    assert store.claim() is not None
    store.broker.pause(["default"])
    assert store.broker.survey([]) == {b"default": Sight(0, 1, "")}


@pytest.mark.parametrize("kind", [*QUEUE_HOMES, "bell"])
def test_what_is_not_ours_is_named(store: Store, kind: str) -> None:
    key = store.keys.queue("new", kind)
    store.admin.set(key, "foreign")
    assert store.broker.survey(["new"]) == {b"new": Sight(0, 0, key)}
    store.admin.delete(key)


def test_more_lanes_than_go_in_one_call(store: Store) -> None:
    names = [f"q{number}" for number in range(101)]
    for name in names:
        store.add(f"job-{name}", queue=name)
    found = store.broker.survey(["q0", "new"])
    assert found == dict.fromkeys((name.encode() for name in names), Sight(1, 0, "")) | {
        b"new": Sight(0, 0, "")
    }


def test_a_name_that_is_none_is_there_too(store: Store) -> None:
    store.admin.zadd(store.keys.queues, {b"q+\xff": 0})
    assert store.broker.survey([]) == {b"q+\xff": Sight(0, 0, "")}
