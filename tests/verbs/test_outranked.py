from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.errors import StaleLease

if TYPE_CHECKING:
    from tests.verbs.store import Store

QUEUES = ["default", "night"]


def test_only_a_higher_priority_does(store: Store) -> None:
    job = store.running("a", priority=5)
    store.add("lower", priority=4)
    store.add("equal", priority=5, queue="night")
    with store.unchanged():
        assert not store.broker.outranked(job, QUEUES)
    store.add("higher", priority=6, queue="night")
    with store.unchanged():
        assert store.broker.outranked(job, QUEUES)


def test_only_what_waits_now_in_a_queue_that_is_named(store: Store) -> None:
    job = store.running("a", priority=5)
    store.add("later", priority=9, delay=60)
    store.add("elsewhere", priority=9, queue="other")
    assert not store.broker.outranked(job, QUEUES)


def test_what_waits_in_a_paused_queue_does_not(store: Store) -> None:
    job = store.running("a")
    store.add("b", priority=9)
    store.add("c", priority=9, queue="night")
    store.broker.pause()
    assert not store.broker.outranked(job, QUEUES)
    store.broker.resume(["night"])
    assert store.broker.outranked(job, QUEUES)
    assert not store.broker.outranked(job, ["default"])


def test_a_job_moved_by_a_person_counts_where_it_is_now(store: Store) -> None:
    job = store.running("a", priority=5)
    store.add("b", priority=4)
    store.broker.reprioritize("b", 9)
    assert store.broker.outranked(job, QUEUES)
    store.broker.reprioritize("a", 9)
    assert not store.broker.outranked(job, QUEUES)


CARD = {"pool": "host/gpu0", "gpu": 1, "vram_mb": 24_000}
GPU = {"gpu": 1.0}
LANE = "default+gpu=1"


def test_what_waits_for_a_machine_counts_when_it_could_have_it(store: Store) -> None:
    store.broker.register("w", {"offers": [CARD]})
    job = store.running("a")
    store.add("b", needs=GPU, priority=9)
    assert store.broker.outranked(job, ["default", LANE])
    other = store.claim(LANE, claimer="w/2")
    assert other is not None
    store.add("c", needs=GPU, priority=9)
    with store.unchanged():
        assert not store.broker.outranked(job, ["default", LANE]), "another has the card"


def test_the_machine_that_the_job_itself_holds_would_be_free(store: Store) -> None:
    store.broker.register("w", {"offers": [CARD]})
    store.add("a", needs=GPU)
    job = store.claim(LANE)
    assert job is not None
    store.add("b", needs=GPU, priority=9)
    assert store.broker.outranked(job, [LANE])
    store.broker.pause(["default"])
    assert not store.broker.outranked(job, [LANE]), "a lane is paused with its queue"


def test_a_run_that_lost_its_job_is_told_so(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.outranked(job, QUEUES)
