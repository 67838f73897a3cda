"""Segments of JPEGs: those that programs write, and what a file can do to who walks them."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest

from junmai_jobs.photo.pictures.jpeg import (
    APP0,
    APP1,
    END_OF_IMAGE,
    MOST_SEGMENTS,
    START_OF_SCAN,
    end_of_picture,
    segments,
)
from tests.photo.pictures.blocks import jpeg, segment

EXIF = segment(APP1, b"Exif\0\0II*\0")


def test_what_stands_before_the_picture_is_listed_as_it_is() -> None:
    data = b"ahead" + jpeg(exif=b"Exif\0\0II*\0")

    found = segments(io.BytesIO(data), 5)

    assert [each.marker for each in found[:3]] == [APP0, APP1, 0xDB]
    assert (found[0].start, found[-1].marker) == (7, START_OF_SCAN)
    for one, following in itertools.pairwise(found):
        assert one.end == following.start
    exif = found[1]
    assert data[exif.start : exif.body] == b"\xff\xe1\0\x0c"
    assert data[exif.body : exif.end] == b"Exif\0\0II*\0"


def test_padding_and_markers_without_a_length_are_passed() -> None:
    data = b"\xff\xd8\xff\xff\xff\x01" + EXIF + b"\xff\xd9"

    assert [each.marker for each in segments(io.BytesIO(data))] == [0xFF, 0xFF, 0x01, APP1, END_OF_IMAGE]


@pytest.mark.parametrize(
    "rest", [b"", b"\xff", b"\xff\xe1", b"no marker", segment(APP1, b"")[:3] + b"\1"], ids=str
)
def test_where_a_file_is_broken_the_list_ends(rest: bytes) -> None:
    assert [each.marker for each in segments(io.BytesIO(b"\xff\xd8" + EXIF + rest))] == [APP1]


@pytest.mark.parametrize("endless", [b"\xff", b"\xff\x01", segment(APP1, b"")], ids=str)
def test_there_is_an_end_to_them(endless: bytes) -> None:
    file = io.BytesIO(b"\xff\xd8" + endless * (MOST_SEGMENTS + 1) + jpeg()[2:])

    assert len(segments(file)) == MOST_SEGMENTS


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}], ids=str)
def test_a_picture_ends_at_its_own_end_marker(options: dict[str, Any]) -> None:
    """And not at one in its thumbnail, in a table or behind it."""
    data, tables = jpeg(**options), segment(0xFE, b"\xff\xd9")
    scan = segments(io.BytesIO(data))[-1]
    whole = data[: scan.start] + tables + data[scan.start : -2] + tables + b"\xff\xd9"
    file = io.BytesIO(whole + data)

    assert end_of_picture(file, segments(file)[-1]) == len(whole)


@pytest.mark.parametrize("tail", [b"", b"\xff", bytes(200_000), b"\xff\xc4" * MOST_SEGMENTS * 2])
def test_a_picture_that_is_cut_off_has_no_end(tail: bytes) -> None:
    file = io.BytesIO(jpeg()[:-2] + tail)

    assert end_of_picture(file, segments(file)[-1]) is None


def test_an_end_marker_is_found_wherever_the_file_is_cut_into_pieces() -> None:
    data = jpeg()
    scan = segments(io.BytesIO(data))[-1]
    for filled in range(2**16 - 3, 2**16 + 3):
        file = io.BytesIO(data[: scan.end] + b"\1" * filled + b"\xff\xd9" + bytes(50))
        assert end_of_picture(file, scan) == scan.end + filled + 2
