"""Unique keys: what enqueue, revive and prune make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState
from junmai_jobs.job import Body
from tests.verbs.store import ERROR, new_job

if TYPE_CHECKING:
    from junmai_jobs.job import NewJob
    from tests.verbs.store import Store

DONE = verbs.succeed(b"")


def unique(job_id: str, spec: str = "alive,0,first", **options: object) -> NewJob:
    return new_job(job_id, extras={"u": f"key,{spec}"}, **options)  # type: ignore[arg-type]


def submit(store: Store, job: NewJob) -> str | None:
    """The id of the job that had the key before."""
    (known,) = store.broker.enqueue([job])
    return known


def args_of(store: Store, job_id: str) -> list[object]:
    return list(Body.decode(store.admin.hget(store.keys.bodies, job_id)).args)


def test_the_first_has_the_key_until_it_has_finished(store: Store) -> None:
    assert submit(store, unique("a")) is None
    with store.unchanged():
        assert submit(store, unique("b")) == "a"
    job = store.claim()
    assert job is not None
    assert submit(store, unique("b")) == "a"
    store.broker.end(job, verbs.retry(60, ERROR))
    assert submit(store, unique("b")) == "a"
    store.advance(60)
    store.broker.promote(["default"])
    store.broker.cancel("a", "person.1")
    assert submit(store, unique("b")) is None


def test_two_in_one_call(store: Store) -> None:
    assert store.broker.enqueue([unique("a"), unique("b"), new_job("c")]) == [None, "a", None]
    assert store.line() == ["a", "c"]


def test_other_keys_do_not_matter(store: Store) -> None:
    submit(store, unique("a"))
    assert submit(store, new_job("b", extras={"u": "other,alive,0,first"})) is None


def test_while_it_waits(store: Store) -> None:
    submit(store, unique("a", "waiting,0,first"))
    assert submit(store, unique("b", "waiting,0,first")) == "a"
    store.claim()
    assert submit(store, unique("b", "waiting,0,first")) is None
    assert submit(store, unique("c", "waiting,0,first")) == "b"


def test_for_a_period_the_finished_job_answers(store: Store) -> None:
    submit(store, unique("a", "alive,60000,first"))
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.succeed(b"\x07"))
    store.advance(50)
    assert submit(store, unique("b", "alive,60000,first")) == "a"
    store.broker.prune("succeeded", max_age=0, keep=0)
    assert store.homes("a") == ["succeeded"]
    store.advance(20)
    assert submit(store, unique("b", "alive,60000,first")) is None
    store.advance(1)
    store.broker.prune("succeeded", max_age=0, keep=0)
    assert store.homes("a") == []


def test_the_last_takes_the_place_of_one_that_waits(store: Store) -> None:
    submit(store, unique("a", "alive,0,last", args=["old"], priority=9))
    assert submit(store, unique("b", "alive,0,last", args=["new"])) == "a"
    assert args_of(store, "a") == ["new"]
    job = store.claim()
    assert job is not None
    assert job.body.startswith(b"1default|9|")
    assert store.all_homes() == {"a": ["leases"]}


def test_with_a_delay_the_last_waits_anew(store: Store) -> None:
    submit(store, unique("a", "alive,0,last", delay=10))
    store.advance(8)
    submit(store, unique("b", "alive,0,last", args=["new"], delay=10))
    store.advance(8)
    store.broker.promote(["default"])
    assert store.homes("a") == ["scheduled"]
    store.advance(3)
    store.broker.promote(["default"])
    assert store.homes("a") == ["ready"]
    submit(store, unique("c", "alive,0,last", delay=10))
    assert store.homes("a") == ["scheduled"]


def test_with_a_delay_the_last_waits_anew_also_for_one_that_ran(store: Store) -> None:
    submit(store, unique("a", "alive,0,last"))
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.step_aside())
    submit(store, unique("b", "alive,0,last", delay=10))
    assert store.homes("a") == ["scheduled"]


def test_a_submission_comes_again_after_the_last_took_its_place(store: Store) -> None:
    jobs = [unique("a", "alive,0,last", args=["old"]), unique("b", "alive,0,last", args=["new"])]
    assert store.broker.enqueue(jobs) == [None, "a"]
    with store.unchanged():
        assert store.broker.enqueue(jobs[:1]) == ["a"]
    with store.unchanged(), pytest.raises(InvalidState, match="the id a belongs to a job with other content"):
        submit(store, new_job("a", args=["old"]))
    assert args_of(store, "a") == ["new"]


def test_the_last_waits_for_one_that_runs(store: Store) -> None:
    submit(store, unique("a", "alive,0,last"))
    job = store.claim()
    assert job is not None
    assert submit(store, unique("b", "alive,0,last")) is None
    assert store.homes("b") == ["blocked"]
    assert submit(store, unique("c", "alive,0,last", args=["newest"])) == "b"
    store.broker.end(job, verbs.fail(ERROR))
    store.broker.resolve()
    assert store.drain() == ["b"]
    assert args_of(store, "b") == ["newest"]


def test_a_retried_job_must_find_its_key_free(store: Store) -> None:
    submit(store, unique("a"))
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.fail(ERROR))
    submit(store, unique("b"))
    with store.unchanged(), pytest.raises(InvalidState, match="job b has its unique key now"):
        store.broker.revive("a", "person.1")
    store.broker.cancel("b", "person.2")
    store.broker.revive("a", "person.3")
    assert submit(store, unique("c")) == "a"


def test_nothing_is_left_of_a_forgotten_job(store: Store) -> None:
    submit(store, unique("a"))
    store.broker.cancel("a", "person.1")
    store.advance(1)
    store.broker.prune("cancelled", max_age=0, keep=0)
    assert store.admin.exists(store.keys.uniques) == 0


def test_the_last_of_another_batch(store: Store) -> None:
    store.broker.enqueue([new_job("a", extras={"u": "key,alive,0,last", "b": "one"})])
    store.broker.enqueue([new_job("b", extras={"u": "key,alive,0,last", "b": "two"})])
    assert store.line("members") == ["two a"]


def test_an_owner_that_cannot_be_read_is_left_alone(store: Store) -> None:
    submit(store, unique("a", "alive,0,last"))
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.retry(60, ERROR))
    store.damage("a")
    assert store.broker.enqueue([new_job("x"), unique("b", "alive,0,last")]) == [None, "a"]
    store.broker.purge("default", ["retrying"], "person.1")


def test_the_last_was_cancelled_and_the_first_still_runs(store: Store) -> None:
    submit(store, unique("a", "alive,0,last"))
    job = store.claim()
    assert job is not None
    submit(store, unique("b", "alive,0,last"))
    store.broker.cancel("b", "person.1")
    assert submit(store, unique("c", "alive,0,last")) is None
    assert store.homes("c") == ["blocked"]
    store.broker.cancel("c", "person.2")
    assert submit(store, unique("d")) == "a"
    store.broker.end(job, DONE)
    assert submit(store, unique("d")) is None


def test_the_last_is_forgotten_and_the_first_still_runs(store: Store) -> None:
    submit(store, unique("a", "alive,0,last"))
    job = store.claim()
    assert job is not None
    submit(store, unique("b", "alive,0,last"))
    store.broker.cancel("b", "person.1")
    store.broker.prune("cancelled", max_age=0, keep=0)
    assert submit(store, unique("c", "alive,0,first")) == "a"
    store.broker.end(job, DONE)
    assert submit(store, unique("c", "alive,0,first")) is None


def test_a_job_that_runs_has_its_key_still_when_one_of_another_scope_has_come_and_gone(store: Store) -> None:
    store.running("a", extras={"u": "key,alive,0,first"})
    assert submit(store, unique("b", "waiting,0,last")) is None
    store.broker.cancel("b", "person.1")
    assert submit(store, unique("c")) == "a"
