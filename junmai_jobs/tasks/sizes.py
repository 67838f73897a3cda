"""About how many bytes the tasks on photographs write, told before they do: rather too many than too few."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from junmai_jobs.config import ExportPreset, load_config
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.tasks.recording import CATALOG_FILE, PathLike, open_catalog

SIDECAR = 4096
IN_CATALOG = 24_576
"""Of a photo: its row, its thumbnail and what it is grouped by, there and in the server's log."""
ON_SHEET = 24_576
"""Of a photo on the contact sheet."""
_PER_PIXEL = {"JPEG": 0.4, "WEBP": 0.3, "PNG": 2.2, "TIFF": 3.0}
_FINE, _FINEST = 86, 95
"""From this quality on a picture is about twice as large, from this on four times."""
_LEAST_PER_PIXEL = {True: 0.6, False: 0.15}
"""What a RAW file, and another, has at least of a pixel: from its size follows how many these can be."""
_LARGEST = 60_000_000
"""Pixels of a photograph whose file nobody has looked at."""
_HEADERS = 16_384


def export_size(preset: ExportPreset, photo: Path | None, size: int | None = None) -> int:
    """Bytes of an export.

    Args:
        preset: how it is exported.
        photo: what; None: nobody knows yet.
        size: bytes of its file; None: as for ``photo``.
    """
    pixels = preset.max_dimension**2 * 2 / 3
    pixels = min(
        pixels, _LARGEST if photo is None or size is None else size / _LEAST_PER_PIXEL[is_raw(photo)]
    )
    each = _PER_PIXEL.get(preset.format, _PER_PIXEL["JPEG"])
    if preset.format in {"JPEG", "WEBP"}:
        each *= 4 if preset.quality >= _FINEST else 2 if preset.quality >= _FINE else 1
    return round(pixels * each) + _HEADERS


def settings_size(photo: Path, size: int | None, *, into_file: bool) -> int:
    """Bytes that settings take: a sidecar; or a second copy of the file, beside which the first is kept."""
    from junmai_jobs.photo.xmp.into_file import SUFFIXES  # noqa: PLC0415 - slow to import

    return size or 0 if into_file and photo.suffix.lower() in SUFFIXES else SIDECAR


def size_of(photo: Path) -> int | None:
    """Bytes of a file; None: it cannot be looked at."""
    try:
        return photo.stat().st_size
    except OSError:
        return None


def photo_writes(*_placed: Any, catalog: PathLike | None = None, **_named: Any) -> Mapping[Path, int]:
    """What ``process_photo`` writes: the catalog grows."""
    return {_catalog_file(catalog).parent: IN_CATALOG}


def settings_writes(
    photo_id: int,
    *_placed: Any,
    write_into_files: bool = False,
    catalog: PathLike | None = None,
    **_named: Any,
) -> Mapping[Path, int]:
    """What ``apply_preset`` writes: of a sidecar it is not worth asking where."""
    if not write_into_files or not _catalog_file(catalog).exists():
        return {}
    with open_catalog(catalog) as records:
        row = records.photo_row(photo_id)
    if row is None:
        return {}
    return {row.path.parent: settings_size(row.path, size_of(row.path), into_file=True)}


def _catalog_file(given: PathLike | None) -> Path:
    return Path(str(given)) if given else _home(os.environ.get("JUNMAI_HOME")) / CATALOG_FILE


@functools.lru_cache(maxsize=4)
def _home(_named: str | None) -> Path:
    """As said by this variable: to read the configuration for each of many jobs takes long."""
    return load_config().home
