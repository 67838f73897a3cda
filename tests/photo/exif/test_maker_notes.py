"""The lens and the ISO that only a maker note tells: of real cameras, and of notes laid out as documented."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.photo.exif.maker_notes import _canon_iso, lens_range
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.exif.tags import read_tags
from tests.photo.exif.tags import MAKE, photograph, picture_with
from tests.photographs import PILLOW, unpacked

MAKER_NOTE, LENS_MODEL, ISO = 0x927C, 0xA434, 0x8827
Rows = dict[int, tuple[int, list[Any]]]
SHORT, LONG, RATIONAL, TEXT = 3, 4, 5, 2


def pillows(name: str) -> Path:
    return next(unpacked(PILLOW).rglob(f"Tests/images/{name}"))


@pytest.mark.parametrize(
    ("path", "lens", "iso", "serial_number"),
    [
        (photograph("r_pana.jpg"), "LEICA D VARIO-ELMARIT 14-50mm", 100, None),
        (photograph("r_pen.jpg"), "OLYMPUS M.14-42mm F3.5-5.6 II R", 1600, "B9V508278"),
        (photograph("r_olympus.jpg"), None, 100, "V5CF00002"),
        (photograph("r_canon.jpg"), "12.5-62.5mm", 100, None),
        (photograph("r_ricoh.jpg"), "GR LENS", 100, "0000000012345678"),
        (photograph("r_sigma.jpg"), None, 100, "90600117"),
        (photograph("large.jpg"), None, 50, None),  # a note in the other byte order than the EXIF around it
        (pillows("flower.jpg"), "7.1-21.3mm", 100, None),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_real_cameras(path: Path, lens: str | None, iso: int, serial_number: str | None) -> None:
    found = read_exif(path)

    assert found["camera"]["lens"] == lens
    assert found["settings"]["iso"] == iso
    assert found["camera"]["serial_number"] == serial_number


def test_sony_writes_the_range_of_its_lens_in_decimal_digits() -> None:
    assert read_tags(photograph("r_sony.jpg")).text("MakerLens") == "35mm f/2"


def directory(start: int, rows: Rows, order: str = "<") -> bytes:
    """A directory that stands at ``start``, with its values behind it."""
    table, values = struct.pack(f"{order}H", len(rows)), b""
    for tag, (kind, given) in sorted(rows.items()):
        if kind == TEXT:
            data, count = given[0].encode() + b"\0", len(given[0]) + 1
        else:
            code = {SHORT: "H", LONG: "I", RATIONAL: "II"}[kind]
            data, count = b"".join(struct.pack(f"{order}{code}", *each) for each in given), len(given)
        field = data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack(f"{order}I", start + 2 + 12 * len(rows) + 4 + len(values))
            values += data
        table += struct.pack(f"{order}HHI", tag, kind, count) + field
    return table + bytes(4) + values


def nikon() -> bytes:
    lens = [(240, 10), (700, 10), (28, 10), (28, 10)]
    rows: Rows = {0x02: (SHORT, [(0,), (6400,)]), 0x1D: (TEXT, ["3001234"]), 0x84: (RATIONAL, lens)}
    return b"Nikon\0\2\x11\0\0MM\0*\0\0\0\x08" + directory(8, rows, ">")


def fujifilm() -> bytes:
    rows = {0x1404 + at: (RATIONAL, [value]) for at, value in enumerate([(18, 1), (55, 1), (28, 10), (4, 1)])}
    return b"FUJIFILM\x0c\0\0\0" + directory(12, rows)


def om_system() -> bytes:
    equipment = {0x0101: (TEXT, ["BJ1234567"]), 0x0203: (TEXT, ["OM 12-40mm F2.8"])}
    start = 16 + 2 + 12 + 4
    rows = {0x2010: (LONG, [(start,)])}
    return b"OM SYSTEM\0\0\0II\4\0" + directory(16, rows) + directory(start, equipment)


NOTES = {
    "NIKON CORPORATION": (nikon(), "24-70mm f/2.8", 6400, "3001234"),
    "FUJIFILM": (fujifilm(), "18-55mm f/2.8-4", None, None),
    "OM Digital Solutions": (om_system(), "OM 12-40mm F2.8", None, "BJ1234567"),
}


@pytest.mark.parametrize("make", NOTES)
def test_notes_as_they_are_documented(tmp_path: Path, make: str) -> None:
    note, *known = NOTES[make]

    found = read_exif(picture_with(tmp_path / "a.jpg", {MAKE: make}, {MAKER_NOTE: note}))

    assert [found["camera"]["lens"], found["settings"]["iso"], found["camera"]["serial_number"]] == known


@pytest.mark.parametrize("make", NOTES)
def test_a_note_cut_off_costs_nothing_else(tmp_path: Path, make: str) -> None:
    note = NOTES[make][0]
    for end in range(1, len(note), 3):
        path = picture_with(tmp_path / "a.jpg", {MAKE: make}, {MAKER_NOTE: note[:end], ISO: 200})

        assert (read_exif(path)["camera"]["make"], read_exif(path)["settings"]["iso"]) == (make, 200)


def test_exif_counts_more_than_the_note(tmp_path: Path) -> None:
    exif = {MAKER_NOTE: nikon(), LENS_MODEL: "NIKKOR Z 50mm", ISO: 200}

    found = read_exif(picture_with(tmp_path / "a.jpg", {MAKE: "NIKON"}, exif))

    assert (found["camera"]["lens"], found["settings"]["iso"]) == ("NIKKOR Z 50mm", 200)


@pytest.mark.parametrize(
    ("numbers", "name"),
    [
        ([14, 24, 2.8, 2.8], "14-24mm f/2.8"),
        ([18, 55, 3.5, 5.6], "18-55mm f/3.5-5.6"),
        ([35, 35, 2, 2], "35mm f/2"),
        ([50, 50, float("nan"), float("nan")], "50mm"),
        ([50, 50, 0, 0], "50mm"),
        ([float("nan")] * 4, None),
        ([0, 0, 0, 0], None),
        ([], None),
    ],
)
def test_a_lens_by_its_range(numbers: list[float], name: str | None) -> None:
    assert lens_range(numbers) == name


@pytest.mark.parametrize("chosen", [(0, 0), (160, 320), (32766, 32766), (65535, 65535)])
def test_an_iso_in_canons_logarithms_is_a_number_or_none(chosen: tuple[int, int]) -> None:
    automatic, base = chosen
    assert _canon_iso(0, automatic=automatic, base=base) in {0, 102_400}
