"""Forecasts of scenes whose outcome is plain."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from junmai_jobs.why.forecast import Crew, Kind, Limit, Line, Run, Scene, expected_wait

SECOND = Kind((1.0,))


def scene(**more: Any) -> Scene:
    given: dict[str, Any] = {"job": SECOND, "lane": "default", "band": 5}
    return Scene(**given | more)


def crew(slots: int = 1, *lanes: str, ran: float = 0.0, kind: Kind = SECOND) -> Crew:
    return Crew(lanes or ("default",), tuple(Run(kind, ran) for _ in range(slots)))


def line(count: int, lane: str = "default", band: int = 5, kind: Kind = SECOND, **more: Any) -> Line:
    return Line(lane, band, count, (kind,), **more)


def wait(**more: Any) -> float:
    found = expected_wait(scene(**more))
    assert found is not None
    return found


def test_a_free_slot_takes_it_at_once() -> None:
    assert wait(crews=[Crew(("default",), idle=1)]) == 0


def test_it_waits_for_what_runs_to_end() -> None:
    assert wait(crews=[crew(ran=0.4)]) == pytest.approx(0.6)


def test_it_waits_for_those_before_it_in_all_slots() -> None:
    assert wait(crews=[crew(1)], lines=[line(4)]) == pytest.approx(5)
    assert wait(crews=[crew(2)], lines=[line(4)]) == pytest.approx(3)
    assert wait(crews=[crew(2)], lines=[line(4)], overhead=0.5) == pytest.approx(4.5)


def test_a_million_are_played_by_the_handful() -> None:
    assert wait(crews=[crew(4)], lines=[line(1_000_000)]) == pytest.approx(250_000, rel=0.01)


def test_the_same_scene_gives_the_same_answer() -> None:
    spread = Kind(tuple(sorted(0.05 * number for number in range(1, 9))))
    given = {"crews": [crew(3, kind=spread)], "lines": [line(50, kind=spread)]}
    assert wait(**given) == wait(**given) == pytest.approx(50 * 0.225 / 3, rel=0.15)


def test_what_is_less_urgent_or_in_a_later_queue_goes_after_it() -> None:
    lines = [line(9, band=9), line(9, "low"), line(2, band=1), line(1, "high")]
    assert wait(crews=[crew(1, "high", "default", "low")], lines=lines) == pytest.approx(4)


def test_who_serves_another_queue_only_takes_none_of_it_but_some_of_those_before_it() -> None:
    lines = [line(10, "high")]
    both = crew(1, "high", "default")
    assert wait(crews=[both], lines=lines) == pytest.approx(11)
    assert wait(crews=[both, crew(1, "high")], lines=lines) == pytest.approx(6)
    assert expected_wait(scene(crews=[crew(1, "high")], lines=lines)) is None


def test_what_comes_meanwhile_and_is_more_urgent_goes_before_it() -> None:
    half = [line(10), Line("default", 1, 0, (SECOND,), per_second=0.5)]
    assert wait(crews=[crew(1)], lines=half) == pytest.approx(22, rel=0.1)
    flood = [Line("default", 1, 0, (SECOND,), per_second=2.0)]
    assert expected_wait(scene(crews=[crew(1)], lines=flood)) is None


def test_a_run_that_is_over_its_time_takes_a_little_more_and_ever_more() -> None:
    assert wait(crews=[crew(ran=1.0)]) == pytest.approx(0.1)
    assert wait(crews=[crew(ran=21.0)]) == pytest.approx(20)


def test_a_run_of_which_nobody_knows_how_long_it_takes_frees_no_slot() -> None:
    endless = crew(kind=Kind((math.inf,)))
    assert expected_wait(scene(crews=[endless])) is None
    assert wait(crews=[endless, crew()], lines=[line(3)]) == pytest.approx(4)


def test_what_was_claimed_ahead_runs_first() -> None:
    assert wait(crews=[Crew(("default",), (Run(SECOND, 0.0, behind=3),))]) == pytest.approx(4)


NARROW = Kind((1.0,), ("narrow",))


def test_a_full_limit_lets_one_after_the_other_go() -> None:
    limits = {"narrow": Limit(1)}
    crews = [Crew(("default",), (Run(NARROW, 0.0),), idle=2)]
    parked = [Line("default", 5, 3, (NARROW,), parked="narrow")]
    assert wait(job=NARROW, crews=crews, lines=parked, limits=limits) == pytest.approx(4)
    assert wait(crews=crews, lines=parked, limits=limits) == 0, "whoever is not in it passes by"


def test_what_waits_for_room_takes_a_slot_from_those_in_line_behind_it() -> None:
    limits = {"narrow": Limit(1)}
    crews = [Crew(("default",), (Run(NARROW, 0.0), Run(SECOND, 0.0)))]
    lines = [line(5), Line("default", 5, 9, (NARROW,), parked="narrow")]
    assert wait(crews=crews, lines=lines, limits=limits) == pytest.approx(6)


def test_those_in_line_that_find_no_room_leave_it() -> None:
    limits = {"narrow": Limit(1)}
    assert wait(crews=[Crew(("default",), idle=2)], lines=[line(9, kind=NARROW)], limits=limits) == 0


def test_who_runs_elsewhere_holds_room_too() -> None:
    crews = [Crew(("default",), idle=2)]
    assert wait(
        job=NARROW, crews=crews, others=[Run(NARROW, 0.7)], limits={"narrow": Limit(1)}
    ) == pytest.approx(0.3)


def test_a_rate_lets_so_many_begin_in_its_span() -> None:
    paced, crews = Kind((0.01,), ("paced",)), [Crew(("default",), idle=2)]
    limits = {"paced": Limit(2, span=10.0, starts=(8.0, 3.0))}
    assert wait(job=paced, crews=crews, limits=limits) == pytest.approx(2)
    parked = [Line("default", 5, 3, (paced,), parked="paced")]
    assert wait(job=paced, crews=crews, lines=parked, limits=limits) == pytest.approx(17, rel=0.01)


def test_a_machine_has_room_for_so_many_of_a_lane() -> None:
    crews = [Crew(("default", "default+gpu=1"), (Run(SECOND, 0.0, "default+gpu=1"),), idle=2)]
    lines = [line(2, "default+gpu=1")]
    machines = {"default+gpu=1": 1}
    assert wait(lane="default+gpu=1", crews=crews, lines=lines, machines=machines) == pytest.approx(3)
    assert wait(crews=crews, machines=machines) == 0


def test_one_for_later_takes_its_place_when_it_is_due() -> None:
    assert wait(joins=30.0, crews=[Crew(("default",), idle=1)]) == pytest.approx(30)
    assert wait(joins=2.5, crews=[crew(1)], lines=[line(9)]) == pytest.approx(10)
    assert wait(joins=2.5, band=1, crews=[crew(1)], lines=[line(9)]) == pytest.approx(3), (
        "a run is not cut off"
    )
    assert wait(joins=1e6, crews=[crew(1)], lines=[line(50)]) == pytest.approx(1e6)


def test_thousands_who_have_nothing_to_do_cost_no_more_than_one() -> None:
    idle = [Crew((f"other{number % 3}",), idle=1000) for number in range(9)]
    begun = time.process_time()
    assert wait(crews=[crew(1), *idle], lines=[line(1000)]) == pytest.approx(1001)
    assert time.process_time() - begun < 2
