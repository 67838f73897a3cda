"""The segments of a JPEG (ITU-T T.81, annex B), found within fixed limits whatever is in the file."""

from __future__ import annotations

import re
from typing import BinaryIO, NamedTuple

APP0, APP1, START_OF_SCAN, END_OF_IMAGE = 0xE0, 0xE1, 0xDA, 0xD9
EXIF_MARK = b"Exif\0\0"
"""What EXIF begins with in its ``APP1``."""
MOST_SEGMENTS = 10_000
"""Before the compressed picture: no camera writes so many, and no more of them are read."""

_PADDING = 0xFF
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # one that ends a part of the compressed picture
_PIECE = 2**16  # bytes


class Segment(NamedTuple):
    """A segment: the second byte of its marker, and where in the file it, its content and its end are."""

    marker: int
    start: int
    body: int
    end: int


def segments(file: BinaryIO, start: int = 0) -> list[Segment]:
    """List the segments of the JPEG at ``start``, up to where its compressed picture begins or it ends.

    The last one is a ``START_OF_SCAN`` or ``END_OF_IMAGE``, unless the file is broken before that or has more
    than ``MOST_SEGMENTS``; where the file is cut off, it ends behind the file. A byte of padding counts as a
    segment.
    """
    found: list[Segment] = []
    at = start + 2
    while len(found) < MOST_SEGMENTS and (segment := _segment_at(file, at)):
        found.append(segment)
        if segment.marker in {START_OF_SCAN, END_OF_IMAGE}:
            break
        at = segment.end
    return found


def end_of_picture(file: BinaryIO, scan: Segment) -> int | None:
    """Return where a picture ends, behind its end marker, by its first scan; None if it has no end."""
    segment = scan
    for _ in range(MOST_SEGMENTS):
        if segment.marker == END_OF_IMAGE:
            return segment.end
        at = _next_marker(file, segment.end)
        following = None if at is None else _segment_at(file, at)
        if following is None:
            return None
        segment = following
    return None


def _segment_at(file: BinaryIO, at: int) -> Segment | None:
    file.seek(at)
    head = file.read(4)
    if len(head) < 2 or head[0] != 0xFF:
        return None
    marker = head[1]
    if marker == _PADDING:
        return Segment(marker, at, at + 1, at + 1)
    if marker in _WITHOUT_LENGTH:
        return Segment(marker, at, at + 2, at + 2)
    end = at + 2 + int.from_bytes(head[2:], "big")
    return Segment(marker, at, at + 4, end) if end >= at + 4 else None


def _next_marker(file: BinaryIO, at: int) -> int | None:
    file.seek(at)
    while len(piece := file.read(_PIECE)) > 1:
        if found := _MARKER.search(piece):
            return at + found.start()
        at += len(piece) - 1  # the last byte may begin one
        file.seek(at)
    return None
