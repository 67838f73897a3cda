"""Turns pixels into the bytes of a JPEG, PNG, TIFF or WebP, with their colour profile and EXIF."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from junmai_jobs.config import ExportPreset
from junmai_jobs.photo.errors import ExportRefused
from junmai_jobs.photo.exif.copying import CameraExif, exif_block, with_exif

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
_LARGEST = {"JPEG": 65_500, "WEBP": 16_383}  # px, of libjpeg and of the format itself
_FINE_COLOR = 90  # from this quality on, a JPEG keeps colour at full resolution (4:4:4)


def export_suffix(format: str) -> str:  # noqa: A002 - the preset's word
    """Return how the name of an exported file ends: ``.jpg``, ``.png``, ``.tif`` or ``.webp``.

    Raises:
        ExportRefused: ``DNG``, which is a negative and not to be made from a picture.
    """
    if format not in _SUFFIXES:
        raise ExportRefused(
            f"a photograph cannot be exported as {format}: "
            "choose JPEG, PNG, TIFF or WEBP in the export preset"
        )
    return _SUFFIXES[format]


def largest(preset: ExportPreset) -> int:
    """Return how many px the long edge may have: what the preset says, or the most that the format holds."""
    return min(preset.max_dimension, _LARGEST.get(preset.format, preset.max_dimension))


def encoded(pixels: Image.Image, profile: bytes, exif: CameraExif, preset: ExportPreset) -> bytes:
    """Encode in memory: so a full drive is found before it is half written, and told what it lacks.

    Args:
        pixels: mode RGB or RGBA; a JPEG, which has no alpha, gets a white ground.
        profile: ICC.
        exif: as ``CameraExif.of_export`` has it.
        preset: of which ``format`` and ``quality`` count.
    """
    pixels.info.clear()  # Pillow would write some of it, such as a comment on the photograph as it was
    if preset.format == "TIFF":
        return with_exif(_saved(pixels, "TIFF", icc_profile=profile, compression="tiff_adobe_deflate"), exif)
    metadata = {"icc_profile": profile, "exif": exif_block(exif)}
    if preset.format == "PNG":
        return _saved(pixels, "PNG", **metadata)
    if preset.format == "WEBP":
        return _saved(pixels, "WEBP", **metadata, quality=preset.quality)
    subsampling = "4:4:4" if preset.quality >= _FINE_COLOR else "4:2:0"
    options = {**metadata, "quality": preset.quality, "subsampling": subsampling}
    opaque = _on_white(pixels)
    try:
        return _saved(opaque, "JPEG", progressive=True, optimize=True, **options)
    except OSError:  # so much noise that it overflows the buffer which Pillow has for these two
        return _saved(opaque, "JPEG", **options)


def _saved(pixels: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    pixels.save(data, kind, **options)
    return data.getvalue()


def _on_white(pixels: Image.Image) -> Image.Image:
    if pixels.mode != "RGBA":
        return pixels
    paper = Image.new("RGB", pixels.size, "white")
    paper.paste(pixels, mask=pixels.getchannel("A"))
    return paper
