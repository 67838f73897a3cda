from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_results_by_id(store: Store) -> None:
    store.ended("value", verbs.succeed(b"\x07"))
    store.ended("none", verbs.succeed(b""))
    store.ended("failed", verbs.fail(ERROR))
    store.add("revived")
    with store.unchanged():
        found = store.broker.inherit(["value", "none", "failed", "never there", "revived"])
    assert found == {"value": b"\x07", "none": b"", "failed": b""}


def test_one_whose_time_is_over_is_left_out(store: Store) -> None:
    store.ended("a", verbs.succeed(b"\x07", 5))
    assert store.broker.inherit(["a"]) == {"a": b"\x07"}
    store.advance(60)
    store.broker.expire()
    assert store.broker.inherit(["a"]) == {}


def test_250_take_three_calls(store: Store) -> None:
    ids = [f"job-{number:03}" for number in range(250)]
    for at in (0, 125):
        store.add(*ids[at : at + 125])
    store.broker.purge("default", ["ready"], "person.1")
    assert store.broker.inherit(ids) == dict.fromkeys(ids, b"")


def test_nothing(store: Store) -> None:
    with store.unchanged():
        assert store.broker.inherit([]) == {}
