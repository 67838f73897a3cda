from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.job import Body
from tests.verbs.store import BAND, ERROR, TENS

if TYPE_CHECKING:
    from tests.verbs.store import Store


def priority_in_body(store: Store, job_id: str) -> int:
    return Body.decode(store.admin.hget(store.keys.bodies, job_id) or b"").priority


@pytest.mark.parametrize("priority", [0, 1, 9, 10])
def test_a_job_that_waits_keeps_its_place_among_its_new_equals(store: Store, priority: int) -> None:
    store.add("first", priority=priority)
    store.add("a")
    store.add("last", priority=priority)
    store.broker.reprioritize("a", priority)
    assert store.line() == ["first", "a", "last"]
    assert store.score("a") == (10 - priority) * BAND + (TENS if priority == 10 else 0) + 2
    assert priority_in_body(store, "a") == priority


def test_a_job_that_was_claimed_before(store: Store) -> None:
    store.running("a")
    store.add("b", priority=9)
    store.broker.release("w/1", store.request())
    store.broker.reprioritize("a", 9)
    assert store.line() == ["a", "b"]
    assert int(store.state("a").score) == BAND + 1


def test_a_running_job_comes_back_in_its_new_band(store: Store) -> None:
    store.running("a")
    store.add("b")
    store.broker.reprioritize("a", 2)
    assert store.homes("a") == ["leases"]
    store.broker.release("w/1", store.request())
    assert store.line() == ["b", "a"]
    assert store.score("a") == 8 * BAND + 1


def test_a_job_that_comes_later_comes_in_its_new_band(store: Store) -> None:
    store.running("parent")
    store.add("blocked", after=("parent",))
    store.add("scheduled", delay=60)
    store.ended("retrying", verbs.retry(60, ERROR), queue="night")
    for job_id in ("blocked", "scheduled", "retrying"):
        with_home = store.homes(job_id)
        store.broker.reprioritize(job_id, 9)
        assert store.homes(job_id) == with_home
        assert priority_in_body(store, job_id) == 9
    store.advance(60)
    store.broker.promote(["default", "night"])
    assert store.score("scheduled") // BAND == 1
    assert store.score("retrying", "night:ready") // BAND == 1


def test_the_same_call_again_changes_nothing(store: Store) -> None:
    store.add("a")
    store.broker.reprioritize("a", 9)
    with store.unchanged():
        store.broker.reprioritize("a", 9)


def test_a_job_that_has_finished_has_no_priority(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    with store.unchanged(), pytest.raises(InvalidState, match="job a is failed; only a job that has not"):
        store.broker.reprioritize("a", 9)


def test_an_unknown_job(store: Store) -> None:
    with store.unchanged(), pytest.raises(JobNotFound, match="no job a"):
        store.broker.reprioritize("a", 9)


@pytest.mark.parametrize("score", ["+inf", -1, 0.5])
def test_a_place_in_line_that_is_none_becomes_one(store: Store, score: float) -> None:
    store.add("a")
    store.admin.zadd(store.keys.queue("default", "ready"), {"a": score})
    store.broker.reprioritize("a", 9)
    assert store.score("a") == BAND + 2
