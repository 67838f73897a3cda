"""Decodes a picture once: small, upright, and whole or not at all."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from junmai_jobs.photo import raw
from junmai_jobs.photo.errors import PhotoGone, ReaderMissing, UnreadablePhoto, shown
from junmai_jobs.photo.files import is_raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_PIXELS = 300_000_000  # of the whole picture, before it is reduced
MIN_PREVIEW_EDGE = 640  # px; a smaller JPEG in a RAW is a thumbnail, and says nothing of the focus

_SIGNATURES = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}  # every other one is a HEIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x112
_ZEROS = bytes(512)
# What Pillow raises on a broken file; an OSError with an errno is the drive's.
BROKEN = (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, EOFError, struct.error, zlib.error)
_one_at_a_time = threading.RLock()


def load_gray(path: Path, long_edge: int) -> Image.Image:
    """Decode the luminance (mode ``L``) of a picture at most ``long_edge`` px wide or high, turned upright.

    A JPEG is decoded at a half, quarter or eighth of its size where that is enough, but always to its end.
    A smaller picture is not enlarged. Of a RAW file its embedded preview is taken.

    Raises:
        UnreadablePhoto: empty, truncated, broken, not a picture, or of more than ``MAX_PIXELS``.
        ReaderMissing: a format for which a library is missing.
        PhotoGone: not there, or the drive does not give it.
    """
    with reading(path) as file:
        if is_raw(path):
            return _preview(file, path, long_edge)
        return _decode(file, path, long_edge)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open a photograph; whatever is wrong with it in the block comes out as a ``PhotoError``."""
    name = shown(path)
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadablePhoto(f"{name} is empty (0 bytes): copy it from the card again")
            file.seek(0)
            yield file
    except FileNotFoundError as error:
        raise PhotoGone(f"{name} is not there: was it moved, or is its card or drive not connected?") from error
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            message = f"{name} cannot be read just now ({error.strerror}): check its drive and its permissions"
            raise PhotoGone(message) from error
        raise UnreadablePhoto(f"{name} is damaged ({error}): copy it from the card again") from error
