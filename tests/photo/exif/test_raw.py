"""EXIF of RAW files, built as the makers lay theirs out: by Pillow, and around what it writes."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.decoding import load_color
from tests.photo.exif.tags import (
    CAMERA,
    EXIF,
    EXPOSURE,
    JPG_FROM_RAW,
    MAKE,
    block,
    cr3,
)
from tests.photo.pictures.raw_files import Tiff


def jpeg(base: dict[int, Any], exposure: dict[int, Any]) -> bytes:
    data = io.BytesIO()
    Image.new("L", (64, 48)).save(data, "JPEG", exif=b"Exif\0\0" + block(base, exposure, place=True))
    return data.getvalue()


def raf() -> bytes:
    picture = jpeg(CAMERA, EXPOSURE)
    return b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 92, len(picture)) + picture


def rw2_with_exposure_in_its_preview_alone() -> bytes:
    tiff = Tiff(magic=0x55)
    camera = {tag: text.ljust(8, "\0").encode() for tag, text in CAMERA.items()}
    start = tiff.directory(camera | {JPG_FROM_RAW: jpeg({}, EXPOSURE)})
    return bytes(tiff.data[:4]) + struct.pack("<I", start) + bytes(tiff.data[8:])


WHOLE = block(CAMERA, EXPOSURE, place=True)
FILES = {
    "a.dng": WHOLE,
    "a.nef": WHOLE,
    "a.cr2": WHOLE,
    "a.arw": WHOLE,
    "a.pef": WHOLE,
    "a.orf": b"IIRO" + WHOLE[4:],
    "a.rw2": b"IIU\0" + WHOLE[4:],
    "b.rw2": rw2_with_exposure_in_its_preview_alone(),
    "a.raf": raf(),
    "a.cr3": cr3(),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_raw(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])

    found = read_exif(tmp_path / name)

    assert found["camera"] == {"make": "Maker", "model": "One", "lens": "50mm F2.8", "serial_number": None}
    settings = found["settings"]
    assert (settings["iso"], settings["aperture"], settings["exposure_time"]) == (400, 2.8, 0.004)
    assert found["location"]["latitude"] == 35.5
    assert found["datetime"]["capture_time"] == "2024-05-01T12:00:00"


def test_a_whole_dng_of_the_motorola_byte_order(tmp_path: Path) -> None:
    """One that libtiff wrote, with a picture in it."""
    exif = Image.Exif()
    exif.endian = ">"
    exif.update({MAKE: "Maker", 0xC614: "Maker One", 0xC62F: "12345"})
    exif.get_ifd(EXIF).update(EXPOSURE)
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    assert data.startswith(b"MM")
    (tmp_path / "a.dng").write_bytes(data)

    found = read_exif(tmp_path / "a.dng")

    assert (found["camera"]["model"], found["camera"]["serial_number"]) == ("Maker One", "12345")
    assert found["settings"]["shutter_speed"] == "1/250"


@pytest.mark.parametrize(("orientation", "size"), [(1, (810, 540)), (8, (540, 810))])
def test_a_cr3_is_looked_at_by_its_preview(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    preview = io.BytesIO()
    Image.linear_gradient("L").resize((1620, 1080)).save(preview, "JPEG")  # black above, white below
    (tmp_path / "a.cr3").write_bytes(cr3(preview.getvalue(), orientation))

    picture = load_color(tmp_path / "a.cr3", 810).convert("L")

    assert picture.size == size
    pixels = np.asarray(picture) if orientation == 1 else np.asarray(picture).T  # turned, black is left
    assert pixels[:9].max() < 20
    assert pixels[-9:].min() > 235


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere(tmp_path: Path, name: str) -> None:
    whole = FILES[name]
    for end in range(1, len(whole), 29):
        (tmp_path / name).write_bytes(whole[:end])

        assert "Maker".startswith(read_exif(tmp_path / name)["camera"]["make"] or "")


@pytest.mark.parametrize("head", [b"FOVb", b"HEAPCCDR", b"\0MRM"])
def test_raws_that_are_not_known_have_no_exif(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.x3f").write_bytes(head.ljust(500, b"\1"))

    assert read_exif(tmp_path / "a.x3f")["camera"]["make"] is None


def test_an_empty_raw(tmp_path: Path) -> None:
    (tmp_path / "a.nef").touch()

    with pytest.raises(UnreadablePhoto, match=r"a\.nef is empty"):
        read_exif(tmp_path / "a.nef")
