"""The EXIF of a file, found where its format keeps it and read tag by tag: a bad one costs itself.

A TIFF and most RAWs are laid out as a block of EXIF themselves, a JPEG has one in a segment of its own, and a
CR3 has one directory in each of some boxes.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Literal, NamedTuple

from PIL import ExifTags, Image

from junmai_jobs.photo.exif.maker_notes import read_note
from junmai_jobs.photo.pictures import previews
from junmai_jobs.photo.pictures.decoding import decodable_format, pillow_limits
from junmai_jobs.photo.pictures.jpeg import APP1, EXIF_MARK, segments
from junmai_jobs.photo.pictures.tiff import Block, Row

Found = dict[str, Any]
"""EXIF values by their names in the standard: bytes or numbers."""
Subject = Literal["picture", "exposure", "place"]

_RAW_PROFILE = "Raw profile type exif"  # what older software wrote into a PNG: a title, a length, hex digits
_EXIF, _GPS, _MAKER_NOTE = 0x8769, 0x8825, 0x927C
_IN_CR3: dict[bytes, Subject] = {b"CMT1": "picture", b"CMT2": "exposure", b"CMT4": "place"}
_MOST_BLOCKS = 4


class Directory(NamedTuple):
    """A directory of EXIF: what it tells of, and its rows by their tags."""

    subject: Subject
    block: Block
    rows: dict[int, Row]


def directories(file: BinaryIO, info: Mapping[Any, Any] | None = None) -> Iterator[Directory]:
    """Find the EXIF directories of an open file; what an earlier one tells counts.

    Args:
        file: a picture or RAW file.
        info: what Pillow has told beside the picture, among it the block of a PNG, WebP or HEIC; None: it is
            opened for that.

    Raises:
        UnreadablePhoto, ReaderMissing: it has to be opened as a picture, and cannot be.
        OSError: its drive does not give it.
    """
    file.seek(0)
    head = file.read(12)
    if head[:2] in {b"II", b"MM"}:
        yield from _of_block(file, 0)
    elif head[:2] == b"\xff\xd8":
        yield from _of_jpeg(file, 0)
    elif head[4:] == b"ftypcrx ":
        for kind, start, _ in previews.boxes(file):
            if (subject := _IN_CR3.get(kind)) and (found := Block.at(file, start)):
                yield Directory(subject, found[0], found[0].rows(found[1]))
    elif not head.startswith(b"FUJIFILM"):  # it is all in its JPEG
        yield from _of_block(io.BytesIO(_block_beside(_opened(file) if info is None else info)), 0)


def read_blocks(file: BinaryIO) -> Found:
    """Read what the EXIF of an open file tells, the first block that tells it.

    Raises:
        UnreadablePhoto, ReaderMissing, OSError: as ``directories`` does.
    """
    return _read(directories(file))


def read_blocks_of_previews(file: BinaryIO) -> Found:
    """Read so the JPEGs that a camera put into an open RAW file; the largest one counts most."""
    found: Found = {}
    for start, _ in previews.preview_places(file):
        found = _read(_of_jpeg(file, start)) | found
    by_rawpy = (_read(_of_jpeg(io.BytesIO(jpeg), 0)) for jpeg in previews.previews_by_rawpy(file))
    return found or next(by_rawpy, {})


def _opened(file: BinaryIO) -> Mapping[Any, Any]:
    with pillow_limits():
        info: Mapping[Any, Any] = Image.open(file, formats=(decodable_format(file, "it"),)).info
    return info


def _block_beside(info: Mapping[Any, Any]) -> bytes:
    block: bytes = info.get("exif") or b""
    with contextlib.suppress(ValueError):  # no hex digits
        block = block or bytes.fromhex("".join(info.get(_RAW_PROFILE, "").split()[2:]))
    return block.removeprefix(EXIF_MARK)


def _of_jpeg(file: BinaryIO, start: int) -> Iterator[Directory]:
    blocks = 0
    for segment in segments(file, start):
        file.seek(segment.body)
        if segment.marker == APP1 and file.read(len(EXIF_MARK)) == EXIF_MARK and blocks < _MOST_BLOCKS:
            blocks += 1
            yield from _of_block(file, segment.body + len(EXIF_MARK))


def _of_block(file: BinaryIO, base: int) -> Iterator[Directory]:
    head = Block.at(file, base)
    if head is None:
        return
    block, first = head
    picture = block.rows(first)
    yield Directory("picture", block, picture)
    yield Directory("exposure", block, block.below(picture.get(_EXIF)))
    yield Directory("place", block, block.below(picture.get(_GPS)))


def _read(found: Iterable[Directory]) -> Found:
    told: dict[Subject, Found] = {"picture": {}, "exposure": {}, "place": {}}
    notes = []
    for subject, block, rows in found:
        names = ExifTags.GPSTAGS if subject == "place" else ExifTags.TAGS
        told[subject] = _named(block, rows, names) | told[subject]
        if note := rows.get(_MAKER_NOTE):
            notes.append((block, note))
    picture, exposure, place = told.values()
    values = picture | exposure | place
    make = values.get("Make")
    for block, note in notes:
        values = read_note(block, note, make.decode("latin-1") if isinstance(make, bytes) else "") | values
    return values


def _named(block: Block, rows: dict[int, Row], names: Mapping[int, str]) -> Found:
    values = ((names[tag], block.value(row)) for tag, row in rows.items() if tag in names)
    return {name: value for name, value in values if value}
