from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs import endings as verbs
from tests.verbs.store import CLAIMER

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_a_job_comes_back_as_it_was(store: Store) -> None:
    store.add("a", "b")
    before = store.score("a")
    store.claim()
    store.hush()
    assert store.broker.release(CLAIMER, store.request()) == ("a", "ready")
    assert store.homes("a") == ["ready"]
    assert store.score("a") == before
    state = store.state("a")
    assert (state.word, state.token, state.failures, state.crashes) == ("ready", "", 0, 0)
    assert store.events("a") == ["released"]
    assert store.rung() == {"default"}


def test_no_attempt_is_spent(store: Store) -> None:
    store.add("a")
    for _ in range(5):
        job = store.claim()
        assert job is not None
        assert job.attempt == 1
        store.broker.release(CLAIMER, store.request())


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person")
    assert store.broker.release(CLAIMER, store.request()) == ("a", "cancelled")
    assert (store.homes("a"), store.events("a")) == (["cancelled"], ["cancelled"])


def test_the_same_request_again_has_the_same_answer(store: Store) -> None:
    store.running("a")
    store.broker.release(CLAIMER, "1.end")
    assert store.claim(claimer="w/2") is not None
    with store.unchanged():
        assert store.broker.release(CLAIMER, "1.end") == ("a", "ready")


def test_who_holds_nothing_gives_nothing_back(store: Store) -> None:
    with store.unchanged():
        assert store.broker.release("w/unknown", "1.end") is None
    store.broker.end(store.running("a"), verbs.succeed(b""))
    with store.unchanged():
        assert store.broker.release(CLAIMER, "1.end") is None


def test_a_claimer_whose_job_was_given_to_another_gives_nothing_back(store: Store) -> None:
    store.running("a")
    store.expire()
    assert store.claim(claimer="w/2") is not None
    with store.unchanged():
        assert store.broker.release(CLAIMER, "1.end") is None


def test_only_what_was_claimed_in_the_same_generation(store: Store) -> None:
    store.add("a")
    store.claim(generation=12)
    with store.unchanged():
        assert store.broker.release(CLAIMER, "1.end") is None
    assert store.broker.release(CLAIMER, "12.end") == ("a", "ready")
