"""A small copy of a photograph, for people to look at."""

from __future__ import annotations

import io

from PIL import Image

from junmai_jobs.photo.pictures.color import in_color_space

EDGE = 320
"""px; the longer edge."""
_QUALITY = 75
_SMALLER_EDGE, _SMALLER_QUALITY = 240, 60  # about half the bytes


def thumbnail(picture: Image.Image) -> bytes:
    """Return a JPEG of at most ``EDGE`` px, in sRGB, of a picture as ``picture.load_color`` decodes it."""
    small = picture.copy()
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    in_srgb, _ = in_color_space(small, small.info.get("icc_profile"), "sRGB")
    return _jpeg(in_srgb, _QUALITY)


def smaller(small: bytes) -> bytes:
    """Return a thumbnail once more, for a page with so many that their bytes count."""
    with Image.open(io.BytesIO(small), formats=("JPEG",)) as picture:
        picture.thumbnail((_SMALLER_EDGE, _SMALLER_EDGE), Image.Resampling.LANCZOS)
        return _jpeg(picture, _SMALLER_QUALITY)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()
