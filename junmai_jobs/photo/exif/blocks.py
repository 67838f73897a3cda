"""The EXIF blocks of a file, found where its format keeps them and read tag by tag: a bad one costs itself.

A TIFF and most RAWs are laid out as a block themselves, a JPEG has one in a segment of its own, and a CR3 has
one in each of some boxes.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from PIL import ExifTags, Image

from junmai_jobs.photo.exif.maker_notes import read_note
from junmai_jobs.photo.pictures import previews
from junmai_jobs.photo.pictures.decoding import decodable_format, pillow_limits
from junmai_jobs.photo.pictures.tiff import Block, Row

Found = dict[str, Any]
"""EXIF values by their names in the standard: bytes or numbers."""

_MARK = b"Exif\0\0"  # of EXIF in a JPEG
_RAW_PROFILE = "Raw profile type exif"  # what older software wrote into a PNG: a title, a length, hex digits
_EXIF, _GPS, _MAKE, _MAKER_NOTE = 0x8769, 0x8825, 0x10F, 0x927C
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})  # segments of a JPEG
_MOST_SEGMENTS, _MOST_BLOCKS = 10_000, 4


def read_blocks(file: BinaryIO) -> Found:
    """Read what the EXIF blocks of an open file tell, the first one that tells it.

    Raises:
        UnreadablePhoto, ReaderMissing: it has to be opened as a picture, and cannot be.
        OSError: its drive does not give it.
    """
    file.seek(0)
    head = file.read(12)
    if head[:2] in {b"II", b"MM"}:
        return _of_block(file, 0)
    if head[:2] == b"\xff\xd8":
        return _of_jpeg(file, 0)
    if head[4:] == b"ftypcrx ":
        return _of_cr3(file)
    if head.startswith(b"FUJIFILM"):
        return {}  # it is all in its JPEG
    with pillow_limits():
        info = Image.open(file, formats=(decodable_format(file, "it"),)).info
    block = info.get("exif") or bytes.fromhex("".join(info.get(_RAW_PROFILE, "").split()[2:]))
    return _of_block(io.BytesIO(block.removeprefix(_MARK)), 0)


def read_blocks_of_previews(file: BinaryIO) -> Found:
    """Read so the JPEGs that a camera put into an open RAW file; the largest one counts most."""
    found: Found = {}
    for start, _ in previews.preview_places(file):
        found = _of_jpeg(file, start) | found
    return found or next((_of_jpeg(io.BytesIO(jpeg), 0) for jpeg in previews.previews_by_rawpy(file)), {})


def _of_block(file: BinaryIO, base: int, names: Mapping[int, str] = ExifTags.TAGS) -> Found:
    head = Block.at(file, base)
    if head is None:
        return {}
    block, first = head
    rows, _ = block.directory(first)
    exposure, place = (_below(block, rows.get(pointer)) for pointer in (_EXIF, _GPS))
    found = _named(block, rows, names)
    found |= _named(block, exposure, names) | _named(block, place, ExifTags.GPSTAGS)
    if note := exposure.get(_MAKER_NOTE) or rows.get(_MAKER_NOTE):
        make = block.value(rows.get(_MAKE))
        found |= read_note(block, note, make.decode("latin-1") if isinstance(make, bytes) else "")
    return found


def _below(block: Block, pointer: Row | None) -> dict[int, Row]:
    offset = next(iter(block.whole_numbers(pointer)), 0)
    return block.directory(offset)[0] if offset else {}


def _named(block: Block, rows: dict[int, Row], names: Mapping[int, str]) -> Found:
    values = ((names[tag], block.value(row)) for tag, row in rows.items() if tag in names)
    return {name: value for name, value in values if value}


def _of_jpeg(file: BinaryIO, start: int) -> Found:
    found: Found = {}
    for base in itertools.islice(_exif_of_jpeg(file, start), _MOST_BLOCKS):
        found = _of_block(file, base) | found
    return found


def _exif_of_jpeg(file: BinaryIO, start: int) -> Iterator[int]:
    at = start + 2
    for _ in range(_MOST_SEGMENTS):
        file.seek(at)
        head = file.read(4 + len(_MARK))
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:  # the picture itself begins
            return
        if head[1:2] + head[4:] == b"\xe1" + _MARK:
            yield at + len(head)
        if head[1] == 0xFF:  # padding
            at += 1
        else:
            at += 2 + (0 if head[1] in _WITHOUT_LENGTH else int.from_bytes(head[2:4], "big"))


def _of_cr3(file: BinaryIO) -> Found:
    found: Found = {}
    for kind, start, _ in previews.boxes(file):
        if kind in {b"CMT1", b"CMT2"}:  # of the picture, of the exposure
            found |= _of_block(file, start)
        elif kind == b"CMT4":
            found |= _of_block(file, start, ExifTags.GPSTAGS)
    return found
