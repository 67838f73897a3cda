"""EXIF of RAW files, built as the makers lay theirs out: by Pillow, and around what it writes."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.decoding import load_gray
from tests.photo.exif.test_reading import (
    EXIF,
    EXPOSURE_TIME,
    F_NUMBER,
    FOCAL_LENGTH,
    GPS,
    ISO,
    MAKE,
    ORIENTATION,
    TAKEN,
)
from tests.photo.pictures.test_previews import Tiff

MODEL, LENS_MODEL, JPG_FROM_RAW = 0x110, 0xA434, 0x2E
CAMERA = {MAKE: "Maker", MODEL: "One"}
EXPOSURE: dict[int, Any] = {
    EXPOSURE_TIME: IFDRational(1, 250), F_NUMBER: IFDRational(28, 10), ISO: 400, LENS_MODEL: "50mm F2.8",
    FOCAL_LENGTH: IFDRational(50), TAKEN: "2024:05:01 12:00:00",
}  # fmt: skip
PLACE = {1: "N", 2: (35.0, 30.0, 0.0), 3: "E", 4: (139.0, 45.0, 0.0)}


def block(base: dict[int, Any], exposure: dict[int, Any] | None = None, *, place: bool = False) -> bytes:
    """A TIFF without a picture."""
    exif = Image.Exif()
    exif.endian = "<"
    exif.update(base)
    exif.get_ifd(EXIF).update(exposure or {})
    exif.get_ifd(GPS).update(PLACE if place else {})
    return exif.tobytes().removeprefix(b"Exif\0\0")


def jpeg(base: dict[int, Any], exposure: dict[int, Any]) -> bytes:
    data = io.BytesIO()
    Image.new("L", (64, 48)).save(data, "JPEG", exif=b"Exif\0\0" + block(base, exposure, place=True))
    return data.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def cr3(preview: bytes = b"", orientation: int = 1) -> bytes:
    """Canon's boxes: what other files have in one block is in one each, as the first directory of it."""
    own = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + box(b"CNCV", b"CanonCR3_001/00.09.00/00.00.00")
    own += (
        box(b"CMT1", block(CAMERA | {ORIENTATION: orientation}))
        + box(b"CMT2", block(EXPOSURE))
        + box(b"CMT3", block({}))
    )
    place = Image.Exif()
    place.endian = "<"
    place.get_ifd(GPS).update(PLACE)
    whole = place.tobytes().removeprefix(b"Exif\0\0")
    (start,) = struct.unpack_from("<I", whole, 8 + 2 + 8)  # of the only row, which points to the place
    own += box(b"CMT4", whole[:4] + struct.pack("<I", start) + whole[8:])
    shown = bytes(6) + struct.pack(">HHHI", 1620, 1080, 1, len(preview)) + preview
    seen = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(7) + b"\1" + box(b"PRVW", shown)
    whole = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", own))
    return whole + box(b"uuid", seen) + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100)


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

    picture = load_gray(tmp_path / "a.cr3", 810)

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
