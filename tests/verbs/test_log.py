from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from junmai_jobs.errors import StaleLease
from tests.verbs.store import CLAIMER

if TYPE_CHECKING:
    from tests.verbs.store import Store

LIMIT = 64 * 1024


def texts(store: Store, job_id: str = "a") -> list[str]:
    """What is kept of a job's lines, without their times."""
    stored = store.admin.hget(store.keys.log_lines, job_id) or b"\n"
    lines = stored.decode().split("\n")[1:-1]
    assert all(line.partition(" ")[0].isdecimal() for line in lines)
    return [line.partition(" ")[2] for line in lines]


def test_lines_are_kept_in_their_order(store: Store) -> None:
    job = store.running("a")
    for number, text in enumerate(("one", "", "two\nthree %1", "caf\u00e9 | {}"), 1):
        store.broker.log(job, number, text)
    assert texts(store) == ["one", "", "two", "three %1", "caf\u00e9 | {}"]


def test_each_has_the_servers_time(store: Store) -> None:
    job = store.running("a")
    for number in (1, 2):
        store.broker.log(job, number, "line")
        store.advance(60)
    first, second = store.admin.hget(store.keys.log_lines, "a").decode().split("\n")[1:-1]
    assert int(second.partition(" ")[0]) - int(first.partition(" ")[0]) == pytest.approx(60_000, abs=5_000)


def test_a_call_that_comes_late_and_twice_adds_nothing(store: Store) -> None:
    job = store.running("a")
    for number in (1, 2):
        store.broker.log(job, number, f"line {number}")
    with store.unchanged():
        store.broker.log(job, 1, "line 1")
    assert texts(store) == ["line 1", "line 2"]


def test_the_next_run_goes_on_below(store: Store) -> None:
    first = store.running("a")
    store.broker.log(first, 1, "line 1")
    store.broker.log(first, 2, "line 2")
    store.broker.release(CLAIMER, "1.end")
    second = store.claim(generation=2)
    assert second is not None
    store.broker.log(second, 1, "again")
    assert texts(store) == ["line 1", "line 2", "again"]


def test_only_the_newest_64_kib_are_kept(store: Store) -> None:
    job = store.running("a")
    for number in range(1, 8):
        store.broker.log(job, number, f"line {number} " + "x" * 16_000)
    assert [text[:6] for text in texts(store)] == ["line 4", "line 5", "line 6", "line 7"]
    assert store.admin.hstrlen(store.keys.log_lines, "a") <= LIMIT + 40


def test_of_very_many_lines_too(store: Store) -> None:
    store.broker.log(store.running("a"), 1, "\n" * 16_000)
    assert 4_000 < len(texts(store)) < 5_000
    assert store.admin.hstrlen(store.keys.log_lines, "a") <= LIMIT + 40


def test_it_stays_after_the_end(store: Store) -> None:
    job = store.running("a")
    store.broker.log(job, 1, "done")
    store.broker.end(job, verbs.succeed(b""))
    assert texts(store) == ["done"]


def test_a_run_that_lost_its_job_has_no_more_to_say(store: Store) -> None:
    job = store.running("a")
    store.expire()
    with store.unchanged(), pytest.raises(StaleLease, match="stop, its outcome does not count"):
        store.broker.log(job, 1, "late")
