"""EXIF as it stands in the file, whatever the file is and however broken.

Its blocks are read tag by tag. What they lack is looked for in the previews of a RAW file, and at last by
exifread, which knows formats such as HEIC without the library that decodes them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import BinaryIO, cast

import exifread

from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.photo.exif.blocks import Found, read_blocks, read_blocks_of_previews
from junmai_jobs.photo.pictures.decoding import picture_format
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.opening import Photograph, opened

_ENOUGH = frozenset({"Model", "ExposureTime"})  # where they are, the rest of the camera's EXIF is
_LONGEST_TEXT = 200
_LARGEST = 2**32 - 1  # number that a row of EXIF holds, but for the floats of a broken one
_MOST_READ, _LEAST_READ = 32 * 2**20, 64  # bytes that exifread may read of a file; that a call counts as


class Tags:
    """EXIF values by their names in the standard, such as ``FNumber``, asked for as text or as numbers."""

    def __init__(self, values: Found) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def numbers(self, name: str) -> list[float]:
        """Return all numbers of a value; what is none, as 0/0, is NaN."""
        value = self._values.get(name.lower())
        return [_as_float(part) for part in (value if isinstance(value, list | tuple) else [value])]

    def number(self, name: str) -> float | None:
        """Return the first number of a value, or None where there is none."""
        first = next(iter(self.numbers(name)), math.nan)
        return first if math.isfinite(first) else None

    def positive(self, name: str) -> float | None:
        """Return the first number if it is above 0, which many cameras write for "unknown"."""
        number = self.number(name)
        return number if number is not None and 0 < number <= _LARGEST else None

    def text(self, name: str) -> str | None:
        """Return a text without its padding, or None where it is empty or no text at all."""
        value = self._values.get(name.lower())
        if isinstance(value, bytes):
            value = _decoded(value)
        if not isinstance(value, str):
            return None
        text = " ".join(value.partition("\0")[0].split())[:_LONGEST_TEXT]
        return text if text and text.isprintable() else None


def read_tags(photo: Photograph) -> Tags:
    """Read the EXIF of a photograph: none where it has none, or has it too broken to read.

    Raises:
        UnreadablePhoto: the file is empty or not a picture.
        PhotoGone: it is not there, or its drive does not give it.
    """
    with opened(photo) as open_one:
        file = open_one.file
        readers = [read_blocks, read_blocks_of_previews, _by_exifread]
        if not is_raw(open_one.path):
            picture_format(file.read(12), open_one.name)  # refuses what is no picture
            readers.remove(read_blocks_of_previews)
        found: Found = {}
        for reader in readers:
            if not found.keys() >= _ENOUGH:
                found = _attempt(reader, file) | found
        return Tags(found)


def _attempt(reader: Callable[[BinaryIO], Found], file: BinaryIO) -> Found:
    """Let ``reader`` try; odd metadata must not cost the photograph."""
    file.seek(0)
    try:
        return reader(file)
    except UnreadablePhoto:  # for this reader
        return {}
    except JunmaiJobsError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the drive's fault
        return {}  # both libraries raise whatever a broken tag leads them into


def _by_exifread(file: BinaryIO) -> Found:
    logger = logging.getLogger("exifread")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)  # it warns of every odd tag and of every picture without EXIF
    found = exifread.process_file(cast("BinaryIO", _Rationed(file)), details=False, extract_thumbnail=False)
    tags = ((key.partition(" "), tag) for key, tag in found.items())
    return {name: tag.values for (group, _, name), tag in tags if group in {"Image", "EXIF", "GPS"}}


class _Rationed:
    """A file of which only so much is read: a few rows can have one reader read the whole again and again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_READ
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes.

        Raises:
            ValueError: more were read by now than any camera's EXIF takes.
        """
        data = self._file.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= max(len(data), _LEAST_READ)
        if self._left < 0:
            raise ValueError("there is no end to its EXIF")
        return data


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")  # as older software wrote it


def _as_float(value: object) -> float:
    try:
        return math.nan if isinstance(value, str | bytes) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return math.nan
