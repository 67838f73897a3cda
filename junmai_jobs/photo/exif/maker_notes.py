"""What only the maker's own note tells: the lens, the ISO and the serial number of the camera.

A maker note is a directory of the maker's own tags behind a mark of its own. The layouts and the tags are
those that ExifTool documents (https://exiftool.org/TagNames). Lenses that are only a number in the note would
need each maker's list of lenses, which is not here; nor is anything read that a maker encrypts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from junmai_jobs.photo.pictures.tiff import Block, Row, Value

_BYTES = {1, 7}  # the types BYTE and UNDEFINED of TIFF
_MOST_CANON = 32 * 20  # of a logarithm in 1/32: no camera has an ISO of 2 ** 20 times anything

Values = dict[str, Value | str]
Rows = dict[int, Row]


def read_note(block: Block, row: Row, make: str) -> Values:
    """Read a maker note, whose row is in ``block``, by the camera's make.

    Returns:
        ``MakerLens``, a text; ``MakerISO``; ``MakerSerialNumber``: those that it tells.
    """
    head = block.read(row.place, min(row.size, 24))
    for layout in _LAYOUTS:
        if head.startswith(layout.mark) and make.lower().startswith(layout.make):
            note = layout.directory(block, row, head)
            return layout.read(note[0], note[0].rows(note[1])) if note else {}
    return {}


def lens_range(numbers: Sequence[float]) -> str | None:
    """Name a lens by its range, ``14-24mm f/2.8``.

    Args:
        numbers: the shortest and the longest focal length (mm), then, if known, the least f-number at each.
    """
    focal, aperture = _span(numbers[:2]), _span(numbers[2:4])
    if focal is None:
        return None
    return f"{focal}mm f/{aperture}" if aperture else f"{focal}mm"


def _span(ends: Sequence[float]) -> str | None:
    shown = [f"{round(end, 1):g}" for end in ends if math.isfinite(end) and end > 0]
    return "-".join(dict.fromkeys(shown)) or None


# ---- where the directory of a note is ----------------------------------------------------------------

_Place = tuple[Block, int]  # of a directory: what its offsets count from, and its own offset


def _from_block(skipped: int) -> Callable[[Block, Row, bytes], _Place]:
    """Behind so many bytes; offsets count as in the EXIF around it, the byte order may be another."""

    def directory(block: Block, row: Row, head: bytes) -> _Place:
        count = head[skipped : skipped + 2]  # in the wrong byte order it is huge
        order = min("<>", key=lambda order: int.from_bytes(count, "little" if order == "<" else "big"))
        return replace(block, order=order, is_big=False), row.place + skipped - block.base

    return directory


def _from_note(order_at: int) -> Callable[[Block, Row, bytes], _Place]:
    """Behind a byte order and a version; offsets count from the note."""

    def directory(block: Block, row: Row, head: bytes) -> _Place:
        order = ">" if head[order_at : order_at + 2] == b"MM" else "<"
        return Block(block.file, order, row.place), order_at + 4

    return directory


def _of_fujifilm(block: Block, row: Row, head: bytes) -> _Place:
    return Block(block.file, "<", row.place), int.from_bytes(head[8:12], "little")


def _of_nikon(block: Block, row: Row, _: bytes) -> _Place | None:
    return Block.at(block.file, row.place + 10)  # a TIFF of its own


# ---- what is in it -----------------------------------------------------------------------------------


def _canon(note: Block, rows: Rows) -> Values:
    settings = note.whole_numbers(rows.get(0x0001)) + [0] * 26  # camera settings
    shot = note.whole_numbers(rows.get(0x0004)) + [0] * 3
    units = settings[25] or 1  # in a millimetre
    lens = lens_range([settings[24] / units, settings[23] / units]) or ""
    found: Values = {"MakerLens": note.value(rows.get(0x0095)) or lens}
    if iso := _canon_iso(settings[16], automatic=shot[1], base=shot[2]):
        found["MakerISO"] = [iso]
    if serial := note.whole_numbers(rows.get(0x000C)):
        found["MakerSerialNumber"] = f"{serial[0]:010}"
    return found


def _canon_iso(chosen: int, *, automatic: int, base: int) -> float:
    """Return what was chosen, as it is or as a code, else what the camera chose: two logarithms, in 1/32."""
    if 0x4000 < chosen < 0x7FFF:
        return chosen - 0x4000
    codes = {16: 50, 17: 100, 18: 200, 19: 400, 20: 800}
    if chosen in codes:
        return codes[chosen]
    if not 0 < base < _MOST_CANON or not automatic < _MOST_CANON:
        return 0
    return round(2 ** ((automatic + base) / 32) * 100 / 32)


def _nikon(note: Block, rows: Rows) -> Values:
    return {
        "MakerISO": note.value(rows.get(0x0002))[1:],
        "MakerSerialNumber": note.value(rows.get(0x001D)),
        "MakerLens": _range(note, rows, 0x0084) or "",
    }


def _olympus(note: Block, rows: Rows) -> Values:
    if not (row := rows.get(0x2010)):  # the equipment, a directory below
        return {}
    below = note.whole_numbers(row)
    equipment = note.rows(below[0] if below else row.place - note.base)
    return {
        "MakerLens": note.value(equipment.get(0x0203)),
        "MakerSerialNumber": note.value(equipment.get(0x0101)),
    }


def _sony(note: Block, rows: Rows) -> Values:
    row = rows.get(0xB02A)  # of the lens: flags around the digits of its range, two a byte
    written = note.value(row) if row and row.kind in _BYTES else b""
    digits = bytes(int(byte) for byte in written).hex()
    if len(digits) != 16 or not digits[2:14].isdecimal():
        return {}
    lens = [int(digits[2:6]), int(digits[6:10]), int(digits[10:12]) / 10, int(digits[12:14]) / 10]
    return {"MakerLens": lens_range(lens) or ""}


def _fujifilm(note: Block, rows: Rows) -> Values:
    return {"MakerLens": _range(note, rows, 0x1404, 0x1405, 0x1406, 0x1407) or ""}


def _named(**tags: int) -> Callable[[Block, Rows], Values]:
    """Read tags whose values are as they are to be."""
    return lambda note, rows: {name: note.value(rows.get(tag)) for name, tag in tags.items()}


def _range(note: Block, rows: Rows, *tags: int) -> str | None:
    values = (note.value(rows.get(tag)) for tag in tags)
    return lens_range([number for value in values if isinstance(value, list) for number in value])


class _Layout(NamedTuple):
    mark: bytes  # what such a note begins with
    make: str  # what EXIF's make begins with, where the mark does not tell
    directory: Callable[[Block, Row, bytes], _Place | None]
    read: Callable[[Block, Rows], Values]


_LAYOUTS = (
    _Layout(b"Nikon\0\2", "", _of_nikon, _nikon),
    _Layout(b"OLYMPUS\0", "", _from_note(8), _olympus),
    _Layout(b"OM SYSTEM\0", "", _from_note(12), _olympus),
    _Layout(b"OLYMP\0", "", _from_block(8), _olympus),
    _Layout(b"Panasonic\0", "", _from_block(12), _named(MakerLens=0x0051)),
    _Layout(b"QVC\0", "", _from_block(6), _named(MakerISO=0x3014)),  # Casio
    _Layout(b"SONY ", "", _from_block(12), _sony),
    _Layout(b"FUJIFILM", "", _of_fujifilm, _fujifilm),
    _Layout(b"Ricoh\0", "", _from_block(8), _named(MakerSerialNumber=0x0005)),
    _Layout(b"SIGMA\0", "", _from_block(10), _named(MakerSerialNumber=0x0002)),
    _Layout(b"", "canon", _from_block(0), _canon),
)
