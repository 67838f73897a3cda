from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verbs.test_recall import KEY, keep, uses

if TYPE_CHECKING:
    from tests.verbs.store import Store


def names(count: int) -> list[str]:
    return [f"noop 1 {number:05}" for number in range(count)]


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
        store.broker.remember(key, token, b"\x07", lasts=60, most=100)
    assert uses(store) == (None, b"3")
