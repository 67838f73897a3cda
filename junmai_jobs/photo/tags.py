"""EXIF as it stands in the file, whichever library gets at it.

exifread reads most of it; Pillow is asked where exifread finds nothing, and the embedded JPEG of a RAW file
that neither of them knows.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import exifread
from PIL import ExifTags, Image

from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.photo import raw
from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.photo.files import is_raw
from junmai_jobs.photo.opening import Photograph, opened
from junmai_jobs.photo.picture import decodable_format, picture_format, pillow_limits

_LONGEST_TEXT = 200
_MOST_READ, _LEAST_READ = 32 * 2**20, 64  # bytes that exifread may read of a file; that a call counts as


class Tags:
    """EXIF values by their names in the standard, such as ``FNumber``, asked for as text or as numbers."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __bool__(self) -> bool:
        return bool(self._values)

    def numbers(self, name: str) -> list[float]:
        """Return all numbers of a value; what is none, as 0/0, is NaN."""
        value = self._values.get(name.lower())
        return [_as_float(part) for part in (value if isinstance(value, list | tuple) else [value])]

    def number(self, name: str) -> float | None:
        """Return the first number of a value, or None where there is none."""
        first = next(iter(self.numbers(name)), math.nan)
        return first if math.isfinite(first) else None

    def positive(self, name: str) -> float | None:
        """Return the first number if it is above zero and sane: many cameras write 0 for "unknown"."""
        number = self.number(name)
        return number if number is not None and 0 < number < 1e6 else None

    def text(self, name: str) -> str | None:
        """Return a text without its padding, or None where it is empty or no text at all."""
        value = self._values.get(name.lower())
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
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
        if is_raw(open_one.path):
            return _first_found(file) or _of_previews(file)
        picture_format(file.read(12), open_one.name)  # refuses what is no picture
        return _first_found(file)


def _first_found(file: BinaryIO) -> Tags:
    return _attempt(_by_exifread, file) or _attempt(_by_pillow, file)


def _of_previews(file: BinaryIO) -> Tags:
    attempts = (_attempt(_by_exifread, io.BytesIO(jpeg)) for jpeg in raw.previews(file))
    return next(filter(None, attempts), Tags({}))


def _attempt(reader: Callable[[BinaryIO], dict[str, Any]], file: BinaryIO) -> Tags:
    """Let ``reader`` try; odd metadata must not cost the photograph."""
    file.seek(0)
    try:
        return Tags(reader(file))
    except UnreadablePhoto:  # for this reader
        return Tags({})
    except JunmaiJobsError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the drive's fault
        return Tags({})  # both libraries raise whatever a broken tag leads them into


def _by_exifread(file: BinaryIO) -> dict[str, Any]:
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


def _by_pillow(file: BinaryIO) -> dict[str, Any]:
    with pillow_limits():
        exif = Image.open(file, formats=(decodable_format(file, "it"),)).getexif()
        named = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    return {
        **{ExifTags.TAGS.get(tag, str(tag)): value for tag, value in named.items()},
        **{ExifTags.GPSTAGS.get(tag, str(tag)): value for tag, value in gps.items()},
    }


def _as_float(value: object) -> float:
    try:
        return math.nan if isinstance(value, str | bytes) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return math.nan
