"""pause and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.verbs.store import Store

QUEUES = ("day", "night")


@pytest.fixture(autouse=True)
def _jobs(store: Store) -> None:
    store.add("day-job", queue="day")
    store.add("night-job", queue="night")
    store.hush()


def test_one_queue(store: Store) -> None:
    store.broker.pause(["day"])
    assert store.drain(*QUEUES) == ["night-job"]
    store.broker.resume(["day"])
    assert store.drain(*QUEUES) == ["day-job"]


def test_all_queues_also_those_to_come(store: Store) -> None:
    store.broker.pause()
    store.add("new-job", queue="new")
    assert store.drain(*QUEUES, "new") == []
    store.broker.resume()
    assert store.drain(*QUEUES, "new") == ["day-job", "night-job", "new-job"]


def test_all_but_one(store: Store) -> None:
    store.broker.pause()
    store.broker.resume(["night"])
    assert store.drain(*QUEUES) == ["night-job"]


def test_all_but_one_and_then_that_one_too(store: Store) -> None:
    store.broker.pause()
    store.broker.resume(["night"])
    store.broker.pause(["night"])
    assert store.drain(*QUEUES) == []


def test_all_again_after_all_but_one(store: Store) -> None:
    store.broker.pause()
    store.broker.resume(["night"])
    store.broker.pause()
    assert store.drain(*QUEUES) == []


def test_resume_all_forgets_every_pause(store: Store) -> None:
    store.broker.pause(["day"])
    store.broker.pause()
    store.broker.pause(["night"])
    store.broker.resume()
    assert store.admin.exists(store.keys.paused) == 0
    assert store.drain(*QUEUES) == ["day-job", "night-job"]


def test_a_pause_stops_no_run(store: Store) -> None:
    store.claim("day")
    store.broker.pause()
    assert store.homes("day-job") == ["day:leases"]


def test_resume_rings_where_jobs_wait(store: Store) -> None:
    store.add("later", queue="empty", delay=60)
    store.hush()
    store.broker.pause()
    assert store.rung() == set()
    store.broker.resume(["night", "empty"])
    assert store.rung() == {"night"}
    store.broker.resume()
    assert store.rung() == {"day", "night"}


def test_a_queue_that_is_not_paused_may_be_resumed(store: Store) -> None:
    store.broker.resume(["day"])
    assert store.drain(*QUEUES) == ["day-job", "night-job"]


@pytest.mark.parametrize("queues", [(), ("day",)], ids=["all", "one"])
def test_twice_is_as_once(store: Store, queues: tuple[str, ...]) -> None:
    for verb in (store.broker.pause, store.broker.resume):
        verb(queues)
        with store.unchanged():
            verb(queues)
