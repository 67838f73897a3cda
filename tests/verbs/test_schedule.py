"""schedule, and with it due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs.job import Body
from junmai_jobs.schedule import Schedule, Timetable

if TYPE_CHECKING:
    from tests.verbs.store import Store


def schedule(
    name: str = "hourly", every: object = "1h", *, queue: str = "default", **more: object
) -> Schedule:
    """One that submits a job of the task noop."""
    body = Body(queue=queue, priority=5, task="noop").encode(stamp=True)
    return Schedule(name=name, timetable=Timetable.of(every, **more), body=body)


def next_tick(store: Store, name: str = "hourly") -> int:
    """When a schedule is due next, in seconds since 1970."""
    return round(store.score(name, "ticks") / 1000)


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
