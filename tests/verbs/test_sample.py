from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

MINUTE, HOUR, DAY = 60, 3600, 86400


def to_the_next(store: Store, seconds: int) -> None:
    """Let time pass until an hour (a minute) has just begun."""
    whole, micros = store.admin.time()
    now = whole + micros / 1e6 + int(store.admin.hget(store.keys.meta, "clock_offset") or 0) / 1000
    store.advance(seconds - now % seconds + 0.1)


def rows(store: Store, home: str = "minutes") -> dict[int, str]:
    """By time, what the row says of it."""
    found = {}
    for row, score in store.admin.zrange(store.keys._asdict()[home], 0, -1, withscores=True):
        time, _, counts = row.decode().partition("|")
        assert int(time) == score
        found[int(time)] = counts
    return found


def test_a_minute_that_is_over_is_counted_by_where_its_jobs_are(store: Store) -> None:
    to_the_next(store, HOUR)
    store.ended("a", verbs.succeed(b""))
    store.ended("b", verbs.succeed(b""))
    store.ended("c", verbs.fail(ERROR))
    store.add("d", queue="night")
    store.broker.cancel("d", "person.1")
    store.running("e")
    store.add("f", "g", queue="night")
    store.add("later", delay=60)
    to_the_next(store, MINUTE)
    store.ended("next", verbs.succeed(b""), queue="other")
    store.broker.sample()
    assert list(rows(store).values()) == ["2|1|1|2|1"]
    assert rows(store, "hours") == {}


def test_a_minute_is_written_once(store: Store) -> None:
    to_the_next(store, MINUTE)
    store.ended("a", verbs.fail(ERROR))
    to_the_next(store, MINUTE)
    store.broker.sample()
    store.broker.revive("a", "person.1")
    with store.unchanged():
        store.broker.sample()
    assert list(rows(store).values()) == ["0|1|0|0|0"]


def test_what_nobody_counted_in_time_is_counted_later(store: Store) -> None:
    to_the_next(store, HOUR)
    store.broker.sample()
    for number in range(150):
        store.ended(f"job-{number}", verbs.succeed(b""))
        store.advance(MINUTE)
    store.add("waits")
    assert store.call("sample") == ["MORE"]
    assert store.call("sample") == ["OK"]
    assert list(rows(store).values())[1:] == ["1|0|0||"] * 149 + ["1|0|0|1|0"]


def test_an_hour_is_the_sum_of_its_minutes_also_of_jobs_that_are_forgotten(store: Store) -> None:
    to_the_next(store, HOUR)
    for number in range(60):
        store.ended(f"job-{number}", verbs.succeed(b"") if number % 3 else verbs.fail(ERROR))
        store.advance(MINUTE)
        store.broker.sample()
        for home in ("succeeded", "failed"):
            store.broker.prune(home, max_age=0, keep=0)
        assert len(rows(store, "hours")) == (number == 59)
    (hour,) = rows(store, "hours")
    assert hour % HOUR == 0
    assert rows(store, "hours")[hour] == "40|20|0|0|0"


def test_a_day_of_minutes_and_ninety_days_of_hours_are_kept(store: Store) -> None:
    to_the_next(store, HOUR)
    store.broker.sample()
    store.advance(DAY)
    store.broker.sample()
    assert len(rows(store)) == DAY // MINUTE
    first, *others = rows(store, "hours")
    assert [time - first for time in others] == [HOUR * number for number in range(1, 25)]
    store.advance(89 * DAY - HOUR)
    store.broker.sample()
    assert first in rows(store, "hours")
    store.advance(HOUR)
    store.broker.sample()
    assert first not in rows(store, "hours")
    assert others[0] in rows(store, "hours")
    assert len(rows(store)) == DAY // MINUTE


def test_a_clock_that_was_wrong_is_forgotten(store: Store) -> None:
    store.advance(365 * DAY)
    store.broker.sample()
    store.advance(-365 * DAY)
    store.broker.sample()
    (minute,) = rows(store)
    assert abs(minute - store.admin.time()[0]) <= 2 * MINUTE
