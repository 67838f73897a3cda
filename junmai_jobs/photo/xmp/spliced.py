"""A file as it would be with other bytes in some places: nothing is copied before it is read."""

from __future__ import annotations

import io
from bisect import bisect
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Change(NamedTuple):
    """What is between two places of a file, and the bytes to have there instead."""

    start: int
    end: int
    new: bytes


def spliced(file: BinaryIO, changes: Iterable[Change]) -> BinaryIO:
    """Return ``file`` with changes that do not overlap, as a file that reads from it: it has to stay open."""
    return io.BufferedReader(_Spliced(file, sorted(changes)))


class _Spliced(io.RawIOBase):
    def __init__(self, file: BinaryIO, changes: list[Change]) -> None:
        self._pieces: list[tuple[BinaryIO, int]] = []  # of which file, from where in it
        self._ends: list[int] = []  # in this one
        self._at = 0
        done, size = 0, file.seek(0, io.SEEK_END)
        for change in (*changes, Change(size, size, b"")):
            self._append(file, done, change.start - done)
            self._append(io.BytesIO(change.new), 0, len(change.new))
            done = change.end

    def _append(self, file: BinaryIO, start: int, size: int) -> None:
        self._pieces.append((file, start))
        self._ends.append((self._ends[-1] if self._ends else 0) + size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        number = bisect(self._ends, self._at)  # of the piece that it is in
        if number == len(self._ends):
            return 0
        wanted = memoryview(buffer)[: self._ends[number] - self._at]
        begin = self._ends[number - 1] if number else 0
        file, start = self._pieces[number]
        file.seek(start + self._at - begin)
        data = file.read(len(wanted))
        wanted[: len(data)] = data
        self._at += len(data)
        return len(data)
