"""Limits: what claim, the endings and promote make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.job import Claimed
    from tests.verbs.store import Store

DONE = verbs.succeed(b"")
TWO = {"c": "folder,2"}
RATE = {"r": "task:rate,3,1000"}


def claimed(store: Store, claimer: str) -> Claimed:
    job = store.claim(claimer=claimer)
    assert job is not None
    return job


def test_no_more_than_the_limit_run_and_the_rest_keep_their_places(store: Store) -> None:
    store.add("a", "b", "c", "d", extras=TWO)
    store.add("plain", priority=0)
    first, second = claimed(store, "w/1"), claimed(store, "w/2")
    assert (first.id, second.id) == ("a", "b")
    before = store.score("c"), store.score("d")
    assert claimed(store, "w/3").id == "plain"
    assert store.homes("c") == store.homes("d") == ["blocked"]
    store.add("e", extras=TWO)
    store.broker.end(second, DONE)
    assert store.homes("c") == ["ready"]
    assert (store.score("c"), float(store.state("d").score)) == before
    assert claimed(store, "w/2").id == "c"
    assert store.claim(claimer="w/4") is None
    store.broker.end(first, DONE)
    assert claimed(store, "w/1").id == "d"


@pytest.mark.parametrize(
    "end",
    [
        lambda store, job: store.broker.end(job, DONE),
        lambda store, job: store.broker.end(job, verbs.fail(ERROR)),
        lambda store, job: store.broker.end(job, verbs.retry(60, ERROR)),
        lambda store, job: store.broker.end(job, verbs.defer(60)),
        lambda store, job: store.broker.end(job, verbs.confirm_cancel()),
        lambda store, _: store.broker.crash("w/1", "1.end", {"signal": 9}),
        lambda store, _: store.broker.release("w/1", "1.end"),
        lambda store, _: store.broker.deregister("w", ["w/1"], lost=True),
        lambda store, _: store.expire(),
    ],
    ids=["succeed", "fail", "retry", "defer", "cancel", "crash", "release", "worker lost", "reap"],
)
def test_whatever_way_a_run_ends_its_place_is_free(
    store: Store, end: Callable[[Store, Claimed], object]
) -> None:
    store.add("a", "b", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="v/1") is None
    assert store.homes("b") == ["blocked"]
    end(store, job)
    assert store.homes("b") == ["ready"]
    assert store.line("holders") == []


def test_higher_priority_goes_before_what_waits_for_the_same_limit(store: Store) -> None:
    store.add("a", "b", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.add("urgent", extras={"c": "key,1"}, priority=9)
    store.broker.end(job, DONE)
    assert claimed(store, "w/1").id == "urgent"


def test_reprioritized_while_it_waits_for_a_limit(store: Store) -> None:
    store.add("a", "b", "c", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.reprioritize("c", 9)
    store.broker.end(job, DONE)
    assert claimed(store, "w/1").id == "c"


def test_the_priority_it_has_already_takes_nobody_from_the_line(store: Store) -> None:
    store.add("a", "b", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    with store.unchanged():
        store.broker.reprioritize("b", 5)
    store.broker.end(job, DONE)
    assert claimed(store, "w/1").id == "b"


def test_cancelled_while_it_waits_for_a_limit_it_keeps_nobody_waiting(store: Store) -> None:
    store.add("a", "b", "c", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.cancel("b", "person.1")
    store.broker.end(job, DONE)
    assert claimed(store, "w/1").id == "c"
    assert store.line("parked") == []


def test_a_place_that_a_cancelled_job_was_called_to_is_found_again(store: Store) -> None:
    store.add("a", "b", "c", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.end(job, DONE)
    store.broker.cancel("b", "person.1")
    assert store.claim(claimer="w/2") is None
    store.advance(2)
    store.broker.promote(["default"])
    assert claimed(store, "w/1").id == "c"


def test_a_holder_that_a_torn_log_left_behind_does_not_count(store: Store) -> None:
    store.admin.zadd(store.keys.holders, {"key ghost": 0})
    store.add("a", extras={"c": "key,1"})
    assert claimed(store, "w/1").id == "a"


def test_no_more_than_so_many_start_in_any_second(store: Store) -> None:
    store.add(*"abcdefgh", extras=RATE)
    assert [claimed(store, f"w/{number}").id for number in range(3)] == ["a", "b", "c"]
    assert store.claim(claimer="w/9") is None
    store.advance(0.7)
    store.broker.promote(["default"])
    assert store.claim(claimer="w/9") is None
    store.advance(0.4)
    assert store.broker.promote(["default"]) is not None
    assert store.line() == ["d", "e", "f"]
    assert [claimed(store, f"v/{number}").id for number in range(3)] == ["d", "e", "f"]
    assert store.claim(claimer="w/9") is None


def test_promote_tells_when_a_rate_has_room_and_clears_up_after_it(store: Store) -> None:
    store.add(*"abcd", extras=RATE)
    for number in range(3):
        claimed(store, f"w/{number}")
    assert store.claim(claimer="w/9") is None
    due = store.broker.promote(["default"])
    assert due is not None
    assert 0 < due <= 1.01
    store.advance(1.1)
    store.broker.promote(["default"])
    assert claimed(store, "w/9").id == "d"
    for _ in range(2):
        store.advance(1.1)
        store.broker.promote(["default"])
    assert store.line("starts") == store.line("limits_due") == []


def test_a_clock_that_ran_back_closes_no_rate(store: Store) -> None:
    store.add(*"abcd", extras=RATE)
    for number in range(3):
        claimed(store, f"w/{number}")
    store.advance(-3600)
    assert claimed(store, "w/9").id == "d"


def test_both_limits_of_one_job(store: Store) -> None:
    store.add(*"abc", extras={"c": "key,1", "r": "task:rate,2,1000"})
    for job_id in "ab":
        job = claimed(store, "w/1")
        assert job.id == job_id
        store.broker.end(job, DONE)
    assert store.claim(claimer="w/1") is None
    store.advance(1.1)
    store.broker.promote(["default"])
    assert claimed(store, "w/1").id == "c"


def test_counts_are_kept_while_it_waits_for_a_limit(store: Store) -> None:
    store.add("a", extras={"c": "key,1"})
    store.broker.end(claimed(store, "w/1"), verbs.retry(5, ERROR))
    store.add("b", extras={"c": "key,1"}, priority=9)
    claimed(store, "w/1")
    store.advance(6)
    store.broker.promote(["default"])
    assert store.claim(claimer="w/2") is None
    assert (store.homes("a"), store.state("a").failures) == (["blocked"], 1)


def test_purged_while_it_waits_for_a_limit(store: Store) -> None:
    store.add("a", "b", "c", extras={"c": "key,1"})
    claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    assert store.broker.purge("default", ["blocked"], "person.1") == 2


def test_revived_to_wait_for_its_parents_it_keeps_that_home(store: Store) -> None:
    store.add("parent")
    store.broker.cancel("parent", "person.1")
    store.add("a", "b", "c", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.cancel("b", "person.2")
    store.broker.revive("parent", "person.3")
    store.broker.revive("b", "person.4", "cancel=parent")
    store.broker.end(job, DONE)
    assert store.homes("b") == ["blocked"]
    assert store.homes("c") == ["ready"]


def test_revived_it_waits_at_the_end_of_the_line(store: Store) -> None:
    store.add("a", "b", "c", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.cancel("b", "person.1")
    store.broker.revive("b", "person.2")
    assert store.claim(claimer="w/2") is None
    store.broker.end(job, DONE)
    assert store.line() == ["c"]


def test_all_that_there_is_room_for_come_back_whoever_asks(store: Store) -> None:
    ids = [f"job-{number:02}" for number in range(60)]
    store.add(*ids, extras={"r": "task:rate,60,3600000"})
    store.add(*(f"more-{number:02}" for number in range(40)), extras={"r": "task:rate,60,3600000"})
    for number in range(60):
        claimed(store, f"w/{number}")
    for _ in range(4):
        assert store.claim(claimer="v/1") is None
    assert len(store.line("blocked")) == 40
    store.advance(3601)
    claimed(store, "v/1")
    for _ in range(3):  # each call brings so many back, and the next comes in a later millisecond
        store.advance(0.01)
        store.broker.promote(["default"])
    assert store.line("blocked") == []


def test_one_that_was_called_and_never_came_does_not_close_a_rate(store: Store) -> None:
    store.add("a", "b", "c", extras={"r": "task:rate,1,3600000"})
    claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.advance(3601)
    store.broker.promote(["default"])
    store.broker.cancel("b", "person.1")
    store.advance(2)
    store.broker.promote(["default"])
    assert claimed(store, "w/2").id == "c"


def test_many_that_are_gone_do_not_hide_one_that_waits(store: Store) -> None:
    gone = [f"gone-{number:03}" for number in range(150)]
    store.add("a", *gone, "last", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    for _ in range(10):
        assert store.claim(claimer="w/2") is None
    for job_id in gone:
        store.broker.cancel(job_id, f"person.{job_id}")
    store.broker.end(job, DONE)
    for _ in range(2):
        store.advance(2)
        store.broker.promote(["default"])
    assert claimed(store, "w/1").id == "last"


def test_who_waits_for_room_goes_before_who_comes_later(store: Store) -> None:
    store.add("a", "b", extras={"r": "task:rate,1,1000"})
    claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.advance(1.1)
    store.add("c", extras={"r": "task:rate,1,1000"})
    assert claimed(store, "w/2").id == "b"


def test_a_clock_set_right_again_opens_a_rate(store: Store) -> None:
    store.advance(86400)
    store.add("a", "b", extras={"r": "task:rate,1,1000"})
    claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.advance(-86400)
    store.add("c", extras={"r": "task:rate,1,1000"})
    assert claimed(store, "w/2").id == "b"


@pytest.mark.parametrize("damage", ["damaged", "missing"])
def test_a_parked_job_without_a_state_comes_back(store: Store, damage: str) -> None:
    store.add("a", "b", extras={"c": "key,1"})
    job = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    if damage == "damaged":
        store.damage_state("b")
    else:  # a log was torn while the job was parked: it is in the line still
        store.admin.hdel(store.keys.states, "b")
        store.admin.zadd(store.keys.queue("default", "ready"), {"b": 5 * 2**42 + 2})
    store.broker.end(job, DONE)
    assert claimed(store, "w/1").id == "b"
    assert store.homes("b") == ["leases"]


def test_room_that_one_cannot_use_is_for_the_next(store: Store) -> None:
    store.add("a", extras={"c": "key,1"})
    store.add("b", "c", extras={"c": "key,1", "r": "task:rate,1,60000"})
    store.add("d", extras={"c": "key,1"})
    first = claimed(store, "w/1")
    assert store.claim(claimer="w/2") is None
    store.broker.end(first, DONE)
    second = claimed(store, "w/1")
    store.broker.end(second, DONE)
    assert second.id == "b"
    assert claimed(store, "w/1").id == "d"
