"""Exports a photograph: upright, reduced, in one colour space, with its EXIF, and whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from junmai_jobs.config import ExportPreset
from junmai_jobs.files import put_in_place
from junmai_jobs.photo.errors import ExportRefused, PhotoError, shown, spelt
from junmai_jobs.photo.exif.copying import CameraExif, read_camera_exif
from junmai_jobs.photo.export.encoding import encoded, export_suffix, largest
from junmai_jobs.photo.export.sharpening import sharpened
from junmai_jobs.photo.export.watermark import watermarked
from junmai_jobs.photo.pictures import color, decoding, previews
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.opening import Photograph, opened
from junmai_jobs.photo.pictures.scaling import scaled, size_within

_AS_STORED = frozenset({"RGB", "RGBA", "L", "CMYK", "LAB"})  # modes that color.py takes
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class _Decoded:
    pixels: Image.Image  # upright and reduced, as yet in the photograph's own colour space
    profile: bytes | None  # ICC
    exif: CameraExif


def export(
    photo: Photograph,
    preset: ExportPreset,
    final: Path,
    *,
    publish: Callable[[Path, Path], object] = put_in_place,
) -> dict[str, Any]:
    """Export ``photo`` to ``final`` as ``preset`` says; the same photo and preset give the same bytes.

    The picture is turned upright, reduced to ``max_dimension`` px and never enlarged, converted to
    ``color_space``, sharpened and given its watermark, in this order. Of a RAW file the largest whole preview
    is taken, or, where that is smaller than asked for and ``rawpy`` is installed, the developed RAW. Alpha
    becomes white in JPEG; of 16 bits the upper 8 remain. The EXIF goes along as ``metadata`` says, but never
    maker notes and thumbnails; XMP and IPTC do not.

    Args:
        photo: is only read.
        preset: its ``name``, ``enabled``, ``destination`` and ``file_name`` are the caller's business.
        final: where to, ending in ``export_suffix(preset.format)``. Its folder is made if missing.
        publish: moves a finished temporary file, in the folder of ``final``, to ``final``.

    Returns:
        ``path``, ``format``, ``width`` and ``height`` (px), ``bytes``, ``color_space``.

    Raises:
        UnreadablePhoto, ReaderMissing, PhotoGone: as ``decoding.load_color`` does, for ``photo``.
        ExportRefused: the preset cannot be fulfilled for this photo, or ``final`` is there and not this
            very export: nothing is ever replaced.
        PhotoError: ``final`` cannot be written.
    """
    export_suffix(preset.format)
    decoded = _decoded(photo, largest(preset), final)
    pixels, profile = color.in_color_space(decoded.pixels, decoded.profile, preset.color_space)
    pixels = watermarked(sharpened(pixels, preset.sharpen), preset)
    is_srgb = preset.color_space == "sRGB"
    exif = decoded.exif.of_export(pixels.size, is_srgb=is_srgb, kept=preset.metadata, holder=preset.copyright)
    data = encoded(pixels, profile, exif, preset)
    _write(data, final, publish)
    return {
        "path": str(final), "format": preset.format, "width": pixels.width, "height": pixels.height,
        "bytes": len(data), "color_space": preset.color_space,
    }  # fmt: skip


def _decoded(photo: Photograph, edge: int, final: Path) -> _Decoded:
    with opened(photo) as open_one:
        file, name = open_one.file, open_one.name
        if _is_same(file, final):
            raise ExportRefused(
                f"the export of {name} would replace the photograph: choose another destination"
            )
        return (_of_raw if is_raw(open_one.path) else _of_picture)(file, name, edge)


def _is_same(photo: BinaryIO, final: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(photo.fileno()), final.stat())
    except OSError:  # it is not there
        return False


def _of_picture(file: BinaryIO, name: str, edge: int, otherwise_turned: int = 1) -> _Decoded:
    pixels, info, turned = decoding.taken_from(file, name, lambda image: _reduced(image, edge))
    exif, profile = read_camera_exif(file, info), info.get("icc_profile")
    if exif.is_adobe_rgb and profile is None:
        profile = color.adobe_rgb()
    return _Decoded(decoding.upright(pixels, turned or otherwise_turned), profile, exif)


def _reduced(image: Image.Image, edge: int) -> tuple[Image.Image, dict[Any, Any], int | None]:
    """Decode a picture at its size in the export; return that, what is told beside it and its orientation."""
    size = size_within(image.size, edge)
    image.draft(None, (size[0] * 2, size[1] * 2))  # the JPEG decoder halves fast, down to twice the size
    image.load()
    pixels = scaled(_in_plain_mode(image), size)
    return pixels, dict(image.info), decoding.orientation(image)


def _in_plain_mode(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return image.convert("RGBA")
    image = decoding.eight_bits(image)
    return image if image.mode in _AS_STORED else image.convert("RGB")


def _of_raw(file: BinaryIO, name: str, edge: int) -> _Decoded:
    turned = previews.orientation(file)
    whole = decoding.whole_previews(file, lambda jpeg: _of_picture(jpeg, name, edge, turned))
    enough = min(decoding.MIN_PREVIEW_EDGE, edge)
    preview = next((found for found in whole if max(found.pixels.size) >= enough), None)
    best = preview
    if preview is None or max(preview.pixels.size) < edge:
        best = _developed(file, edge) or preview
    if best is None:
        raise decoding.not_to_be_seen(name)
    exif = preview.exif if preview and preview.exif.names_camera else read_camera_exif(file, {})
    return _Decoded(best.pixels, best.profile, exif)


def _developed(file: BinaryIO, edge: int) -> _Decoded | None:
    """Develop a RAW file, upright and to sRGB; None where rawpy is missing or cannot, or it is too large."""
    try:
        rawpy = importlib.import_module("rawpy")
    except ImportError:
        return None
    file.seek(0)
    try:
        with rawpy.imread(file) as developed:
            sizes = developed.sizes
            if sizes.width * sizes.height > decoding.MAX_PIXELS:
                return None
            half = max(sizes.width, sizes.height) >= 2 * edge
            pixels = developed.postprocess(half_size=half, use_camera_wb=True)
    except rawpy.LibRawError:
        return None
    image = Image.fromarray(pixels)
    return _Decoded(scaled(image, size_within(image.size, edge)), None, CameraExif({}, {}, {}))


def _write(data: bytes, final: Path, publish: Callable[[Path, Path], object]) -> None:
    begin = _beginning(final)
    temporary = final.parent / f"{begin}{uuid.uuid4().hex}.part"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_file():
            if final.read_bytes() == data:
                return
            raise ExportRefused(
                f"{shown(final)} is in {spelt(final.parent)} already and another picture: move it away, or "
                "choose another destination"
            )
        for left_by_a_crash in final.parent.glob(f"{begin}*.part"):
            left_by_a_crash.unlink()
        with temporary.open("xb") as file:
            file.write(data)
        publish(temporary, final)
    except OSError as error:
        raise PhotoError(f"{shown(final)} {_what_is_wrong(error, final, len(data))}") from error
    finally:
        with contextlib.suppress(OSError):  # it has been moved, or never was
            temporary.unlink()


def _beginning(final: Path) -> str:
    """How the names of unfinished copies of this file begin: its own may be too long for more."""
    return f".{hashlib.blake2b(os.fsencode(final.name), digest_size=8).hexdigest()}."


def _what_is_wrong(error: OSError, final: Path, needed: int) -> str:
    size = f"{needed / 1e6:,.1f} MB"
    in_the_way = next((path for path in final.parents if path.is_file()), None)
    if error.errno in _FULL:
        return f"needs {size}, and its drive is full: free some space there"
    if error.errno == errno.EFBIG:
        return f"needs {size}, more than its drive or your account allows for one file: choose another drive"
    if in_the_way:
        what = f"as {spelt(in_the_way)} is a file and not a folder"
        return f"cannot be written, {what}: choose another destination"
    if final.is_dir():
        return f"cannot be written, as a folder of that name is in {spelt(final.parent)}: rename that folder"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        advice = "check its permissions, whether its drive is locked, and whether the file is open elsewhere"
        return f"cannot be written to {spelt(final.parent)} ({error.strerror}): {advice}"
    return f"cannot be written to {spelt(final.parent)} just now ({error.strerror}): is its drive connected?"
