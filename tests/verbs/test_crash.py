from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from junmai_jobs import endings as verbs
from tests.verbs.store import CLAIMER, ERROR

if TYPE_CHECKING:
    from tests.verbs.store import Store

KILLED = {"signal": 9}


def crash(store: Store) -> tuple[str, str] | None:
    """The process of the claimer dies in the middle of the next job."""
    store.advance(5)
    store.broker.promote(["default"])
    assert store.claim() is not None
    return store.broker.crash(CLAIMER, store.request(), KILLED)


def test_the_first_crash_makes_the_job_first_again(store: Store) -> None:
    store.add("a", "b")
    before = store.score("a")
    assert crash(store) == ("a", "ready")
    assert store.homes("a") == ["ready"]
    assert store.score("a") == before
    assert (store.state("a").crashes, store.state("a").failures, store.state("a").token) == (1, 0, "")
    assert store.rung() == {"default"}


def test_the_second_makes_it_wait_for_five_seconds(store: Store) -> None:
    store.add("a")
    crash(store)
    assert crash(store) == ("a", "retrying")
    assert store.homes("a") == ["retrying"]
    assert store.score("a", "retrying") == store.history("a")[-1]["finished"] + 5000
    assert "alarm" in store.rung()


def test_where_processes_die_in_a_row_it_comes_back_later_and_behind_the_others(store: Store) -> None:
    store.add("a", "b")
    store.claim()
    assert store.broker.crash(CLAIMER, store.request(), KILLED, pause=2.5) == ("a", "retrying")
    assert store.score("a", "retrying") == store.history("a")[-1]["finished"] + 2500
    store.advance(3)
    store.broker.promote(["default"])
    assert store.line() == ["b", "a"]


@pytest.mark.parametrize(("pause", "due"), [(2.5, 5000), (7.5, 7500)])
def test_the_second_waits_for_the_longer_of_the_two(store: Store, pause: float, due: int) -> None:
    store.add("a")
    crash(store)
    store.claim()
    assert store.broker.crash(CLAIMER, store.request(), KILLED, pause=pause) == ("a", "retrying")
    assert store.score("a", "retrying") == store.history("a")[-1]["finished"] + due


def test_the_third_is_the_last(store: Store) -> None:
    store.add("a", "b")
    store.add("child", after=("a",))
    for _ in range(2):
        crash(store)
    store.broker.cancel("b", "person")
    assert crash(store) == ("a", "failed")
    assert store.homes("a") == ["failed"]
    assert (store.state("a").note, store.state("a").failures) == ("crashed", 0)
    assert store.line("ended") == ["a"]


def test_crashes_spend_no_attempt(store: Store) -> None:
    store.add("a")
    crash(store)
    crash(store)
    store.advance(5)
    store.broker.promote(["default"])
    job = store.claim()
    assert job is not None
    assert job.attempt == 1


def test_lost_runs_count_as_crashes(store: Store) -> None:
    store.add("a")
    crash(store)
    store.claim()
    store.expire()
    assert store.homes("a") == ["retrying"]
    assert crash(store) == ("a", "failed")
    assert store.events("a") == ["crashed", "lost", "crashed"]


def test_a_failure_in_between_does_not_forgive(store: Store) -> None:
    store.add("a")
    crash(store)
    job = store.claim()
    assert job is not None
    store.broker.end(job, verbs.retry(5, ERROR))
    assert crash(store) == ("a", "retrying")
    assert (store.state("a").crashes, store.state("a").failures) == (2, 1)


def test_the_history_tells_what_killed_it(store: Store) -> None:
    store.add("a")
    crash(store)
    (entry,) = store.history("a")
    assert (entry["event"], entry["attempt"], entry["worker"]) == ("crashed", 1, CLAIMER)
    assert entry["detail"] == KILLED
    assert entry["token"]


def test_a_job_that_was_to_be_cancelled_is(store: Store) -> None:
    store.running("a")
    store.broker.cancel("a", "person")
    assert store.broker.crash(CLAIMER, store.request(), KILLED) == ("a", "cancelled")
    assert (store.homes("a"), store.state("a").crashes) == (["cancelled"], 0)
    assert store.events("a") == ["cancelled"]


def test_the_same_request_again_counts_nothing_twice(store: Store) -> None:
    store.running("a")
    store.broker.crash(CLAIMER, "1.end", KILLED)
    with store.unchanged():
        assert store.broker.crash(CLAIMER, "1.end", KILLED) == ("a", "ready")


def test_a_process_that_held_nothing(store: Store) -> None:
    store.broker.end(store.running("a"), verbs.succeed(b""))
    with store.unchanged():
        assert store.broker.crash(CLAIMER, "1.end", KILLED) is None
        assert store.broker.crash("w/unknown", "1.end", KILLED) is None


def test_a_process_of_an_earlier_generation(store: Store) -> None:
    store.add("a")
    store.claim(generation=2)
    with store.unchanged():
        assert store.broker.crash(CLAIMER, "1.end", KILLED) is None
