"""Small pictures of photographs, asked for by the catalog's number: no path ever comes from outside."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from flask import Blueprint, Response, request

from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.bridge.site import Site
from junmai_jobs.photo.errors import PhotoError
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.tasks import photo_task_modules

_LARGEST_ID = 2**63 - 1
_MOST_PIXELS = 100_000_000
"""Of what is drawn here: a worker looks at larger ones, and keeps how they look."""
_KEPT_FOR = 300
"""Seconds for which a browser does not ask again."""
_PATIENCE = 10.0
"""Seconds that a picture waits for its turn: a drive that hangs must not hold up all who ask."""
_drawing = threading.Lock()
"""One is drawn at a time: pictures must not take the machine from the jobs."""


def register_thumbnails(blueprint: Blueprint, site: Site) -> None:
    """Have a blueprint answer with a photograph's picture under ``/photos/ID/thumbnail``."""

    def thumbnail(photo_id: int) -> Response:
        content = _picture(site, photo_id)
        if content is None:
            return Response(status=204)
        answer = Response(content, mimetype="image/webp")
        answer.headers["Cache-Control"] = f"private, max-age={_KEPT_FOR}"
        answer.set_etag(hashlib.sha256(content).hexdigest())
        answer.make_conditional(request)
        return answer

    blueprint.add_url_rule("/photos/<int:photo_id>/thumbnail", "thumbnail", thumbnail)


def _picture(site: Site, photo_id: int) -> bytes | None:
    """A WebP of at most 320 px: as it was kept when a job looked at the photo, else drawn now.

    None: none is to be had, as of a damaged file, which is no error of the page that asks.

    Raises:
        Refusal: the catalog has no such photo, or none can be drawn here just now.
    """
    with site.catalog() as catalog:
        photo = catalog.photo_row(photo_id) if photo_id <= _LARGEST_ID else None
        if photo is None:
            raise Refusal(404, f"no photo {photo_id} in the catalog", "not_in_catalog")
        kept = catalog.thumbnail(photo_id)
        roots = (*catalog.roots(photo_id), *(root.resolve() for root in site.jobs.config.photo_roots))
    if kept is not None:
        return kept
    if not photo_task_modules():
        raise Refusal(404, "pictures need the extra: pip install 'junmai-jobs[photo]'", "no_picture")
    if not _drawing.acquire(timeout=_PATIENCE):
        raise Refusal(503, "other pictures take long to draw", "no_picture")
    try:
        return _drawn(photo.path, Roots(roots))
    except PhotoError:
        return None
    finally:
        _drawing.release()


def _drawn(path: Path, roots: Roots) -> bytes:
    from junmai_jobs.photo.pictures.decoding import load_color, taken_from  # noqa: PLC0415 - needs the extra
    from junmai_jobs.photo.pictures.thumbnail import EDGE, thumbnail  # noqa: PLC0415

    with opened(path, roots) as photo:
        if not is_raw(path):
            width, height = taken_from(photo.file, photo.name, lambda image: image.size)
            if width * height > _MOST_PIXELS:
                raise PhotoError(f"{photo.name} is too large to be drawn here")
        return thumbnail(load_color(photo, EDGE))
