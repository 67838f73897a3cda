from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.verbs.store import Store

HOUR = 3600


def words(store: Store) -> list[str]:
    return [fields[b"word"].decode() for _, fields in store.admin.xrange(store.keys.event_stream)]


def test_the_first_entry_says_that_nothing_was_noted_before(store: Store) -> None:
    cursor = store.broker.listen()
    ((entry, _),) = store.admin.xrange(store.keys.event_stream)
    assert (cursor, words(store)) == (entry.decode(), ["gap"])


def test_who_listens_on_has_missed_nothing(store: Store) -> None:
    first = store.broker.listen()
    store.advance(HOUR - 10)
    assert store.broker.listen() == first
    store.advance(HOUR - 10)
    assert store.broker.listen() == first
    assert words(store) == ["gap"]


def test_after_an_hour_without_a_listener_there_is_a_gap(store: Store) -> None:
    first = store.broker.listen()
    store.advance(HOUR)
    assert store.broker.listen() > first
    assert words(store) == ["gap", "gap"]


def test_a_stream_that_somebody_has_deleted_begins_anew(store: Store) -> None:
    store.broker.listen()
    store.admin.delete(store.keys.event_stream)
    store.broker.listen()
    assert words(store) == ["gap"]
