from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import BAND, ERROR, NEWER_BODY, TENS

if TYPE_CHECKING:
    from tests.verbs.store import Store

BOUND = 60


def age(store: Store, *queues: str, after: float = 1) -> None:
    store.advance(after)
    store.broker.age(queues or ("default",), BOUND)


def test_who_has_waited_for_the_bound_is_first_in_line(store: Store) -> None:
    store.add("old", priority=0)
    age(store)
    store.add("urgent", priority=9)
    age(store, after=BOUND - 1)
    assert store.line() == ["urgent", "old"]
    age(store)
    assert store.line() == ["old", "urgent"]
    assert store.score("old") == TENS + 1
    assert store.drain() == ["old", "urgent"]


def test_the_job_says_that_it_has_the_highest_priority(store: Store) -> None:
    store.running("a")
    store.broker.release("w/1", store.request())
    store.add("b", queue="night", priority=1)
    age(store, "default", "night")
    age(store, "default", "night", after=BOUND)
    assert int(store.state("a").score) == TENS + 1
    assert store.admin.hget(store.keys.bodies, "b").startswith(b"1night|10")


def test_who_comes_after_is_not_raised_with_it(store: Store) -> None:
    store.add("old")
    age(store)
    store.advance(BOUND - 1)
    store.add("young")
    age(store)
    age(store)
    assert store.line() == ["old", "young"]
    assert store.score("young") == 5 * BAND + 2
    store.drain()
    store.add("younger")
    age(store)
    assert store.score("younger") == 5 * BAND + 3


def test_of_all_bands_the_oldest_comes_first_and_the_next_when_that_has_started(store: Store) -> None:
    for job_id, priority in (("a", 3), ("b", 1), ("c", 9)):
        store.add(job_id, priority=priority)
    age(store)
    age(store, after=BOUND)
    age(store)
    assert [store.score(job_id) < BAND for job_id in "abc"] == [True, False, False]
    store.claim()
    age(store)
    assert store.line() == ["b", "c"]


def test_one_a_second_however_many_ask_and_however_fast_it_starts(store: Store) -> None:
    store.add("a", "b", "c")
    age(store)
    age(store, after=BOUND)
    for claimer in ("w/1", "w/2"):
        store.claim(claimer=claimer)
        for _ in range(3):
            store.broker.age(["default"], BOUND)
    assert store.score("c") == 5 * BAND + 3
    age(store)
    assert store.score("c") == TENS + 3


def test_who_has_the_highest_priority_already_is_left_alone(store: Store) -> None:
    store.add("first", priority=10)
    store.add("a", priority=1)
    age(store)
    age(store, after=BOUND)
    assert store.score("a") == 9 * BAND + 2
    assert not store.has_state("first")


def test_each_queue_has_its_own(store: Store) -> None:
    store.add("a", queue="day")
    store.add("b", queue="night")
    store.add("other", queue="other")
    age(store, "day", "night")
    age(store, "day", "night", after=BOUND)
    assert (store.score("a", "day:ready"), store.score("b", "night:ready")) == (TENS + 1, TENS + 2)
    assert store.score("other", "other:ready") == 5 * BAND + 3


def test_time_before_it_was_due_does_not_count(store: Store) -> None:
    store.add("later", delay=BOUND)
    store.ended("again", verbs.retry(BOUND, ERROR))
    age(store)
    store.advance(BOUND)
    store.broker.promote(["default"])
    age(store)
    assert {store.score(job_id) // BAND for job_id in ("later", "again")} == {5}
    age(store, after=BOUND)
    age(store)
    assert sorted(store.score(job_id) // BAND for job_id in ("later", "again")) == [0, 5]


def test_what_cannot_be_read_does_not_stand_before_the_others(store: Store) -> None:
    store.add("bad", "newer", "good", priority=1)
    store.add("stream", priority=9)
    store.damage("bad")
    age(store)
    age(store, after=BOUND)
    assert store.claim() is not None
    assert store.homes("bad") == ["failed"]
    store.damage("newer", NEWER_BODY)
    age(store)
    assert store.line() == ["newer", "good"]


def test_few_samples_are_kept(store: Store) -> None:
    for number in range(130):
        store.add(f"job-{number}")
        age(store)
    # A machine that takes long over a call adds to the second that passes between two of them.
    assert BOUND // 2 <= store.admin.zcard(store.keys.ages) <= BOUND + 2


@pytest.mark.parametrize("ran", [-3600, 3600])
def test_a_clock_that_is_set_stops_nothing(store: Store, ran: float) -> None:
    store.add("before")
    age(store)
    store.advance(ran)
    store.add("after")
    age(store)
    age(store, after=BOUND)
    store.drain()
    store.add("last")
    age(store)
    age(store, after=BOUND)
    assert store.score("last") == TENS + 3
