"""Reduces pictures: by libvips where pyvips is installed, which is several times faster, else by Pillow."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from PIL import Image

_MODES = frozenset({"L", "RGB", "RGBA", "CMYK"})  # whose bytes are the numbers themselves
_MOST = 100  # times smaller; libvips refuses far more than that


def scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale an 8-bit picture of any number of channels to ``size`` (width, height in px), by Lanczos.

    Both libraries use the same window, three lobes wide in pixels of the smaller picture, on the numbers as
    they are: first across, then down, rounding in between. So they differ only in how they round.
    """
    if image.size == size:
        return image
    factors = image.width / size[0], image.height / size[1]
    reducing = min(factors) >= 1 and max(factors) <= _MOST
    vips = _vips() if reducing and image.mode in _MODES else None
    if vips is None:
        return image.resize(size, Image.Resampling.LANCZOS)
    if image.mode == "RGBA":  # colours count by how much is to be seen of them
        return _reduced(vips, image.convert("RGBa"), size).convert("RGBA")
    return _reduced(vips, image, size)


def size_within(size: tuple[int, int], long_edge: int) -> tuple[int, int]:
    """Return the size (width, height in px) that a picture has at most so long; it is never enlarged."""
    share = min(1.0, long_edge / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def has_vips() -> bool:
    """Tell whether libvips does it here."""
    return _vips() is not None


@functools.cache
def _vips() -> Any:
    """Return pyvips; None where it, or the libvips that it is for, is missing."""
    try:
        vips = importlib.import_module("pyvips")
    except (ImportError, OSError):
        return None
    vips.cache_set_max(0)  # no picture comes twice
    return vips


def _reduced(vips: Any, image: Image.Image, size: tuple[int, int]) -> Image.Image:
    bands = len(image.getbands())
    found = vips.Image.new_from_memory(image.tobytes(), image.width, image.height, bands, "uchar")
    found = found.reduceh(image.width / size[0], kernel="lanczos3", gap=0)
    found = found.reducev(image.height / size[1], kernel="lanczos3", gap=0)
    assert (found.width, found.height) == size
    return Image.frombytes(image.mode, size, found.write_to_memory())
