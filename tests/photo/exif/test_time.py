"""The moment of exposure, by the camera's clock, and what zone that clock shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.photo.exif.reading import read_exif
from tests.photo.exif.tags import (
    DATE_TIME,
    DIGITIZED,
    DIGITIZED_OFFSET,
    TAKEN,
    TAKEN_FRACTION,
    TAKEN_OFFSET,
    picture_with,
)


@pytest.mark.parametrize(
    ("clock", "time_of_day"),
    [
        ("00:00:00", "night"),
        ("04:59:59", "night"),
        ("05:00:00", "blue_hour_morning"),
        ("06:30:00", "golden_hour_morning"),
        ("08:00:00", "morning"),
        ("11:00:00", "midday"),
        ("14:00:00", "afternoon"),
        ("16:30:00", "golden_hour_evening"),
        ("18:30:00", "blue_hour_evening"),
        ("20:00:00", "evening"),
        ("23:59:59", "evening"),
    ],
)
def test_time_of_day(tmp_path: Path, clock: str, time_of_day: str) -> None:
    path = picture_with(tmp_path / "a.jpg", {}, {TAKEN: f"2024:05:01 {clock}"})

    assert read_exif(path)["datetime"] == {
        "capture_time": f"2024-05-01T{clock}",
        "capture_time_utc_offset": None,
        "time_of_day": time_of_day,
        "datetime_string": f"2024:05:01 {clock}",
    }


def test_fractions_of_a_second_keep_a_burst_in_order(tmp_path: Path) -> None:
    path = picture_with(tmp_path / "a.jpg", {}, {TAKEN: "2024:05:01 12:00:00", TAKEN_FRACTION: "07"})

    assert read_exif(path)["datetime"]["capture_time"] == "2024-05-01T12:00:00.070000"


def test_a_clock_never_set_falls_back_to_the_next_date(tmp_path: Path) -> None:
    unset = picture_with(tmp_path / "a.jpg", {}, {TAKEN: "0000:00:00 00:00:00"})
    changed = picture_with(
        tmp_path / "b.jpg", {DATE_TIME: "2024:05:01 12:00:00"}, {TAKEN: "    :  :     :  :  "}
    )

    assert read_exif(unset)["datetime"]["capture_time"] is None
    assert read_exif(unset)["datetime"]["datetime_string"] == "0000:00:00 00:00:00"
    assert read_exif(changed)["datetime"]["capture_time"] == "2024-05-01T12:00:00"


def test_the_zone_is_that_of_the_moment_taken(tmp_path: Path) -> None:
    taken = {TAKEN: "2024:05:01 12:00:00", TAKEN_OFFSET: "+09:30", DIGITIZED_OFFSET: "+01:00"}
    scanned = {DIGITIZED: "2024:05:01 12:00:00", DIGITIZED_OFFSET: "-03:30", TAKEN_OFFSET: "+01:00"}
    odd = {TAKEN: "2024:05:01 12:00:00", TAKEN_OFFSET: "JST"}

    zones = [
        read_exif(picture_with(tmp_path / "a.jpg", {}, exif))["datetime"]["capture_time_utc_offset"]
        for exif in (taken, scanned, odd)
    ]

    assert zones == ["+09:30", "-03:30", None]


@pytest.mark.parametrize(
    ("taken", "date", "clock", "offset"),
    [
        ("2024:05:01 09:00:00", "2024:05:01", (0, 0, 20), "+09:00"),
        ("2024:05:01 00:10:00", "2024:04:30", (18, 23, 30), "+05:45"),
        ("2024:04:30 20:29:00", "2024:05:01", (0, 0, 0), "-03:30"),
        ("2024:05:01 12:01:00", "2024:05:01", (12, 0, 0), "+00:00"),
        ("2024:05:01 09:00:00", "2024:05:01", (0, 7, 30), None),  # an old position, or a clock set wrong
        ("2024:05:01 09:00:00", "2024:04:29", (0, 0, 0), None),
        ("2024:05:01 09:00:00", "2024:99:01", (0, 0, 0), None),
        ("2024:05:01 09:00:00", "2024:05:01", (0, 0, 1e9), None),
        ("0000:00:00 00:00:00", "2024:05:01", (0, 0, 0), None),
    ],
)
def test_without_a_zone_the_satellites_tell_it(
    tmp_path: Path, taken: str, date: str, clock: tuple[float, ...], offset: str | None
) -> None:
    where: dict[str, Any] = {"ns": "N", "lat": (1.0, 0.0, 0.0), "ew": "E", "lon": (1.0, 0.0, 0.0)}
    path = picture_with(tmp_path / "a.jpg", {}, {TAKEN: taken}, **where, date=date, clock=clock)

    assert read_exif(path)["datetime"]["capture_time_utc_offset"] == offset
