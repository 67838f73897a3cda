"""No RAW file is free to carry along: these are built by hand, as the cameras lay theirs out."""

from __future__ import annotations

import io
import struct
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pytest
from PIL import Image, ImageDraw

from junmai_jobs.photo.errors import ReaderMissing, UnreadablePhoto
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.decoding import load_gray
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate

LONG, UNDEFINED = 4, 7
ORIENTATION, STRIP, STRIP_LENGTH, SUB_DIRECTORIES = 0x112, 0x111, 0x117, 0x14A
JPEG, JPEG_LENGTH, JPG_FROM_RAW = 0x201, 0x202, 0x2E
EDGE = 1500


def jpeg(width: int = 900, height: int = 600, model: str = "") -> bytes:
    """A JPEG that is white in its left upper quarter."""
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=255)
    exif = Image.Exif()
    if model:
        exif[0x110] = model
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif.tobytes() if model else b"")
    return data.getvalue()


def lossless_jpeg() -> bytes:
    """What a CR2 keeps its RAW data in: more bytes than any preview, and no decoder of pictures reads it."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC3, 11, 14, 600, 900, 1) + bytes([1, 0x11, 0])
    return b"\xff\xd8" + frame + bytes(range(1, 255)) * 1000


class Tiff:
    """Lays out a TIFF: blobs first, then directories."""

    def __init__(self, order: str = "<", magic: int = 42) -> None:
        self.order = order
        self.data = bytearray({"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", magic, 0))

    def blob(self, data: bytes) -> tuple[int, int]:
        self.data += data
        return len(self.data) - len(data), len(data)

    def directory(self, rows: Mapping[int, int | bytes], following: int = 0) -> int:
        places = {tag: self.blob(value) for tag, value in rows.items() if isinstance(value, bytes)}
        start = len(self.data)
        self.data += struct.pack(f"{self.order}H", len(rows))
        for tag, value in sorted(rows.items()):
            kind, count, number = (
                (LONG, 1, value) if isinstance(value, int) else (UNDEFINED, *places[tag][::-1])
            )
            self.data += struct.pack(f"{self.order}HHII", tag, kind, count, number)
        self.data += struct.pack(f"{self.order}I", following)
        return start

    def written(self, path: Path, first: int) -> Path:
        self.data[4:8] = struct.pack(f"{self.order}I", first)
        path.write_bytes(self.data)
        return path


def nef(path: Path, preview: bytes, order: str = "<", orientation: int = 1) -> Path:
    """As Nikon does it: a thumbnail first, the preview in a directory below, the RAW data behind."""
    tiff = Tiff(order)
    thumbnail, raw_data = tiff.blob(bytes(160 * 120 * 3)), tiff.blob(bytes(100_000))
    offset, length = tiff.blob(preview)
    below = tiff.directory({JPEG: offset, JPEG_LENGTH: length})
    last = tiff.directory({STRIP: raw_data[0], STRIP_LENGTH: raw_data[1]})
    rows = {STRIP: thumbnail[0], STRIP_LENGTH: thumbnail[1], ORIENTATION: orientation, SUB_DIRECTORIES: below}
    return tiff.written(path, tiff.directory(rows, following=last))


def cr2(path: Path) -> Path:
    """As Canon does it: the preview first, the RAW data as a lossless JPEG in a later directory."""
    tiff = Tiff()
    preview, raw_data = tiff.blob(jpeg()), tiff.blob(lossless_jpeg())
    later = tiff.directory({STRIP: raw_data[0], STRIP_LENGTH: raw_data[1]})
    first = tiff.directory({STRIP: preview[0], STRIP_LENGTH: preview[1]}, following=later)
    return tiff.written(path, first)


def rw2(path: Path) -> Path:
    """As Panasonic does it: a magic number of its own, and the JPEG as the value of a tag."""
    tiff = Tiff(magic=0x55)
    return tiff.written(path, tiff.directory({JPG_FROM_RAW: jpeg()}))


def raf(path: Path, preview: bytes) -> Path:
    """As Fujifilm does it: no TIFF at all, the JPEG's place at a fixed place."""
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 200, len(preview))
    path.write_bytes(head.ljust(200, b"\0") + preview + bytes(1000))
    return path


@pytest.fixture(autouse=True)
def no_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here is about the code here, also where rawpy is installed."""
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "rawpy" else pytest.fail(name)
    )


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_nikon(tmp_path: Path, order: str) -> None:
    assert load_gray(nef(tmp_path / "DSC_1.NEF", jpeg(), order), EDGE).size == (900, 600)


def test_canon_whose_raw_data_is_the_largest_jpeg(tmp_path: Path) -> None:
    assert load_gray(cr2(tmp_path / "IMG_1.CR2"), EDGE).size == (900, 600)


def test_panasonic(tmp_path: Path) -> None:
    assert load_gray(rw2(tmp_path / "P1.RW2"), EDGE).size == (900, 600)


def test_fujifilm(tmp_path: Path) -> None:
    assert load_gray(raf(tmp_path / "DSCF1.RAF", jpeg()), EDGE).size == (900, 600)


def test_a_raw_photograph_is_scored(tmp_path: Path) -> None:
    scores = evaluate(load_gray(cr2(tmp_path / "IMG_1.CR2"), WORKING_EDGE))

    assert 1.0 <= scores["overall_score"] <= 5.0


def test_the_preview_is_turned_as_the_raw_file_says(tmp_path: Path) -> None:
    turned = load_gray(nef(tmp_path / "DSC_1.NEF", jpeg(), orientation=6), EDGE)

    assert turned.size == (600, 900)
    assert np.asarray(turned)[10, 590] > 250  # the left upper corner has gone to the right


def test_exif_is_asked_of_the_preview_where_the_file_itself_has_none_to_read(tmp_path: Path) -> None:
    path = raf(tmp_path / "DSCF1.RAF", jpeg(model="X-T5"))

    assert read_exif(path)["camera"]["model"] == "X-T5"


@pytest.mark.parametrize("content", [b"", jpeg(160, 120)], ids=["no preview", "only a thumbnail"])
def test_what_needs_rawpy_is_told_and_not_called_broken(tmp_path: Path, content: bytes) -> None:
    path = nef(tmp_path / "DSC_1.NEF", content)

    with pytest.raises(ReaderMissing, match=r"DSC_1\.NEF cannot be looked at without rawpy: install it"):
        load_gray(path, EDGE)


def test_cr3_needs_rawpy(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.CR3").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(1000))

    with pytest.raises(ReaderMissing, match="rawpy"):
        load_gray(tmp_path / "IMG_1.CR3", EDGE)
    assert read_exif(tmp_path / "IMG_1.CR3")["camera"]["make"] is None


def test_an_empty_raw_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.CR2").touch()

    with pytest.raises(UnreadablePhoto, match=r"empty \(0 bytes\)") as caught:
        load_gray(tmp_path / "IMG_1.CR2", EDGE)
    assert not isinstance(caught.value, ReaderMissing)


def test_directories_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    tiff = Tiff()
    first = tiff.directory({ORIENTATION: 1, SUB_DIRECTORIES: len(tiff.data)}, following=len(tiff.data))

    with pytest.raises(ReaderMissing):
        load_gray(tiff.written(tmp_path / "a.dng", first), EDGE)


def test_rawpy_is_asked_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Raw:
        def __init__(self, file: BinaryIO) -> None:
            assert file.read(8)[4:] == b"ftyp"

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def extract_thumb(self) -> types.SimpleNamespace:
            return types.SimpleNamespace(format="jpeg", data=jpeg())

    stand_in = types.SimpleNamespace(
        imread=Raw, ThumbFormat=types.SimpleNamespace(JPEG="jpeg"), LibRawError=OSError
    )
    monkeypatch.setitem(sys.modules, "rawpy", stand_in)
    (tmp_path / "IMG_1.CR3").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(1000))

    assert load_gray(tmp_path / "IMG_1.CR3", EDGE).size == (900, 600)
