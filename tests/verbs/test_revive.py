from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import InvalidState, JobNotFound
from tests.verbs.store import BAND, ERROR

if TYPE_CHECKING:
    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store


@pytest.mark.parametrize("how", [verbs.fail(ERROR, "no"), verbs.confirm_cancel()], ids=lambda how: how.verb)
def test_a_job_begins_anew_and_its_history_stays(store: Store, how: Ending) -> None:
    store.broker.end(store.running("a"), verbs.retry(0, ERROR))
    store.broker.promote(["default"])
    job = store.claim()
    assert job is not None
    store.broker.progress(job, {"done": 1})
    store.broker.end(job, how)
    store.add("b")
    store.hush()
    store.broker.revive("a", "person.1")
    assert store.line() == ["b", "a"]
    state = store.state("a")
    assert (state.word, state.failures, state.crashes, state.token, state.claimer, state.note) == (
        "ready", 0, 0, "", "", "",
    )  # fmt: skip
    assert len(store.history("a")) == 2
    assert store.admin.hget(store.keys.progress_notes, "a") is None
    assert store.rung() == {"default"}


def test_what_has_expired_has_its_time_once_more(store: Store) -> None:
    store.add("a", expires=60)
    for number in range(2):
        store.advance(61)
        assert store.claim() is None
        assert store.state("a").note == "expired"
        store.broker.revive("a", f"person.{number}")
        store.advance(59)
    assert store.line() == store.drain() == ["a"]


def test_crashes_are_forgiven(store: Store) -> None:
    store.add("a")
    for _ in range(3):
        assert store.claim() is not None
        store.broker.crash("w/1", store.request(), {"exit_code": 1})
        store.advance(5)
        store.broker.promote(["default"])
    assert store.homes("a") == ["failed"]
    store.broker.revive("a", "person.1")
    assert store.claim() is not None
    store.broker.crash("w/1", store.request(), {"exit_code": 1})
    assert store.homes("a") == ["ready"]


def test_a_job_comes_back_in_the_band_it_had(store: Store) -> None:
    store.add("never claimed", priority=8)
    store.broker.cancel("never claimed", "person.1")
    job = store.running("claimed", priority=2)
    store.broker.reprioritize("claimed", 9)
    store.broker.end(job, verbs.fail(ERROR))
    for job_id in ("never claimed", "claimed"):
        store.broker.revive(job_id, "person.2")
    assert [store.score(job_id) // BAND for job_id in ("never claimed", "claimed")] == [2, 1]


def test_a_child_that_was_cancelled_may_run(store: Store) -> None:
    store.add("a")
    store.add("child", after=("a",))
    store.broker.cancel("a", "person.1")
    store.broker.resolve()
    store.broker.revive("child", "person.2")
    assert store.homes("child") == ["ready"]


@pytest.mark.parametrize("word", ["succeeded", "running", "queued", "scheduled"])
def test_a_job_that_has_not_failed_is_refused(store: Store, word: str) -> None:
    store.ended("succeeded", verbs.succeed(b""))
    store.running("running")
    store.add("queued")
    store.add("scheduled", delay=60)
    with store.unchanged(), pytest.raises(InvalidState, match=f"job {word} is {word}; only a failed or"):
        store.broker.revive(word, "person.1")


def test_an_unknown_job(store: Store) -> None:
    with store.unchanged(), pytest.raises(JobNotFound, match="no job a"):
        store.broker.revive("a", "person.1")


def test_the_same_request_again_has_the_same_answer(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    store.broker.revive("a", "person.1")
    with store.unchanged():
        store.broker.revive("a", "person.1")
        with pytest.raises(InvalidState, match="job a is queued"):
            store.broker.revive("a", "person.2")


def test_a_job_that_cannot_be_read_fails_again(store: Store) -> None:
    store.add("a")
    store.damage("a")
    assert store.claim() is None
    store.broker.revive("a", "person.1")
    assert store.homes("a") == ["ready"]
    assert store.claim() is None
    assert store.homes("a") == ["failed"]


def test_the_same_request_again_revives_only_once_whatever_happens_meanwhile(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    store.broker.revive("a", "person.1")
    job = store.claim()
    assert job is not None
    with store.unchanged():
        store.broker.revive("a", "person.1")
    store.broker.end(job, verbs.fail(ERROR))
    with store.unchanged():
        store.broker.revive("a", "person.1")


# ---- parents -------------------------------------------------------------------------------------


def test_a_job_waits_for_its_parents_again(store: Store) -> None:
    store.broker.end(store.running("a"), verbs.fail(ERROR))
    store.add("child", after=("cancel+=a",))
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    store.broker.revive("a", "person.1")
    store.broker.revive("child", "person.2", "cancel+=a")
    assert store.homes("child") == ["blocked"]
    assert (store.line("children"), store.line("needed")) == (["a child cancel+"], ["a child"])
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.succeed(b""))
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_a_parent_that_has_succeeded_holds_nobody_up(store: Store) -> None:
    store.ended("a", verbs.succeed(b""))
    store.ended("child", verbs.fail(ERROR))
    store.broker.revive("child", "person.1", "cancel=a")
    store.broker.resolve()
    assert store.homes("child") == ["ready"]


def test_one_revived_before_its_parents_is_cancelled_again(store: Store) -> None:
    store.ended("a", verbs.fail(ERROR))
    store.ended("child", verbs.fail(ERROR))
    store.broker.revive("child", "person.1", "cancel=a")
    store.broker.resolve()
    assert store.homes("child") == ["cancelled"]
    assert store.state("child").note == "parent_failed"


def test_a_parent_that_is_not_kept_any_more_is_not_waited_for(store: Store) -> None:
    store.ended("child", verbs.fail(ERROR))
    store.broker.revive("child", "person.1", "cancel=gone")
    assert store.homes("child") == ["ready"]


@pytest.mark.parametrize("dependencies", ["", "cancel=parent"])
def test_a_queue_that_was_forgotten_meanwhile_is_known_again(store: Store, dependencies: str) -> None:
    store.ended("a", verbs.fail(ERROR))
    store.add("parent", queue="other")
    store.admin.zrem(store.keys.queues, "default")
    store.broker.revive("a", "person.1", dependencies)
    assert store.line("queues") == ["default", "other"]


def test_the_same_request_again_blocks_only_once(store: Store) -> None:
    store.add("a")
    store.ended("child", verbs.fail(ERROR), priority=9)
    store.broker.revive("child", "person.1", "cancel=a")
    with store.unchanged():
        store.broker.revive("child", "person.1", "cancel=a")
