from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.verbs.scenarios import keep, names, uses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from junmai_jobs.scripts import Verb
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


def test_a_hundred_go_a_call(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[int] = []
    run = store.broker.link.run

    def counted(verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        named.append(len(arguments))
        return run(verb, prefix, arguments)

    monkeypatch.setattr(store.broker.link, "run", counted)
    store.broker.forget([key.encode() for key in names(250)])
    assert named == [100, 100, 50]


def test_it_tells_what_is_unused_for_longest(store: Store) -> None:
    assert store.call("forget") == ["OK"]
    keys = names(103)
    store.admin.hset(store.keys.cached, mapping=dict.fromkeys(keys, b" \x07"))
    store.admin.zadd(store.keys.cache_uses, {key: number for number, key in enumerate(keys)})
    with store.unchanged():
        assert store.call("forget") == ["OK", *(key.encode() for key in keys[:100])]
    assert store.call("forget", *keys[:2]) == ["OK", *(key.encode() for key in keys[2:102])]
