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


def outcome(step: Step) -> tuple[list[str], list[str]]:
    """The words of what has ended, and the ids of what was given."""
    return step.endings, [job.id for job in step.jobs]


@pytest.mark.parametrize(("how", "home"), ENDINGS, ids=[home for _, home in ENDINGS])
def test_one_job_ends_and_the_next_is_given(store: Store, how: Ending, home: str) -> None:
    job = store.running("a")
    store.add("b")
    step = store.broker.step("w/1", store.request(), QUEUES, [(job, how)])
    assert (outcome(step), step.newer) == ((["OK"], ["b"]), None)
    assert store.homes("a") == [home]
    assert store.homes("b") == ["leases"]


@pytest.mark.parametrize("how", [verbs.succeed(b""), verbs.succeed(b"\x01", 60)], ids=["", "result, ttl"])
def test_the_quick_way_leaves_what_the_long_one_does(stores: list[Store], how: Ending) -> None:
    """Where somebody listens to events a step goes the long way."""
    for store, listened in zip(stores, (False, True), strict=True):
        if listened:
            store.admin.hset(store.keys.meta, "listened", 10**13)
        job = store.running("a", queue="night")
        store.add("b", priority=7)
        store.add("c", priority=7)
        store.add("d", priority=9, queue="night")
        given = []
        for number in range(3):
            step = store.broker.step("w/1", f"1.{10 + number}", ["default", "night"], [(job, how)])
            (job,) = step.jobs
            given.append((step.endings, job.id))
        assert given == [(["OK"], "d"), (["OK"], "b"), (["OK"], "c")]
        store.admin.hdel(store.keys.meta, "listened")
        store.admin.delete(store.keys.event_stream)
    quick, long = (store.dump() for store in stores)
    assert quick == long


def test_nothing_to_end(store: Store) -> None:
    store.add("a")
    assert outcome(store.broker.step("w/1", "1.1", QUEUES)) == ([], ["a"])


def test_nothing_to_claim(store: Store) -> None:
    step = store.broker.step("w/1", "1.9", QUEUES, [(store.running("a"), verbs.succeed(b""))])
    assert step == Step(["OK"], [])


def test_no_queues_claim_nothing(store: Store) -> None:
    job = store.running("a")
    store.add("b")
    assert store.broker.step("w/1", "1.9", [], [(job, verbs.succeed(b""))]) == Step(["OK"], [])
    assert store.homes("b") == ["ready"]


def test_the_next_job_may_be_the_one_that_was_just_given_back(store: Store) -> None:
    job = store.running("a")
    step = store.broker.step("w/1", "1.9", QUEUES, [(job, verbs.retry(0, ERROR))])
    assert step == Step(["OK"], [])
    store.broker.promote(QUEUES)
    (again,) = store.broker.step("w/1", "1.10", QUEUES).jobs
    assert (again.id, again.failures) == ("a", 1)


@pytest.mark.parametrize("how", [verbs.retry(10, ERROR), verbs.defer(10)], ids=["retry", "defer"])
def test_a_job_that_was_to_be_cancelled_is(store: Store, how: Ending) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    assert store.broker.step("w/1", "1.9", QUEUES, [(job, how)]) == Step(["CANCELLED"], [])
    assert store.homes("a") == ["cancelled"]


def test_a_job_that_was_lost_does_not_keep_from_claiming(store: Store) -> None:
    job = store.running("a")
    store.expire()
    step = store.broker.step("w/1", "1.9", QUEUES, [(job, verbs.succeed(b""))])
    assert outcome(step) == (["LOST"], ["a"])
    assert store.homes("a") == ["leases"]


def test_a_lost_run_does_not_end_the_next_one_of_its_own_claimer(store: Store) -> None:
    lost = store.running("a", claimer="w/1")
    store.expire()
    assert store.claim(claimer="w/1") is not None
    store.add("b")
    step = store.broker.step("w/1", store.request(), QUEUES, [(lost, verbs.succeed(b""))])
    assert outcome(step) == (["LOST"], ["a"])
    assert store.homes("a") == ["leases"]


def test_several_end_in_one_call_each_in_its_way(store: Store) -> None:
    """Claimed together, or by anybody; what one lost lease is told is no other's business."""
    store.add("a", "b", "c")
    first, second, third = store.claim_ahead(3)
    other = store.running("d", claimer="w/2")
    store.broker.crash("w/2", "1.end", {"signal": 9})
    ended = [
        (first, verbs.retry(10, ERROR)),
        (other, verbs.succeed(b"")),
        (second, verbs.succeed(b"\x01", 60)),
        (third, verbs.defer(10, "later")),
    ]
    step = store.broker.step("w/1", store.request(), QUEUES, ended)
    assert outcome(step) == (["OK", "LOST", "OK", "OK"], ["d"])
    assert [store.homes(each) for each in "abcd"] == [["retrying"], ["succeeded"], ["scheduled"], ["leases"]]
    assert store.admin.hget(store.keys.results, "b") == b"\x01"


def test_a_job_held_that_is_not_the_one_ended_is_given_back(store: Store) -> None:
    ended, held = store.running("a", claimer="w/2"), store.running("b")
    step = store.broker.step("w/1", "1.9", QUEUES, [(ended, verbs.succeed(b""))])
    assert outcome(step) == (["OK"], ["b"])
    assert int(step.jobs[0].token) > int(held.token)
    assert store.events("b") == ["released"]


def test_the_same_step_again_has_the_whole_answer(store: Store) -> None:
    ended = [(store.running("a"), verbs.succeed(b""))]
    store.add("b", "c")
    first = store.broker.step("w/1", "1.9", QUEUES, ended)
    assert store.broker.step("w/1", "1.9", QUEUES, ended) == first
    assert store.homes("c") == ["ready"]


@pytest.mark.parametrize("late", ["1.1", "1.2"])
def test_a_late_copy_of_an_earlier_step_takes_nothing(store: Store, late: str) -> None:
    """It was long on its way; the claimer has ended that job since, and runs another."""
    store.add("a", "b", "c")
    (first,) = store.broker.step("w/1", "1.2", QUEUES).jobs
    ended = [(first, verbs.succeed(b""))]
    (second,) = store.broker.step("w/1", "2.1", QUEUES, ended).jobs
    with store.unchanged():
        again = store.broker.step("w/1", late, QUEUES, ended)
    assert outcome(again) == (["OK"], [])
    assert store.broker.step("w/1", "2.1", QUEUES, ended).jobs == [second]


def test_a_late_copy_of_a_dead_process_takes_nothing(store: Store) -> None:
    store.running("a", claimer="w/1")
    store.broker.crash("w/1", "1.end", {"signal": "SIGKILL"})
    with store.unchanged():
        assert not store.broker.step("w/1", "1.7", QUEUES).jobs
    assert store.broker.step("w/1", "2.1", QUEUES).jobs


def test_the_same_step_again_may_give_what_came_meanwhile(store: Store) -> None:
    ended = [(store.running("a"), verbs.succeed(b""))]
    assert store.broker.step("w/1", "1.9", QUEUES, ended) == Step(["OK"], [])
    store.add("b")
    assert outcome(store.broker.step("w/1", "1.9", QUEUES, ended)) == (["OK"], ["b"])


def test_after_a_ring_the_ring_is_passed_on(store: Store) -> None:
    store.add("a", "b")
    store.hush()
    store.broker.step("w/1", "1.1", QUEUES, woken=True)
    assert store.rung() == {"default"}
