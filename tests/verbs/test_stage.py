"""stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.archive import StoredJob
from junmai_jobs.errors import InvalidState
from tests.verbs.scenarios import KEY, PHOTO, die
from tests.verbs.scenarios import schedule as hourly
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verbs.store import Store


def staged(store: Store) -> set[str]:
    """The names of the keys that are staged."""
    prefix = store.keys.staging
    return {key.decode().removeprefix(prefix) for key in store.admin.scan_iter(f"{prefix}*", count=1000)}


def restored(store: Store, source: str, *job_ids: str) -> None:
    for job_id in job_ids:
        job = StoredJob(job_id.encode(), b"ready", b"night", b"5", new_job(job_id, queue="night").body)
        store.broker.restore(source, "jobs", job)


def test_what_is_staged_of_the_same_export_stays(store: Store) -> None:
    store.broker.stage("one")
    restored(store, "one", "a")
    there = staged(store)
    store.broker.stage("one")
    assert staged(store) == there == {"meta", "bodies", "queues", "q:night:ready"}
    store.broker.discard()


def test_of_another_export_it_goes(store: Store) -> None:
    store.broker.stage("one")
    restored(store, "one", "a")
    store.broker.stage("another")
    assert staged(store) == {"meta"}
    with pytest.raises(InvalidState, match="another import"):
        restored(store, "one", "b")
    store.broker.discard()


def test_what_is_discarded(store: Store) -> None:
    store.broker.stage("one")
    restored(store, "one", "a")
    store.broker.discard("another")
    assert len(staged(store)) == 4
    store.broker.discard("one")
    assert staged(store) == set()
    store.broker.discard()


@pytest.mark.parametrize(
    ("fill", "what"),
    [
        (lambda store: store.add("a"), "jobs"),
        (lambda store: store.broker.schedule(hourly()), "schedules"),
        (lambda store: store.broker.remember(KEY, "1", b"x", lasts=9, most=9, room=999), "values"),
        (lambda store: die(store, "a", input=PHOTO), "jobs"),
    ],
)
def test_not_where_something_is(store: Store, fill: Callable[[Store], object], what: str) -> None:
    fill(store)
    with store.unchanged(), pytest.raises(InvalidState, match=f"not empty, it has {what}"):
        store.broker.stage("one")


def test_workers_that_wait_and_a_pause_are_not_in_the_way(store: Store) -> None:
    store.broker.register("w", {})
    assert store.claim() is None
    store.broker.pause()
    store.broker.sample()
    store.broker.stage("one")
    store.broker.discard()
