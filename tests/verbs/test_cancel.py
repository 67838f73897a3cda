from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState, JobNotFound
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store


def _ready(store: Store) -> None:
    store.add("a")


def _ready_again(store: Store) -> None:
    store.running("a")
    store.broker.release("w/1", store.request())


def _scheduled(store: Store) -> None:
    store.add("a", delay=60)


def _deferred(store: Store) -> None:
    store.ended("a", verbs.defer(60))


def _retrying(store: Store) -> None:
    store.ended("a", verbs.retry(60, ERROR))


def _blocked(store: Store) -> None:
    store.add("parent")
    store.add("a", after=("parent",))


WAITING = [_ready, _ready_again, _scheduled, _deferred, _retrying, _blocked]


@pytest.mark.parametrize("wait", WAITING)
def test_a_job_that_waits_is_cancelled_at_once(store: Store, wait: Callable[[Store], None]) -> None:
    wait(store)
    assert store.broker.cancel("a", "person.1", "not needed")
    assert store.homes("a") == ["cancelled"]
    assert store.score("a", "cancelled") == pytest.approx(time.time() * 1000, abs=10_000)
    assert (store.state("a").word, store.state("a").note) == ("cancelled", "not needed")


def test_a_running_job_is_told(store: Store) -> None:
    job = store.running("a", claimer="host-1/7")
    store.hush()
    assert not store.broker.cancel("a", "person.1")
    assert store.homes("a") == ["leases"]
    assert (store.state("a").word, store.state("a").note, store.state("a").token) == (
        "running",
        "cancel",
        job.token,
    )
    assert store.rung() == {"@host-1"}


@pytest.mark.parametrize(
    ("how", "word"),
    [(verbs.succeed(b""), "succeeded"), (verbs.fail(ERROR), "failed"), (verbs.confirm_cancel(), "cancelled")],
    ids=["succeeded", "failed", "cancelled"],
)
def test_a_job_that_has_finished_is_refused(store: Store, how: Ending, word: str) -> None:
    store.ended("a", how)
    with store.unchanged(), pytest.raises(InvalidState, match=f"job a is {word}; only a job that has not"):
        store.broker.cancel("a", "person.1")


def test_an_unknown_job(store: Store) -> None:
    with store.unchanged(), pytest.raises(JobNotFound, match="no job a"):
        store.broker.cancel("a", "person.1")


def test_the_same_request_again_has_the_same_answer(store: Store) -> None:
    store.add("a")
    assert store.broker.cancel("a", "person.1")
    with store.unchanged():
        assert store.broker.cancel("a", "person.1")
        with pytest.raises(InvalidState, match="job a is cancelled"):
            store.broker.cancel("a", "person.2")


def test_a_running_job_may_be_told_twice(store: Store) -> None:
    store.running("a")
    assert not store.broker.cancel("a", "person.1")
    with store.unchanged():
        assert not store.broker.cancel("a", "person.1")


def test_children_will_be_told(store: Store) -> None:
    store.add("a")
    store.add("child", after=("a",))
    store.hush()
    store.broker.cancel("a", "person.1")
    assert store.line("ended") == ["a"]
    assert store.rung() == {"alarm"}


def test_a_job_that_cannot_be_read_is_left_to_claim(store: Store) -> None:
    store.add("a")
    store.damage("a")
    with store.unchanged(), pytest.raises(JobNotFound):
        store.broker.cancel("a", "person.1")


@pytest.mark.parametrize("how", [verbs.succeed(b""), verbs.confirm_cancel()], ids=["succeeded", "cancelled"])
def test_the_same_request_again_is_no_error_when_the_run_has_ended_meanwhile(
    store: Store, how: Ending
) -> None:
    job = store.running("a")
    assert not store.broker.cancel("a", "person.1")
    store.broker.end(job, how)
    with store.unchanged():
        assert store.broker.cancel("a", "person.1") == (how.verb == "confirm_cancel")
