"""What the jobs that ended last tell of how fast things go."""

from __future__ import annotations

import random
from typing import Any

import pytest

from junmai_jobs.why.tempo import Done, Tempo, steady_rate


def done(started: float, finished: float, claimer: str = "w/0", **more: Any) -> Done:
    given: dict[str, Any] = {"task": "develop", "lane": "default", "band": 5, "created": 0.0}
    return Done(**given | more, started=started, finished=finished, claimer=claimer)


def test_how_long_each_task_takes() -> None:
    tempo = Tempo.of([done(3, 5), done(0, 1, task="export"), done(1, 2), done(9, 12, task=None)])
    assert tempo.seconds == {"develop": (1, 2), "export": (1,)}
    assert tempo.since == 1


def test_only_the_last_runs_of_a_task_count() -> None:
    tempo = Tempo.of([done(at, at + 1 + (at < 50)) for at in range(0, 1500, 10)])
    assert set(tempo.seconds["develop"]) == {1}


def test_what_was_claimed_ahead_began_when_the_one_before_it_had_ended() -> None:
    tempo = Tempo.of([done(10, 11), done(10, 12), done(10, 15), done(10, 12, claimer="w/1")])
    assert tempo.seconds["develop"] == (1, 1, 2, 3)


def test_the_time_between_two_jobs_of_a_slot_counts_where_the_second_waited() -> None:
    waiting = [done(0, 1), done(1.02, 2), done(2.04, 3)]
    assert Tempo.of(waiting).overhead == pytest.approx(0.03)
    parked = [done(0, 1), done(1.02, 2, stood=False), done(2.04, 3, stood=False)]
    assert Tempo.of(parked).overhead == 0, "it waited for something else"
    idle = [done(0, 1), done(100, 101, created=99.0)]
    assert Tempo.of(idle).overhead == 0
    assert Tempo.of([done(0, 1), done(9, 10, claimer="w/1")]).overhead == 0


def test_processes_that_are_replaced_again_and_again_count_and_a_single_pause_does_not() -> None:
    starts = [float(at) for at in range(12)]
    once = [done(at + (at >= 5), at + 1 + (at >= 5)) for at in starts]
    assert Tempo.of(once).overhead == 0
    often = [done(at + at // 4, at + 1 + at // 4) for at in starts]
    often += [done(at + at // 4, at + 1 + at // 4, claimer="w/1") for at in starts]
    assert Tempo.of(often).overhead == pytest.approx(4 / 22)


def test_nothing_ended() -> None:
    assert Tempo.of([]) == Tempo()


def test_a_steady_stream_has_a_rate() -> None:
    chance, at, times = random.Random(3), 0.0, []
    while at < 60:
        at += chance.expovariate(4)
        times.append(at)
    assert steady_rate(times, 0, 60) == pytest.approx(4, rel=0.15)
    assert steady_rate(times, 30, 60) == pytest.approx(4, rel=0.2)


@pytest.mark.parametrize(
    "times",
    [
        [],
        [1.0, 2.0, 3.0],
        [10.0 + number / 1000 for number in range(500)],
        [number / 10 for number in range(300)],
    ],
    ids=["none", "a few", "a burst", "one that has stopped"],
)
def test_what_is_no_stream_has_none(times: list[float]) -> None:
    assert steady_rate(times, 0, 60) == 0


def test_a_burst_in_a_stream_does_not_count() -> None:
    stream = [number / 2 for number in range(120)]
    burst = [10.0 + number / 1000 for number in range(500)]
    assert steady_rate([*stream, *burst], 0, 60) == pytest.approx(2, rel=0.1)
