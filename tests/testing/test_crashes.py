"""A crash at every call: each is there, nothing is lost by it, and what is wrong afterwards is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import Hook, InvalidState, RetryPolicy, current_job, task
from junmai_jobs.testing import Crash, InProcessQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from junmai_jobs.testing import Point

BOTH = {"before", "after"}
TOLD: list[str] = []


class Teller(Hook):
    def failure(self, _job: object, error: BaseException) -> None:
        TOLD.append(type(error).__name__)


@task(retry=RetryPolicy(max_retries=1), hooks=[Teller()])
def kit_talks() -> str:
    """Fail once; catch whatever it is told, which nobody should and many do."""
    job = current_job()
    if job.attempt == 1:
        try:
            job.progress(1, 2)
            job.checkpoint("half")
        except BaseException:  # noqa: BLE001, S110
            pass
        raise ValueError("the first time")
    return job.submit(kit_follows)


@task
def kit_follows() -> int:
    return 1


@task(unique="kit:{name}")
def kit_is_alone(name: str) -> str:
    return name


@task
def kit_never_ends() -> None:
    while True:
        current_job().progress(1, 2)


@task
def kit_dies(first: bool) -> str:
    job = current_job()
    if not job.saved:
        job.checkpoint("died")
        raise Crash
    return str(first)


def places(points: Iterable[Point]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for point in points:
        found.setdefault(point.verb, set()).add(point.moment)
    return found


def test_every_call_of_a_run_is_two_points_and_none_loses_a_job(junmai: InProcessQueue) -> None:
    def scenario(jobs: InProcessQueue) -> None:
        jobs.submit(kit_talks.with_options(id="talks"))
        jobs.run_until_idle(advance=True)

    def check(jobs: InProcessQueue) -> None:
        assert jobs.assert_succeeded("talks").result == "talks/1"
        assert [job.id for job in jobs.submitted(kit_follows)] == ["talks/1"]
        jobs.assert_succeeded("talks/1")
        assert set(TOLD) <= {"ValueError"}, "of a crash nobody is told"

    points = junmai.crash_everywhere(scenario, check, begin=TOLD.clear)
    expected = dict.fromkeys(["submit", "claim", "progress", "checkpoint", "retry", "succeed"], BOTH)
    assert places(points) | expected == places(points)
    assert [str(point) for point in points[:2]] == [
        "crash before call 1, 'submit', reached the store",
        "crash after call 1, 'submit', was done, its reply lost",
    ]
    assert junmai.submitted() == []


def test_a_submission_that_is_sent_again_is_another_one_without_an_id(junmai: InProcessQueue) -> None:
    def scenario(jobs: InProcessQueue) -> None:
        jobs.submit(kit_follows)

    def check(jobs: InProcessQueue) -> None:
        assert len(jobs.submitted()) == 1, "submitted twice"

    found = (
        r"1 of 2 crashes .*:\n- crash after call 1, 'submit', was done, its reply lost:\n    submitted twice"
    )
    with pytest.raises(AssertionError, match=found):
        junmai.crash_everywhere(scenario, check)
    again = junmai.crash_everywhere(lambda jobs: jobs.submit(kit_follows.with_options(id="one")), check)
    assert places(again) == {"submit": BOTH}


def test_a_law_that_a_crash_breaks_is_named() -> None:
    """A job that comes back from a dead worker has forgotten its key, and has it no more when it is there."""
    lost = InProcessQueue(
        altered={
            "  state.word, state.note = 'ready', ''\n": (
                "  state.word, state.note = 'ready', ''\n  redis.call('DEL', uniques)\n"
            )
        }
    )

    def scenario(jobs: InProcessQueue) -> None:
        jobs.submit(kit_is_alone, "a")
        jobs.run_until_idle()

    with pytest.raises(AssertionError) as told:
        lost.crash_everywhere(scenario)
    found = (
        r"before call \d, 'succeed', reached the store:\n    law 'unique' is broken: \S+ has the key kit:a"
    )
    assert re.search(found, str(told.value))
    scenario(lost)
    lost.assert_laws()


def test_what_is_wrong_without_a_crash_is_said_as_it_is(junmai: InProcessQueue) -> None:
    def check(jobs: InProcessQueue) -> None:
        raise LookupError("wrong anyway")

    with pytest.raises(LookupError, match=r"^wrong anyway$"):
        junmai.crash_everywhere(lambda jobs: jobs.submit(kit_follows), check)
    with pytest.raises(InvalidState, match=r"more than 1 call .* ever ends"):
        junmai.crash_everywhere(lambda jobs: (jobs.submit(kit_follows), jobs.run_until_idle()), limit=1)


@pytest.mark.timeout(20)
def test_a_scenario_ends_makes_calls_and_the_same_each_time(junmai: InProcessQueue) -> None:
    def submits_for_ever(jobs: InProcessQueue) -> None:
        while True:
            jobs.submit(kit_follows)

    def works_for_ever(jobs: InProcessQueue) -> None:
        jobs.submit(kit_never_ends)
        jobs.run_until_idle()

    def submits_more(jobs: InProcessQueue) -> None:
        plays.append(1)
        for _ in plays:
            jobs.submit(kit_follows)

    def submits_less(jobs: InProcessQueue) -> None:
        plays.append(1)
        for _ in range(3 - min(2, len(plays))):
            jobs.submit(kit_follows)

    plays: list[int] = []
    for scenario, wrong in (
        (submits_for_ever, "more than 50 calls to the store: see whether it"),
        (works_for_ever, "more than 50 calls to the store: see whether it"),
        (submits_more, "made 1 call at first and . later: it must do the same each time"),
        (submits_less, "made 2 calls at first and 1 later: it must do the same each time"),
        (lambda _jobs: None, "no call was made: submit something"),
    ):
        plays.clear()
        with pytest.raises(InvalidState, match=wrong):
            junmai.crash_everywhere(scenario, limit=50)


def test_a_process_can_die_at_a_place_of_ones_own(junmai: InProcessQueue) -> None:
    handle = junmai.submit(kit_dies, first=True)
    assert junmai.run_until_idle() == 2
    job = junmai.assert_succeeded(handle)
    runs = [(each["event"], each["worker"]) for each in job.history]
    assert runs == [("lost", "in-process-1/0"), ("succeeded", "in-process-2/0")]
    junmai.assert_laws()
