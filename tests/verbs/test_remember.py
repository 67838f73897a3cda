from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verbs.scenarios import KEY, keep, names, uses

if TYPE_CHECKING:
    from tests.verbs.store import Store


def kept(store: Store) -> int:
    """How many bytes are said to be kept, which is as many as there are."""
    said = int(store.admin.hget(store.keys.meta, "cache_bytes"))
    assert said == sum(map(len, store.admin.hvals(store.keys.cached)))
    return said


def test_the_last_one_is_kept(store: Store) -> None:
    keep(store, value=b"\x01", lasts=5)
    keep(store, value=b"\x02")
    store.advance(60)
    assert store.broker.recall(KEY, "1") == b"\x02"
    assert uses(store) == (b"1", b"2")


def test_what_was_unused_for_longest_goes(store: Store) -> None:
    first, second, third, fourth = names(4)
    for key in (first, second, third):
        keep(store, key, most=3)
    store.broker.recall(first, store.running("a").token)
    keep(store, fourth, most=3)
    assert store.line("cache_uses") == [third, first, fourth]
    assert store.broker.recall(second, "1") is None
    assert store.admin.hlen(store.keys.cached) == 3


def test_where_fewer_may_be_kept_than_there_are_a_hundred_go_a_call(store: Store) -> None:
    keys = names(250)
    store.admin.hset(store.keys.cached, mapping=dict.fromkeys(keys, b" \x07"))
    store.admin.zadd(store.keys.cache_uses, {key: number for number, key in enumerate(keys)})
    for left in (151, 52, 10):
        keep(store, f"noop 2 {left}", most=10)
        assert store.admin.zcard(store.keys.cache_uses) == left
        assert store.admin.hlen(store.keys.cached) == left
    assert store.line("cache_uses")[-3:] == ["noop 2 151", "noop 2 52", "noop 2 10"]


def test_one_run_may_make_many(store: Store) -> None:
    token = store.running("a").token
    for key in names(3):
        store.broker.remember(key, token, b"\x07", lasts=60, most=100, room=10_000)
    assert uses(store) == (None, b"3")


def test_how_much_is_kept_is_known(store: Store) -> None:
    first, second = names(2)
    keep(store, first, b"x" * 100)
    keep(store, second, b"x" * 10, lasts=5)
    assert kept(store) == len(b" ") + 100 + len(b"1764000000000 ") + 10
    keep(store, first, b"x" * 7)
    assert kept(store) == len(b" ") + 7 + len(b"1764000000000 ") + 10
    store.advance(5)
    store.broker.recall(second, "1")
    assert kept(store) == len(b" ") + 7
    store.broker.forget([first.encode()])
    assert kept(store) == 0


def test_what_was_unused_for_longest_goes_where_they_take_too_much(store: Store) -> None:
    keys = names(6)
    for key in keys[:4]:
        keep(store, key, b"x" * 99, room=400)
    store.broker.recall(keys[0], store.running("a").token)
    keep(store, keys[4], b"x" * 99, room=400)
    assert store.line("cache_uses") == [keys[2], keys[3], keys[0], keys[4]]
    assert kept(store) == 400
    keep(store, keys[5], b"x" * 249, room=400)
    assert store.line("cache_uses") == [keys[4], keys[5]]
    assert kept(store) == 350


def test_where_there_is_less_room_than_there_was_a_hundred_go_a_call(store: Store) -> None:
    keys = names(250)
    for key in keys:
        keep(store, key, b"x" * 9, most=1000)
    for left in (151, 52, 10):
        keep(store, f"noop 2 {left}", b"x" * 9, most=1000, room=100)
        assert store.admin.zcard(store.keys.cache_uses) == left
        assert kept(store) == 10 * left


@pytest.mark.parametrize("junk", ["junk", "-7", "1e9"])
def test_a_wrong_count_of_bytes_is_right_when_nothing_is_left(store: Store, junk: str) -> None:
    keep(store, KEY)
    store.admin.hset(store.keys.meta, "cache_bytes", junk)
    keep(store, "noop 1 another", room=2**40)
    store.broker.forget([KEY.encode(), b"noop 1 another"])
    assert kept(store) == 0
    keep(store)
    assert kept(store) == 2
