from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verbs.scenarios import KEY, keep, uses

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_what_is_kept_is_found(store: Store) -> None:
    value = bytes(range(256)) * 4
    keep(store, value=value)
    assert store.broker.recall(KEY, "1") == value
    assert store.broker.recall(KEY.replace("e", "f"), "1") is None


def test_where_nothing_is_kept_nothing_changes(store: Store) -> None:
    with store.unchanged():
        assert store.broker.recall(KEY, "1") is None


def test_a_run_counts_once_for_a_key(store: Store) -> None:
    made_by = keep(store)
    assert uses(store) == (None, b"1")
    token = store.running("a").token
    for _ in range(3):
        store.broker.recall(KEY, token)
    assert uses(store) == (b"1", b"1")
    with store.unchanged():
        store.broker.recall(KEY, token)
    store.broker.recall(KEY, made_by)
    assert uses(store) == (b"2", b"1")


def test_its_time_is_over(store: Store) -> None:
    keep(store, lasts=60)
    store.advance(59)
    assert store.broker.recall(KEY, "1") == b"\x07"
    store.advance(1)
    assert store.broker.recall(KEY, "1") is None
    assert (store.admin.hlen(store.keys.cached), store.line("cache_uses")) == (0, [])


def test_a_use_puts_it_behind_the_others(store: Store) -> None:
    other = KEY.replace("e", "f")
    keep(store)
    keep(store, other)
    store.broker.recall(KEY, store.running("a").token)
    assert store.line("cache_uses") == [other, KEY]


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xff\n\n||| 7", b"12", b"-1 7"])
def test_what_cannot_be_read_is_not_there(store: Store, junk: bytes) -> None:
    keep(store)
    store.admin.hset(store.keys.cached, KEY, junk)
    assert store.broker.recall(KEY, "1") is None
    keep(store)
    assert store.broker.recall(KEY, "1") == b"\x07"


def test_a_count_that_cannot_be_read_begins_anew(store: Store) -> None:
    store.admin.hset(store.keys.meta, "cache_hits", "junk")
    keep(store)
    store.broker.recall(KEY, "1")
    assert uses(store) == (b"1", b"1")


def test_a_place_without_a_value_is_none(store: Store) -> None:
    """As a log that was torn while a value went may leave it."""
    keep(store)
    store.admin.hdel(store.keys.cached, KEY)
    assert store.broker.recall(KEY, "1") is None
    keep(store)
    assert store.broker.recall(KEY, "1") == b"\x07"


def test_a_submission_counts_once_for_a_key(store: Store) -> None:
    """It has no token: what stands for one orders as a token does, and is known again for a minute."""
    other = KEY.replace("e", "f")
    keep(store)
    keep(store, other)
    store.advance(2)
    assert store.broker.recall_all([KEY, KEY + "0"], "?000042") == [b"\x07", None]
    assert (uses(store), store.line("cache_uses")) == ((b"1", b"2"), [other, KEY])
    for seconds, count in ((0, b"1"), (59, b"1"), (120, b"2")):
        store.advance(seconds)
        store.broker.recall(KEY, "?42")
        assert uses(store) == (count, b"2")
    store.broker.recall(KEY, "?43")
    assert uses(store) == (b"3", b"2")
    store.broker.recall(KEY, store.running("a").token)
    assert uses(store) == (b"4", b"2")


def test_large_values_are_left_to_another_call(store: Store) -> None:
    keys = [f"noop 1 {number}" for number in range(4)]
    for key in keys:
        keep(store, key, bytes(400_000), room=10**7)
    loaded = store.broker._load("recall")
    reply = store.broker.link.run(loaded, store.keys.prefix, loaded.arguments(*keys, asker="?1"))
    assert [len(each) for each in reply] == [2, 400_000, 400_000, 400_000]
    assert [len(each or b"") for each in store.broker.recall_all(keys, "?1")] == [400_000] * 4
    assert uses(store)[0] == b"4"
