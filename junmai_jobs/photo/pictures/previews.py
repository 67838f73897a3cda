"""The JPEGs that a camera puts into its RAW file: what there is to look at without developing the RAW.

They are found by walking TIFF directories (CR2, NEF, ARW, DNG, PEF, SRW, RW2 and their kin), in a box of a
CR3 or at the fixed place of a RAF; ``rawpy``, where it is installed, finds those of the rest. The layouts are
those of TIFF 6.0, of ExifTool's tag tables and, for CR3, of Laurent Clévy's description
(https://github.com/lclevy/canon_cr3). Whether the RAW data is whole is not looked at.
"""

from __future__ import annotations

import importlib
import struct
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from junmai_jobs.photo.pictures.opening import MAX_BYTES
from junmai_jobs.photo.pictures.tiff import Block, Row

_Place = tuple[int, int]  # offset and length in bytes

_ORIENTATION, _SUB_DIRECTORIES, _JPG_FROM_RAW = 0x112, 0x14A, 0x2E  # the last one is Panasonic's
_OFFSET_AND_LENGTH = ((0x111, 0x117), (0x201, 0x202))  # of a strip (CR2, DNG); of a JPEG (NEF, ARW, PEF)
_BYTES = 7  # UNDEFINED
_RAF_PLACE = 84  # where a RAF tells the place of its JPEG, big-endian
_MOST_DIRECTORIES, _MOST_NUMBERS = 64, 64
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # marks the box of a CR3 that has others in it
_CANON_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_MOST_BOXES = 200
_MOST_BYTES = 256 * 2**20  # of a preview


def previews(file: BinaryIO) -> Iterator[bytes]:
    """Yield what may be the embedded JPEGs of an open RAW file: largest first, then the one rawpy finds."""
    for offset, length in preview_places(file):
        yield _read(file, offset, length)
    yield from previews_by_rawpy(file)


def preview_places(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield where, without rawpy, they may be: offset and length in bytes, largest first."""
    for offset, length in sorted(_places(file), key=lambda place: place[1], reverse=True):
        if length <= _MOST_BYTES and _read(file, offset, 3) == b"\xff\xd8\xff":
            yield offset, length


def previews_by_rawpy(file: BinaryIO) -> Iterator[bytes]:
    """Yield the one that rawpy finds, where it is installed and finds a JPEG."""
    try:
        rawpy = importlib.import_module("rawpy")
    except ImportError:
        return
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return
    if thumbnail.format == rawpy.ThumbFormat.JPEG:
        yield bytes(thumbnail.data)


def orientation(file: BinaryIO) -> int:
    """Return how an open RAW file wants to be turned: EXIF orientation 1 to 8, 1 where it does not say."""
    in_cr3 = (start for kind, start, _ in boxes(file) if kind == b"CMT1")
    for block, first in _directories(file, next(in_cr3, 0)):
        return next(iter(block.whole_numbers(first.get(_ORIENTATION))), 1)
    return 1


def _places(file: BinaryIO) -> set[_Place]:
    if _read(file, 0, 8) == b"FUJIFILM":
        return {struct.unpack(">II", _read(file, _RAF_PLACE, 8).ljust(8, b"\0"))}
    if in_cr3 := set(_places_in_cr3(file)):
        return in_cr3
    places: set[_Place] = set()
    for block, rows in _directories(file):
        for tags in _OFFSET_AND_LENGTH:
            offsets, lengths = (block.whole_numbers(rows.get(tag)) for tag in tags)
            if len(offsets) == len(lengths) == 1:  # a picture in many strips is not a JPEG
                places.add((offsets[0], lengths[0]))
        if (in_panasonic := rows.get(_JPG_FROM_RAW)) and in_panasonic.kind == _BYTES:
            places.add((in_panasonic.place, in_panasonic.size))
    return places


def _places_in_cr3(file: BinaryIO) -> Iterator[_Place]:
    for kind, start, end in boxes(file):
        head = _read(file, start, 64)
        if (
            kind == b"uuid"
            and head.startswith(_CANON_PREVIEW)
            and (skipped := head.find(b"\xff\xd8\xff")) > 0
        ):
            yield start + skipped, end - start - skipped


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a CR3: their kind, where their content begins and where it ends."""
    at = 0
    for _ in range(_MOST_BOXES if _read(file, 4, 8) == b"ftypcrx " else 0):
        head = _read(file, at, 24)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if size < 8:  # the end, or the RAW data, whose size stands elsewhere
            return
        if kind == b"moov":
            at += 8
        elif kind == b"uuid" and head[8:] == _CANON:
            at += 24
        else:
            yield kind, at + 8, at + size
            at += size


def _directories(file: BinaryIO, base: int = 0) -> Iterator[tuple[Block, dict[int, Row]]]:
    """Walk the TIFF directories of ``file``, the first one first; nothing where it has none."""
    head = Block.at(file, base)
    if head is None:
        return
    block, first = head
    pending, seen = deque([first]), {0}
    while pending and len(seen) <= _MOST_DIRECTORIES:
        offset = pending.popleft()
        if offset in seen:
            continue
        seen.add(offset)
        rows = block.rows(offset)
        pending += block.whole_numbers(rows.get(_SUB_DIRECTORIES))[:_MOST_NUMBERS]
        pending.append(block.following(offset))
        yield block, rows


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    if offset >= MAX_BYTES:
        return b""
    file.seek(offset)
    return file.read(length)
