"""restore: the jobs and rows themselves are compared in tests/keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.archive import StoredJob
from junmai_jobs.errors import InvalidState
from tests.verbs.scenarios import work
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from tests.verbs.store import Store


def stored(job_id: str, home: str, state: str = "", **more: bytes) -> StoredJob:
    fields = (job_id, home, "default", "7000")
    given = {"state": state.encode(), "body": new_job(job_id).body, **more}
    return StoredJob(*(each.encode() for each in fields), **given)


def bring(store: Store, *jobs: StoredJob) -> None:
    """Have these, in their order and one a call, in the namespace."""
    store.broker.stage("one")
    for job in jobs:
        store.broker.restore("one", "jobs", job)
    store.broker.adopt("one")


def test_nothing_is_seen_of_it_before_it_is_adopted(store: Store) -> None:
    store.broker.stage("one")
    store.broker.restore("one", "jobs", stored("a", "ready"))
    assert store.claim() is None
    assert store.broker.survey([]) == {}
    store.broker.discard()


def test_not_into_what_was_not_staged(store: Store) -> None:
    with store.unchanged(), pytest.raises(InvalidState, match="another import"):
        store.broker.restore("one", "jobs", stored("a", "ready"))


@pytest.mark.parametrize("parent_first", [True, False])
@pytest.mark.parametrize("word", ["succeeded", "failed"])
def test_a_child_hears_of_a_parent_that_has_ended(store: Store, parent_first: bool, word: str) -> None:
    parent = stored("parent", word, f"{word}|default|7000|1764000000000000|0|0|w/1|||")
    child = stored("child", "blocked", "blocked|default|||0|0||||0", dependencies=b"cancel=parent")
    bring(store, *((parent, child) if parent_first else (child, parent)))
    assert store.line("ended") == ["parent"]
    store.broker.resolve()
    assert store.homes("child") == (["ready"] if word == "succeeded" else ["cancelled"])


def test_a_child_waits_for_a_parent_that_waits(store: Store) -> None:
    child = stored("child", "blocked", "blocked|default|||0|0||||0", dependencies=b"cancel+=parent")
    bring(store, child, stored("parent", "ready"))
    store.broker.resolve()
    assert store.homes("child") == ["blocked"]
    assert store.line("needed") == ["parent child"]
    work(store)
    assert store.homes("child") == ["succeeded"]


def test_a_run_is_handed_back_and_may_be_restored_twice(store: Store) -> None:
    run = stored(
        "a", "leases", "running|default|9000|1764000000000000|1|1|w/1||#;@pool,gpu=1|", checkpoint=b"\x01"
    )
    bring(store, run, run)
    state = store.state("a")
    assert (state.word, state.token, state.holds, state.failures, state.crashes) == ("ready", "", "#", 1, 1)
    assert store.events("a") == ["released"]
    assert store.score("a") == 9000
    assert store.admin.exists(store.keys.holders) == 0


def test_a_run_that_was_asked_to_stop_is_cancelled(store: Store) -> None:
    bring(store, stored("a", "leases", "running|default|9000|1764000000000000|0|0|w/1|person||cancel"))
    assert store.homes("a") == ["cancelled"]
    assert store.events("a") == ["cancelled"]


def test_one_without_a_home_has_none(store: Store) -> None:
    bring(store, stored("a", ""))
    assert store.homes("a") == []
    assert store.admin.hexists(store.keys.bodies, "a")
    store.admin.hdel(store.keys.bodies, "a")


@pytest.mark.parametrize("note", ["0", "60000"])
def test_a_child_whose_parents_are_forgotten_waits_no_more(store: Store, note: str) -> None:
    bring(store, stored("child", "blocked", f"blocked|default|||0|0||||{note}"))
    assert store.homes("child") == (["ready"] if note == "0" else ["scheduled"])
    assert not store.has_state("child")


def test_a_run_goes_where_its_state_says_and_nothing_stays_staged(store: Store) -> None:
    bring(store, stored("a", "leases", "running|night|9000|1764000000000000|0|0|w/1|||"))
    assert store.line("night:ready") == ["a"]
    assert not list(store.admin.scan_iter(f"{store.keys.staging}*"))


def test_what_is_kept_of_a_key_that_it_does_not_have_is_nothing(store: Store) -> None:
    bring(store, stored("a", "ready", unique=b"a alive 0"))
    assert store.homes("a") == ["ready"]
    assert store.admin.exists(store.keys.uniques) == 0
