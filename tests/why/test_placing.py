"""When jobs that nobody has submitted yet would end, and when they do: by a clock that is moved."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.estimates import Quantiles
from junmai_jobs.why.forecast import Crew, Kind, Line, Run, Scene
from junmai_jobs.why.placing import OTHERS, InspectorPlacing, Lot, expected_ends
from tests.verbs.store import new_job
from tests.why.simulated import Inspected, Simulated

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from tests.backends import Backend

LOW, HIGH = 0.1, 0.5
ON_ONE = pytest.mark.parametrize("backend", ["valkey"], indirect=True)
"""What is read is read on every kind of server by one test."""


class Placing(Inspected, InspectorPlacing):
    """By the clock that the scripts read."""


@pytest.fixture
def studio(backend: Backend, broker: Broker) -> Simulated:
    return Simulated(backend, broker)


def placing(studio: Simulated) -> Placing:
    return Placing(studio.backend.link, studio.broker.keys.prefix.strip("{}:"))


def known(count: int = 100) -> list[float]:
    chance = random.Random(3)
    return sorted(chance.uniform(LOW, HIGH) for _ in range(count))


@ON_ONE
@pytest.mark.parametrize("count", [1, 300])
def test_the_end_that_is_told_is_the_end_that_comes(studio: Simulated, count: int) -> None:
    studio.worker("w", 3, "default")
    before = studio.submit(200, LOW, HIGH)
    studio.run(lambda: len(studio.started) >= 130)
    studio.submit(20, LOW, HIGH, priority=9)
    studio.submit(500, LOW, HIGH, priority=1)
    asked = studio.now
    placed = placing(studio).place(Lot(new_job("asked"), count, known()))
    half, most = Quantiles.of(placed.ends)
    assert (placed.slots, placed.obstacle, placed.unknown) == (3, "", "")
    ids = studio.submit(count, LOW, HIGH)
    studio.run(lambda: studio.started.keys() >= {*before, *ids})
    assert studio.started[ids[0]] - asked == pytest.approx(placed.start, rel=0.15)
    studio.run(lambda: all(studio.inspector.status(job_id).finished for job_id in ids))
    assert studio.now - asked == pytest.approx(half, rel=0.1)
    assert half <= most < 1.2 * half


@ON_ONE
def test_others_that_are_submitted_with_them_go_before(studio: Simulated) -> None:
    studio.worker("w", 2, "default")
    alone = Lot(new_job("alone"), 50, [1.0])
    urgent, later = (
        Lot(new_job("urgent", priority=9), 50, [1.0]),
        Lot(new_job("later", priority=1), 50, [1.0]),
    )
    ends = [placing(studio).place(alone, beside).ends for beside in ([], [urgent], [later])]
    assert [Quantiles.of(each).half for each in ends] == pytest.approx([25, 50, 25], abs=1.1)


def test_a_pool_that_is_to_be_started_and_a_queue_that_nobody_knows(studio: Simulated) -> None:
    studio.submit(0, 0, 0)  # sets the clock
    lot = Lot(new_job("asked", queue="unheard-of"), 40, [0.5])
    nobody = placing(studio).place(lot)
    assert (nobody.ends, nobody.slots) == ((), 0)
    assert nobody.obstacle.startswith("no worker is alive: start one")
    placed = placing(studio).place(lot, pool=4)
    assert (placed.start, placed.slots, placed.obstacle) == (0.0, 4, "")
    assert Quantiles.of(placed.ends).half == pytest.approx(5.0)


@ON_ONE
def test_what_nobody_can_tell(studio: Simulated) -> None:
    studio.worker("w", 2, "default")
    waiting = new_job("asked")._replace(dependencies="cancel=parent")
    assert placing(studio).place(Lot(waiting, 2, [1.0])).unknown == OTHERS
    untimed = placing(studio).place(Lot(new_job("asked"), 2))
    assert (untimed.start, untimed.ends) == (0.0, ())
    studio.broker.pause(["default"])
    paused = placing(studio).place(Lot(new_job("asked"), 2, [1.0]))
    assert (paused.start, paused.obstacle) == (
        None,
        "the queue default is paused: `junmai-jobs resume default` lets it go on",
    )


def scene(idle: int, *runs: Run, lines: tuple[Line, ...] = (), joins: float = 0.0) -> Scene:
    return Scene(
        job=Kind((1.0,)), lane="q", band=5, lines=lines, crews=[Crew(("q",), runs, idle)], joins=joins
    )


def test_the_last_of_them_is_who_ends_last() -> None:
    assert expected_ends(scene(2), [1.0], 5)[0] == 3.0
    assert expected_ends(scene(3), [1.0], 3)[0] == 1.0
    lines = (Line("q", 5, 10, (Kind((2.0,)),)), Line("q", 9, 99, (Kind((2.0,)),)))
    assert expected_ends(scene(2, lines=lines), [1.0], 2)[0] == 11.0
    assert expected_ends(scene(1, joins=30.0), [1.0], 4)[0] == 34.0
    assert expected_ends(scene(1, lines=lines, joins=30.0), [1.0], 4)[0] == 34.0
    assert expected_ends(scene(1, lines=lines, joins=10.0), [1.0], 4)[0] == 24.0
    assert expected_ends(scene(0), [1.0], 4) == ()
    endless = Run(Kind((float("inf"),)), 5.0, "q")
    assert expected_ends(scene(0, endless), [1.0], 4) == ()
    assert expected_ends(scene(4), [1.0], 40_000)[0] == pytest.approx(10_000, rel=0.01)


def test_what_few_runs_tell_is_told_less_certainly() -> None:
    def spread(seconds: list[float]) -> float:
        half, most = Quantiles.of(expected_ends(scene(2), seconds, 300))
        return most / half

    assert spread([0.1, 0.2, 0.3, 0.8, 1.5]) > 1.3
    assert spread([0.1, 0.2, 0.3, 0.8, 1.5] * 40) < 1.15
