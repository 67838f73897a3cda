from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.verbs.store import Store


def rings(store: Store) -> list[bytes]:
    """What lies on the control list of the worker w."""
    found: list[bytes] = store.admin.lrange(store.keys.control("w"), 0, -1)
    return found


def test_its_control_list_says_that_it_is_to_stop(store: Store) -> None:
    store.broker.register("w", {"pid": 7})
    assert store.broker.dismiss("w")
    assert rings(store) == [b"stop"]


def test_a_ring_that_it_has_not_heard_yet_does_not_hide_that(store: Store) -> None:
    store.broker.register("w", {"pid": 7})
    store.running("a")
    store.broker.cancel("a", "person.1")
    assert rings(store) == [b"1"]
    store.broker.dismiss("w")
    assert rings(store) == [b"stop"]


def test_a_later_ring_does_not_hide_it_either(store: Store) -> None:
    store.broker.register("w", {"pid": 7})
    store.running("a")
    store.broker.dismiss("w")
    store.broker.cancel("a", "person.1")
    assert rings(store) == [b"stop"]


def test_who_has_left_is_told_nothing(store: Store) -> None:
    store.broker.register("w", {"pid": 7})
    store.broker.deregister("w", [], lost=False)
    assert not store.broker.dismiss("w")
    assert rings(store) == []
