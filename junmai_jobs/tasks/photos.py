"""The photo tasks: what ``photo`` finds out about a picture, recorded in the catalog."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.photo.errors import PhotoError, ReaderMissing, UnreadablePhoto
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.task import task

CATALOG_FILE = "catalog.db"
"""In ``JUNMAI_HOME``."""
_PIECE = 2**20  # bytes


@task(queue="medium_priority", retry=RetryPolicy(never=(UnreadablePhoto,)))
def process_photo(
    photo_id: int, path: str | Path, companion: str | Path | None = None, catalog: str | Path | None = None
) -> dict[str, Any]:
    """Read, judge and record one photograph; running it again records the same again.

    Args:
        photo_id: the catalog's id of it.
        path: its file.
        companion: the camera's JPEG beside a RAW file, judged where the RAW cannot be decoded here.
        catalog: the catalog's file; None: the one in ``JUNMAI_HOME``.

    Returns:
        ``photo_id``, ``path``, ``sha256`` of the file, ``exif`` as ``read_exif`` and ``quality`` as
        ``evaluate`` of ``junmai_jobs.photo`` give them.

    Raises:
        UnreadablePhoto: the file can never be worked on; it is recorded as failed, no retry follows.
        PhotoGone: it is not there just now; recorded as failed until a retry succeeds.
    """
    with Catalog(Path(catalog) if catalog else load_config().home / CATALOG_FILE) as records:
        try:
            found = _look_at(Path(path), None if companion is None else Path(companion))
        except PhotoError as error:
            records.record_failure(photo_id, str(error))
            raise
        records.record_result(photo_id, exif=found["exif"], quality=found["quality"])
    return {"photo_id": photo_id, "path": Path(path), **found}


def _look_at(path: Path, companion: Path | None) -> dict[str, Any]:
    # Here, because only the process that runs a task should load the picture libraries.
    from junmai_jobs.photo.exif import read_exif  # noqa: PLC0415
    from junmai_jobs.photo.picture import opened  # noqa: PLC0415
    from junmai_jobs.photo.quality import evaluate  # noqa: PLC0415

    with opened(path) as file:
        content = hashlib.sha256()
        while piece := file.read(_PIECE):
            content.update(piece)
    exif = read_exif(path)
    try:
        quality = evaluate(path)
    except ReaderMissing:
        if companion is None:
            raise
        quality = evaluate(companion)
    return {"sha256": content.hexdigest(), "exif": exif, "quality": quality}
