from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeRedis

from junmai_jobs import endings as verbs
from tests.verbs.store import BAND, ERROR, new_job

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store

DONE = verbs.succeed(b"")
BAD_ENDS = [verbs.fail(ERROR), verbs.confirm_cancel()]


def edges(store: Store) -> tuple[list[str], list[str]]:
    return store.line("children"), store.line("parents")


def test_a_child_is_ready_when_its_parent_has_succeeded(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",), priority=7)
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    store.broker.end(job, DONE)
    store.hush()
    store.broker.resolve()
    assert store.homes("child") == ["ready"]
    assert store.score("child") // BAND == 3
    assert not store.has_state("child")
    assert (edges(store), store.line("ended")) == (([], []), [])
    assert store.rung() == {"default"}


def test_a_delay_begins_when_the_parent_has_finished(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",), delay=60)
    store.advance(3600)
    store.broker.end(job, DONE)
    store.hush()
    store.broker.resolve()
    assert store.homes("child") == ["scheduled"]
    assert store.rung() == {"alarm"}
    assert store.broker.promote(["default"]) == pytest.approx(60, abs=5)


@pytest.mark.parametrize("how", BAD_ENDS, ids=lambda how: how.verb)
def test_a_child_is_cancelled_with_its_parent(store: Store, how: Ending) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.broker.end(job, how)
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    assert store.state("child").note == "parent_failed"
    assert edges(store) == ([], [])


@pytest.mark.parametrize("how", BAD_ENDS, ids=lambda how: how.verb)
def test_or_runs_all_the_same(store: Store, how: Ending) -> None:
    job = store.running("a")
    store.add("child", after=("a",), after_policy="continue")
    store.broker.end(job, how)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_a_child_waits_for_all_its_parents(store: Store) -> None:
    parents = [store.running(job_id, claimer=job_id) for job_id in ("a", "b", "c")]
    store.add("child", after=("a", "b", "c"))
    for parent in parents[:2]:
        store.broker.end(parent, DONE)
        store.broker.resolve()
        assert store.homes("child") == ["blocked"]
    assert edges(store) == (["c child cancel"], ["child c"])
    store.broker.end(parents[2], DONE)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_the_first_failure_of_several_parents_is_enough(store: Store) -> None:
    first, second = store.running("a", claimer="w/1"), store.running("b", claimer="w/2")
    store.add("child", after=("a", "b"))
    store.broker.end(first, verbs.fail(ERROR))
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    store.broker.end(second, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    assert edges(store) == ([], [])


def test_a_patient_child_waits_for_the_others_after_a_failure(store: Store) -> None:
    first, second = store.running("a", claimer="w/1"), store.running("b", claimer="w/2")
    store.add("child", after=("a", "b"), after_policy="continue")
    store.broker.end(first, verbs.fail(ERROR))
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    store.broker.end(second, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


@pytest.mark.parametrize(
    ("how", "home"), [(DONE, "ready"), (verbs.fail(ERROR), "cancelled")], ids=["succeeded", "failed"]
)
def test_a_parent_that_had_finished_before(store: Store, how: Ending, home: str) -> None:
    store.ended("a", how)
    store.broker.resolve()
    store.add("child", after=("a",))
    store.broker.resolve()
    assert store.homes("child") == [home]


def test_one_parent_finished_before_and_one_to_come(store: Store) -> None:
    store.ended("a", DONE)
    job = store.running("b")
    store.add("child", after=("a", "b"))
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    store.broker.end(job, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_a_chain_falls_with_its_head(store: Store) -> None:
    store.add("a")
    for number, parent in enumerate(["a", "b", "c", "d"]):
        store.add("bcde"[number], after=(parent,))
    store.broker.cancel("a", "person")
    store.broker.resolve()
    assert [store.homes(job_id) for job_id in "abcde"] == [["cancelled"]] * 5
    assert [store.state(job_id).note for job_id in "bcde"] == ["parent_failed"] * 4


def test_a_chain_is_run_link_by_link(store: Store) -> None:
    store.broker.enqueue([new_job("a"), new_job("b", after=("a",)), new_job("c", after=("b",))])
    for job_id in "abc":
        job = store.claim()
        assert job is not None
        assert job.id == job_id
        assert store.claim(claimer="w/2") is None
        store.broker.end(job, DONE)
        store.broker.resolve()


def test_a_parent_that_was_revived_in_time_is_waited_for(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.broker.end(job, verbs.fail(ERROR))
    store.broker.revive("a", "person")
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    again = store.claim()
    assert again is not None
    store.broker.end(again, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


@pytest.mark.parametrize("act", ["cancel", "purge"])
def test_a_child_that_waits_no_more_is_left_where_it_is(store: Store, act: str) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    if act == "cancel":
        store.broker.cancel("child", "person")
    else:
        store.broker.purge("default", ["blocked"], "person")
    store.broker.end(job, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    assert edges(store) == ([], [])


def test_40_children_take_three_calls(store: Store) -> None:
    job = store.running("a")
    ids = [f"child-{number:03}" for number in range(40)]
    store.add(*ids, after=("a",))
    store.broker.end(job, DONE)
    assert [store.call("resolve") for _ in range(3)] == [["MORE"]] * 2 + [["OK"]]
    assert store.line() == ids
    assert edges(store) == ([], [])


def test_40_parents_take_three_calls(store: Store) -> None:
    ids = [f"parent-{number:03}" for number in range(40)]
    store.add(*ids)
    store.add("child", after=tuple(ids))
    store.broker.purge("default", ["ready"], "person")
    assert [store.call("resolve") for _ in range(3)] == [["MORE"]] * 2 + [["OK"]]
    assert store.homes("child") == ["cancelled"]
    assert edges(store) == ([], [])


def test_an_id_in_a_wrong_home_is_removed_there(store: Store) -> None:
    parent = store.running("a")
    store.add("child", after=("a",))
    store.broker.cancel("child", "person")
    store.admin.zadd(store.keys.queue("default", "blocked"), {"child": 1})
    store.broker.end(parent, DONE)
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]


def test_a_child_that_was_unblocked_by_half_runs_as_any_other(store: Store) -> None:
    parent = store.running("a")
    store.add("child", after=("a",))
    store.broker.end(parent, DONE)
    store.admin.zadd(store.keys.queue("default", "ready"), {"child": 5 * BAND})
    job = store.claim()
    assert job is not None
    assert (job.id, job.note) == ("child", "")
    store.broker.resolve()
    assert store.homes("child") == ["leases"]


def test_a_child_that_was_never_accepted_holds_nobody_up(store: Store) -> None:
    parent = store.running("a")
    store.add("ghost", "child", after=("a",))
    store.admin.hdel(store.keys.bodies, "ghost")
    store.broker.end(parent, DONE)
    store.broker.resolve()
    assert store.drain() == ["child"]
    assert store.homes("ghost") == []


# ---- policies of single edges --------------------------------------------------------------------


@pytest.mark.parametrize("how", BAD_ENDS, ids=lambda how: how.verb)
def test_a_child_for_failures_runs_at_the_first(store: Store, how: Ending) -> None:
    first = store.running("a", claimer="w/1")
    store.running("b", claimer="w/2")
    store.add("child", after=("a", "b"), after_policy="failure")
    store.broker.end(first, how)
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_a_child_for_failures_is_cancelled_when_there_were_none(store: Store) -> None:
    parents = [store.running(job_id, claimer=job_id) for job_id in ("a", "b")]
    store.add("child", after=("a", "b"), after_policy="failure")
    for parent, home in zip(parents, ("blocked", "cancelled"), strict=True):
        store.broker.end(parent, DONE)
        store.broker.resolve()
        assert store.homes("child") == [home]
    assert store.state("child").note == "parents_succeeded"
    assert edges(store) == ([], [])


@pytest.mark.parametrize(("failing", "home"), [("needed", "cancelled"), ("wished", "ready")])
def test_each_parent_has_a_policy_of_its_own(store: Store, failing: str, home: str) -> None:
    parents = [store.running(job_id, claimer=job_id) for job_id in ("needed", "wished")]
    store.add("child", after=("cancel=needed", "continue=wished"))
    for parent in parents:
        store.broker.end(parent, verbs.fail(ERROR) if parent.id == failing else DONE)
    store.broker.resolve()
    assert store.homes("child") == [home]
    assert edges(store) == ([], [])


@pytest.mark.parametrize("policy", ["cancel", "failure", "continue"])
def test_an_id_given_anew_has_nothing_of_the_parents_of_the_old_job(store: Store, policy: str) -> None:
    parent = store.running("parent")
    store.add("child", after=(f"{policy}=parent",))
    store.broker.cancel("child", "person.1")
    store.advance(10)
    store.broker.prune("cancelled", max_age=5, keep=10)
    store.add("another")
    store.add("child", after=("cancel=another",))
    store.broker.end(parent, verbs.fail(ERROR))
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    assert edges(store) == (["another child cancel"], ["child another"])


def test_a_parent_that_will_be_read_is_noted(store: Store) -> None:
    store.add("a", "b")
    store.add("child", after=("cancel+=a", "continue=b"))
    assert store.line("needed") == ["a child"]


def _statistics(admin: Any) -> dict[str, dict[str, int]]:
    return {} if isinstance(admin, FakeRedis) else admin.info("commandstats")


def commands(store: Store) -> int:
    """How many the server has run, those in scripts among them; fakeredis does not count."""
    return sum(each["calls"] for each in _statistics(store.admin).values())


@pytest.mark.parametrize("how", [DONE, BAD_ENDS[0]], ids=lambda how: how.verb)
def test_400_children_are_told_in_calls_of_bounded_work(store: Store, how: Ending) -> None:
    parent = store.running("a")
    for at in (0, 200):
        store.add(*(f"child-{number:03}" for number in range(at, at + 200)), after=("a",))
    before = commands(store)
    store.broker.end(parent, how)
    assert commands(store) - before <= 30
    left, word = 400, "MORE"
    while word == "MORE":
        before = commands(store)
        [word] = store.call("resolve")
        assert commands(store) - before <= 15 * 15
        assert left - len(store.line("children")) <= 15
        left = len(store.line("children"))
    assert left == 0
