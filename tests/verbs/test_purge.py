from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

ALL = ["ready", "scheduled", "retrying", "blocked"]


def fill(store: Store) -> None:
    """One job in every home of the default queue, of its home's name; and one elsewhere."""
    store.ended("succeeded", verbs.succeed(b""))
    store.ended("retrying", verbs.retry(60, ERROR))
    store.running("leases")
    store.add("scheduled", delay=60)
    store.add("blocked", after=("leases",))
    store.add("elsewhere", queue="night")
    store.add("ready")


def test_what_waits_in_the_queue_is_cancelled(store: Store) -> None:
    fill(store)
    assert store.broker.purge("default", ALL, "person.1") == 4
    assert sorted(store.line("cancelled")) == sorted(ALL)
    assert [store.state(job_id).note for job_id in ALL] == ["purged"] * 4
    assert store.homes("leases") == ["leases"]
    assert store.homes("succeeded") == ["succeeded"]
    assert store.homes("elsewhere") == ["night:ready"]


@pytest.mark.parametrize("home", ALL)
def test_only_the_homes_named(store: Store, home: str) -> None:
    fill(store)
    assert store.broker.purge("default", [home], "person.1") == 1
    assert store.line("cancelled") == [home]


def test_an_empty_queue(store: Store) -> None:
    assert store.broker.purge("default", ALL, "person.1") == 0


def test_50_jobs_take_three_calls(store: Store) -> None:
    for at in (0, 25):
        store.add(*(f"job-{number:03}" for number in range(at, at + 25)), delay=at)
    words = [store.call("purge", *ALL, request=f"person.{batch}", queue="default") for batch in range(3)]
    assert words == [["MORE", b"20"], ["MORE", b"20"], ["OK", b"10"]]
    assert len(store.line("cancelled")) == 50


def test_purge_goes_on_until_nothing_waits(store: Store) -> None:
    store.add(*(f"job-{number:03}" for number in range(200)))
    assert store.broker.purge("default", ALL, "person.1") == 200
    assert store.line("ready") == []


def test_the_same_request_again_counts_nothing_twice(store: Store) -> None:
    store.add("a")
    assert store.broker.purge("default", ALL, "person.1") == 1
    store.add("b")
    with store.unchanged():
        assert store.broker.purge("default", ALL, "person.1") == 1
    assert store.broker.purge("default", ALL, "person.2") == 1


def test_children_will_be_told(store: Store) -> None:
    store.add("a")
    store.add("child", after=("a",))
    store.broker.purge("default", ["ready"], "person.1")
    assert store.line("ended") == ["a"]
    store.broker.resolve()
    assert store.state("child").note == "parent_failed"


def test_a_job_that_cannot_be_read_is_cancelled_too(store: Store) -> None:
    store.add("a")
    store.damage("a")
    assert store.broker.purge("default", ALL, "person.1") == 1
    assert store.homes("a") == ["cancelled"]


@pytest.mark.parametrize("home", ALL)
def test_an_id_in_a_wrong_home_is_removed_there(store: Store, home: str) -> None:
    store.running("runs")
    store.ended("done", verbs.succeed(b""), queue="night")
    store.admin.zadd(store.keys.queue("default", home), {"runs": 1, "done": 1, "unknown": 1})
    store.broker.purge("default", ALL, "person.1")
    assert store.homes("runs") == ["leases"]
    assert store.homes("done") == ["succeeded"]
    assert store.homes("unknown") == []
