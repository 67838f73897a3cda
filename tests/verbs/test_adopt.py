"""adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs.archive import StoredJob
from junmai_jobs.errors import InvalidState
from tests.verbs.store import new_job

if TYPE_CHECKING:
    from tests.verbs.store import Store


def staged(store: Store, count: int = 3) -> None:
    store.broker.stage("one")
    for number in range(count):
        body = new_job(f"job.{number}").body
        job = StoredJob(b"job.%d" % number, b"ready", b"default", b"%d" % (700 + number), body)
        store.broker.restore("one", "jobs", job)
    store.broker.restore("one", "meta", [b"token", b"1764000000000000", b"sequence", b"77"])
    store.broker.restore("one", "paused", [b"night", b"1"])


def names(store: Store) -> set[str]:
    """Of the keys there are."""
    return set(store._kinds())


def test_all_of_it_is_there_and_nothing_is_staged(store: Store) -> None:
    staged(store)
    store.broker.adopt("one")
    assert names(store) == {"bodies", "default:ready", "queues", "meta", "paused", "alarm", "default:bell"}
    assert store.drain() == ["job.0", "job.1", "job.2"]


def test_nothing_was_staged(store: Store) -> None:
    with store.unchanged(), pytest.raises(InvalidState, match="another import"):
        store.broker.adopt("one")


def test_not_where_a_job_has_come_meanwhile(store: Store) -> None:
    staged(store)
    store.add("a")
    with store.unchanged(), pytest.raises(InvalidState, match="not empty, it has jobs"):
        store.broker.adopt("one")
    store.broker.discard()
    assert store.drain() == ["a"]


def test_a_pause_that_is_there_counts(store: Store) -> None:
    store.broker.pause()
    staged(store)
    store.broker.adopt("one")
    assert store.exact()["paused"] == {b"*": b"1"}
    assert store.drain() == []


def test_what_was_given_never_goes_back(store: Store) -> None:
    store.running("earlier")
    store.broker.cancel("earlier", "person")
    store.expire()
    store.broker.prune("cancelled", max_age=-1, keep=0)
    given = int(store.exact()["meta"][b"token"])
    staged(store)
    store.broker.adopt("one")
    assert int(store.exact()["meta"][b"token"]) == given
    assert store.exact()["meta"][b"sequence"] == b"77"


@pytest.mark.parametrize(
    "renamed", [("paused",), ("paused", "q:default:ready"), ("paused", "q:default:ready", "queues")]
)
def test_what_a_torn_log_has_left_of_it_is_no_dead_end(store: Store, renamed: tuple[str, ...]) -> None:
    staged(store)
    for name in renamed:
        store.admin.rename(store.keys.staging + name, store.keys.prefix + name)
    assert store.drain() == [], "a job is there when its body is, which comes last"
    store.broker.stage("one")
    staged(store)
    store.broker.adopt("one")
    assert store.drain() == ["job.0", "job.1", "job.2"]
    assert not [name for name in names(store) if name.startswith("import:")]
