"""What comes next, what failed last, and how much ended in each of some spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from junmai_jobs import endings as verbs
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Status
from tests.verbs.store import ERROR

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink
    from tests.verbs.store import Store


def inspector_of(store: Store) -> Inspector:
    return Inspector(cast("ClientLink", store.broker.link), store.namespace)


def test_what_waits_is_told_in_the_order_in_which_it_comes(store: Store) -> None:
    store.add("parent", queue="night")
    store.add("child", after=("parent",), queue="night")
    store.add("later", delay=600)
    store.add("sooner", delay=60, queue="night")
    store.add("low", priority=1, queue="high_priority")
    store.add("other", queue="another")
    store.add("one", "two")
    store.add("urgent", priority=9, queue="night")
    inspector = inspector_of(store)
    places = inspector.next_ones(50)
    order = ["urgent", "one", "two", "other", "parent", "low", "sooner", "later", "child"]
    assert [place.id for place in places] == order
    waiting = [Status.QUEUED] * 6 + [Status.SCHEDULED] * 2 + [Status.BLOCKED]
    assert [place.status for place in places] == waiting
    assert [place.id for place in inspector.next_ones(2)] == order[:2]
    assert [place.id for place in inspector.next_ones(50, "night")] == ["urgent", "parent", "sooner", "child"]
    assert inspector.next_ones(50, "nowhere") == []
    assert [job.id for job in inspector.load([place.id for place in places])] == order


def test_what_comes_next_is_what_a_claim_takes(store: Store) -> None:
    for number in range(12):
        store.add(f"job-{number:02}", priority=number % 4, queue=("b", "a")[number % 2])
    told = [place.id for place in inspector_of(store).next_ones(50)]
    assert store.drain("a", "b") == told


def test_what_failed_is_told_the_last_first(store: Store) -> None:
    for name in ("first", "second", "third"):
        store.ended(name, verbs.fail(ERROR))
        store.advance(1)
    store.ended("fine", verbs.succeed(b""))
    inspector = inspector_of(store)
    assert [place.id for place in inspector.failed_last(2)] == ["third", "second"]
    before = inspector.failed_last(3)
    store.broker.revive("first", "person.1")
    assert inspector.failed_last(3) == before[:2]


def test_what_ended_is_counted_by_when(store: Store) -> None:
    store.ended("a", verbs.succeed(b""))
    at = store.admin.zscore(store.keys.succeeded, "a") / 1000
    store.advance(2)
    store.ended("b", verbs.fail(ERROR))
    store.ended("c", verbs.succeed(b""))
    store.add("d")
    store.broker.cancel("d", "person.1")
    edges = [at - 1, at, at + 1, at + 4]
    rows = inspector_of(store).ended_between(edges)
    assert [tuple(row.values()) for row in rows] == [(0, 0, 0), (1, 0, 0), (1, 1, 1)]
    assert list(rows[0]) == ["succeeded", "failed", "cancelled"]
    assert inspector_of(store).ended_between([at]) == []
