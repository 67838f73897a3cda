"""Directories as TIFF 6.0 lays them out, wherever cameras put them: in pictures, EXIF blocks, maker notes.

A row is read only when its value is asked for, and a broken one costs only itself. BigTIFF is read too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Self

from junmai_jobs.photo.pictures.opening import MAX_BYTES

_NUMBERS = {
    1: "B",
    3: "H",
    4: "I",
    6: "b",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_RATIONALS = {5: "I", 10: "i"}  # numerator and denominator
_UNSIGNED = frozenset("BHIQ")
_TEXTS = frozenset({2, 7, 129})  # ASCII, UNDEFINED, UTF-8
_BIG = 43  # the magic number of BigTIFF, whose counts and offsets have 64 bits
_MOST_ROWS = 500  # of a directory
_MOST_BYTES, _MOST_NUMBERS = 4096, 256  # of a value

Value = bytes | list[float]
"""Of a row: bytes where it is text or of no type, else numbers; something by 0 is NaN."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where a row of a directory has its value."""

    kind: int  # the type's number in TIFF
    count: int
    place: int  # in the file
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file in which offsets count from ``base``, in one byte order."""

    file: BinaryIO
    order: str  # of ``struct``: "<" or ">"
    base: int = 0
    is_big: bool = False

    @classmethod
    def at(cls, file: BinaryIO, base: int = 0) -> tuple[Self, int] | None:
        """Read the head of a TIFF file or block; return it and the offset of its first directory.

        The magic number, 42 in a TIFF, is not looked at: Olympus and Panasonic have their own.
        """
        file.seek(base)
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            return None
        is_big = struct.unpack(f"{order}H", head[2:4])[0] == _BIG
        block = cls(file, order, base, is_big)
        return block, (block._number(base + 8, "Q") if is_big else block._number(base + 4, "I"))

    def directory(self, offset: int) -> tuple[dict[int, Row], int]:
        """Return the rows by their tags, and the offset of the directory that follows, or 0."""
        counted, field, pointer = ("Q", 8, "Q") if self.is_big else ("H", 4, "I")
        width, start = 4 + 2 * field, self.base + offset + struct.calcsize(f"={counted}")
        count = self._number(self.base + offset, counted)
        table = self.read(start, width * min(count, _MOST_ROWS))
        rows: dict[int, Row] = {}
        for at in range(0, len(table) - width + 1, width):
            tag, kind, number = struct.unpack_from(f"{self.order}HH{pointer}", table, at)
            size = _size(kind) * number
            place = start + at + 4 + field
            if size > field:
                place = self.base + struct.unpack_from(f"{self.order}{pointer}", table, at + 4 + field)[0]
            rows.setdefault(tag, Row(kind, number, place, size))
        return rows, self._number(start + width * count, pointer) if count <= _MOST_ROWS else 0

    def value(self, row: Row | None) -> Value:
        """Read a value; one that is not whole, or longer than any that is of use here, is empty."""
        if row is None or not 0 < row.size <= _MOST_BYTES:
            return []
        is_text = row.kind in _TEXTS
        data = self.read(row.place, row.size) if is_text or row.count <= _MOST_NUMBERS else b""
        if len(data) < row.size or is_text:
            return data if is_text else []
        if row.kind in _RATIONALS:
            parts = struct.unpack(f"{self.order}{row.count * 2}{_RATIONALS[row.kind]}", data)
            return [a / b if b else float("nan") for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return list(struct.unpack(f"{self.order}{row.count}{_NUMBERS[row.kind]}", data))

    def whole_numbers(self, row: Row | None) -> list[int]:
        """Read a value of numbers that cannot be below 0, such as offsets; any other is empty."""
        value = self.value(row) if row and _NUMBERS.get(row.kind, "") in _UNSIGNED else []
        return [int(number) for number in value]

    def _number(self, place: int, code: str) -> int:
        size = struct.calcsize(f"={code}")
        number: int = struct.unpack(f"{self.order}{code}", self.read(place, size).ljust(size, b"\0"))[0]
        return number

    def read(self, place: int, size: int) -> bytes:
        """Return so many bytes from a place in the file, or those there are."""
        if place >= MAX_BYTES:  # where no photograph has anything, and a card's file system refuses to seek
            return b""
        self.file.seek(place)
        return self.file.read(size)


def _size(kind: int) -> int:
    """Return the bytes of one number of this type; 0 for a type that TIFF does not have."""
    if kind in _TEXTS:
        return 1
    return struct.calcsize(f"={_NUMBERS.get(kind) or _RATIONALS.get(kind, '') * 2}")
