"""Which photographs and sessions take about as long as each other: what the tasks on them have for ``alike``.

A photograph's size and camera are in the first bytes of its file, which are read here, where it may be read
from. That says the catalog in ``JUNMAI_HOME``: one that a job brings is not even opened.
"""

from __future__ import annotations

from pathlib import Path

from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.opening import OpenPhoto, opened
from junmai_jobs.tasks.recording import PathLike, open_catalog, roots_of

_MODEL = 272  # of a tag of EXIF
_FINE_BELOW = 10  # megapixels
_READ_IN_PYTHON = {"JPEG", "PNG", "TIFF"}
"""Formats whose header needs no library in C: should one of those die here, no file would be blamed."""


def like_photo(photo_id: int, path: PathLike | None = None, *_others: object, **_more: object) -> str | None:
    """Of a JPEG, PNG or TIFF: ``24 MP JPEG Canon EOS R5``; of what is none, or broken: ``32 MB CR3``."""
    with open_catalog(None) as records:
        roots = roots_of(records, photo_id)
        if path is None and (row := records.photo_row(photo_id)) is not None:
            path = row.path
    if path is None:
        return None
    with opened(Path(str(path)), roots) as photo:
        return (None if is_raw(photo.path) else _picture(photo)) or _file(photo)


def like_export(
    photo_id: int, export_preset: str | None = None, *_others: object, **_more: object
) -> str | None:
    """Of a photograph that is exported: what it is, and the preset."""
    kind = like_photo(photo_id)
    return f"{kind} {export_preset}" if kind and export_preset else kind


def like_session(session_id: int, *_others: object, **_more: object) -> str | None:
    """Of a session the number of its photographs, up to a power of two: ``512 photos``."""
    with open_catalog(None) as records:
        row = records.session_row(session_id)
    return None if row is None else f"{1 << max(0, row.total_photos - 1).bit_length()} photos"


def _picture(photo: OpenPhoto) -> str | None:
    from PIL import Image  # noqa: PLC0415 - slow to import, and not every process asks

    from junmai_jobs.photo.pictures.decoding import (  # noqa: PLC0415
        decodable_format,
        picture_format,
        pillow_limits,
    )

    try:
        if picture_format(photo.file.read(12), photo.name) not in _READ_IN_PYTHON:
            return None
        kind = decodable_format(photo.file, photo.name)
        with pillow_limits():
            image = Image.open(photo.file, formats=(kind,))
            size, model = image.width * image.height / 1e6, str(image.getexif().get(_MODEL, "")).strip("\0 ")
    except (PhotoError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return f"{size:.0f} MP {kind} {model}" if size >= _FINE_BELOW else f"{size:.1f} MP {kind} {model}"


def _file(photo: OpenPhoto) -> str:
    size = photo.file.seek(0, 2) / 1e6
    return f"{size:.0f} MB {photo.path.suffix.lstrip('.').upper()}"
