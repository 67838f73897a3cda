from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs import endings as verbs
from junmai_jobs.job import Body
from tests.verbs.store import BAND, ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

KEPT = 100


def priority_in_body(store: Store, job_id: str) -> int:
    return Body.decode(store.admin.hget(store.keys.bodies, job_id) or b"").priority


def test_whoever_is_looked_at_last_is_first_of_all(store: Store) -> None:
    store.add("urgent", priority=10)
    store.add("a", "b", "c")
    assert store.broker.boost(["b"]) == ["ready"]
    assert store.line() == ["b", "urgent", "a", "c"]
    store.broker.boost(["c"])
    store.add("urgent.too", priority=10)
    assert store.line() == ["c", "b", "urgent", "urgent.too", "a"]
    store.broker.boost(["b"])
    assert store.drain() == ["b", "c", "urgent", "urgent.too", "a"]
    assert priority_in_body(store, "b") == 10


def test_several_come_in_the_order_given_whatever_their_queues(store: Store) -> None:
    store.add("a", "b", "c")
    store.add("night", queue="night", priority=1)
    assert store.broker.boost(["c", "night", "nobody", "a"]) == ["ready", "ready", "", "ready"]
    assert store.line() == ["c", "a", "b"]
    assert store.score("c") < store.score("night", "night:ready") < store.score("a")


def test_more_than_one_call_takes_come_in_the_order_given_as_well(store: Store) -> None:
    ids = [f"j{number:02}" for number in range(KEPT - 1)]
    store.add(*ids, "first")
    store.broker.boost(["first"])
    assert store.broker.boost(ids) == ["ready"] * len(ids)
    assert store.line() == [*ids, "first"]


def test_the_same_look_again_changes_nothing(store: Store) -> None:
    store.add("a", "b", "c")
    store.broker.boost(["c"])
    store.broker.boost(["b", "a"])
    with store.unchanged():
        store.broker.boost(["b", "a"])


def test_what_cannot_run_yet_keeps_its_place_for_when_it_can(store: Store) -> None:
    store.ended("retrying", verbs.retry(60, ERROR), priority=1)
    parent = store.running("parent", claimer="w/2")
    store.add("blocked", after=("parent",), priority=0)
    store.add("twice", after=("parent",), delay=30)
    store.add("later", delay=60)
    store.add("limited", extras={"c": "site,1"})
    holder = store.running("holder", extras={"c": "site,1"}, priority=9)
    assert store.claim(claimer="w/3") is None, "to find the limit full"
    waiting = ["blocked", "limited", "twice", "later", "retrying"]
    homes = [store.homes(each) for each in waiting]
    assert store.broker.boost(waiting) == ["blocked", "blocked", "blocked", "scheduled", "retrying"]
    assert [store.homes(each) for each in waiting] == homes
    store.add("urgent", priority=10)
    store.broker.end(parent, verbs.succeed(b""))
    store.broker.resolve()
    store.advance(60)
    store.broker.promote(["default"])
    store.broker.end(holder, verbs.succeed(b""))
    assert store.line() == [*waiting, "urgent"]
    assert store.drain() == [*waiting, "urgent"]


def test_one_that_waits_anew_for_another_with_its_key_keeps_its_place(store: Store) -> None:
    key = {"u": "key,alive,0,last"}
    store.add("a", "urgent", priority=10)
    store.add("b", extras=key)
    store.broker.boost(["b"])
    store.add("twin", delay=60, extras=key)
    assert store.homes("b") == ["scheduled"]
    store.advance(60)
    store.broker.promote(["default"])
    assert store.line() == ["b", "a", "urgent"]


def test_a_running_job_is_first_should_it_come_back(store: Store) -> None:
    store.running("a")
    store.add("urgent", priority=10)
    assert store.broker.boost(["a"]) == ["running"]
    store.broker.release("w/1", store.request())
    assert store.line() == ["a", "urgent"]


def test_what_has_finished_is_left_alone(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    with store.unchanged():
        assert store.broker.boost(["a", "nobody"]) == ["failed", ""]


def test_who_was_looked_at_before_a_hundred_others_is_where_it_was(store: Store) -> None:
    store.add("before", "a", "after", priority=3)
    store.add("urgent", "urgent.too", priority=10)
    store.add("blocked", after=("a",), priority=2)
    store.broker.boost(["a", "urgent.too", "blocked"])
    others = [f"j{number}" for number in range(KEPT)]
    store.add(*others, priority=1)
    for job_id in others:
        store.broker.boost([job_id])
    assert store.line() == [*reversed(others), "urgent", "urgent.too", "before", "a", "after"]
    assert priority_in_body(store, "a") == 3
    assert priority_in_body(store, "blocked") == 2
    assert store.admin.zcard(store.keys.looked_at) == KEPT


def test_a_priority_given_by_hand_ends_the_look(store: Store) -> None:
    store.add("before", "a", "after")
    store.broker.boost(["a"])
    store.broker.reprioritize("a", 5)
    assert store.line() == ["before", "a", "after"]
    assert store.score("a") == 5 * BAND + 2
    assert store.admin.zcard(store.keys.looked_at) == 0


def test_the_oldest_of_a_queue_is_raised_whoever_is_looked_at(store: Store) -> None:
    store.broker.age(["default"], 60)
    store.add("a", "b", "c")
    store.broker.boost(["c"])
    for _ in range(2):
        store.advance(61)
        store.broker.age(["default"], 60)
    assert store.line() == ["c", "a", "b"]
    assert priority_in_body(store, "a") == 10


def test_tens_from_before_there_were_looks_come_first_and_keep_their_numbers(store: Store) -> None:
    store.add("old", "older", "new", priority=10)
    store.add("a")
    store.admin.zadd(store.keys.queue("default", "ready"), {"old": 2, "older": 1})
    store.broker.boost(["a"])
    assert store.line() == ["older", "old", "a", "new"]
    for priority in (5, 10):
        store.broker.reprioritize("old", priority)
    assert store.line() == ["older", "a", "old", "new"]
    store.broker.boost(["older"])
    assert store.line() == ["older", "a", "old", "new"]
    store.broker.reprioritize("older", 5)
    assert store.score("older") == 5 * BAND + 1


def test_places_without_a_note_of_who_looked_are_behind_new_looks(store: Store) -> None:
    store.add("a", "b")
    store.broker.boost(["a"])
    store.admin.delete(store.keys.looked_at)
    store.admin.zadd(store.keys.looked_at, {"b 5 2": float("-inf"), "nobody": 0.5})
    store.broker.boost(["b"])
    assert store.line() == ["b", "a"]
    store.broker.reprioritize("a", 10)
    assert store.line() == ["b", "a"]
    assert store.score("a") > store.score("b")
