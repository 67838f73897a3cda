"""due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verbs.scenarios import next_tick, schedule

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_nothing_is_scheduled(store: Store) -> None:
    due = store.broker.due()
    assert (due.wait, due.ticks) == (None, [])
    store.advance(60)
    assert 60 <= store.broker.due().now - due.now < 70


def test_nothing_is_due_yet(store: Store) -> None:
    store.broker.schedule(schedule())
    due = store.broker.due()
    assert due.ticks == []
    assert due.wait is not None
    assert abs(due.now + due.wait - next_tick(store)) < 0.01


def test_what_is_due_comes_with_its_spec_and_the_wait_for_the_rest(store: Store) -> None:
    store.broker.schedule(schedule("slow", every="520w"))
    store.broker.schedule(schedule("fast", every="1m"))
    tick = next_tick(store, "fast")
    store.advance(120)
    due = store.broker.due()
    assert due.ticks == [("fast", tick, schedule("fast", every="1m").encode())]
    assert due.wait is not None
    assert abs(due.now + due.wait - next_tick(store, "slow")) < 0.01


def test_at_most_100_the_oldest_first(store: Store) -> None:
    for number in range(101):
        store.call("schedule", name=f"n{number}", spec="-", first=(number + 1) * 1000)
    found = store.broker.due().ticks
    assert [(name, tick) for name, tick, _ in found] == [(f"n{number}", number + 1) for number in range(100)]


def test_a_tick_without_a_spec_is_swept_away(store: Store) -> None:
    store.admin.zadd(store.keys.ticks, {"torn": 1})
    assert store.broker.due().ticks == []
    assert store.line("ticks") == []
