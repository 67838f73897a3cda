"""The EXIF that an exported picture carries: the camera's own values, each as the camera wrote it.

Values are copied as bytes and never interpreted, so that none is lost or reworded, however odd. Left behind
is what would be untrue of the new picture: thumbnails and maker notes, which show it as it was before, and
the layout of the old file. The layout is that of TIFF 6.0, the tags are those of Exif 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

Rows = dict[int, tuple[int, int, bytes]]  # tag -> its type, its count, its value in little-endian bytes

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 4,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 8,
    13: 4,
    129: 1,
}  # of a number
_RATIONALS = {5, 10}  # of two numbers each
_BYTES, _TEXT, _SHORT, _LONG = 7, 2, 3, 4
_HEAD, _MARK = b"II*\0", b"Exif\0\0"  # of little-endian TIFF; of EXIF in a JPEG

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
_MOST_BYTES, _MOST_ROWS = 20_000, 500


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


def read_block(file: BinaryIO) -> CameraExif:
    """Read an EXIF block, or a file laid out like one (TIFF, most RAWs); what cannot be read is not there."""
    file.seek(0)
    if file.read(len(_MARK)) == _MARK:
        file = io.BytesIO(file.read())
    file.seek(0)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8 or b"+" in head[2:4]:  # a BigTIFF is laid out otherwise
        return CameraExif({}, {}, {})
    (start,) = struct.unpack(f"{order}I", head[4:])

    def below(pointer: tuple[int, int, bytes] | None, wanted: Callable[[int], bool]) -> Rows:
        offset = int.from_bytes(pointer[2][:4], "little") if pointer else 0
        return _rows(file, order, offset, wanted) if offset else {}

    kept = _OF_ANY_PICTURE | {_EXIF, _GPS} | (_OF_AN_EXPOSURE - _OF_THE_OLD_FILE)
    base = _rows(file, order, start, lambda tag: tag in kept)
    misplaced = {tag: base.pop(tag) for tag in list(base) if tag in _OF_AN_EXPOSURE}
    exposure = misplaced | below(base.pop(_EXIF, None), lambda tag: tag not in _OF_THE_OLD_FILE - {_INTEROP})
    place = below(base.pop(_GPS, None), lambda _: True)
    interop = below(exposure.pop(_INTEROP, None), lambda tag: tag == _INTEROP_INDEX)
    marks = interop.get(_INTEROP_INDEX, (0, 0, b""))[2], exposure.get(_COLOR_SPACE, (0, 0, b""))[2]
    is_adobe_rgb = marks[0].startswith(b"R03") or int.from_bytes(marks[1], "little") == _ADOBE_RGB
    return CameraExif(base, exposure, place, is_adobe_rgb)


def exif_block(exif: CameraExif) -> bytes:
    """Lay EXIF out for a JPEG, PNG or WebP."""
    centered = exif.picture | {_POSITIONING: _number(_SHORT, 1)}  # of colour samples: so libjpeg does it
    exif, start = replace(exif, picture=centered), len(_HEAD) + 4
    return _MARK + _HEAD + struct.pack("<I", start) + _directories(exif, start)


def with_exif(tiff: bytes, exif: CameraExif) -> bytes:
    """Put EXIF into a little-endian TIFF of one picture, whose own values win."""
    (start,) = struct.unpack("<I", tiff[4:8])
    own = _rows(io.BytesIO(tiff), "<", start, lambda _: True, most_bytes=len(tiff))
    tiff += bytes(len(tiff) % 2)
    merged = CameraExif(exif.picture | own, exif.exposure, exif.place)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + _directories(merged, len(tiff))


def _rows(
    file: BinaryIO, order: str, offset: int, wanted: Callable[[int], bool], most_bytes: int = _MOST_BYTES
) -> Rows:
    """Read the wanted rows of a directory, whole ones only, and as many as there is room for."""
    file.seek(offset)
    (count,) = struct.unpack(f"{order}H", file.read(2).ljust(2, b"\0"))
    table = file.read(12 * min(count, _MOST_ROWS))
    found: Rows = {}
    for tag, kind, number, field in struct.iter_unpack(f"{order}HHI4s", table[: len(table) // 12 * 12]):
        length = _SIZES.get(kind, 0) * (2 if kind in _RATIONALS else 1) * number
        if not wanted(tag) or not 0 < length <= most_bytes:
            continue
        if length > len(field):
            file.seek(struct.unpack(f"{order}I", field)[0])
        data = field[:length] if length <= len(field) else file.read(length)
        if len(data) == length:
            most_bytes -= length
            found[tag] = kind, number, data if order == "<" else _turned_round(data, _SIZES[kind])
    return found


def _turned_round(data: bytes, size: int) -> bytes:
    """Change the byte order of numbers of ``size`` bytes."""
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


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
