from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease

if TYPE_CHECKING:
    from tests.verbs.store import Store

QUEUES = ["default"]
HOUR = 3600


def lease_left(store: Store, job_id: str, *, clock: float) -> float:
    """Seconds, by a clock that was moved by so much."""
    return store.score(job_id, "leases") / 1000 - time.time() - clock


def run(store: Store, count: int) -> list[str]:
    ids = [f"job-{number:03}" for number in range(count)]
    for at in range(0, count, 200):
        store.add(*ids[at : at + 200])
    assert store.drain() == ids
    return ids


def test_a_lease_that_stands_is_left_alone(store: Store) -> None:
    store.broker.reap(QUEUES)
    store.running("a")
    before = store.score("a", "leases")
    store.advance(10)
    store.broker.reap(QUEUES)
    assert store.homes("a") == ["leases"]
    assert store.score("a", "leases") == before


def test_a_lease_that_is_over_makes_the_job_first_again(store: Store) -> None:
    job = store.running("a")
    store.add("b")
    store.hush()
    store.expire()
    assert store.line() == ["a", "b"]
    assert (store.state("a").word, store.state("a").token, store.state("a").crashes) == ("ready", "", 1)
    assert [(entry["event"], entry["token"]) for entry in store.history("a")] == [("lost", job.token)]
    assert store.rung() == {"default"}


def test_a_job_that_is_lost_three_times_has_failed(store: Store) -> None:
    store.add("a")
    store.add("child", after=("a",))
    for home in ("ready", "retrying", "failed"):
        assert store.claim() is not None
        store.expire()
        assert store.homes("a") == [home]
        store.advance(5)
        store.broker.promote(QUEUES)
    assert (store.state("a").note, store.state("a").failures) == ("crashed", 0)
    assert store.line("ended") == ["a"]


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person")
    store.expire()
    assert (store.homes("a"), store.events("a")) == (["cancelled"], ["cancelled"])


def test_the_run_that_was_lost_may_not_end_the_job(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.end(job, verbs.succeed(b""))


def test_only_the_queues_named(store: Store) -> None:
    store.running("a", claimer="w/1")
    store.running("b", claimer="w/2", queue="night")
    store.expire("night")
    assert (store.homes("a"), store.homes("b")) == (["leases"], ["night:ready"])


def test_a_paused_queue_is_reaped_too(store: Store) -> None:
    store.running("a")
    store.broker.pause()
    store.expire()
    assert store.homes("a") == ["ready"]


# ---- a reaper that comes late cannot tell the dead from those who slept with it ------------------


def test_the_first_reaper_ever_gives_every_run_a_whole_lease(store: Store) -> None:
    store.running("a")
    store.advance(HOUR)
    store.broker.reap(QUEUES)
    assert store.homes("a") == ["leases"]
    assert lease_left(store, "a", clock=HOUR) == pytest.approx(30, abs=5)


def test_a_reaper_that_slept_gives_every_run_one_lease_and_no_second(store: Store) -> None:
    store.running("a")
    store.broker.reap(QUEUES)
    store.advance(HOUR)
    store.broker.reap(QUEUES)
    assert store.homes("a") == ["leases"]
    assert lease_left(store, "a", clock=HOUR) == pytest.approx(30, abs=5)
    assert store.history("a") == []
    store.expire()
    assert store.homes("a") == ["ready"]


def test_a_reaper_that_is_less_than_half_a_lease_late_does_not_wait(store: Store) -> None:
    store.running("a")
    store.broker.reap(QUEUES)
    for _ in range(3):
        store.advance(11)
        store.broker.reap(QUEUES)
    assert store.homes("a") == ["ready"]


def test_a_clock_that_is_set_forward_costs_nobody_the_job(store: Store) -> None:
    job = store.running("a")
    store.broker.reap(QUEUES)
    store.advance(HOUR)
    store.broker.reap(QUEUES)
    store.broker.end(job, verbs.succeed(b""))
    assert store.homes("a") == ["succeeded"]


def test_a_clock_that_is_set_back_does_not_leave_a_dead_run_for_an_hour(store: Store) -> None:
    store.running("a")
    store.broker.reap(QUEUES)
    store.advance(-HOUR)
    assert lease_left(store, "a", clock=-HOUR) > HOUR
    store.broker.reap(QUEUES)
    assert lease_left(store, "a", clock=-HOUR) == pytest.approx(30, abs=5)
    assert store.homes("a") == ["leases"]
    store.expire()
    assert store.homes("a") == ["ready"]


def test_a_worker_may_ask_for_longer_leases_than_the_reaper(store: Store) -> None:
    store.broker.reap(QUEUES)
    store.add("a")
    store.broker.claim("w/1", "1.1", QUEUES, lease=HOUR)
    store.advance(HOUR / 2)
    store.expire()
    assert store.homes("a") == ["leases"]


def test_a_clock_that_is_set_back_and_forward_again(store: Store) -> None:
    job = store.running("a")
    for seconds in (-HOUR, HOUR, HOUR, -HOUR):
        store.broker.reap(QUEUES)
        store.advance(seconds)
    store.broker.reap(QUEUES)
    store.broker.end(job, verbs.succeed(b""))
    assert store.homes("a") == ["succeeded"]


# ---- many at once --------------------------------------------------------------------------------


def test_50_leases_that_are_over_take_three_calls(store: Store) -> None:
    ids = run(store, 50)
    for _ in range(4):
        store.broker.reap(["other"])
        store.advance(10)
    assert [store.call("reap", "default", lease=30_000) for _ in range(3)] == [["MORE"], ["MORE"], ["OK"]]
    assert store.line() == ids


def test_250_leases_are_made_whole_in_three_calls(store: Store) -> None:
    ids = run(store, 250)
    store.advance(HOUR)
    assert [store.call("reap", "default", lease=30_000) for _ in range(3)] == [["MORE"], ["MORE"], ["OK"]]
    assert sorted(store.line("leases")) == ids
    assert min(lease_left(store, job_id, clock=HOUR) for job_id in ids) > 20


def test_reap_goes_on_until_all_is_done(store: Store) -> None:
    run(store, 120)
    store.expire()
    assert len(store.line()) == 120


def test_an_id_in_a_wrong_home_is_removed_there(store: Store) -> None:
    store.add("waits")
    store.ended("done", verbs.succeed(b""), queue="night")
    store.admin.zadd(store.keys.queue("default", "leases"), {"waits": 1, "done": 1, "unknown": 1})
    store.expire()
    assert store.homes("waits") == ["ready"]
    assert store.homes("done") == ["succeeded"]
    assert store.homes("unknown") == []
