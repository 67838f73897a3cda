"""Timetables and schedules as values: which ticks there are, on the odd days of the year too."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs import codec
from junmai_jobs.errors import OptionError, PayloadError
from junmai_jobs.job import Body
from junmai_jobs.schedule import MOST_TICKS, ON_TIME, CatchUp, Schedule, Timetable

BERLIN = "Europe/Berlin"
MOMENT = 1_764_000_000.0  # 2025-11-24 16:00 UTC


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def ticks(timetable: Timetable, start: str, end: str) -> list[str]:
    """All from ``start`` up to ``end``, as the clock on the wall of the time zone shows them in UTC."""
    found, moment = [], seconds(start)
    while (moment := timetable.after(moment)) <= seconds(end):
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M:%S"))
    return found


# ---- intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (90, 90), (90.0, 90), ("90", 90), ("90s", 90), ("1m30s", 90), ("1h30m", 5400), ("2d", 172_800),
        ("1w 1d", 691_200), (timedelta(minutes=5), 300), (1, 1),
    ],
)  # fmt: skip
def test_an_interval_is_read(every: object, expected: int) -> None:
    assert Timetable.of(every).every == expected


def test_an_interval_ticks_at_its_multiples_whenever_one_asks() -> None:
    hourly = Timetable.of("1h")
    assert ticks(hourly, "2026-11-24T02:59:59.9Z", "2026-11-24T05:00:00Z") == [
        "24 03:00:00",
        "24 04:00:00",
        "24 05:00:00",
    ]
    assert hourly.after(seconds("2026-11-24T03:00:00Z")) == seconds("2026-11-24T04:00:00Z")
    assert hourly.after(seconds("2026-11-24T03:59:59.999Z")) == seconds("2026-11-24T04:00:00Z")


@given(
    every=st.one_of(st.integers(1, 10**8), st.sampled_from(["* * * * * *", "*/7 * * * *", "5 3 * * 1"])),
    moment=st.floats(1e9, 4e9),
)
def test_the_next_tick_does_not_depend_on_when_one_asks(every: object, moment: float) -> None:
    timetable = Timetable.of(every) if isinstance(every, int) else Timetable.of(cron=every, tz=BERLIN)
    following = timetable.after(moment)
    assert following > moment
    assert timetable.after((moment + following) / 2) == following
    assert timetable.after(following - 1e-3) == following
    assert timetable.after(following) > following


# ---- cron ----------------------------------------------------------------------------------------


def test_five_fields_are_minutes_and_six_are_seconds() -> None:
    nightly = Timetable.of(cron="0 3 * * mon-fri")
    assert ticks(nightly, "2026-11-20T00:00:00Z", "2026-11-24T03:00:00Z") == [
        "20 03:00:00",
        "23 03:00:00",
        "24 03:00:00",
    ]
    often = Timetable.of(cron="*/20 * * * * *")
    assert ticks(often, "2026-11-24T03:00:01Z", "2026-11-24T03:01:00Z") == [
        "24 03:00:20",
        "24 03:00:40",
        "24 03:01:00",
    ]


def test_a_cron_line_is_read_in_its_time_zone() -> None:
    nightly = Timetable.of(cron="0 3 * * *", tz=BERLIN)
    assert ticks(nightly, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z") == ["01 02:00:00"]
    assert ticks(nightly, "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z") == ["01 01:00:00"]


SPRING = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z")
"""In Berlin it is 03:00 right after 02:00 on the 29th; that is 01:00 UTC."""
AUTUMN = ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")
"""In Berlin it is 02:00 again after 03:00 on the 25th; that is 01:00 UTC."""


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 30 2 * * *"])
def test_in_spring_a_time_that_is_jumped_over_is_due_at_the_end_of_the_gap(cron: str) -> None:
    assert ticks(Timetable.of(cron=cron, tz=BERLIN), *SPRING) == ["29 01:00:00", "30 00:30:00"]


def test_in_spring_several_times_in_the_gap_are_due_once() -> None:
    line = Timetable.of(cron="15,45 2,3 * * *", tz=BERLIN)
    assert ticks(line, "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z") == [
        "29 01:00:00",
        "29 01:15:00",
        "29 01:45:00",
    ]


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 30 2 * * *"])
def test_in_autumn_a_time_that_comes_twice_is_due_the_first_time(cron: str) -> None:
    assert ticks(Timetable.of(cron=cron, tz=BERLIN), *AUTUMN) == ["25 00:30:00", "26 01:30:00"]


def test_in_autumn_who_asks_between_the_two_is_not_told_of_the_second() -> None:
    line = Timetable.of(cron="30 2 * * *", tz=BERLIN)
    assert line.after(seconds("2026-10-25T01:10:00Z")) == seconds("2026-10-26T01:30:00Z")


@pytest.mark.parametrize("cron", ["0 * * * *", "*/60 */1 * * *", "0 0 * * * *"])
@pytest.mark.parametrize("days", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_what_is_due_each_hour_goes_on_with_the_time_that_really_passes(
    cron: str, days: tuple[str, str]
) -> None:
    found = ticks(Timetable.of(cron=cron, tz=BERLIN), *days)
    assert found == ticks(Timetable.of("1h"), *days)
    assert len(found) == 48


def test_an_interval_knows_no_time_zone() -> None:
    assert len(ticks(Timetable.of("30m"), *SPRING)) == len(ticks(Timetable.of("30m"), *AUTUMN)) == 96


@pytest.mark.parametrize(
    ("tz", "day", "expected"),
    [
        ("America/Sao_Paulo", "2018-11-04T00:00:00Z", "04 03:00:00"),  # the gap was at midnight
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z", "03 15:30:00"),  # and here half an hour long
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "30 10:00:00"),  # and here a whole day
    ],
)
def test_other_gaps(tz: str, day: str, expected: str) -> None:
    cron = "15 2 * * *" if "Howe" in tz else "0 0 * * *"
    first = Timetable.of(cron=cron, tz=tz).after(seconds(day) - 1)
    assert datetime.fromtimestamp(first, UTC).strftime("%d %H:%M:%S") == expected


def test_the_same_ticks_come_out_of_any_beginning() -> None:
    """Each worker computes the next from the last; a new schedule begins anywhere."""
    for cron in ("30 2 * * *", "15,45 1-3 * * *", "*/30 * * * *", "0 0 2 * * *"):
        line = Timetable.of(cron=cron, tz=BERLIN)
        for start, end in (SPRING, AUTUMN):
            found = ticks(line, start, end)
            for minutes in range(0, 2880, 35):
                later = datetime.fromisoformat(start) + timedelta(minutes=minutes)
                rest = ticks(line, later.isoformat(), end)
                assert rest == found[len(found) - len(rest) :]


# ---- what is refused -----------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "give every or cron, one of the two"),
    ({"every": "1h", "cron": "0 3 * * *"}, "give every or cron, one of the two"),
    ({"every": 0}, "every is 0; give whole seconds from 1 to ten years"),
    ({"every": 0.5}, r"every is 0\.5"),
    ({"every": True}, "every is True"),
    ({"every": float("nan")}, "every is nan"),
    ({"every": float("inf")}, "every is inf"),
    ({"every": ""}, "every is ''"),
    ({"every": "1h30"}, "every is '1h30'"),
    ({"every": "1 fortnight"}, "every is '1 fortnight'; give whole seconds"),
    ({"every": "30m1h"}, "every is '30m1h'"),
    ({"every": "9" * 5000}, "every is '99"),
    ({"every": "9" * 5000 + "s"}, "every is '99"),
    ({"every": "-5s"}, "every is '-5s'"),
    ({"every": "٣s"}, "every is '٣s'"),
    ({"every": "600w"}, "every is "),
    ({"every": "1h", "tz": BERLIN}, "tz goes with cron"),
    ({"tz": BERLIN}, "give every or cron"),
    ({"cron": "0 3 * *"}, r"cron is '0 3 \* \*': wrong number of fields; give five fields"),
    ({"cron": ""}, "wrong number of fields"),
    ({"cron": "60 3 * * *"}, "bad minute"),
    ({"cron": "@daily"}, "wrong number of fields"),
    ({"cron": "*/0 * * * *"}, "bad minute"),
    ({"cron": "0 0 31 2 *"}, "bad day-of-month"),
    ({"cron": "0 0 * 4 MON#6"}, "bad day-of-week"),
    ({"cron": "0 0 * * \x00"}, "bad day-of-week"),
    ({"cron": 5}, "cron is 5; give a line as in"),
    ({"cron": "0 3 * * *" + ",1" * 200}, "at most 256 long"),
    ({"cron": "0 3 * * *", "tz": "Mars/Olympus"}, "this machine knows no time zone 'Mars/Olympus'"),
    ({"cron": "0 3 * * *", "tz": "../../etc/passwd"}, "this machine knows no time zone"),
    ({"cron": "0 3 * * *", "tz": "Europe"}, "this machine knows no time zone 'Europe'"),
    ({"cron": "0 3 * * *", "tz": "a\x00b"}, "this machine knows no time zone"),
    ({"cron": "0 3 * * *", "tz": ""}, "this machine knows no time zone ''"),
    ({"cron": "0 3 * * *", "tz": 1}, "tz is 1; give the name of a time zone"),
    ({"every": "1h", "catch_up": "twice"}, "catch_up is 'twice'; give skip, once, all"),
    ({"every": "1h", "catch_up": []}, "catch_up is"),
]


@pytest.mark.parametrize(("wrong", "complaint"), WRONG, ids=[repr(each[0]) for each in WRONG])
def test_what_is_wrong_is_named(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        Timetable.of(**wrong)


@given(st.text("0123456789*/-,#LW MONJAN\n", max_size=40))
def test_any_text_is_a_cron_line_or_refused(text: str) -> None:
    try:
        found = Timetable.of(cron=text)
    except OptionError:
        return
    assert found.after(MOMENT) > MOMENT


# ---- catching up ---------------------------------------------------------------------------------

TEN_MINUTES = 600


@pytest.mark.parametrize("when", [{"every": 60}, {"cron": "* * * * *"}], ids=["every", "cron"])
def test_after_ten_minutes_asleep(when: dict[str, Any]) -> None:
    tick = round(MOMENT) // 60 * 60
    now = tick + TEN_MINUTES + 5.5
    missed = list(range(tick, tick + TEN_MINUTES + 1, 60))
    following = tick + TEN_MINUTES + 60
    assert Timetable.of(**when, catch_up="skip").due(tick, now) == ([], following)
    assert Timetable.of(**when, catch_up="once").due(tick, now) == ([missed[-1]], following)
    assert Timetable.of(**when, catch_up="all").due(tick, now) == (missed, following)
    assert Timetable.of(**when).catch_up is CatchUp.ONCE


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_tick_that_is_a_little_late_is_on_time(catch_up: CatchUp) -> None:
    each_second = Timetable.of(1, catch_up=catch_up)
    tick = round(MOMENT)
    assert each_second.due(tick, tick) == ([tick], tick + 1)
    assert each_second.due(tick, tick + ON_TIME) == (list(range(tick, tick + 31)), tick + 31)
    expected = {"skip": [], "once": [tick + 30], "all": list(range(tick, tick + 31))}
    assert each_second.due(tick, tick + ON_TIME + 0.5) == (expected[catch_up], tick + 31)


def test_all_come_in_pieces() -> None:
    each_second = Timetable.of(1, catch_up="all")
    tick = round(MOMENT)
    assert each_second.due(tick, tick + 3600) == (list(range(tick, tick + MOST_TICKS)), tick + MOST_TICKS)


@pytest.mark.parametrize(
    "cron", ["* * * * * *", "*/5 * * * *", "0 3 * * *", "30 2 1 * *", "0 0 29 2 *", "0 0 1 1 *"]
)
@pytest.mark.parametrize("days", [0.01, 1, 40, 400, 4000])
def test_once_finds_the_newest_however_long_it_slept(cron: str, days: float) -> None:
    line = Timetable.of(cron=cron, tz=BERLIN, catch_up="once")
    tick = line.after(MOMENT)
    now = tick + days * 86400
    began = time.process_time()
    [newest], following = line.due(tick, now)
    assert time.process_time() - began < 1.0
    assert tick <= newest <= now < following
    assert line.after(newest) == following


def test_a_tick_of_other_time_zone_rules_is_fired_as_it_was_set() -> None:
    line = Timetable.of(cron="0 3 * * *")
    odd = round(MOMENT)
    assert line.due(odd, odd) == ([odd], line.after(odd))


# ---- schedules -----------------------------------------------------------------------------------


def schedule(name: str = "nightly", **more: Any) -> Schedule:
    body = Body(queue="night", priority=7, task="noop", args=(1,), kwargs={"size": 2}).encode(stamp=True)
    when = Timetable.of(cron="0 3 * * *", tz=BERLIN, catch_up="all")
    given: dict[str, Any] = {"name": name, "timetable": when, "body": body} | more
    return Schedule(**given)


def test_what_was_stored_comes_back() -> None:
    for made in (
        schedule(),
        schedule(in_code=True, delay=5.0, paused=True),
        schedule(timetable=Timetable.of("1h")),
    ):
        assert Schedule.decode("nightly", made.encode()) == made
        assert made.encode() == Schedule.decode("nightly", made.encode()).encode()


def test_the_id_of_a_ticks_job_has_its_name_and_time() -> None:
    assert schedule().job_id(1_764_000_000) == "nightly:2025-11-24T16:00:00Z"


def test_what_people_see_of_it() -> None:
    assert schedule().as_dict() == {
        "name": "nightly", "task": "noop", "args": [1], "kwargs": {"size": 2}, "queue": "night",
        "priority": 7,
        "every": None, "cron": "0 3 * * *", "tz": BERLIN, "catch_up": "all", "in_code": False,
        "paused": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "Nightly", "a b", "a:b", "a/b", "ä", "-a", "a\n", "{a}", "a" * 129])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(OptionError, match=r"schedule .* is not a name"):
        schedule(name)


def test_a_name_leaves_room_for_the_time_in_an_id() -> None:
    assert len(schedule("a" * 107).job_id(1)) == 128
    with pytest.raises(OptionError, match="name has 108 letters, the limit is 107"):
        schedule("a" * 108)


GOOD = codec.unpack(schedule().encode())
DAMAGED: list[object] = [
    7, [], {}, {**GOOD, "more": 1}, {**GOOD, "every": 5}, {**GOOD, "cron": None}, {**GOOD, "tz": None},
    {**GOOD, "catch_up": "never"}, {**GOOD, "body": "text"}, {**GOOD, "cron": None, "every": 0},
    {**GOOD, "delay": float("nan")}, {**GOOD, "delay": -1.0},
]  # fmt: skip


@pytest.mark.parametrize("spec", [b"", b"\xc1", *map(codec.pack, DAMAGED)])
def test_what_cannot_be_read_is_refused(spec: bytes) -> None:
    with pytest.raises(PayloadError):
        Schedule.decode("nightly", spec)


def test_a_newer_body_is_not_shown() -> None:
    with pytest.raises(PayloadError):
        schedule(body=b"2whatever").as_dict()
