from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import CLAIMER, ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

LATER = verbs.retry(60, ERROR)


def test_a_run_that_failed_is_tried_again_later(store: Store) -> None:
    store.broker.end(store.running("a"), LATER)
    assert store.homes("a") == ["retrying"]
    assert store.score("a", "retrying") == pytest.approx((time.time() + 60) * 1000, abs=10_000)
    assert (store.state("a").word, store.state("a").failures, store.state("a").crashes) == ("retrying", 1, 0)


def test_the_next_run_is_the_next_attempt(store: Store) -> None:
    for attempt in (1, 2, 3):
        job = store.running("a") if attempt == 1 else store.claim()
        assert job is not None
        assert job.attempt == attempt
        store.broker.end(job, LATER)
        store.advance(60)
        store.broker.promote(["default"])
    assert [entry["attempt"] for entry in store.history("a")] == [1, 2, 3]


def test_the_history_tells_of_the_run(store: Store) -> None:
    job = store.running("a")
    store.broker.end(job, LATER)
    (entry,) = store.history("a")
    assert entry.pop("finished") == pytest.approx(time.time() * 1000, abs=10_000)
    assert entry == {
        "attempt": 1,
        "event": "failed",
        "token": job.token,
        "worker": CLAIMER,
        "detail": {"error": ERROR},
    }


def test_the_oldest_of_a_long_history_goes(store: Store) -> None:
    error = ERROR | {"traceback": "x" * 50_000}
    for number in range(4):
        job = store.running("a") if number == 0 else store.claim()
        assert job is not None
        store.broker.end(job, verbs.retry(0, error))
        store.broker.promote(["default"])
    assert [entry["attempt"] for entry in store.history("a")] == [3, 4]


def test_the_alarm_is_raised_when_it_is_due_first(store: Store) -> None:
    store.ended("a", verbs.retry(60, ERROR))
    assert "alarm" in store.rung()
    job = store.running("b")
    store.hush()
    store.broker.end(job, verbs.retry(90, ERROR))
    assert store.rung() == set()


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    store.broker.end(job, LATER)
    assert store.homes("a") == ["cancelled"]
    assert (store.state("a").note, store.state("a").failures) == ("cancelled", 0)
    assert store.events("a") == ["cancelled"]
    with store.unchanged():
        store.broker.end(job, LATER)


def test_the_same_end_again_spends_no_attempt(store: Store) -> None:
    job = store.ended("a", LATER)
    with store.unchanged():
        store.broker.end(job, LATER)
    store.advance(60)
    store.broker.promote(["default"])
    with store.unchanged():
        store.broker.end(job, LATER)


def test_a_stale_run_changes_nothing(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.end(job, LATER)
    assert store.claim(claimer="w/2") is not None
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.end(job, LATER)
