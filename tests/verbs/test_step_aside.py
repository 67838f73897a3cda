from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import CLAIMER

if TYPE_CHECKING:
    from tests.verbs.store import Store

MAKE_WAY = verbs.step_aside()


def test_a_job_comes_back_as_it_was(store: Store) -> None:
    store.add("a", "b")
    before = store.score("a")
    job = store.claim()
    assert job is not None
    store.hush()
    store.broker.end(job, MAKE_WAY)
    assert store.homes("a") == ["ready"]
    assert (store.line(), store.score("a")) == (["a", "b"], before)
    state = store.state("a")
    assert (state.word, state.failures, state.crashes) == ("ready", 0, 0)
    assert store.events("a") == ["released"]
    assert store.rung() == {"default"}


def test_the_more_urgent_job_is_claimed_in_the_same_call(store: Store) -> None:
    job = store.running("a")
    store.add("b", priority=9)
    step = store.broker.step(CLAIMER, store.request(), ["default"], [(job, MAKE_WAY)])
    assert (step.endings, [each.id for each in step.jobs]) == (["OK"], ["b"])
    assert store.homes("a") == ["ready"]


def test_no_attempt_is_spent(store: Store) -> None:
    store.add("a")
    for _ in range(5):
        job = store.claim()
        assert job is not None
        assert job.attempt == 1
        store.broker.end(job, MAKE_WAY)


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    store.broker.end(job, MAKE_WAY)
    assert (store.homes("a"), store.events("a")) == (["cancelled"], ["cancelled"])


def test_the_same_again_changes_nothing(store: Store) -> None:
    job = store.running("a")
    store.broker.end(job, MAKE_WAY)
    with store.unchanged():
        store.broker.end(job, MAKE_WAY)


def test_a_run_that_lost_its_job_returns_nothing(store: Store) -> None:
    job = store.running("a")
    store.expire()
    assert store.claim(claimer="w/2") is not None
    with store.unchanged(), pytest.raises(StaleLease, match="this run's outcome does not count"):
        store.broker.end(job, MAKE_WAY)
