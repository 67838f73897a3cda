from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.broker import Step
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store

QUEUES = ["default"]
ENDINGS = [
    (verbs.succeed(b"\x01"), "succeeded"),
    (verbs.retry(10, ERROR), "retrying"),
    (verbs.fail(ERROR), "failed"),
    (verbs.defer(10), "scheduled"),
    (verbs.confirm_cancel(), "cancelled"),
]


@pytest.mark.parametrize(("how", "home"), ENDINGS, ids=[home for _, home in ENDINGS])
def test_one_job_ends_and_the_next_is_given(store: Store, how: Ending, home: str) -> None:
    job = store.running("a")
    store.add("b")
    step = store.broker.step("w/1", store.request(), QUEUES, (job, how))
    assert step.job is not None
    assert (step.ending, step.job.id, step.newer) == ("OK", "b", None)
    assert store.homes("a") == [home]
    assert store.homes("b") == ["leases"]


def test_nothing_to_end(store: Store) -> None:
    store.add("a")
    step = store.broker.step("w/1", "1.1", QUEUES)
    assert step.job is not None
    assert (step.ending, step.job.id) == ("", "a")


def test_nothing_to_claim(store: Store) -> None:
    step = store.broker.step("w/1", "1.9", QUEUES, (store.running("a"), verbs.succeed(b"")))
    assert step == Step("OK", None)


def test_no_queues_claim_nothing(store: Store) -> None:
    job = store.running("a")
    store.add("b")
    assert store.broker.step("w/1", "1.9", [], (job, verbs.succeed(b""))) == Step("OK", None)
    assert store.homes("b") == ["ready"]


def test_the_next_job_may_be_the_one_that_was_just_given_back(store: Store) -> None:
    job = store.running("a")
    step = store.broker.step("w/1", "1.9", QUEUES, (job, verbs.retry(0, ERROR)))
    assert step == Step("OK", None)
    store.broker.promote(QUEUES)
    step = store.broker.step("w/1", "1.10", QUEUES)
    assert step.job is not None
    assert (step.job.id, step.job.failures) == ("a", 1)


@pytest.mark.parametrize("how", [verbs.retry(10, ERROR), verbs.defer(10)], ids=["retry", "defer"])
def test_a_job_that_was_to_be_cancelled_is(store: Store, how: Ending) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    assert store.broker.step("w/1", "1.9", QUEUES, (job, how)) == Step("CANCELLED", None)
    assert store.homes("a") == ["cancelled"]


def test_a_job_that_was_lost_does_not_keep_from_claiming(store: Store) -> None:
    job = store.running("a")
    store.expire()
    step = store.broker.step("w/1", "1.9", QUEUES, (job, verbs.succeed(b"")))
    assert step.job is not None
    assert (step.ending, step.job.id) == ("LOST", "a")
    assert store.homes("a") == ["leases"]


def test_a_job_held_that_is_not_the_one_ended_is_given_back(store: Store) -> None:
    ended, held = store.running("a", claimer="w/2"), store.running("b")
    step = store.broker.step("w/1", "1.9", QUEUES, (ended, verbs.succeed(b"")))
    assert step.job is not None
    assert (step.ending, step.job.id) == ("OK", "b")
    assert int(step.job.token) > int(held.token)
    assert store.events("b") == ["released"]


def test_the_same_step_again_has_the_whole_answer(store: Store) -> None:
    job = store.running("a")
    store.add("b", "c")
    first = store.broker.step("w/1", "1.9", QUEUES, (job, verbs.succeed(b"")))
    assert store.broker.step("w/1", "1.9", QUEUES, (job, verbs.succeed(b""))) == first
    assert store.homes("c") == ["ready"]


@pytest.mark.parametrize("late", ["1.1", "1.2"])
def test_a_late_copy_of_an_earlier_step_takes_nothing(store: Store, late: str) -> None:
    """It was long on its way; the claimer has ended that job since, and runs another."""
    store.add("a", "b", "c")
    first = store.broker.step("w/1", "1.2", QUEUES).job
    assert first
    second = store.broker.step("w/1", "2.1", QUEUES, (first, verbs.succeed(b""))).job
    assert second
    with store.unchanged():
        again = store.broker.step("w/1", late, QUEUES, (first, verbs.succeed(b"")))
    assert (again.ending, again.job) == ("OK", None)
    assert store.broker.step("w/1", "2.1", QUEUES, (first, verbs.succeed(b""))).job == second


def test_a_late_copy_of_a_dead_process_takes_nothing(store: Store) -> None:
    store.running("a", claimer="w/1")
    store.broker.crash("w/1", "1.end", {"signal": "SIGKILL"})
    with store.unchanged():
        assert store.broker.step("w/1", "1.7", QUEUES).job is None
    assert store.broker.step("w/1", "2.1", QUEUES).job


def test_the_same_step_again_may_give_what_came_meanwhile(store: Store) -> None:
    ended = store.running("a"), verbs.succeed(b"")
    assert store.broker.step("w/1", "1.9", QUEUES, ended) == Step("OK", None)
    store.add("b")
    step = store.broker.step("w/1", "1.9", QUEUES, ended)
    assert step.job is not None
    assert (step.ending, step.job.id) == ("OK", "b")


def test_after_a_ring_the_ring_is_passed_on(store: Store) -> None:
    store.add("a", "b")
    store.hush()
    store.broker.step("w/1", "1.1", QUEUES, woken=True)
    assert store.rung() == {"default"}
