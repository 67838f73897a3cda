from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


def kept(store: Store) -> set[bytes]:
    return set(store.admin.hkeys(store.keys.results))


def test_a_result_is_forgotten_when_its_time_is_over(store: Store) -> None:
    store.ended("a", verbs.succeed(b"\x01", 60))
    store.ended("b", verbs.succeed(b"\x01", 3600))
    store.ended("c", verbs.succeed(b"\x01"))
    with store.unchanged():
        store.broker.expire()
    store.advance(90)
    store.broker.expire()
    assert kept(store) == {b"b", b"c"}
    assert (store.homes("a"), store.state("a").note) == (["succeeded"], "result_expired")
    assert store.line("expiring") == ["b"]


def test_one_of_none_too(store: Store) -> None:
    store.ended("a", verbs.succeed(b"", 60))
    store.advance(90)
    store.broker.expire()
    assert store.state("a").note == "result_expired"


def test_a_result_without_an_end_is_kept(store: Store) -> None:
    store.ended("a", verbs.succeed(b"\x01"))
    assert store.line("expiring") == []


def test_75_results_take_three_calls(store: Store) -> None:
    ids = [f"job-{number:03}" for number in range(75)]
    store.add(*ids)
    for _ in ids:
        job = store.claim()
        assert job is not None
        store.broker.end(job, verbs.succeed(b"\x01", 5))
    store.advance(60)
    assert [store.call("expire") for _ in range(3)] == [["MORE"], ["MORE"], ["OK"]]
    assert kept(store) == set()


@pytest.mark.parametrize("how", [verbs.fail(ERROR), verbs.retry(60, ERROR)], ids=lambda how: how.verb)
def test_what_did_not_succeed_is_left_alone(store: Store, how: verbs.Ending) -> None:
    """The log of an end with a ``ttl`` was torn, and the run's end became another."""
    store.ended("a", how)
    store.admin.zadd(store.keys.expiring, {"a": 1})
    before = store.state("a")
    store.broker.expire()
    assert (store.state("a"), store.line("expiring")) == (before, [])


def test_a_result_that_a_child_is_still_to_read_is_kept(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.admin.zadd(store.keys.needed, {"a child": 0})
    store.broker.end(job, verbs.succeed(b"\x01", 5))
    store.broker.resolve()
    store.advance(10)
    store.broker.expire()
    assert kept(store) == {b"a"}
    store.broker.cancel("child", "person.1")
    store.advance(120)
    store.broker.expire()
    assert kept(store) == set()


def test_a_forgotten_job_leaves_nothing_to_expire(store: Store) -> None:
    store.ended("a", verbs.succeed(b"\x01", 60))
    store.broker.prune("succeeded", max_age=0, keep=0)
    assert store.line("expiring") == []


def test_a_result_with_many_readers_is_kept_for_the_last(store: Store) -> None:
    parent = store.running("p")
    children = [f"child-{number:03}" for number in range(50)]
    store.add(*children, after=("cancel+=p",))
    store.broker.end(parent, verbs.succeed(b"\x07", 10))
    store.broker.resolve()
    for job_id in children[:-1]:
        store.broker.cancel(job_id, f"person.{job_id}")
    for _ in range(6):
        store.advance(70)
        store.broker.expire()
    assert store.admin.hget(store.keys.results, "p") == b"\x07"
    store.broker.cancel(children[-1], "person.last")
    for _ in range(6):
        store.advance(70)
        store.broker.expire()
    assert store.admin.hget(store.keys.results, "p") is None
