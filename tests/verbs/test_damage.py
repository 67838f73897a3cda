"""What is stored of a job or of a claimer, damaged: nobody is stopped by it, and no job is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.inspector import Inspector
from tests.verbs.store import BAND, CLAIMER, ERROR, new_job

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
    assert store.broker.extend("w", ["w/1"]) == {}
    step = store.broker.step("w/1", store.request(), [], [(job, verbs.succeed(b""))])
    assert step.endings == ["LOST"]
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


@pytest.mark.parametrize("word", ["running", "blocked"])
def test_a_state_without_the_place_it_must_have_counts_as_none(store: Store, word: str) -> None:
    """What runs, or waits for room in a limit, gets a place in line again; else a chore fails for all."""
    store.running("damaged")
    store.running("lost", claimer="w/2")
    holds = "key" if word == "blocked" else ""
    store.damage_state("damaged", f"{word}|default||5|0|0|w/1||{holds}|".encode())
    assert store.broker.release("w/1", store.request()) is None
    store.broker.deregister("w", ["w/1", "w/2"], lost=True)
    store.expire()
    store.broker.promote(["default"])
    assert sorted(store.drain()) == ["damaged", "lost"]


@pytest.mark.parametrize("verb", ["cancel", "promote", "claim"])
def test_one_that_waits_for_room_without_a_place(store: Store, verb: str) -> None:
    store.add("damaged", "other")
    store.damage_state("damaged", b"blocked|default||5|0|0|w/0||key|")
    store.admin.zrem(store.keys.queue("default", "ready"), "damaged")
    store.admin.zadd(store.keys.queue("default", "blocked"), {"damaged": 1})
    store.admin.zadd(store.keys.parked, {"key 0000000000000005 damaged": 0, "key zz damaged": 0, "key": 0})
    store.admin.zadd(store.keys.limits_due, {"key,5": 1})
    if verb == "cancel":
        assert store.broker.cancel("damaged", "1")
        assert store.homes("damaged") == ["cancelled"]
    elif verb == "promote":
        store.broker.promote(["default"])
    assert sorted(store.drain()) == ["other"] if verb == "cancel" else ["damaged", "other"]
    store.broker.promote(["default"])
    for key in (store.keys.parked, store.keys.limits_due):
        store.admin.delete(key)


NO_LIMITS = [
    *({"c": spec} for spec in ("x", "", ",5", "x,abc", "x,-1", "x,1,2", "x,1,2,3")),
    *({"r": spec} for spec in ("x", "x,5", "x,5,", "x,abc,1", "x,1e9,5", "x,1,2,3")),
    {"c": "x,1", "r": "x,5"},
]


@pytest.mark.parametrize("extras", NO_LIMITS, ids=str)
def test_a_limit_that_is_none_is_a_damaged_job(store: Store, extras: dict[str, str]) -> None:
    run = store.running("low", priority=1)
    store.add("damaged", extras=extras)
    assert store.call("outranked", "default", id=run.id, token=run.token) == ["NO"]
    store.add("other")
    assert store.drain() == ["other"]
    assert (store.homes("damaged"), store.state("damaged").note) == (["failed"], "corrupt_record")


def test_an_edge_that_is_none(store: Store) -> None:
    store.ended("parent", verbs.succeed(b""))
    store.add("child", after=("parent",))
    store.admin.zadd(store.keys.children, {"a b": 0, "a": 0, "a ": 0, "parent b": 0})
    store.admin.zadd(store.keys.ended, {"a": 0})
    store.broker.resolve()
    assert store.homes("child") == ["ready"]
    assert store.line("children") == ["a"]
    store.admin.delete(store.keys.children)


def test_a_row_of_history_that_is_none(store: Store) -> None:
    hour = time.time() // 3600 * 3600 - 3600
    store.admin.zadd(store.keys.minutes, {"x": hour, "5|a|b": hour + 60, f"{hour:.0f}|1|2|3|4|5": hour + 120})
    store.broker.sample()
    rows = store.admin.zrangebyscore(store.keys.hours, hour, hour)
    assert [row.split(b"|")[1:4] for row in rows] == [[b"1", b"2", b"3"]]


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


NO_PLACES = ("+inf", "-inf", -1, 0.5, 5 * BAND + 0.5, 2.0**60, 1e300)


@pytest.mark.parametrize("score", NO_PLACES)
def test_a_job_whose_place_in_line_is_none_runs_once(store: Store, score: float) -> None:
    """Whatever claims it: its state can be read, and its end counts."""
    store.add("a", "b", "c", "d")
    line = store.keys.queue("default", "ready")
    store.admin.zadd(line, dict.fromkeys("bcd", score))
    store.admin.zadd(line, {"a": 0})
    ran, job = [], store.claim()
    while job is not None:
        ran.append(job.id)
        assert store.state(job.id).token == job.token
        step = store.broker.step(CLAIMER, store.request(), ["default"], [(job, verbs.succeed(b""))])
        job = next(iter(step.jobs), None)
    assert sorted(ran) == sorted(store.line("succeeded")) == ["a", "b", "c", "d"]
    store.audit()


@pytest.mark.parametrize("score", NO_PLACES)
def test_jobs_whose_places_in_line_are_none_are_claimed_ahead(store: Store, score: float) -> None:
    store.add("a", "b", "c")
    store.admin.zadd(store.keys.queue("default", "ready"), dict.fromkeys("abc", score))
    ran: list[str] = []
    while jobs := store.claim_ahead(3):
        for job in jobs:
            assert store.state(job.id).token == job.token
        for job in jobs:
            store.broker.end(job, verbs.succeed(b""))
        ran += [job.id for job in jobs]
    assert sorted(ran) == ["a", "b", "c"]
