"""Brings a picture into one colour space, with the ICC profile that says so."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

from junmai_jobs.photo.pictures.icc import profile_of

_MODES = {"RGB": {"RGB", "RGBA", "L"}, "GRAY": {"L"}, "CMYK": {"CMYK"}, "Lab": {"LAB"}}  # of an ICC space
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION  # or shadows of a wider space would drown
_ALIKE = 1  # of 255; what two ways to round the same curve may differ by


def in_color_space(pixels: Image.Image, profile: bytes | None, wanted: str) -> tuple[Image.Image, bytes]:
    """Convert 8-bit pixels of any mode to ``RGB``, or ``RGBA`` where they have an alpha channel.

    They are converted relatively to white, with black point compensation; colours that the space does not
    have become the nearest of it, channel by channel. Where the profile already is of that space, the numbers
    stay as they are and so does the profile. No profile, or one that is broken or does not go with the
    pixels, is taken for sRGB.

    Args:
        pixels: mode RGB, RGBA, L, CMYK or LAB.
        profile: the ICC profile embedded in the picture.
        wanted: one of ``icc.SPACES``.

    Returns:
        The pixels and the ICC profile to embed.
    """
    target = profile_of(wanted)
    source = _opened(profile, pixels.mode)
    if source is None or profile is None:
        profile, source = profile_of("sRGB"), _read(profile_of("sRGB"))
        if pixels.mode == "LAB":  # needs none, being absolute
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif pixels.mode != "RGBA":
            pixels = pixels.convert("RGB")
    elif pixels.mode == "L" and _kind(source) == "RGB":
        pixels = pixels.convert("RGB")
    try:
        if pixels.mode in {"RGB", "RGBA"} and (profile == target or _is_alike(source, wanted)):
            return pixels, profile
        return _converted(pixels, source, target), target
    except ImageCms.PyCMSError:  # a profile without its curves
        return in_color_space(pixels, None, wanted)


def adobe_rgb() -> bytes:
    """Return a profile for photographs of cameras that only say that they used Adobe RGB."""
    return profile_of("AdobeRGB")


def _read(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _kind(profile: ImageCms.ImageCmsProfile) -> str:
    return str(profile.profile.xcolor_space).strip()


def _opened(profile: bytes | None, mode: str) -> ImageCms.ImageCmsProfile | None:
    """Open a profile that can be used on pixels of this mode."""
    if not profile:
        return None
    try:
        opened = _read(profile)
    except (OSError, ImageCms.PyCMSError):
        return None
    return opened if mode in _MODES.get(_kind(opened), ()) else None


def _is_alike(profile: ImageCms.ImageCmsProfile, wanted: str) -> bool:
    """Tell whether a profile is of a colour space: by what it does to colours, as names differ and lie."""
    chart = _chart()
    after = _converted(chart, profile, profile_of(wanted))
    return int(np.abs(np.asarray(after, int) - np.asarray(chart, int)).max()) <= _ALIKE


@functools.cache
def _chart() -> Image.Image:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3))


def _converted(pixels: Image.Image, source: ImageCms.ImageCmsProfile, target: bytes) -> Image.Image:
    mode = "RGBA" if pixels.mode == "RGBA" else "RGB"
    made = ImageCms.profileToProfile(pixels, source, _read(target), _INTENT, mode, flags=_FLAGS)
    assert made is not None
    return made
