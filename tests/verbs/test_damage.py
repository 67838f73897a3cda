"""What is stored of a job or of a claimer, damaged: nobody is stopped by it, and no job is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.inspector import Inspector
from tests.verbs.store import ERROR, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.connection import ClientLink
    from tests.verbs.store import Store


def queued(store: Store) -> None:
    store.running("damaged")
    store.broker.release("w/1", store.request())


def running(store: Store) -> None:
    store.running("damaged")


def retrying(store: Store) -> None:
    store.ended("damaged", verbs.retry(5, ERROR))


def deferred(store: Store) -> None:
    store.ended("damaged", verbs.defer(5))


def blocked(store: Store) -> None:
    store.ended("parent", verbs.succeed(b""))
    store.broker.enqueue([new_job("damaged", after=("parent",), after_policy="continue")])


alive = pytest.mark.parametrize("put", [queued, running, retrying, deferred, blocked])


@alive
def test_a_job_whose_state_cannot_be_read_runs_from_the_start(
    store: Store, put: Callable[[Store], None]
) -> None:
    put(store)
    store.damage_state("damaged")
    store.add("other")
    store.broker.resolve()
    store.expire()
    store.broker.promote(["default"])
    assert sorted(store.drain()) == ["damaged", "other"]
    assert (store.state("damaged").word, store.state("damaged").failures) == ("running", 0)


@alive
@pytest.mark.parametrize("verb", ["purge", "cancel"])
def test_it_can_be_purged_and_cancelled(store: Store, put: Callable[[Store], None], verb: str) -> None:
    put(store)
    store.damage_state("damaged")
    store.expire()  # what runs must come back first
    if verb == "purge":
        assert store.broker.purge("default", ["ready", "scheduled", "retrying", "blocked"], "1") == 1
    else:
        assert store.broker.cancel("damaged", "1")
    assert store.homes("damaged") == ["cancelled"]


def test_a_run_whose_state_cannot_be_read_has_lost_its_lease(store: Store) -> None:
    job = store.running("damaged")
    store.broker.register("w", {})
    store.damage_state("damaged")
    (renewal,) = store.broker.extend("w", ["w/1"]) or []
    assert (renewal.word, renewal.token) == ("LOST", job.token)
    assert store.broker.step("w/1", store.request(), [], (job, verbs.succeed(b""))).ending == "LOST"
    store.expire()
    assert store.drain() == ["damaged"]


def test_a_finished_job_whose_state_cannot_be_read_is_pruned(store: Store) -> None:
    store.ended("damaged", verbs.succeed(b"result"))
    store.damage_state("damaged")
    store.broker.prune("succeeded", max_age=0, keep=0)
    assert store.all_homes() == {}


def test_a_claimer_whose_record_cannot_be_read_claims_anew(store: Store) -> None:
    store.running("a")
    store.add("b")
    store.admin.hset(store.keys.claimers, "w/1", "junk")
    assert store.broker.release("w/1", store.request()) is None
    job = store.claim()
    assert job is not None
    assert job.id == "b"
    store.expire()
    assert store.drain() == ["a", "b"]


@pytest.mark.parametrize("last", ["junk", "99999999999999999999999999"])
def test_a_last_token_that_is_none_is_not_counted_on_from(store: Store, last: str) -> None:
    store.admin.hset(store.keys.meta, "token", last)
    job = store.running("a")
    assert abs(int(job.token) / 1e6 - time.time()) < 60


def test_what_people_read_leaves_out_what_cannot_be_read(store: Store) -> None:
    store.ended("a", verbs.retry(60, ERROR))
    keys, inspector = store.keys, Inspector(cast("ClientLink", store.broker.link), store.namespace)
    store.admin.hset(keys.histories, "a", b"\xff{junk\n" + store.admin.hget(keys.histories, "a"))
    store.admin.hset(keys.progress_notes, "a", b"\xff{")
    store.admin.zadd(keys.queues, {"A b": 1, b"\xff\x1b": 2, "": 3})
    store.admin.zadd(keys.workers, {"w1": 1, b"\xff": 1e15})
    store.admin.hset(keys.worker_info, mapping={"w1": "junk", b"\xff": "[]"})
    store.admin.hset(keys.paused, b"\xff", 1)
    job = inspector.job("a")
    assert ([run["event"] for run in job.history], job.progress) == (["failed"], None)
    assert inspector.jobs() == [job]
    assert inspector.queues() == ["default"]
    assert inspector.stats()["jobs_by_status"]["retrying"] == 1
    assert [row["name"] for row in inspector.workers()] == ["w1", "\N{REPLACEMENT CHARACTER}"]
    assert inspector.worker_info() == {"w1": {}, "\N{REPLACEMENT CHARACTER}": {}}
    for key in (keys.queues, keys.workers, keys.worker_info, keys.paused):
        store.admin.delete(key)
