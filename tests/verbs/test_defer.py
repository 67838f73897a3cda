from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease

if TYPE_CHECKING:
    from tests.verbs.store import Store

LATER = verbs.defer(60, "unknown:1", "no such task here")


def test_a_run_that_asks_for_another_time(store: Store) -> None:
    store.broker.end(store.running("a"), LATER)
    assert store.homes("a") == ["scheduled"]
    assert store.score("a", "scheduled") == pytest.approx((time.time() + 60) * 1000, abs=10_000)
    assert (store.state("a").word, store.state("a").failures, store.state("a").crashes) == ("scheduled", 0, 0)
    assert [(entry["event"], entry["detail"]) for entry in store.history("a")] == [
        ("deferred", {"reason": "no such task here"})
    ]


def test_the_next_run_sees_the_note_and_is_the_same_attempt(store: Store) -> None:
    store.ended("a", LATER)
    store.advance(60)
    store.broker.promote(["default"])
    job = store.claim()
    assert job is not None
    assert (job.note, job.attempt) == ("unknown:1", 1)


def test_the_alarm_is_raised_when_it_is_due_first(store: Store) -> None:
    job = store.running("a")
    store.hush()
    store.broker.end(job, LATER)
    assert store.rung() == {"alarm"}


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    store.broker.end(job, LATER)
    assert (store.homes("a"), store.state("a").note) == (["cancelled"], "cancelled")
    assert store.events("a") == ["cancelled"]


def test_the_same_end_again_changes_nothing(store: Store) -> None:
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
