"""Directories as TIFF 6.0 lays them out, wherever cameras put them: in pictures, EXIF blocks, maker notes.

A row is read only when its value is asked for, and a broken one costs only itself. BigTIFF is read too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Self

from junmai_jobs.photo.pictures.opening import MAX_BYTES

# fmt: off
_NUMBERS = {
    1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
    16: "Q", 17: "q", 18: "Q",
}
# fmt: on
_RATIONALS = {5: "I", 10: "i"}  # numerator and denominator
_UNSIGNED = frozenset("BHIQ")
_TEXTS = frozenset({2, 7, 129})  # ASCII, UNDEFINED, UTF-8
_BIG = 43  # the magic number of BigTIFF, whose counts and offsets have 64 bits
MOST_ROWS = 500
"""Of a directory: no camera writes so many, and no more of them are read."""
_MOST_BYTES, _MOST_NUMBERS = 4096, 256  # of a value

Value = bytes | list[float]
"""Of a row: bytes where it is text or of no type, else numbers; something by 0 is NaN."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a directory: where it is, and where its value is."""

    kind: int  # the type's number in TIFF
    count: int
    at: int  # in the file
    place: int  # of the value, in the file
    size: int  # bytes of the value


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

    @property
    def count_code(self) -> str:
        """How ``struct`` names the number of rows that begins a directory."""
        return "Q" if self.is_big else "H"

    @property
    def offset_code(self) -> str:
        """How ``struct`` names an offset, as the one that ends a directory; a count of values is the same."""
        return "Q" if self.is_big else "I"

    @property
    def row_code(self) -> str:
        """How ``struct`` names a row: its tag, its kind, its count, and the value or its offset."""
        return f"HH{self.offset_code * 2}"

    @property
    def row_size(self) -> int:
        """Bytes of a row."""
        return struct.calcsize(f"={self.row_code}")

    def table(self, offset: int) -> tuple[int, bytes]:
        """Return how many rows a directory says it has, and those there are, of ``MOST_ROWS``, as bytes."""
        count = self._number(self.base + offset, self.count_code)
        return count, self.read(self._first_row(offset), self.row_size * min(count, MOST_ROWS))

    def rows(self, offset: int) -> dict[int, Row]:
        """Return the rows of a directory by their tags."""
        _, table = self.table(offset)
        first, width = self._first_row(offset), self.row_size
        field = struct.calcsize(f"={self.offset_code}")
        found: dict[int, Row] = {}
        for number in range(len(table) // width):
            tag, kind, count, value = struct.unpack_from(self.order + self.row_code, table, number * width)
            at, size = first + number * width, _size(kind) * count
            place = self.base + value if size > field else at + width - field
            found.setdefault(tag, Row(kind, count, at, place, size))
        return found

    def below(self, pointer: Row | None) -> dict[int, Row]:
        """Return the rows of the directory that a row points to; none where it does not."""
        offset = next(iter(self.whole_numbers(pointer)), 0)
        return self.rows(offset) if offset else {}

    def following(self, offset: int) -> int:
        """Return the offset of the directory that follows one, or 0."""
        count, _ = self.table(offset)
        end = self._first_row(offset) + count * self.row_size
        return self._number(end, self.offset_code) if count <= MOST_ROWS else 0

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

    def in_little_endian(self, row: Row) -> bytes:
        """Read a value as the bytes it would be in little-endian; empty where it is not whole."""
        data = self.read(row.place, row.size)
        if len(data) < row.size:
            return b""
        if self.order == "<":
            return data
        unit = _unit(row.kind)
        return b"".join(data[at : at + unit][::-1] for at in range(0, len(data), unit))

    def _first_row(self, offset: int) -> int:
        return self.base + offset + struct.calcsize(f"={self.count_code}")

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
    """Return the bytes of one value of this type; 0 for a type that TIFF does not have."""
    return _unit(kind) * (2 if kind in _RATIONALS else 1)


def _unit(kind: int) -> int:
    """Return the bytes of one number of this type, which its byte order turns round."""
    return 1 if kind in _TEXTS else struct.calcsize(f"={_NUMBERS.get(kind) or _RATIONALS.get(kind, '')}")
