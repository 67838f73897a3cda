from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store

DAY = 86400.0
DONE = verbs.succeed(b"\x2a")
FINISHED = [("succeeded", DONE), ("failed", verbs.fail(ERROR)), ("cancelled", verbs.confirm_cancel())]


@pytest.mark.parametrize(("word", "how"), FINISHED, ids=[word for word, _ in FINISHED])
def test_a_job_that_finished_long_ago_is_forgotten(store: Store, word: str, how: Ending) -> None:
    job = store.running("a")
    store.broker.progress(job, {"done": 1})
    store.broker.end(job, how)
    store.broker.prune(word, max_age=DAY, keep=10)
    assert store.homes("a") == [word]
    store.advance(DAY + 60)
    store.broker.prune(word, max_age=DAY, keep=10)
    assert store.homes("a") == []
    for hash_key in ("bodies", "states", "results", "histories", "progress_notes"):
        assert store.admin.exists(getattr(store.keys, hash_key)) == 0


def test_the_oldest_beyond_a_number_are_forgotten(store: Store) -> None:
    for job_id in ("a", "b", "c", "d"):
        store.ended(job_id, DONE)
        store.advance(1)
    store.broker.prune("succeeded", max_age=DAY, keep=2)
    assert store.line("succeeded") == ["c", "d"]


def test_only_the_status_named(store: Store) -> None:
    for word, how in FINISHED:
        store.ended(word, how)
    store.broker.prune("failed", max_age=DAY, keep=0)
    assert [store.homes(word) for word, _ in FINISHED] == [["succeeded"], [], ["cancelled"]]


def test_what_has_not_finished_is_never_forgotten(store: Store) -> None:
    store.running("runs")
    store.ended("retries", verbs.retry(60, ERROR))
    store.add("waits")
    store.advance(100 * DAY)
    with store.unchanged():
        for word, _ in FINISHED:
            store.broker.prune(word, max_age=0, keep=0)


def test_a_parent_stays_while_a_child_still_needs_it(store: Store) -> None:
    first, second = store.running("a", claimer="w/1"), store.running("b", claimer="w/2")
    store.add("child", after=("a", "b"))
    store.broker.end(first, DONE)
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == ["succeeded"]
    store.broker.resolve()
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == []
    store.broker.end(second, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_60_jobs_take_three_calls(store: Store) -> None:
    store.add(*(f"job-{number:03}" for number in range(60)))
    store.broker.purge("default", ["ready"], "person.1")
    limits = {"max_age": round(DAY * 1000), "keep": 20, "after": 0}
    words = [store.call("prune", word="cancelled", **limits) for _ in range(3)]
    assert words == [["MORE", b"0"], ["MORE", b"0"], ["OK"]]
    assert len(store.line("cancelled")) == 20


def test_prune_goes_on_until_all_is_done(store: Store) -> None:
    store.add(*(f"job-{number:03}" for number in range(200)))
    store.broker.purge("default", ["ready"], "person.1")
    store.broker.prune("cancelled", max_age=DAY, keep=7)
    assert len(store.line("cancelled")) == 7


def test_a_forgotten_id_is_free(store: Store) -> None:
    store.ended("a", DONE)
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    store.add("a", args=[1])
    assert store.homes("a") == ["ready"]


def test_an_id_in_a_wrong_home_is_removed_there_and_not_forgotten(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    store.admin.zadd(store.keys.succeeded, {"a": 1})
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == ["failed"]
    assert store.has_state("a")


@pytest.mark.parametrize(("delay", "home"), [(0, "ready"), (60, "scheduled")])
def test_what_waits_and_is_in_a_wrong_home_is_not_forgotten(store: Store, delay: float, home: str) -> None:
    """It has no state that would tell."""
    store.add("a", delay=delay)
    store.admin.zadd(store.keys.failed, {"a": 1})
    store.broker.prune("failed", max_age=DAY, keep=0)
    assert store.homes("a") == [home]
    store.audit()


def test_a_parent_stays_until_the_child_that_reads_it_has_finished(store: Store) -> None:
    store.ended("a", DONE)
    store.add("child", after=("cancel+=a",))
    store.broker.resolve()
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == ["succeeded"]
    job = store.claim()
    assert job is not None
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.broker.inherit(["a"]) == {"a": b"\x2a"}
    store.broker.end(job, DONE)
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == []
    assert store.line("needed") == []


def test_a_parent_of_a_child_that_is_gone_does_not_stay(store: Store) -> None:
    store.ended("a", DONE)
    store.add("child", after=("cancel+=a",))
    store.broker.cancel("child", "person.1")
    store.broker.resolve()
    store.broker.prune("cancelled", max_age=DAY, keep=0)
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.homes("a") == store.homes("child") == []
    assert store.line("needed") == []


def test_a_job_that_is_forgotten_leaves_its_batch(store: Store) -> None:
    store.ended("a", DONE, extras={"b": "shoot"})
    store.add("b", extras={"b": "shoot"})
    assert store.line("members") == ["shoot a", "shoot b"]
    store.broker.prune("succeeded", max_age=DAY, keep=0)
    assert store.line("members") == ["shoot b"]


def test_of_more_than_500_queues_those_that_are_empty_and_not_paused_are_forgotten(store: Store) -> None:
    store.add("a", queue="night")
    store.ended("b", DONE, queue="day")
    store.broker.pause(["day"])
    store.admin.zadd(store.keys.queues, {f"shoot-{number:03}": 0 for number in range(538)})
    for _ in range(200):
        store.broker.prune("failed", max_age=DAY, keep=0)
        store.advance(0.017)
    left = store.line("queues")
    assert len(left) <= 500
    assert {"night", "day"} <= set(left)
