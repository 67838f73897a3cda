"""The EXIF that an exported picture carries: the camera's own values, each as the camera wrote it.

Values are copied as bytes and never interpreted, so that none is lost or reworded, however odd. Left behind
is what would be untrue of the new picture: thumbnails and maker notes, which show it as it was before, and
the layout of the old file. The layout is that of TIFF 6.0, the tags are those of Exif 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from junmai_jobs.photo.exif.blocks import Subject, directories
from junmai_jobs.photo.pictures.jpeg import EXIF_MARK
from junmai_jobs.photo.pictures.tiff import Block, Row

Rows = dict[int, tuple[int, int, bytes]]  # tag -> its type, its count, its value in little-endian bytes

_BYTES, _TEXT, _SHORT, _LONG = 7, 2, 3, 4
_SIZES = {_SHORT: 2, _LONG: 4}
_OF_BIG_TIFF = frozenset({16, 17, 18})  # types that a block of EXIF cannot have
_HEAD = b"II*\0"  # of little-endian TIFF

_EXIF, _GPS, _INTEROP = 0x8769, 0x8825, 0xA005
_ORIENTATION, _MODEL, _POSITIONING, _COPYRIGHT = 0x112, 0x110, 0x213, 0x8298
_VERSION, _COLOR_SPACE, _WIDTH, _HEIGHT, _INTEROP_INDEX = 0x9000, 0xA001, 0xA002, 0xA003, 1
_SRGB, _ADOBE_RGB, _UNCALIBRATED = 1, 2, 0xFFFF  # of _COLOR_SPACE; 2 is no standard's, but some cameras'

# fmt: off
_OF_ANY_PICTURE = frozenset({
    0x10E, 0x10F, _MODEL, 0x11A, 0x11B, 0x128, 0x131, 0x132, 0x13B, 0x13C,  # description ... artist, host
    0x4746, 0x4749, _COPYRIGHT, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,  # rating, copyright, Windows' texts
})
# fmt: on
# Maker note, padding, Microsoft's offset; other directories, XMP, IPTC, Photoshop's block
_OF_THE_OLD_FILE = frozenset({0x927C, _INTEROP, 0xEA1C, 0xEA1D, _EXIF, _GPS, 0x2BC, 0x83BB, 0x8649})
# Some editors, and TIFF/EP, have these in the first directory: exposure time, aperture, ISO, and so on.
_OF_AN_EXPOSURE = frozenset({0x829A, 0x829D, 0x8822, 0x8827, *range(0x8830, 0x8836), *range(0x9000, 0xA500)})
# Of each directory: three of them fit into the 64 KiB that a JPEG has for its EXIF.
_MOST_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class CameraExif:
    """What is kept of a photograph's EXIF."""

    picture: Rows
    exposure: Rows
    place: Rows
    is_adobe_rgb: bool = False  # as cameras mark it, which seldom embed a profile

    @property
    def names_camera(self) -> bool:
        """Whether a camera model is in it: previews in RAW files often have next to none."""
        return _MODEL in self.picture

    def of_export(
        self, size: tuple[int, int], *, is_srgb: bool, kept: str = "all", holder: str | None = None
    ) -> CameraExif:
        """Say the truth about an upright picture of this width and height (px).

        Args:
            size: of the picture.
            is_srgb: whether it is in sRGB.
            kept: ``all`` of the camera's values, ``no_gps`` for all but the place, or ``none``.
            holder: the copyright to write in place of the camera's, as UTF-8.
        """
        color_space = _SRGB if is_srgb else _UNCALIBRATED
        own = CameraExif({}, {}, {}) if kept == "none" else self
        picture = own.picture | {_ORIENTATION: _number(_SHORT, 1)}
        if holder is not None:
            text = holder.encode() + b"\0"
            picture |= {_COPYRIGHT: (_TEXT, len(text), text)}
        exposure = {_VERSION: (_BYTES, 4, b"0232")} | own.exposure
        exposure |= {_WIDTH: _number(_LONG, size[0]), _HEIGHT: _number(_LONG, size[1])}
        exposure |= {_COLOR_SPACE: _number(_SHORT, color_space)}
        return CameraExif(picture, exposure, own.place if kept == "all" else {})


def read_camera_exif(file: BinaryIO, info: Mapping[Any, Any]) -> CameraExif:
    """Read what is kept of the EXIF of an open photograph; what cannot be read is not there.

    Args:
        file: a picture or RAW file.
        info: what Pillow has told beside the picture; nothing for a RAW file.
    """
    kept: dict[Subject, Rows] = {"picture": {}, "exposure": {}, "place": {}}
    in_adobe_rgb = False
    for subject, block, rows in directories(file, info):
        wanted = {tag: row for tag, row in rows.items() if _is_wanted(subject, tag)}
        room = _MOST_BYTES - sum(_room_for(len(data)) for _, _, data in kept[subject].values())
        kept[subject] = _copied(block, wanted, room) | kept[subject]
        if subject == "exposure":
            index = block.value(block.below(rows.get(_INTEROP)).get(_INTEROP_INDEX))
            in_adobe_rgb |= isinstance(index, bytes) and index.startswith(b"R03")
    picture, exposure, place = kept.values()
    exposure = {tag: picture.pop(tag) for tag in picture.keys() & _OF_AN_EXPOSURE} | exposure
    _, _, color_space = exposure.get(_COLOR_SPACE, (0, 0, b""))
    in_adobe_rgb |= int.from_bytes(color_space, "little") == _ADOBE_RGB
    return CameraExif(picture, exposure, place, in_adobe_rgb)


def exif_block(exif: CameraExif) -> bytes:
    """Lay EXIF out for a JPEG, PNG or WebP."""
    centered = exif.picture | {_POSITIONING: _number(_SHORT, 1)}  # of colour samples: so libjpeg does it
    exif, start = replace(exif, picture=centered), len(_HEAD) + 4
    return EXIF_MARK + _HEAD + struct.pack("<I", start) + _directories(exif, start)


def with_exif(tiff: bytes, exif: CameraExif) -> bytes:
    """Put EXIF into a little-endian TIFF of one picture, whose own values win."""
    (start,) = struct.unpack("<I", tiff[4:8])
    block = Block(io.BytesIO(tiff), "<")
    own = _copied(block, block.rows(start), len(tiff))
    tiff += bytes(len(tiff) % 2)
    merged = CameraExif(exif.picture | own, exif.exposure, exif.place)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + _directories(merged, len(tiff))


def _is_wanted(subject: Subject, tag: int) -> bool:
    if subject == "picture":
        return tag in _OF_ANY_PICTURE | _OF_AN_EXPOSURE and tag not in _OF_THE_OLD_FILE
    return subject == "place" or tag not in _OF_THE_OLD_FILE


def _copied(block: Block, rows: dict[int, Row], room: int) -> Rows:
    """Read whole values, as many as there is room for (bytes)."""
    found: Rows = {}
    for tag, row in rows.items():
        fits = row.size > 0 and _room_for(row.size) <= room
        if row.kind not in _OF_BIG_TIFF and fits and (data := block.in_little_endian(row)):
            room -= _room_for(row.size)
            found[tag] = row.kind, row.count, data
    return found


def _room_for(size: int) -> int:
    """Return the bytes that a value of this size takes in a directory: its row, and itself if not in that."""
    return 12 + (size + size % 2 if size > 4 else 0)


def _directories(exif: CameraExif, start: int) -> bytes:
    """Lay out the directories as they are to stand at ``start``; only their pointers lead to each other."""
    parts = [(tag, rows) for tag, rows in ((_EXIF, exif.exposure), (_GPS, exif.place)) if rows]
    base = exif.picture | {tag: _number(_LONG, 0) for tag, _ in parts}
    end = start + len(_directory(base, start))
    laid_out = []
    for tag, rows in parts:
        base[tag] = _number(_LONG, end)
        laid_out.append(_directory(rows, end))
        end += len(laid_out[-1])
    return b"".join([_directory(base, start), *laid_out])


def _directory(rows: Rows, start: int) -> bytes:
    table, values = struct.pack("<H", len(rows)), b""
    first_value = start + 2 + 12 * len(rows) + 4
    for tag, (kind, count, data) in sorted(rows.items()):
        field = data
        if len(data) > 4:
            field = struct.pack("<I", first_value + len(values))
            values += data + bytes(len(data) % 2)
        table += struct.pack("<HHI4s", tag, kind, count, field)
    return table + bytes(4) + values


def _number(kind: int, value: int) -> tuple[int, int, bytes]:
    return kind, 1, value.to_bytes(_SIZES[kind], "little")
