"""A small copy of a photograph, for people to look at."""

from __future__ import annotations

import io

from PIL import Image

from junmai_jobs.photo.pictures.color import in_color_space

EDGE = 320
"""px; the longer edge."""
_QUALITY = 60  # about 7 kB, where a JPEG that looks like it takes 12


def thumbnail(picture: Image.Image) -> bytes:
    """Return a WebP of at most ``EDGE`` px, in sRGB, of a picture as ``decoding.load_color`` decodes it."""
    small = picture.copy()
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    in_srgb, _ = in_color_space(small, small.info.get("icc_profile"), "sRGB")
    file = io.BytesIO()
    in_srgb.save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()
