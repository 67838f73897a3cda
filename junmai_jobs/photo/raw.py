"""The JPEGs that a camera puts into its RAW file: what there is to look at without developing the RAW.

They are found by walking TIFF directories (CR2, NEF, ARW, DNG, PEF, SRW, RW2 and their kin) or at the fixed
place of a RAF; ``rawpy``, where it is installed, finds those of CR3 and the rest. The layouts are those of
the TIFF 6.0 specification and of ExifTool's tag tables. Whether the RAW data is whole is not looked at.
"""

from __future__ import annotations

import importlib
import struct
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

_Directory = dict[int, list[int]]  # tag -> its whole numbers; for a value of bytes [offset, length]
_Place = tuple[int, int]  # offset and length in bytes

_ORIENTATION, _SUB_DIRECTORIES, _JPG_FROM_RAW = 0x112, 0x14A, 0x2E  # the last one is Panasonic's
_OFFSET_AND_LENGTH = ((0x111, 0x117), (0x201, 0x202))  # of a strip (CR2, DNG); of a JPEG (NEF, ARW, PEF)
_NUMBER_CODES = {3: "H", 4: "I", 13: "I"}  # SHORT, LONG, IFD
_BYTES = 7  # UNDEFINED
_RAF_PLACE = 84  # where a RAF tells the place of its JPEG, big-endian
_MOST_DIRECTORIES, _MOST_NUMBERS = 64, 64
_MOST_BYTES = 256 * 2**20  # of a preview


def previews(file: BinaryIO) -> Iterator[bytes]:
    """Yield what may be the embedded JPEGs of an open RAW file: largest first, then the one rawpy finds."""
    for offset, length in sorted(_places(file), key=lambda place: place[1], reverse=True):
        if length <= _MOST_BYTES and _read(file, offset, 3) == b"\xff\xd8\xff":
            yield _read(file, offset, length)
    yield from _by_rawpy(file)


def orientation(file: BinaryIO) -> int:
    """Return how an open RAW file wants to be turned: EXIF orientation 1 to 8, 1 where it does not say."""
    first = next(_directories(file), {})
    return first.get(_ORIENTATION, [1])[0]


def _places(file: BinaryIO) -> set[_Place]:
    if _read(file, 0, 8) == b"FUJIFILM":
        return {struct.unpack(">II", _read(file, _RAF_PLACE, 8).ljust(8, b"\0"))}
    places: set[_Place] = set()
    for directory in _directories(file):
        for offset_tag, length_tag in _OFFSET_AND_LENGTH:
            offsets, lengths = directory.get(offset_tag, []), directory.get(length_tag, [])
            if len(offsets) == len(lengths) == 1:  # a picture in many strips is not a JPEG
                places.add((offsets[0], lengths[0]))
        if len(in_panasonic := directory.get(_JPG_FROM_RAW, [])) == 2:
            places.add((in_panasonic[0], in_panasonic[1]))
    return places


def _directories(file: BinaryIO) -> Iterator[_Directory]:
    """Walk the TIFF directories of ``file``, the first one first; nothing where it has none."""
    head = _read(file, 0, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return
    pending = deque(struct.unpack(f"{order}I", head[4:]))
    seen = {0}
    while pending and len(seen) <= _MOST_DIRECTORIES:
        offset = pending.popleft()
        if offset in seen:
            continue
        seen.add(offset)
        (count,) = struct.unpack(f"{order}H", _read(file, offset, 2).ljust(2, b"\0"))
        rows = _read(file, offset + 2, count * 12)
        directory = {
            tag: _numbers(file, order, kind, number, value)
            for tag, kind, number, value in struct.iter_unpack(f"{order}HHI4s", rows[: len(rows) // 12 * 12])
        }
        pending += directory.get(_SUB_DIRECTORIES, [])
        pending += struct.unpack(f"{order}I", _read(file, offset + 2 + count * 12, 4).ljust(4, b"\0"))
        yield directory


def _numbers(file: BinaryIO, order: str, kind: int, count: int, value: bytes) -> list[int]:
    """Read the numbers of one directory row; its last four bytes are they, or where they are."""
    (offset,) = struct.unpack(f"{order}I", value)
    if kind == _BYTES:
        return [offset, count]
    if kind not in _NUMBER_CODES or count > _MOST_NUMBERS:
        return []
    layout = f"{order}{count}{_NUMBER_CODES[kind]}"
    size = struct.calcsize(layout)
    stored = value[:size] if size <= len(value) else _read(file, offset, size)
    return list(struct.unpack(layout, stored)) if len(stored) == size else []


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _by_rawpy(file: BinaryIO) -> Iterator[bytes]:
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
