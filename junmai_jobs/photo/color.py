"""Brings a picture into one colour space, with the ICC profile that says so."""

from __future__ import annotations

import functools
import io
import struct

from PIL import Image, ImageCms

from junmai_jobs.photo.errors import ExportRefused

_SPOKEN = {"sRGB": "sRGB", "AdobeRGB": "Adobe RGB", "ProPhotoRGB": "ProPhoto RGB"}
_IN_NAMES = {"srgb": "sRGB", "adobergb": "AdobeRGB", "prophoto": "ProPhotoRGB", "rommrgb": "ProPhotoRGB"}
_MODES = {"RGB": {"RGB", "RGBA", "L"}, "GRAY": {"L"}, "CMYK": {"CMYK"}, "Lab": {"LAB"}}  # of an ICC space
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION  # or shadows of a wider space would drown
_DATE = slice(24, 36)  # in the head of a profile
_FIXED_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


def in_color_space(
    pixels: Image.Image, profile: bytes | None, wanted: str, name: str
) -> tuple[Image.Image, bytes]:
    """Convert 8-bit pixels of any mode to ``RGB``, or ``RGBA`` where they have an alpha channel.

    Where the profile already is of the space that is wanted, the numbers stay as they are and so does the
    profile. No profile, or one that is broken or does not go with the pixels, is taken for sRGB.

    Args:
        pixels: mode RGB, RGBA, L, CMYK or LAB.
        profile: the ICC profile embedded in the picture.
        wanted: sRGB, AdobeRGB or ProPhotoRGB.
        name: of the picture, for the error.

    Returns:
        The pixels and the ICC profile to embed.

    Raises:
        ExportRefused: it would have to be converted to something else than sRGB.
    """
    opened = _opened(profile, pixels.mode)
    found = _space(opened) if opened else "sRGB"
    if found == wanted:
        return _numbers_kept(pixels), profile if opened and profile else srgb()
    if wanted != "sRGB":
        raise ExportRefused(
            f"{name} cannot be exported in {_SPOKEN[wanted]}, as it is in {_SPOKEN.get(found, found)}: "
            "choose the color_space sRGB in the export preset"
        )
    return _converted(pixels, opened) if opened else _numbers_kept(pixels), srgb()


@functools.cache
def srgb() -> bytes:
    """Make the ICC profile of sRGB (IEC 61966-2-1): each time the same bytes, without today's date."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[_DATE] = _FIXED_DATE
    return bytes(made)


@functools.cache
def adobe_rgb() -> bytes:
    """Make an ICC profile (ICC.1:2001-04) of Adobe RGB (1998), for cameras that only say they used it.

    The primaries are those of the Adobe RGB (1998) specification, 4.3.4, as adapted there to D50.
    """
    text = b"compatible with Adobe RGB (1998)\0"
    gamma = b"curv" + struct.pack(">4xIH2x", 1, 0x0233)  # 2.19921875
    parts = {
        b"desc": b"desc" + struct.pack(">4xI", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz(0.95045, 1.0, 1.08905),
        b"rXYZ": _xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": _xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": _xyz(0.14919, 0.06322, 0.74457),
    }
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma)
    table, values = struct.pack(">I", len(parts)), b""
    first_value = 128 + 4 + 12 * len(parts)
    for name, value in parts.items():
        table += struct.pack(">4sII", name, first_value + len(values), len(value))
        values += value + bytes(-len(value) % 4)
    size = struct.pack(">I", first_value + len(values))
    head = size + struct.pack(">4xI", 0x02100000) + b"mntrRGB XYZ " + _FIXED_DATE + b"acsp"
    return head.ljust(68, b"\0") + _xyz(0.9642, 1.0, 0.8249)[8:] + bytes(48) + table + values


def _xyz(*numbers: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(number * 65_536) for number in numbers))


def _opened(profile: bytes | None, mode: str) -> ImageCms.ImageCmsProfile | None:
    """Open a profile that can be used on pixels of this mode."""
    if not profile:
        return None
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        fits = mode in _MODES.get(opened.profile.xcolor_space.strip(), ())
    except (OSError, ImageCms.PyCMSError):
        return None
    return opened if fits else None


def _space(profile: ImageCms.ImageCmsProfile) -> str:
    """Tell which of the known colour spaces a profile is of; else give its own name."""
    name = " ".join((profile.profile.profile_description or "a colour space of its own").split())
    if profile.profile.xcolor_space.strip() != "RGB":
        return name
    squeezed = name.lower().replace(" ", "").replace("-", "")
    return next((space for known, space in _IN_NAMES.items() if known in squeezed), name)


def _converted(pixels: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if pixels.mode == "L" and profile.profile.xcolor_space.strip() == "RGB":
        pixels = pixels.convert("RGB")
    mode = "RGBA" if pixels.mode == "RGBA" else "RGB"
    target = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    try:
        made = ImageCms.profileToProfile(pixels, profile, target, _INTENT, mode, flags=_FLAGS)
    except ImageCms.PyCMSError:  # a profile without its curves
        return _numbers_kept(pixels)
    assert made is not None
    return made


def _numbers_kept(pixels: Image.Image) -> Image.Image:
    """Turn pixels that need no profile into ``RGB`` or ``RGBA``."""
    if pixels.mode == "LAB":  # needs none, being absolute
        return _converted(pixels, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return pixels.convert("RGBA" if pixels.mode == "RGBA" else "RGB")
