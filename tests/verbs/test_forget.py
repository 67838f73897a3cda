from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verbs.test_recall import keep, uses
from tests.verbs.test_remember import names

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_what_is_named_goes_and_the_rest_stays(store: Store) -> None:
    keys = names(3)
    for key in keys:
        keep(store, key)
    store.broker.forget([keys[0].encode(), b"noop 1 unknown", keys[2].encode()])
    assert store.line("cache_uses") == [keys[1]]
    assert store.broker.recall(keys[0], "1") is None
    assert store.broker.recall(keys[1], "1") == b"\x07"
    assert uses(store) == (b"1", b"3")


def test_any_number_may_be_named(store: Store) -> None:
    keys = names(1234)
    store.admin.hset(store.keys.cached, mapping=dict.fromkeys(keys, b" \x07"))
    store.admin.zadd(store.keys.cache_uses, {key: number for number, key in enumerate(keys)})
    store.broker.forget([key.encode() for key in keys])
    assert (store.admin.hlen(store.keys.cached), store.line("cache_uses")) == (0, [])
    with store.unchanged():
        store.broker.forget([])
