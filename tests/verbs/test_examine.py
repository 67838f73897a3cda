"""examine: one call of it. The laws, over a whole store, are tested in tests/laws."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.verbs.store import CLAIMER, new_job

if TYPE_CHECKING:
    from tests.verbs.store import Store

JOBS = ["a", "b", "c"]


def broken(store: Store, *ids: str, lane: str = "", mends: bool = False) -> list[tuple[str, str]]:
    """The law and the place of each finding."""
    _, found = store.broker.examine("jobs", [lane, *ids], mends=mends)
    return [(law, where) for law, where, _ in found]


def test_what_is_healthy(store: Store) -> None:
    store.add(*JOBS)
    with store.unchanged():
        assert store.broker.examine("jobs", ["", *JOBS]) == (3, [])
        assert store.broker.examine("jobs", ["", *JOBS], mends=True) == (3, [])


def test_who_is_not_there(store: Store) -> None:
    with store.unchanged():
        assert broken(store, "nobody", mends=True) == []


def test_what_is_broken_is_told_and_left(store: Store) -> None:
    store.add(*JOBS)
    place = store.score("b")
    store.admin.zrem(store.keys.queue("default", "ready"), "b")
    with store.unchanged():
        _, found = store.broker.examine("jobs", ["", *JOBS])
    assert found == [("home", "b", "is in no home; its state says nothing")]
    assert broken(store, *JOBS, mends=True) == [("home", "b")]
    assert store.score("b") > place


def test_a_second_home_is_looked_for_only_when_asked_to(store: Store) -> None:
    store.running("a")
    store.admin.zadd(store.keys.queue("default", "ready"), {"a": 1})
    assert broken(store, "a") == []
    assert broken(store, "a", lane="*") == [("home", "a")]
    assert broken(store, "a", lane="*", mends=True) == [("home", "a")]
    assert store.homes("a") == ["leases"]


def test_one_in_a_queue_that_neither_body_nor_state_names(store: Store) -> None:
    store.add("a")
    store.admin.zadd(store.keys.queue("night", "ready"), {"a": 1})
    assert broken(store, "a", lane="*") == []
    assert broken(store, "a", lane="night", mends=True) == [("home", "a")]
    assert store.homes("a") == ["ready"]


def test_how_many_more_are_in_homes_than_there_are_jobs(store: Store) -> None:
    store.add(*JOBS)
    store.running("d", queue="night")
    assert store.broker.examine("homes", ["default", "night"])[0] == 0
    assert store.broker.examine("homes", ["default"])[0] == -1
    store.admin.zadd(store.keys.succeeded, {"a": 1})
    assert store.broker.examine("homes", ["default", "night"])[0] == 1
    store.admin.zrem(store.keys.succeeded, "a")


def test_large_bodies_are_not_all_read_in_one_call(store: Store) -> None:
    noise = random.Random(7).randbytes(100_000)
    store.broker.enqueue([new_job(job_id, args=[noise]) for job_id in JOBS])
    assert store.broker.examine("jobs", ["", *JOBS]) == (2, [])
    assert store.broker.examine("jobs", ["", "c"]) == (1, [])


def test_a_run_goes_on_while_what_is_beside_it_is_mended(store: Store) -> None:
    job = store.running("a")
    end = store.score("a", "leases")
    store.admin.zadd(store.keys.queue("default", "ready"), {"a": 1})
    broken(store, "a", lane="*", mends=True)
    assert (store.score("a", "leases"), store.state("a").token) == (end, job.token)


def test_who_was_to_be_cancelled_is_when_nobody_has_its_lease(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person")
    store.admin.hset(store.keys.claimers, CLAIMER, "1.99|other|17|")
    assert broken(store, "a", mends=True) == [("lease", "a")]
    assert store.homes("a") == ["cancelled"]


def test_a_child_gets_the_policy_of_its_own_parent(store: Store) -> None:
    store.add("a", "ab")
    job = new_job("child", after=("cancel=ab", "continue+=a"))
    body = b"1default|5\n" + b"x" * 1_000_000 + job.dependencies.encode()
    store.broker.enqueue([job])
    store.damage("child", body)
    store.admin.delete(store.keys.children)
    found = [("edge", "child"), ("edge", "child")]
    assert [
        each[:2] for each in store.broker.examine("parents", ["child a", "child ab"], mends=True)[1]
    ] == found
    assert sorted(store.line("children")) == ["a child continue+", "ab child cancel"]


def test_what_stands_behind_aside_makes_way(store: Store) -> None:
    aside = f"{store.keys.prefix}aside:children"
    store.admin.set(aside, "photographs")
    store.admin.zadd(store.keys.children, {"junk": 0})
    assert store.broker.examine("children", ["junk"], mends=True)[1][0][:2] == ("entry", "junk")
    assert store.admin.zrange(aside, 0, -1) == [b"junk"]
    (moved,) = store.admin.scan_iter(f"{aside}:*")
    assert store.admin.get(moved) == b"photographs"
    store.admin.delete(aside, moved)


@pytest.mark.parametrize("subject", ["children", "holders", "parked", "members", "limits_due"])
def test_an_entry_that_is_gone_by_now_is_no_finding(store: Store, subject: str) -> None:
    assert store.broker.examine(subject, ["junk", "a b", "a b c"]) == (3, [])
