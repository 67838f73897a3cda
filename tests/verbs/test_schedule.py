"""schedule, and with it due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verbs.scenarios import next_tick, schedule

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_the_first_tick_is_the_next_of_the_timetable(store: Store) -> None:
    now = store.broker.due().now
    store.broker.schedule(schedule())
    assert now < next_tick(store) <= now + 3601
    assert next_tick(store) % 3600 == 0
    assert store.admin.hget(store.keys.schedules, "hourly") == schedule().encode()


def test_the_same_spec_leaves_the_tick_alone(store: Store) -> None:
    store.broker.schedule(schedule(every="1m"))
    store.advance(3600)
    store.hush()
    with store.unchanged():
        store.broker.schedule(schedule(every="1m"))


def test_another_spec_replaces_it(store: Store) -> None:
    store.broker.schedule(schedule(every="52w"))
    store.broker.schedule(schedule(every="1m"))
    assert next_tick(store) <= store.broker.due().now + 61
    assert store.admin.hget(store.keys.schedules, "hourly") == schedule(every="1m").encode()


def test_a_spec_without_a_tick_gets_one(store: Store) -> None:
    store.broker.schedule(schedule())
    store.admin.delete(store.keys.ticks)
    store.broker.schedule(schedule())
    assert store.line("ticks") == ["hourly"]


def test_only_one_that_is_due_first_rings_the_alarm(store: Store) -> None:
    store.broker.schedule(schedule("later", every="52w"))
    assert store.rung() == {"alarm"}
    store.hush()
    store.broker.schedule(schedule("sooner", every="1m"))
    assert store.rung() == {"alarm"}
    store.hush()
    store.broker.schedule(schedule("last", every="520w"))
    assert store.rung() == set()
