"""A small copy of a photograph, for people to look at."""

from __future__ import annotations

import io

from PIL import Image

EDGE = 320
"""px; the longer edge."""
_QUALITY = 75


def thumbnail(picture: Image.Image) -> bytes:
    """Return a JPEG of at most ``EDGE`` px of a picture as ``picture.load_color`` decodes it."""
    small = picture.copy()
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
