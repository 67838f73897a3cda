"""What the camera wrote down about a photograph, and what that hints at.

The keys, the words and the bands are the original project's. Every value is None, a bool, int, float or str.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from junmai_jobs.photo.exif.maker_notes import lens_range
from junmai_jobs.photo.exif.tags import Tags, read_tags
from junmai_jobs.photo.pictures.opening import Photograph

Bands = Sequence[tuple[float, str]]  # rising; the first number above a value names it

_WHITE_BALANCES = {0: "Auto", 1: "Manual"}
_METERING_MODES = {
    0: "Unidentified",
    1: "Average",
    2: "CenterWeightedAverage",
    3: "Spot",
    4: "MultiSpot",
    5: "Pattern",
    6: "Partial",
    255: "Other",
}
_TIMES_OF_DAY: Bands = (  # hours by the camera's clock
    (5.0, "night"),
    (6.5, "blue_hour_morning"),
    (8.0, "golden_hour_morning"),
    (11.0, "morning"),
    (14.0, "midday"),
    (16.5, "afternoon"),
    (18.5, "golden_hour_evening"),
    (20.0, "blue_hour_evening"),
    (24.0, "evening"),
)
_FOCAL_LENGTHS: Bands = (  # mm on full frame
    (24, "ultra_wide"),
    (35, "wide"),
    (70, "standard"),
    (135, "portrait"),
    (300, "telephoto"),
    (math.inf, "super_telephoto"),
)
_LIGHT: Bands = (  # ISO
    (801, "good_light"),
    (1601, "moderate_light"),
    (3201, "low_light"),
    (math.inf, "very_low_light"),
)
_BACKLIGHT_ISO, _INDOOR_ISO = 400, 1600
_ISO_DOES_NOT_FIT = 65535  # in the 16 bits of its old tag
_LONGEST_AS_FRACTION = 0.3  # s
_MOMENT_TAGS = (
    ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal"),
    ("DateTimeDigitized", "SubSecTimeDigitized", "OffsetTimeDigitized"),
    ("DateTime", "SubSecTime", "OffsetTime"),
)
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_OLDEST_FIX = timedelta(minutes=3)  # by which the two clocks may differ
_ORIENTATIONS = range(1, 9)
_BELOW_THE_SEA = {1, 3}
_MOMENT = re.compile(r"(\d{4})\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)")


def read_exif(photo: Photograph) -> dict[str, dict[str, Any]]:
    """Read the EXIF of a photograph; what it lacks, or has in a broken form, is None.

    Returns:
        ``camera``: make, model, lens, serial_number.
        ``settings``: iso, focal_length (mm), focal_length_35mm (mm on full frame), aperture (f-number),
        shutter_speed (seconds as text, ``1/250`` or ``2``), exposure_time (s), exposure_compensation (EV),
        white_balance, metering_mode, flash_fired, orientation (1 to 8, as EXIF counts; 1 is upright).
        ``location``: latitude and longitude (decimal degrees, south and west negative), altitude (m above
        the sea), location_type and has_gps.
        ``datetime``: capture_time (ISO 8601 by the camera's own clock, hence without a zone),
        capture_time_utc_offset (of that clock, ``+09:00``: as the camera wrote it, else by the satellites'
        clock), time_of_day, datetime_string (as the camera wrote it).
        ``context_hints``: lighting, subject_type, location_type, time_of_day, special_lighting,
        backlight_risk, likely_indoor.

    Raises:
        UnreadablePhoto, PhotoGone: as ``tags.read_tags`` does.
    """
    tags = read_tags(photo)
    settings, location, moment = _settings(tags), _location(tags), _moment(tags)
    return {
        "camera": {
            "make": tags.text("Make"),
            "model": _first_text(tags, "Model", "UniqueCameraModel"),
            "lens": _lens(tags),
            "serial_number": _first_text(tags, "BodySerialNumber", "CameraSerialNumber", "MakerSerialNumber"),
        },
        "settings": settings,
        "location": location,
        "datetime": moment,
        "context_hints": _hints(
            iso=settings["iso"],
            focal_length=settings["focal_length_35mm"] or settings["focal_length"],
            outdoors=location["has_gps"],
            time_of_day=moment["time_of_day"],
        )
        | {"location_type": location["location_type"], "time_of_day": moment["time_of_day"]},
    }


def _lens(tags: Tags) -> str | None:
    """Take the lens's name, else the range it has: that of a compact camera has no name."""
    named = _first_text(tags, "LensModel", "MakerLens")
    return named or lens_range(tags.numbers("LensSpecification")) or tags.text("LensMake")


def _first_text(tags: Tags, *names: str) -> str | None:
    return next(filter(None, map(tags.text, names)), None)


def _settings(tags: Tags) -> dict[str, Any]:
    flash, orientation = tags.number("Flash"), _code(tags, "Orientation")
    return {
        "iso": _iso(tags),
        "focal_length": _rounded(tags.positive("FocalLength")),
        "focal_length_35mm": tags.positive("FocalLengthIn35mmFilm"),
        "aperture": _rounded(tags.positive("FNumber")),
        "shutter_speed": _shutter_speed(tags.positive("ExposureTime")),
        "exposure_time": tags.positive("ExposureTime"),
        "exposure_compensation": _rounded(tags.number("ExposureBiasValue")),
        "white_balance": _WHITE_BALANCES.get(_code(tags, "WhiteBalance")),
        "metering_mode": _METERING_MODES.get(_code(tags, "MeteringMode")),
        "flash_fired": None if flash is None else bool(int(flash) & 1),
        "orientation": orientation if orientation in _ORIENTATIONS else None,
    }


def _iso(tags: Tags) -> int | None:
    names = ("ISOSpeedRatings", "RecommendedExposureIndex", "ISOSpeed", "MakerISO")
    found = (tags.positive(name) for name in names)
    return next((int(iso) for iso in found if iso and iso != _ISO_DOES_NOT_FIT), None)


def _shutter_speed(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"1/{round(1 / seconds)}" if seconds < _LONGEST_AS_FRACTION else f"{seconds:.3g}"


def _code(tags: Tags, name: str) -> int:
    number = tags.number(name)
    return -1 if number is None else int(number)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _location(tags: Tags) -> dict[str, Any]:
    latitude = _degrees(tags, "GPSLatitude", "S", most=90)
    longitude = _degrees(tags, "GPSLongitude", "W", most=180)
    if latitude is None or longitude is None or latitude == longitude == 0:  # 0, 0: the receiver had no fix
        latitude = longitude = None
    return {
        "latitude": latitude,
        "longitude": longitude,
        "altitude": None if latitude is None else _altitude(tags),
        "location_type": "unknown" if latitude is None else "outdoor",  # satellites are seen under the sky
        "has_gps": latitude is not None,
    }


def _degrees(tags: Tags, name: str, negative: str, most: float) -> float | None:
    """Turn degrees, minutes and seconds, of which the latter may be missing, into decimal degrees."""
    degrees = math.fsum(part / 60.0**power for power, part in enumerate(tags.numbers(name)[:3]))
    if not degrees <= most:  # NaN too
        return None
    sign = -1 if (tags.text(f"{name}Ref") or "").upper().startswith(negative) else 1
    return round(sign * degrees, 7)


def _altitude(tags: Tags) -> float | None:
    altitude = tags.number("GPSAltitude")
    below = _code(tags, "GPSAltitudeRef") in _BELOW_THE_SEA
    return None if altitude is None else round(-altitude if below else altitude, 2)


def _moment(tags: Tags) -> dict[str, Any]:
    """Take the moment of exposure, else of digitizing, else of the last change."""
    written, moment, offset = None, None, None
    for name, fraction, zone in _MOMENT_TAGS:
        text = tags.text(name)
        written = written or text
        if text and (moment := _parsed(text, tags.text(fraction) or "")):
            written, offset = text, _OFFSET.fullmatch(tags.text(zone) or "")
            break
    return {
        "capture_time": moment and moment.isoformat(),
        "capture_time_utc_offset": offset[0] if offset else moment and _offset_by_satellite(tags, moment),
        "time_of_day": moment and _band(moment.hour + moment.minute / 60, _TIMES_OF_DAY),
        "datetime_string": written,
    }


def _parsed(text: str, fraction: str) -> datetime | None:
    match = _MOMENT.match(text)
    if match is None:
        return None
    digits = fraction[:6].ljust(6, "0") if fraction.isdecimal() else "000000"
    try:
        return datetime.fromisoformat("{}-{}-{}T{}:{}:{}.".format(*match.groups()) + digits)
    except ValueError:  # a month 0, as in a camera whose clock was never set
        return None


def _offset_by_satellite(tags: Tags, moment: datetime) -> str | None:
    """Compare the camera's clock with that of its GPS, which is UTC; zones are quarters of an hour apart.

    None where they do not fit: the position may be an old one, or the camera's clock be set wrong.
    """
    midnight = _parsed(f"{tags.text('GPSDateStamp')} 00:00:00", "")
    clock = tags.numbers("GPSTimeStamp")
    if midnight is None or len(clock) != 3 or not all(0 <= part <= 60 for part in clock):
        return None
    in_utc = midnight + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2])
    quarters, rest = divmod((moment - in_utc + _OLDEST_FIX).total_seconds(), 900)
    if rest > 2 * _OLDEST_FIX.total_seconds() or not -48 <= quarters <= 56:  # UTC-12 to UTC+14
        return None
    hours, part = divmod(abs(int(quarters)), 4)
    return f"{'-' if quarters < 0 else '+'}{hours:02}:{part * 15:02}"


def _hints(
    *, iso: int | None, focal_length: float | None, outdoors: bool, time_of_day: str | None
) -> dict[str, Any]:
    special = (time_of_day or "").rpartition("_")[0]  # golden_hour, blue_hour, or nothing
    return {
        "lighting": None if iso is None else _band(iso, _LIGHT),
        "subject_type": None if focal_length is None else _band(focal_length, _FOCAL_LENGTHS),
        "special_lighting": special or None,
        "backlight_risk": special == "golden_hour" and outdoors and (iso or 0) > _BACKLIGHT_ISO,
        "likely_indoor": not outdoors and (iso or 0) > _INDOOR_ISO,
    }


def _band(value: float, bands: Bands) -> str:
    return next(name for limit, name in bands if value < limit)
