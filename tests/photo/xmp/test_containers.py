"""What a file can say of itself to who looks for its XMP: none of it costs memory, time, or another error."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import SidecarRefused
from junmai_jobs.photo.pictures.tiff import Block
from junmai_jobs.photo.xmp.containers import container, is_rated
from tests.photo.exif.tags import box, cr3
from tests.photo.pictures.blocks import Row, jpeg, segment, tiff
from tests.photo.sidecars import packet
from tests.photographs import PILLOW, camera_photographs, unpacked

PILLOWS = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
MEGABYTE = 2**20
XMP, RATING, BYTE, SHORT, LONG = 700, 0x4746, 1, 3, 4
RATED = packet('xmp:Rating="4">').encode()
HEADER = b"http://ns.adobe.com/xap/1.0/\0"


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * MEGABYTE


def having(data: bytes, xmp: bytes = b"<x/>") -> bytes:
    held = container(io.BytesIO(data), "a") or pytest.fail("no container")
    return held.having(xmp).read()


def with_hole(path: Path, head: bytes, size: int, tail: bytes) -> Path:
    """A file of so many bytes before its tail, of which the disk holds next to none."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
        file.seek(0, io.SEEK_END)
        file.write(tail)
    return path


def tiff_with_xmp_at(place: int, count: int = len(RATED), more: Row | None = None) -> bytes:
    return tiff([(XMP, BYTE, count, struct.pack("<I", place)), *([more] if more else [])])[:-4] + bytes(4)


# ---- stars, wherever they are ----------------------------------------------------------------------


def test_a_rating_counts_however_much_of_the_file_is_before_it(tmp_path: Path) -> None:
    padding = segment(0xE2, bytes(65_000)) * 80
    behind_much = b"\xff\xd8" + padding + segment(0xE1, HEADER + RATED) + jpeg()[2:]
    at_the_end = with_hole(tmp_path / "a.dng", tiff_with_xmp_at(300 * MEGABYTE), 300 * MEGABYTE, RATED)

    assert is_rated(io.BytesIO(behind_much), "a.jpg")
    with at_the_end.open("rb") as file, little_memory():
        assert is_rated(file, "a.dng")


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize(("kind", "code"), [(SHORT, "H"), (LONG, "I")])
@pytest.mark.parametrize("stars", [0, 3])
def test_stars_of_the_camera_count(order: str, kind: int, code: str, stars: int) -> None:
    exif = tiff([(RATING, kind, 1, struct.pack(order + code, stars))], order=order)
    inside = b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + exif) + jpeg()[2:]

    assert [is_rated(io.BytesIO(data), "a") for data in (exif, inside)] == [stars > 0] * 2


@pytest.mark.parametrize("stars", [0, 3])
def test_stars_that_canon_writes_into_a_box_of_xmp_count(stars: int) -> None:
    xmp = packet(f"><xmp:Rating>{stars}</xmp:Rating>").encode()
    marked = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + xmp)
    at = (canons := cr3()).index(b"moov") - 4
    assert is_rated(io.BytesIO(canons[:at] + marked + canons[at:]), "a.cr3") == (stars > 0)
    assert not is_rated(io.BytesIO(canons), "a.cr3")


# ---- what cannot be --------------------------------------------------------------------------------


def broken() -> dict[str, tuple[bytes, str]]:
    several = (PILLOWS / "sugarshack.mpo").read_bytes()
    block, first = Block.at(io.BytesIO(several), several.index(b"MPF\0") + 4) or pytest.fail("no list")
    length = block.rows(first)[0xB002].place + 4  # of the first picture
    return {
        "a list of pictures with an endless one": (
            several[:length] + b"\xff\xff\xff\xff" + several[length + 4 :], "a damaged list of them",
        ),
        "2 ** 60 rows": (tiff([(1, SHORT, 1, b"")] * 600, is_big=True, count=2**60), "is no TIFF"),
        "65,535 rows": (tiff([(1, SHORT, 1, b"")] * 65_535), "is no TIFF"),
        "4 GiB of XMP": (tiff_with_xmp_at(8, 2**32 - 1), "holds more than 16 MiB of XMP"),
        "17 MiB of XMP": (tiff_with_xmp_at(8, 17 * MEGABYTE), "holds more than 16 MiB of XMP"),
        "XMP behind its end": (tiff_with_xmp_at(2**31, 1000), "is no TIFF"),
        "pictures without end": (chain(20_000), "is no TIFF"),
        "segments without end": (b"\xff\xd8" + b"\xff" * 20_000 + jpeg()[2:], "is damaged before"),
        "a segment behind its end": (b"\xff\xd8\xff\xe1\xff\xff" + bytes(100), "is damaged before"),
    }  # fmt: skip


def chain(count: int) -> bytes:
    """A TIFF of so many directories."""
    places = range(8, 8 + 18 * count, 18)
    rows = (struct.pack("<HHHIII", 1, 1, SHORT, 1, 0, place + 18) for place in places)
    return b"II*\0" + struct.pack("<I", 8) + b"".join(rows)


@pytest.mark.parametrize("name", broken())
def test_what_cannot_be_is_refused_at_once(name: str) -> None:
    data, message = broken()[name]

    with little_memory(), pytest.raises(SidecarRefused, match=message):
        having(data)
    assert not is_rated(io.BytesIO(data), "a")


def test_any_damage_raises_nothing_but_our_errors() -> None:
    for path in (camera_photographs()[-1], PILLOWS / "xmp_test.jpg", PILLOWS / "hopper_bigtiff.tif",
                 PILLOWS / "sugarshack.mpo"):  # fmt: skip
        whole = path.read_bytes()
        for at in range(0, min(len(whole), 4000), 7):
            for data in (whole[:at], whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]):
                try:
                    held = container(io.BytesIO(data), "a")
                    if held:
                        held.having(held.xmp or b"<x/>").read()
                except SidecarRefused:
                    pass


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    before = jpeg()
    giant = with_hole(tmp_path / "a.jpg", before[:-2], 300 * MEGABYTE, b"\xff\xd9")

    with giant.open("rb") as file, little_memory():
        held = container(file, "a.jpg") or pytest.fail("no container")
        new = held.having(RATED)
        again = container(new, "a.jpg") or pytest.fail("no container")
        assert again.xmp == RATED
        assert new.seek(0, io.SEEK_END) == 300 * MEGABYTE + 2 + 4 + len(HEADER) + len(RATED)
        new.seek(-1, io.SEEK_END)
        assert new.read() == b"\xd9"
