"""Odd and broken EXIF: what is broken is lost, and nothing else."""

from __future__ import annotations

import io
import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.tiff import Block
from tests.photo.exif.tags import EXIF, photograph

MAKER_NOTE = 0x927C
FIELDS_OF = {
    0x10F: {"make", "lens"},  # by which a note without a mark is read
    0x110: {"model"}, 0x112: {"orientation"}, 0xA434: {"lens"}, 0xA433: {"lens"},
    0xA432: {"lens"}, 0xA431: {"serial_number"}, 0x8827: {"iso", "lighting"}, 0x829D: {"aperture"},
    0x829A: {"shutter_speed", "exposure_time"}, 0x9204: {"exposure_compensation"}, 0x9207: {"metering_mode"},
    0xA403: {"white_balance"}, 0x9209: {"flash_fired"}, 0x920A: {"focal_length", "subject_type"},
    0xA405: {"focal_length_35mm", "subject_type"}, 0x927C: {"lens", "serial_number"},
    0x9003: {"capture_time", "datetime_string", "time_of_day", "special_lighting"},
}  # fmt: skip


@pytest.mark.parametrize("name", ["r_canon.jpg", "r_pen.jpg", "r_sony.jpg", "r_ricoh.jpg"])
@pytest.mark.parametrize(
    "broken", [struct.pack("<HII", 99, 1, 1), struct.pack("<HII", 2, 2**31, 2**31)], ids=["kind", "place"]
)
def test_a_broken_tag_costs_that_tag(tmp_path: Path, name: str, broken: bytes) -> None:
    whole = photograph(name).read_bytes()
    before = _flat(read_exif(photograph(name)))
    block, first = Block.at(io.BytesIO(whole), whole.index(b"Exif\0\0") + 6) or pytest.fail("no EXIF")
    rows = block.rows(first)
    inner = block.whole_numbers(rows[EXIF])[0]
    places = {tag: block.base + start + 2 + 12 * at
              for start, table in ((first, rows), (inner, block.rows(inner)))
              for at, tag in enumerate(table) if tag != EXIF}  # fmt: skip
    assert len(places) > 30
    for tag, place in places.items():
        (tmp_path / "a.jpg").write_bytes(whole[: place + 2] + broken + whole[place + 12 :])

        after = _flat(read_exif(tmp_path / "a.jpg"))

        assert {key for key in before if after[key] != before[key]} <= FIELDS_OF.get(tag, set()), hex(tag)


@pytest.mark.parametrize("name", ["r_canon.jpg", "r_pen.jpg", "r_sony.jpg", "r_pana.jpg", "large.jpg"])
def test_a_broken_maker_note_costs_nothing_else(tmp_path: Path, name: str) -> None:
    dice = random.Random(2)
    whole = photograph(name).read_bytes()
    before = read_exif(photograph(name))
    block, first = Block.at(io.BytesIO(whole), whole.index(b"Exif\0\0") + 6) or pytest.fail("no EXIF")
    inner = block.whole_numbers(block.rows(first)[EXIF])[0]
    note = block.rows(inner)[MAKER_NOTE]
    for _ in range(100):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 20)):
            broken[note.place + dice.randrange(min(note.size, 600))] = dice.choice(
                (0, 1, 7, 255, dice.randrange(256))
            )
        (tmp_path / "a.jpg").write_bytes(broken)

        after = read_exif(tmp_path / "a.jpg")

        for found in (before, after):
            for key in ("lens", "serial_number"):
                found["camera"].pop(key, None)
        if name == "large.jpg":  # the only one whose ISO is in the note
            for found in (before, after):
                found["settings"].pop("iso", None)
                found["context_hints"].pop("lighting", None)
        assert after == before


def _flat(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: value for table in found.values() for key, value in table.items()}


def test_odd_exif_never_costs_the_photograph(tmp_path: Path) -> None:
    dice = random.Random(1)
    whole = photograph("r_canon.jpg").read_bytes()
    path = tmp_path / "a.jpg"
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 20)):
            broken[dice.randrange(12, 4000)] = dice.randrange(256)
        path.write_bytes(broken)

        json.dumps(read_exif(path), allow_nan=False)


def test_a_truncated_photograph_still_tells_its_exif(tmp_path: Path) -> None:
    whole = photograph("large.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])

    assert read_exif(tmp_path / "a.jpg")["camera"]["model"] == "QV-R51"
