from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgpack
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from junmai_jobs.photo.errors import PhotoGone, UnreadablePhoto
from junmai_jobs.photo.exif import tags
from junmai_jobs.photo.exif.reading import read_exif
from tests.photo.exif.tags import (
    EXPOSURE_TIME,
    F_NUMBER,
    FOCAL_LENGTH,
    FOCAL_LENGTH_35,
    ISO,
    MAKE,
    RECOMMENDED_INDEX,
    TAKEN,
    photograph,
    picture_with,
)
from tests.photographs import camera_photographs

NOWHERE = {
    "latitude": None, "longitude": None, "altitude": None, "location_type": "unknown", "has_gps": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "camera", "settings"),
    [
        ("r_canon.jpg", ("Canon", "Canon PowerShot G1 X Mark II"), (100, 12.5, 5.6, "1/50", -1.0)),
        ("r_casio.jpg", ("CASIO COMPUTER CO.,LTD.", "EX-100"), (80, 12.0, 3.5, "1/40", 0.33)),
        ("r_olympus.jpg", ("OLYMPUS IMAGING CORP.", "STYLUS1"), (100, 16.1, 2.8, "1/25", 0.0)),
        ("r_pana.jpg", ("Panasonic", "DMC-L10"), (100, 50.0, 10.0, "1/200", -0.66)),
        ("r_pen.jpg", ("OLYMPUS IMAGING CORP.", "E-P3"), (1600, 15.0, 3.6, "1/30", 0.0)),
        ("r_ricoh.jpg", ("PENTAX RICOH IMAGING", "GR"), (100, 18.3, 2.8, "1/500", 1.5)),
        ("r_sigma.jpg", ("SIGMA", "SIGMA DP3 Merrill"), (100, 50.0, 4.5, "1/5", -1.3)),
        ("r_sony.jpg", ("SONY", "DSC-RX1R"), (100, 35.0, 8.0, "1/125", 0.7)),
        ("L01.jpg", ("CASIO COMPUTER CO.,LTD", "QV-R51"), (50, 14.2, 6.2, "1/250", 0.0)),
    ],
)
def test_what_real_cameras_write(name: str, camera: tuple[str, str], settings: tuple[Any, ...]) -> None:
    found = read_exif(photograph(name))

    assert tuple(found["camera"][key] for key in ("make", "model")) == camera
    keys = ("iso", "focal_length", "aperture", "shutter_speed", "exposure_compensation")
    assert tuple(found["settings"][key] for key in keys) == settings


def test_one_photograph_whole() -> None:
    assert read_exif(photograph("r_ricoh.jpg")) == {
        "camera": {
            "make": "PENTAX RICOH IMAGING",
            "model": "GR",
            "lens": "GR LENS",
            "serial_number": "0000000012345678",
        },
        "settings": {
            "iso": 100,
            "focal_length": 18.3,
            "aperture": 2.8,
            "focal_length_35mm": 28.0,
            "shutter_speed": "1/500",
            "exposure_time": 0.002,
            "exposure_compensation": 1.5,
            "white_balance": "Auto",
            "metering_mode": "CenterWeightedAverage",
            "flash_fired": False,
            "orientation": 1,
        },
        "location": NOWHERE,
        "datetime": {
            "capture_time": "2013-03-29T10:06:41",
            "capture_time_utc_offset": None,
            "time_of_day": "morning",
            "datetime_string": "2013:03:29 10:06:41",
        },
        "context_hints": {
            "lighting": "good_light",
            "subject_type": "wide",  # by its 28 mm on full frame
            "location_type": "unknown",
            "time_of_day": "morning",
            "special_lighting": None,
            "backlight_risk": False,
            "likely_indoor": False,
        },
    }


@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
def test_every_value_can_be_stored(path: Path) -> None:
    found = read_exif(path)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert msgpack.unpackb(msgpack.packb(found)) == found


@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
def test_exifread_reads_the_same_but_for_maker_notes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_our_own = read_exif(path)

    def fails(_: object) -> None:
        raise ValueError("nothing of it can be read")

    monkeypatch.setattr(tags, "read_blocks", fails)
    by_exifread = read_exif(path)

    for found in (by_our_own, by_exifread):
        del found["camera"]["lens"], found["camera"]["serial_number"]
        del found["settings"]["iso"], found["context_hints"]["lighting"]
    assert by_exifread == by_our_own


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_every_format_that_carries_exif(tmp_path: Path, suffix: str) -> None:
    path = picture_with(tmp_path / f"写真 ü.{suffix}", {MAKE: "Nikon"}, {F_NUMBER: IFDRational(28, 10)})

    found = read_exif(path)

    assert found["camera"]["make"] == "Nikon"
    assert found["settings"]["aperture"] == 2.8


def test_a_picture_without_exif_gives_nothing_but_the_keys(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")

    found = read_exif(tmp_path / "a.jpg")

    assert set(found["camera"].values()) == set(found["settings"].values()) == {None}
    assert found["location"]["has_gps"] is False
    assert found["datetime"]["capture_time"] is None


def test_gps_in_decimal_degrees_south_and_west_negative(tmp_path: Path) -> None:
    where = picture_with(
        tmp_path / "a.jpg", {}, ns="S", lat=(33.0, 51.0, 24.48), ew="W", lon=(151.0, 12.5, 0.0)
    )

    location = read_exif(where)["location"]

    assert location["altitude"] is None
    assert location["latitude"] == pytest.approx(-33.8568)
    assert location["longitude"] == pytest.approx(-151.208333)
    assert (location["has_gps"], location["location_type"]) == (True, "outdoor")


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((91.0, 0.0, 0.0), (10.0, 0.0, 0.0)),
        ((IFDRational(0, 0), IFDRational(0, 0), IFDRational(0, 0)), (10.0, 0.0, 0.0)),
    ],
    ids=["no fix", "beyond the pole", "no number"],
)
def test_gps_that_means_nothing_is_none(tmp_path: Path, lat: tuple[Any, ...], lon: tuple[Any, ...]) -> None:
    location = read_exif(picture_with(tmp_path / "a.jpg", {}, ns="N", lat=lat, ew="E", lon=lon))["location"]

    assert location == NOWHERE


@pytest.mark.parametrize(("below", "altitude"), [(b"\0", 430.5), (b"\1", -430.5)])
def test_altitude_in_metres_below_the_sea_negative(tmp_path: Path, below: bytes, altitude: float) -> None:
    where: dict[str, Any] = {"ns": "N", "lat": (31.0, 30.0, 0.0), "ew": "E", "lon": (35.0, 30.0, 0.0)}
    path = picture_with(tmp_path / "a.jpg", {}, **where, below=below, altitude=IFDRational(861, 2))

    assert read_exif(path)["location"]["altitude"] == altitude


def test_texts_of_older_software(tmp_path: Path) -> None:
    path = picture_with(tmp_path / "a.jpg", {MAKE: "M?ller"})
    path.write_bytes(path.read_bytes().replace(b"M?ller", "Müller".encode("cp1252")))

    assert read_exif(path)["camera"]["make"] == "Müller"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [((1, 8000), "1/8000"), ((10, 600), "1/60"), ((1, 2), "0.5"), ((30, 1), "30"), ((0, 0), None)],
)
def test_shutter_speed_as_a_camera_shows_it(
    tmp_path: Path, seconds: tuple[int, int], text: str | None
) -> None:
    path = picture_with(tmp_path / "a.jpg", {}, {EXPOSURE_TIME: IFDRational(*seconds)})

    assert read_exif(path)["settings"]["shutter_speed"] == text


def test_an_iso_beyond_16_bits_stands_elsewhere(tmp_path: Path) -> None:
    path = picture_with(tmp_path / "a.jpg", {}, {ISO: 65535, RECOMMENDED_INDEX: 102400})

    assert read_exif(path)["settings"]["iso"] == 102400


def test_a_lens_without_contacts_has_neither_aperture_nor_focal_length(tmp_path: Path) -> None:
    path = picture_with(
        tmp_path / "a.jpg", {}, {F_NUMBER: IFDRational(0, 1), FOCAL_LENGTH: IFDRational(0, 1)}
    )

    settings = read_exif(path)["settings"]

    assert (settings["aperture"], settings["focal_length"]) == (None, None)


def test_hints_from_iso_place_and_time(tmp_path: Path) -> None:
    evening = picture_with(
        tmp_path / "a.jpg",
        {},
        {ISO: 800, TAKEN: "2024:05:01 17:00:00", FOCAL_LENGTH: IFDRational(85)},
        ns="N", lat=(35.0, 0.0, 0.0), ew="E", lon=(139.0, 0.0, 0.0),
    )  # fmt: skip
    indoors = picture_with(
        tmp_path / "b.jpg", {}, {ISO: 6400, FOCAL_LENGTH: IFDRational(8), FOCAL_LENGTH_35: 400}
    )

    assert read_exif(evening)["context_hints"] == {
        "lighting": "good_light",
        "subject_type": "portrait",
        "location_type": "outdoor",
        "time_of_day": "golden_hour_evening",
        "special_lighting": "golden_hour",
        "backlight_risk": True,
        "likely_indoor": False,
    }
    assert read_exif(indoors)["context_hints"] == {
        "lighting": "very_low_light",
        "subject_type": "super_telephoto",
        "location_type": "unknown",
        "time_of_day": None,
        "special_lighting": None,
        "backlight_risk": False,
        "likely_indoor": True,
    }


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.jpg").touch()

    with pytest.raises(
        UnreadablePhoto, match=r"IMG_1\.jpg is empty \(0 bytes\): copy it from the card again"
    ):
        read_exif(tmp_path / "IMG_1.jpg")


def test_a_text_that_calls_itself_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a picture at all")

    with pytest.raises(UnreadablePhoto, match=r"a\.jpg is not a picture"):
        read_exif(tmp_path / "a.jpg")


def test_a_photograph_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(PhotoGone, match=r"a\.jpg is not there"):
        read_exif(tmp_path / "a.jpg")


def test_the_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    shutil.copy(photograph("large.jpg"), path)
    before = path.read_bytes(), path.stat().st_mtime_ns

    read_exif(path)

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
