"""Lanes: jobs that need a machine's parts, what claim makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import QueueFull
from junmai_jobs.lanes import lane_of
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from junmai_jobs.job import Claimed
    from tests.verbs.store import Store

DONE = verbs.succeed(b"")
GPU = {"gpu": 1.0}
SMALL = {"vram_mb": 2000.0}
MEMORY = {"ram_mb": 3000.0}
LANES = ("default", *(lane_of("default", needs) for needs in (GPU, SMALL, MEMORY)))
CARD = [{"pool": "host", "ram_mb": 8000}, {"pool": "card-1", "gpu": 1, "vram_mb": 8000}]
TWO_CARDS = [*CARD, {"pool": "card-2", "gpu": 1, "vram_mb": 8000}]


def offer(store: Store, *workers: str, pools: list[dict[str, Any]] = CARD) -> None:
    for worker in workers:
        store.broker.register(worker, {"offers": pools})


def claimed(store: Store, claimer: str) -> str | None:
    job = store.claim(*LANES, claimer=claimer)
    return job.id if job else None


def take(store: Store, claimer: str) -> Claimed:
    job = store.claim(*LANES, claimer=claimer)
    assert job is not None
    return job


def test_one_card_runs_one_job_and_plain_ones_do_not_wait(store: Store) -> None:
    offer(store, "w", "v")
    store.add("g1", "g2", needs=GPU)
    store.add("p1", "p2")
    job = take(store, "w/1")
    assert (job.id, job.holds) == ("g1", "@card-1,gpu=1")
    assert [claimed(store, name) for name in ("v/1", "v/2", "w/2")] == ["p1", "p2", None]
    store.broker.end(job, DONE)
    assert claimed(store, "v/1") == "g2"


def test_two_cards_run_two(store: Store) -> None:
    offer(store, "w", pools=TWO_CARDS)
    store.add("g1", "g2", "g3", needs=GPU)
    assert [take(store, f"w/{number}").holds for number in (1, 2)] == ["@card-1,gpu=1", "@card-2,gpu=1"]
    assert claimed(store, "w/3") is None


def test_a_worker_without_a_card_takes_none_of_its_jobs(store: Store) -> None:
    offer(store, "w", pools=[CARD[0]])
    store.add("g1", needs=GPU)
    assert claimed(store, "w/1") is None
    assert claimed(store, "unregistered/1") is None


def test_small_ones_share_a_card_as_far_as_it_goes(store: Store) -> None:
    offer(store, "w")
    store.add(*"abcde", needs=SMALL)
    assert [claimed(store, f"w/{number}") for number in range(5)] == ["a", "b", "c", "d", None]


def test_one_that_takes_next_to_nothing_of_a_card_leaves_the_rest(store: Store) -> None:
    offer(store, "w")
    store.add("tiny", needs={"vram_mb": 0.5})
    assert store.claim(lane_of("default", {"vram_mb": 0.5})) is not None
    store.add("small", needs=SMALL)
    assert claimed(store, "w/2") == "small"


def test_the_whole_card_is_not_kept_waiting_by_small_ones(store: Store) -> None:
    offer(store, "w")
    store.add("s1", "s2", needs=SMALL)
    first, second = take(store, "w/1"), take(store, "w/2")
    store.add("whole", needs=GPU)
    store.add("s3", "s4", needs=SMALL)
    assert claimed(store, "w/3") is None
    store.broker.end(first, DONE)
    assert claimed(store, "w/1") is None
    store.broker.end(second, DONE)
    whole = take(store, "w/1")
    assert whole.id == "whole"
    assert claimed(store, "w/2") is None
    store.broker.end(whole, DONE)
    assert [claimed(store, f"w/{number}") for number in (1, 2)] == ["s3", "s4"]


def test_one_queue_has_one_line_across_its_lanes(store: Store) -> None:
    offer(store, "w", pools=TWO_CARDS)
    store.add("a", needs=GPU)
    store.add("b")
    store.add("c", needs={"ram_mb": 3000.0})
    store.add("d", needs=SMALL)
    store.add("urgent", priority=9)
    assert [claimed(store, f"w/{number}") for number in range(5)] == ["urgent", "a", "b", "c", "d"]


def test_memory_of_the_host_is_counted(store: Store) -> None:
    offer(store, "w", "v")
    store.add(*"abc", needs={"ram_mb": 3000.0})
    assert [claimed(store, name) for name in ("w/1", "v/1", "w/2")] == ["a", "b", None]


def test_a_paused_queue_is_paused_with_its_lanes(store: Store) -> None:
    offer(store, "w")
    store.add("a", needs=GPU)
    store.broker.pause(["default"])
    assert claimed(store, "w/1") is None
    store.broker.resume(["default"])
    assert claimed(store, "w/1") == "a"


def test_who_heard_a_ring_for_a_machine_that_is_taken_passes_it_on(store: Store) -> None:
    offer(store, "w")
    store.add("a", "b", needs=GPU)
    take(store, "w/1")
    store.hush()
    step = store.broker.step("w/2", "1.9", LANES, woken=True)
    assert step.waits
    assert store.rung() == {LANES[1]}


def test_a_queue_has_at_most_16_lanes(store: Store) -> None:
    for amount in range(1, 17):
        store.add(f"job-{amount}", needs={"ram_mb": float(amount)})
    store.add("again", needs={"ram_mb": 3.0})
    store.add("elsewhere", queue="night", needs={"ram_mb": 99.0})
    with store.unchanged(), pytest.raises(QueueFull, match="queue default has jobs of 16 different needs"):
        store.broker.enqueue([new_job("one-more", needs={"ram_mb": 99.0})])


def test_lanes_that_are_empty_make_room_for_others(store: Store) -> None:
    for amount in range(1, 17):
        store.add(f"job-{amount}", needs={"ram_mb": float(amount)})
    store.broker.cancel("job-7", "person.1")
    store.add("another", needs={"ram_mb": 99.0})
    with pytest.raises(QueueFull):
        store.broker.enqueue([new_job("one-more", needs={"ram_mb": 98.0})])


def test_one_call_makes_no_more_lanes_than_there_may_be(store: Store) -> None:
    jobs = [new_job(f"job-{amount}", needs={"ram_mb": float(amount)}) for amount in range(1, 18)]
    with store.unchanged(), pytest.raises(QueueFull, match="job 17 of 17"):
        store.broker.enqueue(jobs)


def test_resuming_a_queue_rings_its_lanes(store: Store) -> None:
    store.broker.pause(["default"])
    store.add("a", needs=GPU)
    store.hush()
    store.broker.resume(["default"])
    assert store.rung() == {LANES[1]}
