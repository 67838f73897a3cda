"""No RAW file is free to carry along: these are built by hand, as the cameras lay theirs out."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pytest

from junmai_jobs.photo.errors import ReaderMissing, UnreadablePhoto
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from tests.photo.pictures.raw_files import ORIENTATION, SUB_DIRECTORIES, Tiff, cr2, jpeg, nef, raf, rw2

EDGE = 1500


@pytest.fixture(autouse=True)
def no_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here is about the code here, also where rawpy is installed."""
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "rawpy" else pytest.fail(name)
    )


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_nikon(tmp_path: Path, order: str) -> None:
    assert load_color(nef(tmp_path / "DSC_1.NEF", jpeg(), order), EDGE).size == (900, 600)


def test_canon_whose_raw_data_is_the_largest_jpeg(tmp_path: Path) -> None:
    assert load_color(cr2(tmp_path / "IMG_1.CR2"), EDGE).size == (900, 600)


def test_panasonic(tmp_path: Path) -> None:
    assert load_color(rw2(tmp_path / "P1.RW2"), EDGE).size == (900, 600)


def test_fujifilm(tmp_path: Path) -> None:
    assert load_color(raf(tmp_path / "DSCF1.RAF", jpeg()), EDGE).size == (900, 600)


def test_a_raw_photograph_is_scored(tmp_path: Path) -> None:
    scores = evaluate(load_color(cr2(tmp_path / "IMG_1.CR2"), WORKING_EDGE))

    assert 1.0 <= scores["overall_score"] <= 5.0


def test_the_preview_is_turned_as_the_raw_file_says(tmp_path: Path) -> None:
    turned = load_color(nef(tmp_path / "DSC_1.NEF", jpeg(), orientation=6), EDGE)

    assert turned.size == (600, 900)
    assert np.asarray(turned)[10, 590].min() > 250  # the left upper corner has gone to the right


def test_exif_is_asked_of_the_preview_where_the_file_itself_has_none_to_read(tmp_path: Path) -> None:
    path = raf(tmp_path / "DSCF1.RAF", jpeg(model="X-T5"))

    assert read_exif(path)["camera"]["model"] == "X-T5"


@pytest.mark.parametrize("content", [b"", jpeg(160, 120)], ids=["no preview", "only a thumbnail"])
def test_what_needs_rawpy_is_told_and_not_called_broken(tmp_path: Path, content: bytes) -> None:
    path = nef(tmp_path / "DSC_1.NEF", content)

    with pytest.raises(ReaderMissing, match=r"DSC_1\.NEF cannot be looked at without rawpy: install it"):
        load_color(path, EDGE)


def test_cr3_needs_rawpy(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.CR3").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(1000))

    with pytest.raises(ReaderMissing, match="rawpy"):
        load_color(tmp_path / "IMG_1.CR3", EDGE)
    assert read_exif(tmp_path / "IMG_1.CR3")["camera"]["make"] is None


def test_an_empty_raw_file_is_broken(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.CR2").touch()

    with pytest.raises(UnreadablePhoto, match=r"empty \(0 bytes\)") as caught:
        load_color(tmp_path / "IMG_1.CR2", EDGE)
    assert not isinstance(caught.value, ReaderMissing)


def test_directories_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    tiff = Tiff()
    first = tiff.directory({ORIENTATION: 1, SUB_DIRECTORIES: len(tiff.data)}, following=len(tiff.data))

    with pytest.raises(ReaderMissing):
        load_color(tiff.written(tmp_path / "a.dng", first), EDGE)


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

    assert load_color(tmp_path / "IMG_1.CR3", EDGE).size == (900, 600)
