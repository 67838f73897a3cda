"""unschedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.errors import ScheduleNotFound
from tests.verbs.scenarios import next_tick, schedule

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_it_is_gone_and_no_other(store: Store) -> None:
    store.broker.schedule(schedule("a"))
    store.broker.schedule(schedule("b"))
    store.broker.unschedule("a", "person.1")
    assert store.line("ticks") == ["b"]
    assert store.admin.hkeys(store.keys.schedules) == [b"b"]


def test_its_jobs_stay(store: Store) -> None:
    made = schedule()
    store.broker.schedule(made)
    tick = next_tick(store)
    store.broker.fire(made, made.encode(), tick, [tick], tick + 3600)
    store.broker.unschedule("hourly", "person.1")
    assert store.homes(made.job_id(tick)) == ["ready"]


def test_one_that_is_not_there(store: Store) -> None:
    with pytest.raises(ScheduleNotFound, match="no schedule hourly: `junmai-jobs schedule list`"):
        store.broker.unschedule("hourly", "person.1")


def test_one_that_is_not_there_any_more(store: Store) -> None:
    store.broker.schedule(schedule())
    store.broker.unschedule("hourly", "person.1")
    store.broker.unschedule("hourly", "person.1")
    with pytest.raises(ScheduleNotFound):
        store.broker.unschedule("hourly", "person.2")
