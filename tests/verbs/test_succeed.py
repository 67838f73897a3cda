from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store


def test_a_run_that_succeeded(store: Store) -> None:
    job = store.running("a")
    store.broker.end(job, verbs.succeed(b"\x2a"))
    assert store.homes("a") == ["succeeded"]
    assert store.score("a", "succeeded") == pytest.approx(time.time() * 1000, abs=10_000)
    state = store.state("a")
    assert (state.word, state.token, state.note, state.failures) == ("succeeded", job.token, "", 0)
    assert store.admin.hget(store.keys.results, "a") == b"\x2a"
    assert store.history("a") == []


def test_a_result_of_none_takes_no_room(store: Store) -> None:
    store.ended("a", verbs.succeed(b""))
    assert store.admin.exists(store.keys.results) == 0


def test_a_run_that_should_have_stopped_but_succeeded_has_succeeded(store: Store) -> None:
    job = store.running("a")
    store.broker.cancel("a", "person")
    store.broker.end(job, verbs.succeed(b""))
    assert store.homes("a") == ["succeeded"]


def test_the_same_end_again_counts_nothing_twice(store: Store) -> None:
    job = store.ended("a", verbs.succeed(b"\x01"))
    with store.unchanged():
        store.broker.end(job, verbs.succeed(b"\x01"))


@pytest.mark.parametrize(
    "how",
    [verbs.retry(1, ERROR), verbs.fail(ERROR), verbs.defer(1), verbs.confirm_cancel()],
    ids=lambda how: how.verb,
)
def test_another_end_comes_too_late(store: Store, how: Ending) -> None:
    job = store.ended("a", verbs.succeed(b"\x01"))
    with store.unchanged(), pytest.raises(StaleLease, match="job a was given to someone else"):
        store.broker.end(job, how)


def test_children_will_be_told(store: Store) -> None:
    job = store.running("a")
    store.add("child", after=("a",))
    store.hush()
    store.broker.end(job, verbs.succeed(b""))
    assert store.line("ended") == ["a"]
    assert store.rung() == {"alarm"}


def test_without_children_nobody_is_told(store: Store) -> None:
    job = store.running("a")
    store.add("b", "child", after=())
    store.add("grandchild", after=("child",))
    store.hush()
    store.broker.end(job, verbs.succeed(b""))
    assert store.line("ended") == []
    assert store.rung() == set()
