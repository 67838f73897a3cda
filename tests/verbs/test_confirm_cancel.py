from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from junmai_jobs.inspector import Inspector

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink
    from tests.verbs.store import Store


def test_a_run_that_stopped_because_it_was_asked_to(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    assert store.homes("a") == ["leases"]
    store.broker.end(job, verbs.confirm_cancel())
    assert store.homes("a") == ["cancelled"]
    assert (store.state("a").word, store.state("a").note) == ("cancelled", "cancelled")
    assert store.events("a") == ["cancelled"]


@pytest.mark.parametrize("how", ["asked", "interrupted", "killed"])
def test_the_history_tells_how_it_ended(store: Store, how: verbs.How) -> None:
    store.ended("a", verbs.confirm_cancel(how))
    [run] = Inspector(cast("ClientLink", store.broker.link), store.namespace).job("a").history
    assert (run["event"], run["how"], run["reason"], run["error"]) == ("cancelled", how, None, None)


def test_the_same_end_again_changes_nothing(store: Store) -> None:
    job = store.ended("a", verbs.confirm_cancel())
    with store.unchanged():
        store.broker.end(job, verbs.confirm_cancel())


def test_a_stale_run_changes_nothing(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.end(job, verbs.confirm_cancel())


def test_children_will_be_told(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.broker.end(job, verbs.confirm_cancel())
    assert store.line("ended") == ["a"]
