from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import BAND, ERROR, new_job

if TYPE_CHECKING:
    from tests.verbs.store import Store


def test_a_scheduled_job_is_ready_when_due_and_not_before(store: Store) -> None:
    store.add("a", delay=60)
    store.advance(50)
    assert store.broker.promote(["default"]) == pytest.approx(10, abs=5)
    assert store.homes("a") == ["scheduled"]
    store.advance(10)
    assert store.broker.promote(["default"]) is None
    assert store.homes("a") == ["ready"]
    assert not store.has_state("a")


def test_a_retrying_job_is_ready_when_due(store: Store) -> None:
    store.ended("a", verbs.retry(60, ERROR))
    store.broker.promote(["default"])
    assert store.homes("a") == ["retrying"]
    store.advance(60)
    store.broker.promote(["default"])
    assert store.homes("a") == ["ready"]
    assert (store.state("a").word, store.state("a").failures) == ("ready", 1)


def test_a_deferred_job_is_ready_when_due(store: Store) -> None:
    store.ended("a", verbs.defer(60, "later"))
    store.advance(60)
    store.broker.promote(["default"])
    assert store.homes("a") == ["ready"]
    assert store.state("a").note == "later"


def test_what_is_due_goes_behind_what_waits_in_the_order_of_due_times(store: Store) -> None:
    store.add("second", delay=20)
    store.add("first", delay=10)
    store.add("waited", "waited too")
    store.add("urgent", delay=30, priority=9)
    store.advance(60)
    store.broker.promote(["default"])
    assert store.line() == ["urgent", "waited", "waited too", "first", "second"]


def test_a_job_goes_to_the_band_it_was_moved_to(store: Store) -> None:
    store.add("a", delay=60)
    store.ended("b", verbs.retry(60, ERROR))
    for job_id in ("a", "b"):
        store.broker.reprioritize(job_id, 8)
    store.advance(60)
    store.broker.promote(["default"])
    assert [store.score(job_id) // BAND for job_id in ("a", "b")] == [2, 2]


def test_only_the_queues_named(store: Store) -> None:
    store.add("a", delay=10)
    store.add("b", queue="night", delay=10)
    store.advance(60)
    store.broker.promote(["night"])
    assert (store.homes("a"), store.homes("b")) == (["scheduled"], ["night:ready"])


def test_the_next_due_time_is_the_soonest_of_all_homes(store: Store) -> None:
    store.add("a", delay=300)
    store.add("b", queue="night", delay=200)
    store.ended("c", verbs.retry(100, ERROR), queue="night")
    assert store.broker.promote(["default", "night"]) == pytest.approx(100, abs=10)


def test_60_due_jobs_take_three_calls(store: Store) -> None:
    ids = [f"job-{number:03}" for number in range(60)]
    store.add(*ids, delay=10)
    store.advance(10)
    assert [store.call("promote", "default")[0] for _ in range(3)] == ["MORE", "MORE", "OK"]
    assert store.line() == ids


def test_promote_goes_on_until_all_that_is_due_has_moved(store: Store) -> None:
    store.broker.enqueue([new_job(f"job-{number:03}", delay=10) for number in range(200)])
    store.add("later", delay=100)
    store.advance(10)
    assert store.broker.promote(["default"]) == pytest.approx(90, abs=10)
    assert len(store.line()) == 200


def test_the_bell_rings_only_when_something_came(store: Store) -> None:
    store.add("a", delay=60)
    store.hush()
    store.broker.promote(["default"])
    assert store.rung() == set()
    store.advance(60)
    store.broker.promote(["default"])
    assert store.rung() == {"default"}


def test_a_paused_queue_is_promoted_too(store: Store) -> None:
    store.broker.pause()
    store.add("a", delay=60)
    store.advance(60)
    store.broker.promote(["default"])
    assert store.homes("a") == ["ready"]


@pytest.mark.parametrize("home", ["scheduled", "retrying"])
def test_an_id_in_a_wrong_home_is_removed_there(store: Store, home: str) -> None:
    store.running("runs")
    store.ended("done", verbs.succeed(b""))
    store.admin.zadd(store.keys.queue("default", home), {"runs": 1, "done": 1, "unknown": 1})
    store.broker.promote(["default"])
    assert store.homes("runs") == ["leases"]
    assert store.homes("done") == ["succeeded"]
    assert store.homes("unknown") == []


def test_a_damaged_job_does_not_stop_the_others(store: Store) -> None:
    store.add("damaged", delay=10)
    store.add("b", delay=20)
    store.damage("damaged")
    store.advance(60)
    store.broker.promote(["default"])
    assert store.drain() == ["b"]
    assert store.homes("damaged") == ["failed"]
    assert store.state("damaged").note == "corrupt_record"
