from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


@pytest.fixture(autouse=True)
def _nothing_new(store: Store) -> None:
    assert store.broker.announce("0") == (0, [])


def fail(store: Store, *job_ids: str) -> None:
    for job_id in job_ids:
        store.ended(job_id, verbs.fail(ERROR))
    store.advance(1)


def test_every_failure_is_told_once(store: Store) -> None:
    fail(store, "a", "b")
    store.ended("fine", verbs.succeed(b""))
    count, ids = store.broker.announce("1")
    assert (count, sorted(ids)) == (2, ["a", "b"])
    assert store.broker.announce("2") == (0, [])
    fail(store, "c")
    assert store.broker.announce("3") == (1, ["c"])


def test_the_first_call_tells_of_nothing_old(store: Store) -> None:
    fail(store, "old")
    store.admin.hdel(store.keys.meta, "announced")
    assert store.broker.announce("1") == (0, [])


def test_a_third_crash_is_told_too(store: Store) -> None:
    store.add("a")
    for _ in range(3):
        store.advance(10)
        store.broker.promote(["default"])
        assert store.claim() is not None
        store.broker.crash("w/1", store.request(), {"signal": "SIGKILL"})
    store.advance(1)
    assert store.broker.announce("1") == (1, ["a"])


def test_of_very_many_all_are_counted_and_100_named(store: Store) -> None:
    fail(store, *(f"job-{number:03}" for number in range(120)))
    count, ids = store.broker.announce("1")
    assert (count, len(ids)) == (120, 100)
    assert store.broker.announce("2") == (0, [])


def test_a_clock_that_ran_back_hides_only_what_failed_meanwhile(store: Store) -> None:
    store.advance(3600)
    fail(store, "a")
    assert store.broker.announce("1") == (1, ["a"])
    store.advance(-3600)
    assert store.broker.announce("2") == (0, [])
    fail(store, "b")
    assert store.broker.announce("3") == (1, ["b"])


def test_what_fails_within_the_window_is_told_in_one_after_it(store: Store) -> None:
    fail(store, "a")
    assert store.broker.announce("1", window=60) == (1, ["a"])
    fail(store, "b")
    store.advance(30)
    fail(store, "c")
    assert store.broker.announce("2", window=60) == (0, [])
    assert store.broker.announce("1", window=60) == (1, ["a"]), "a repeated call is told the same"
    store.advance(30)
    count, ids = store.broker.announce("3", window=60)
    assert (count, sorted(ids)) == (2, ["b", "c"])


def test_the_window_begins_with_what_was_told(store: Store) -> None:
    store.advance(3600)
    assert store.broker.announce("1", window=60) == (0, [])
    fail(store, "a")
    assert store.broker.announce("2", window=60) == (1, ["a"]), "nothing was told an hour long"


def test_who_leaves_waits_for_no_window(store: Store) -> None:
    fail(store, "a")
    assert store.broker.announce("1", window=60) == (1, ["a"])
    fail(store, "b")
    assert store.broker.announce("2") == (1, ["b"])
