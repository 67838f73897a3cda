from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs.config import Config
from junmai_jobs.resources import NOTHING, URGENT, Allowance, Governor, Grade, Thresholds
from junmai_jobs.sensors import Reading

FULL, EASED, URGENT_ONLY, NONE = Grade
CALM = Reading(cpu=0.0, memory=20.0, temperature=None, cards={}, battery=None)
TRACE = Path(__file__).parent / "data" / "sensor_trace.jsonl"


def grades(thresholds: Thresholds, sensor: str, values: list[Any], apart: float = 10.0) -> list[Grade]:
    """What a governor makes of the values of one sensor, while all others are calm."""
    governor = Governor(thresholds)
    return [
        governor.judge(number * apart, replace(CALM, **{sensor: value})).grade
        for number, value in enumerate(values)
    ]


# ---- what an allowance means ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "of", "least"),
    [
        (FULL, 4, [0, 0, 0, 0]),
        (EASED, 4, [0, 0, URGENT, URGENT]),
        (EASED, 3, [0, URGENT, URGENT]),
        (EASED, 1, [0]),
        (URGENT_ONLY, 2, [URGENT, URGENT]),
        (NONE, 2, [NOTHING, NOTHING]),
    ],
)
def test_the_lowest_priority_that_each_slot_may_claim(grade: Grade, of: int, least: list[int]) -> None:
    allowance = Allowance(grade)
    assert [allowance.least(slot, of) for slot in range(of)] == least
    assert allowance.slots(of) == least.count(0)


def test_a_grade_has_a_word() -> None:
    assert [grade.word for grade in Grade] == ["full", "eased", "urgent_only", "none"]


# ---- each sensor ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sensor", "values", "expected"),
    [
        (
            "temperature",
            [74, 76, 84, 86, 79, 74, 69],
            [FULL, EASED, URGENT_ONLY, NONE, URGENT_ONLY, EASED, FULL],
        ),
        ("temperature", [75, 80, 85], [EASED, URGENT_ONLY, NONE]),
        ("temperature", [75, 74.9, 70.1, 70, 74.9], [EASED, EASED, EASED, FULL, FULL]),
        ("temperature", [90, 30], [NONE, FULL]),
        ("temperature", [90, None, 72], [NONE, FULL, FULL]),
        ("memory", [84.9, 85, 90, 95, 90.1, 80.1, 80], [FULL, EASED, URGENT_ONLY, NONE, NONE, EASED, FULL]),
        ("battery", [31, 30, 29, 34, 35, 29], [FULL, FULL, URGENT_ONLY, URGENT_ONLY, FULL, URGENT_ONLY]),
        ("battery", [3, None, 31], [URGENT_ONLY, FULL, FULL]),
        ("cpu", [79, 90, 100, 91, 80, 60], [FULL, EASED, URGENT_ONLY, URGENT_ONLY, EASED, FULL]),
        ("cpu", [80, 60], [EASED, FULL]),
    ],
)
def test_the_grades_of_a_sensor(sensor: str, values: list[Any], expected: list[Grade]) -> None:
    assert grades(Thresholds(), sensor, values) == expected


def test_a_peak_of_the_cpu_is_smoothed() -> None:
    assert grades(Thresholds(), "cpu", [0, 99, 0, 99, 99]) == [FULL, FULL, FULL, EASED, URGENT_ONLY]


def test_a_critical_value_below_its_limit_counts_as_the_limit() -> None:
    thresholds = Thresholds(
        gpu_temp_limit_celsius=75,
        gpu_temp_critical_celsius=60,
        memory_limit_percent=85,
        memory_critical_percent=1,
        cpu_critical_percent=1,
    )
    assert grades(thresholds, "temperature", [74, 75]) == [FULL, NONE]
    assert grades(thresholds, "memory", [84, 85]) == [FULL, NONE]
    assert grades(thresholds, "cpu", [79, 81]) == [FULL, URGENT_ONLY]


def test_a_battery_limit_of_0_never_holds_back() -> None:
    assert grades(Thresholds(battery_limit_percent=0), "battery", [1, 0, 0]) == [FULL, FULL, FULL]


def test_the_worst_sensor_counts_and_all_are_named() -> None:
    reading = Reading(cpu=91.0, memory=86.4, temperature=86.0, cards={}, battery=22.0)
    assert Governor(Thresholds()).judge(0.0, reading) == Allowance(
        NONE,
        (
            "CPU 91 % used by others, limit 80 %",
            "memory 86 % used by others, limit 85 %",
            "GPU 86 C, limit 75 C",
            "on battery, 22 % left, limit 30 %",
        ),
    )


# ---- over time -----------------------------------------------------------------------------------


def test_a_change_waits_until_10_s_after_the_last_and_may_jump() -> None:
    governor = Governor(Thresholds())
    hot = {
        at: replace(CALM, temperature=value) for at, value in ((0.0, 76), (5.0, 90), (9.9, 90), (10.0, 90))
    }
    allowances = [governor.judge(at, reading) for at, reading in hot.items()]
    assert [allowance.grade for allowance in allowances] == [EASED, EASED, EASED, NONE]
    assert allowances[1].reasons == ("GPU 90 C, limit 75 C",), "the reasons do not wait"


def test_what_is_held_though_the_reason_has_gone_says_why_it_was() -> None:
    governor = Governor(Thresholds())
    eased = governor.judge(0.0, replace(CALM, temperature=76.0))
    assert governor.judge(5.0, CALM) == eased
    assert governor.judge(10.0, CALM) == Allowance()


def test_below_its_limit_a_reason_says_from_where_it_is_none() -> None:
    governor = Governor(Thresholds())
    governor.judge(0.0, replace(CALM, temperature=76.0))
    held = governor.judge(10.0, replace(CALM, temperature=72.0))
    assert held.reasons == ("GPU 72 C, limit 75 C, released at 70 C",)


@given(
    st.lists(
        st.builds(
            lambda pause, **sensors: (pause, Reading(cards={}, **sensors)),
            st.floats(0.01, 15),
            cpu=st.floats(0, 100),
            memory=st.floats(0, 100),
            temperature=st.none() | st.floats(0, 120),
            battery=st.none() | st.floats(0, 100),
        ),
        max_size=40,
    )
)
def test_never_two_changes_within_10_s(readings: list[tuple[float, Reading]]) -> None:
    governor, now, grade, changed = Governor(Thresholds()), 0.0, FULL, -10.0
    for pause, reading in readings:
        now += pause
        allowance = governor.judge(now, reading)
        if allowance.grade is not grade:
            assert now - changed >= 10.0
            grade, changed = allowance.grade, now
        assert bool(allowance.reasons) == (allowance.grade is not FULL)


@given(st.floats(0, 5), st.floats(15, 60))
def test_a_load_eases_within_10_s_wherever_it_begins_and_its_end_resumes_within_10_s(
    begins: float, lasts: float
) -> None:
    governor = Governor(Thresholds())
    begins += 20
    ends = begins + lasts
    seen = []
    for at in range(0, 120, 5):
        load = max(0.0, min(at, ends) - max(at - 5, begins)) / 5  # a reading is the mean of the last 5 s
        seen.append((at, governor.judge(at, replace(CALM, cpu=100 * load)).grade))
    assert any(grade is not FULL for at, grade in seen if begins <= at <= begins + 10)
    assert all(grade is not FULL for at, grade in seen if begins + 10 <= at <= ends)
    assert all(grade is FULL for at, grade in seen if not begins <= at < ends + 10)


def test_where_nobody_works_the_cpu_counts_for_nothing() -> None:
    thresholds = Thresholds(cpu_limit_percent=10, idle_cpu_percent=15, user_idle_seconds=20)
    assert grades(thresholds, "cpu", [12] * 4 + [40, 12]) == [EASED, EASED, FULL, FULL, EASED, EASED]


def test_a_reading_without_the_cpu_says_nothing_of_it() -> None:
    """The first one after a rest: the next is not smoothed with it."""
    assert grades(Thresholds(), "cpu", [None, 81, None, 79]) == [FULL, EASED, FULL, FULL]
    idle = Thresholds(cpu_limit_percent=10, user_idle_seconds=10)
    assert grades(idle, "cpu", [None, 12, 12]) == [FULL, EASED, FULL]


def test_a_load_starts_the_time_of_nobody_anew() -> None:
    thresholds = Thresholds(cpu_limit_percent=10, idle_cpu_percent=15, user_idle_seconds=20)
    assert grades(thresholds, "cpu", [12, 12, 16, 12, 12, 12]) == [EASED] * 5 + [FULL]


def test_at_rest_all_may_run_and_what_was_measured_is_forgotten() -> None:
    governor = Governor(Thresholds())
    hot = replace(CALM, temperature=72.0, cpu=70.0)
    assert governor.judge(0.0, replace(hot, temperature=90.0, cpu=100.0)).grade is NONE
    assert governor.judge(10.0, hot).grade is EASED
    governor.rest()
    assert governor.judge(30.0, hot) == Allowance()


def test_rest_does_not_shorten_the_10_s() -> None:
    governor = Governor(Thresholds())
    hot = replace(CALM, temperature=90.0)
    assert governor.judge(0.0, hot).grade is NONE
    governor.rest()
    assert [governor.judge(at, hot).grade for at in (5.0, 9.0, 10.0)] == [FULL, FULL, NONE]


def test_the_limits_are_those_of_the_configuration(tmp_path: Path) -> None:
    assert Thresholds.of(Config(home=tmp_path)) == Thresholds()
    settings: dict[str, Any] = {each.name: number for number, each in enumerate(fields(Thresholds), 1)}
    assert Thresholds.of(Config(home=tmp_path, **settings)) == Thresholds(**settings)


# ---- recorded ------------------------------------------------------------------------------------


def test_the_slots_that_a_recorded_afternoon_left_us() -> None:
    """Two busy processes of ours throughout; from 42 s to 108 s twelve of somebody else's; two cores."""
    governor = Governor(Thresholds())
    left = []
    for line in TRACE.read_text().splitlines():
        reading = json.loads(line)
        left.append((at := reading.pop("at"), governor.judge(at, Reading(**reading)).slots(4)))
    changes = [row for row, before in zip(left, [(0.0, 0), *left], strict=False) if row[1] != before[1]]
    assert changes == [(0.0, 4), (50.04, 2), (110.02, 4)]
    assert left[-1][0] > 160
