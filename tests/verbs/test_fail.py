from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_a_run_that_failed_for_good(store: Store) -> None:
    job = store.running("a")
    store.broker.end(job, verbs.fail(ERROR, "no such file"))
    assert store.homes("a") == ["failed"]
    state = store.state("a")
    assert (state.word, state.note, state.token, state.failures) == ("failed", "no such file", job.token, 0)
    (entry,) = store.history("a")
    assert (entry["event"], entry["detail"]) == ("failed", {"error": ERROR})


def test_a_reason_may_hold_anything(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR, "a|b\nno photo\u2019s | there"))
    assert store.state("a").note == "a|b\nno photo\u2019s | there"
    store.broker.revive("a", "person")
    assert store.state("a").note == ""


def test_a_run_that_should_have_stopped_but_failed_has_failed(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    store.broker.end(job, verbs.fail(ERROR))
    assert store.homes("a") == ["failed"]


def test_the_same_end_again_changes_nothing(store: Store) -> None:
    job = store.ended("a", verbs.fail(ERROR))
    with store.unchanged():
        store.broker.end(job, verbs.fail(ERROR))


def test_a_stale_run_changes_nothing(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.end(job, verbs.fail(ERROR))


def test_children_will_be_told(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.broker.end(job, verbs.fail(ERROR))
    assert store.line("ended") == ["a"]
