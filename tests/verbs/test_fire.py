"""fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.errors import QueueFull
from junmai_jobs.job import Body
from tests.verbs.scenarios import next_tick, schedule
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.schedule import Schedule
    from tests.verbs.store import Store

HOUR = 3600


def stored(store: Store, made: Schedule) -> int:
    """Store a schedule; its first tick."""
    store.broker.schedule(made)
    store.hush()
    return next_tick(store, made.name)


def fire(store: Store, made: Schedule, tick: int, count: int = 1) -> None:
    ticks = [tick + number * HOUR for number in range(count)]
    store.broker.fire(made, made.encode(), tick, ticks, tick + count * HOUR)


def ids(made: Schedule, ticks: Sequence[int]) -> list[str]:
    return [made.job_id(tick) for tick in ticks]


def test_a_tick_becomes_a_job_and_the_next_is_set(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    fire(store, made, tick)
    assert store.line() == ids(made, [tick])
    assert next_tick(store) == tick + HOUR
    assert store.rung() == {"default"}
    body = Body.decode(store.admin.hget(store.keys.bodies, made.job_id(tick)))
    assert body.task == "noop"
    assert body.created is not None
    assert abs(body.created - store.broker.due().now) < 10


def test_whoever_comes_second_finds_it_done(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    fire(store, made, tick)
    with store.unchanged():
        fire(store, made, tick)


def test_whoever_read_an_earlier_tick_changes_nothing(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    fire(store, made, tick)
    fire(store, made, tick + HOUR)
    with store.unchanged():
        fire(store, made, tick)


def test_whoever_read_another_spec_changes_nothing(store: Store) -> None:
    before, after = schedule(), schedule(queue="night")
    tick = stored(store, before)
    store.broker.schedule(after)
    assert next_tick(store) == tick, "an hour began meanwhile"
    with store.unchanged():
        fire(store, before, tick)
    fire(store, after, tick)
    assert store.line("night:ready") == ids(after, [tick])


def test_what_was_removed_does_not_fire(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    store.broker.unschedule(made.name, "person.1")
    with store.unchanged():
        fire(store, made, tick)


def test_many_ticks_in_their_order(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    fire(store, made, tick, 200)
    assert store.line() == ids(made, range(tick, tick + 200 * HOUR, HOUR))
    assert next_tick(store) == tick + 200 * HOUR


def test_no_tick_at_all_only_sets_the_next(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    store.broker.fire(made, made.encode(), tick, [], tick + 5 * HOUR)
    assert store.all_homes() == {}
    assert next_tick(store) == tick + 5 * HOUR


def test_a_job_that_is_there_is_not_made_again(store: Store) -> None:
    """A torn log has kept the first half of a call."""
    made = schedule()
    tick = stored(store, made)
    store.broker.enqueue([new_job(made.job_id(tick), args=(7,))])
    fire(store, made, tick, 2)
    assert store.line() == ids(made, [tick, tick + HOUR])
    assert Body.decode(store.admin.hget(store.keys.bodies, made.job_id(tick))).args == [7]


def test_a_job_that_has_ended_is_not_made_again(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    store.broker.enqueue([made.job(made.job_id(tick))])
    store.broker.cancel(made.job_id(tick), "person.1")
    fire(store, made, tick)
    assert store.homes(made.job_id(tick)) == ["cancelled"]


def test_a_full_queue_keeps_the_tick(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    store.add("a")
    with store.unchanged(), pytest.raises(QueueFull, match="queue default may hold 2 waiting jobs"):
        store.broker.fire(made, made.encode(), tick, [tick, tick + 1], tick + HOUR, max_waiting=2)
    store.broker.fire(made, made.encode(), tick, [tick], tick + HOUR, max_waiting=2)
    assert store.line() == ["a", made.job_id(tick)]


def test_a_paused_queue_takes_ticks_and_keeps_them(store: Store) -> None:
    made = schedule()
    tick = stored(store, made)
    store.broker.pause(["default"])
    fire(store, made, tick)
    assert store.drain() == []
    store.broker.resume(["default"])
    assert store.drain() == ids(made, [tick])
