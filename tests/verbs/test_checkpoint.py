from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import CLAIMER, ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verbs.store import Store


def test_the_last_one_is_kept(store: Store) -> None:
    job = store.running("a")
    for data in (b"\x01", b"\x02"):
        assert store.broker.checkpoint(job, data) == b""
    assert store.broker.checkpoint(job) == b"\x02"


def test_reading_changes_nothing(store: Store) -> None:
    job = store.running("a")
    with store.unchanged():
        assert store.broker.checkpoint(job) == b""


@pytest.mark.parametrize(
    "give_up",
    [
        lambda store: store.broker.crash(CLAIMER, "1.end", {"signal": 9}),
        lambda store: store.broker.release(CLAIMER, "1.end"),
        lambda store: store.expire(),
    ],
    ids=["crash", "release", "reap"],
)
def test_the_next_run_finds_it(store: Store, give_up: Callable[[Store], object]) -> None:
    store.broker.checkpoint(store.running("a"), b"\x07")
    give_up(store)
    job = store.claim(generation=2)
    assert job is not None
    assert store.broker.checkpoint(job) == b"\x07"


@pytest.mark.parametrize(
    "how", [verbs.retry(1, ERROR), verbs.defer(1), verbs.step_aside()], ids=lambda how: how.verb
)
def test_the_next_run_finds_it_after_an_end_that_is_none(store: Store, how: verbs.Ending) -> None:
    job = store.running("a")
    store.broker.checkpoint(job, b"\x07")
    store.broker.end(job, how)
    store.advance(2)
    store.broker.promote(["default"])
    again = store.claim()
    assert again is not None
    assert store.broker.checkpoint(again) == b"\x07"


def test_a_job_that_has_failed_keeps_it_for_when_it_is_retried(store: Store) -> None:
    job = store.running("a")
    store.broker.checkpoint(job, b"\x07")
    store.broker.end(job, verbs.fail(ERROR))
    store.broker.revive("a", "person.1")
    again = store.claim()
    assert again is not None
    assert store.broker.checkpoint(again) == b"\x07"


def test_a_job_that_has_succeeded_needs_none(store: Store) -> None:
    job = store.running("a")
    store.broker.checkpoint(job, b"\x07")
    store.broker.end(job, verbs.succeed(b""))
    assert store.admin.exists(store.keys.checkpoints) == 0


def test_nor_does_one_that_waited_for_a_limit_since(store: Store) -> None:
    job = store.running("a", extras={"c": "key,1"})
    store.broker.checkpoint(job, b"\x07")
    store.broker.end(job, verbs.retry(1, ERROR))
    store.add("b", extras={"c": "key,1"})
    other = store.claim()
    assert other is not None
    store.advance(2)
    store.broker.promote(["default"])
    assert store.claim(claimer="w/2") is None
    assert store.homes("a") == ["blocked"]
    store.broker.end(other, verbs.succeed(b""))
    again = store.claim()
    assert again is not None
    assert store.broker.checkpoint(again) == b"\x07"
    store.broker.end(again, verbs.succeed(b""))
    assert store.admin.exists(store.keys.checkpoints) == 0


def test_nor_does_one_that_was_revived(store: Store) -> None:
    store.add("parent")
    job = store.running("a", priority=9)
    store.broker.checkpoint(job, b"\x07")
    store.broker.end(job, verbs.fail(ERROR))
    store.broker.revive("a", "person.1", "continue=parent")
    store.broker.cancel("parent", "person.2")
    store.broker.resolve()
    again = store.claim()
    assert again is not None
    store.broker.end(again, verbs.succeed(b""))
    assert store.admin.exists(store.keys.checkpoints) == 0


def test_a_run_that_lost_its_job_saves_nothing(store: Store) -> None:
    job = store.running("a")
    store.expire()
    again = store.claim(claimer="w/2")
    assert again is not None
    store.broker.checkpoint(again, b"\x02")
    with store.unchanged(), pytest.raises(StaleLease, match="stop, its outcome does not count"):
        store.broker.checkpoint(job, b"\x01")
    with store.unchanged(), pytest.raises(StaleLease):
        store.broker.checkpoint(job)
