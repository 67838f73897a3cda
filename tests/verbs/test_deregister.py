from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs

if TYPE_CHECKING:
    from tests.verbs.store import Store


@pytest.fixture(autouse=True)
def _worker(store: Store) -> None:
    store.broker.register("w", {"pid": 7})


def test_a_worker_that_stopped_leaves_nothing_behind(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person.1")
    store.broker.deregister("w", ["w/1"], lost=False)
    for key in ("workers", "worker_info", "claimers"):
        assert store.admin.exists(getattr(store.keys, key)) == 0
    assert "@w" not in store.rung()
    with store.unchanged():
        assert store.broker.extend("w", ["w/1"]) is None


@pytest.mark.parametrize(("lost", "event", "crashes"), [(False, "released", 0), (True, "lost", 1)])
def test_what_its_claimers_hold_comes_back(store: Store, lost: bool, event: str, crashes: int) -> None:
    store.running("a", claimer="w/1")
    store.running("b", claimer="w/2", queue="night")
    store.running("other", claimer="v/1")
    store.hush()
    store.broker.deregister("w", ["w/1", "w/2", "w/3"], lost=lost)
    assert (store.homes("a"), store.homes("b")) == (["ready"], ["night:ready"])
    assert (store.events("a"), store.state("a").crashes) == ([event], crashes)
    assert store.homes("other") == ["leases"]
    assert store.rung() == {"default", "night"}


@pytest.mark.parametrize("lost", [True, False])
def test_what_was_to_be_cancelled_is(store: Store, lost: bool) -> None:
    store.running("a")
    store.broker.cancel("a", "person.1")
    store.broker.deregister("w", ["w/1"], lost=lost)
    assert store.homes("a") == ["cancelled"]


def test_jobs_that_ended_or_were_given_to_others_are_left_alone(store: Store) -> None:
    store.broker.end(store.running("done"), verbs.succeed(b""))
    store.running("a", claimer="w/2")
    store.expire()
    assert store.claim(claimer="v/1") is not None
    store.broker.deregister("w", ["w/1", "w/2"], lost=True)
    assert store.homes("done") == ["succeeded"]
    assert store.homes("a") == ["leases"]


def test_a_ring_that_a_claimer_had_heard_is_not_lost_with_it(store: Store) -> None:
    store.add("a")
    store.hush()
    store.broker.deregister("w", [], lost=True)
    assert store.rung() == {"default"}


def test_twice_is_as_once(store: Store) -> None:
    store.running("a")
    store.broker.deregister("w", ["w/1"], lost=True)
    with store.unchanged():
        store.broker.deregister("w", ["w/1"], lost=True)


def test_of_many_slots_4_are_emptied_a_call_and_the_worker_goes_with_the_last(store: Store) -> None:
    slots = [f"w/{number}" for number in range(25)]
    ids = [f"job-{number:02}" for number in range(len(slots))]
    store.add(*ids)
    for slot in slots:
        store.claim(claimer=slot)

    def once() -> str:
        return str(store.call("deregister", *slots, worker="w", event="lost")[0])

    assert [once() for _ in range(6)] == ["MORE"] * 6
    assert store.line("workers") == ["w"]
    assert len(store.line("leases")) == 1
    assert once() == "OK"
    assert store.line() == ids
    assert (store.line("workers"), store.admin.exists(store.keys.claimers)) == ([], 0)
