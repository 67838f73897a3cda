"""Directories of TIFF: both sizes, both byte orders, and what they say that cannot be."""

from __future__ import annotations

import io
import struct

import pytest

from junmai_jobs.photo.pictures.tiff import MOST_ROWS, Block
from tests.photo.pictures.blocks import tiff


def opened(data: bytes) -> tuple[Block, int]:
    return Block.at(io.BytesIO(data)) or pytest.fail("no TIFF")


@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_rows_tell_where_they_are_and_their_values(order: str, *, is_big: bool) -> None:
    short, far = struct.pack(order + "2H", 258, 3), struct.pack(order + ("Q" if is_big else "I"), 2)
    data = tiff([(1, 3, 2, short), (2, 2, 30, far), (2, 2, 1, b"B")], order=order, is_big=is_big)
    block, first = opened(data)

    rows = block.rows(first)

    assert (list(rows), block.following(first)) == ([1, 2], first)
    assert data[rows[1].at : rows[1].at + 2] == struct.pack(order + "H", 1)
    assert data[rows[1].place : rows[1].place + rows[1].size] == short
    assert (block.whole_numbers(rows[1]), block.in_little_endian(rows[1])) == ([258, 3], b"\2\1\3\0")
    assert (rows[2].place, block.value(rows[2])) == (2, data[2:32])  # the first row of a tag counts


@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
def test_a_directory_that_says_it_has_more_rows_than_any_is_read_to_a_limit(*, is_big: bool) -> None:
    said = 2**64 - 1 if is_big else 0xFFFF
    block, first = opened(tiff([(tag, 3, 1, b"") for tag in range(1000)], is_big=is_big, count=said))

    count, table = block.table(first)

    assert (count, len(table)) == (said, MOST_ROWS * (20 if is_big else 12))
    assert (len(block.rows(first)), block.following(first)) == (MOST_ROWS, 0)


@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("place", [2**31, 2**32 - 1, 2**63, 2**64 - 1])
def test_what_is_said_to_be_where_no_file_reaches_is_not_there(place: int, *, is_big: bool) -> None:
    far = struct.pack("<Q", place) if is_big else struct.pack("<I", max(place % 2**32, 2**31))
    pointer = 18 if is_big else 4
    block, first = opened(tiff([(1, 5, 2, far), (2, 12, 2**30, far), (3, pointer, 1, far)], is_big=is_big))

    rows = block.rows(first)

    assert [block.value(rows[tag]) for tag in (1, 2)] == [[], []]
    assert (block.in_little_endian(rows[1]), block.below(rows[3]), block.below(rows[1])) == (b"", {}, {})
