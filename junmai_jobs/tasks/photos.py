"""The tasks on one photograph: what ``photo`` finds out about it, recorded in the catalog.

Each does its whole work in one job, and none waits for another; each may run again with the same outcome.
``path`` may be given where the catalog need not be asked for it, yet only the folders of the photo's sessions
and ``photo.roots`` are read from; ``catalog`` is its file, None the one in ``JUNMAI_HOME``. The libraries of
the extra ``photo`` are imported only by the process that runs such a task. After a lack of memory a photo is
looked at in a smaller size (``RunningJob.scale``), and its scores may differ a little.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from junmai_jobs.catalog import Catalog
from junmai_jobs.config import Config, load_config
from junmai_jobs.errors import Abort
from junmai_jobs.files import state_of
from junmai_jobs.photo.errors import PhotoError, PhotoGone, ReaderMissing, UnreadablePhoto
from junmai_jobs.photo.pictures.opening import OpenPhoto, Photograph, Roots, opened
from junmai_jobs.task import task
from junmai_jobs.tasks.likeness import like_photo
from junmai_jobs.tasks.recording import (
    RETRY,
    PathLike,
    open_catalog,
    open_photo,
    own_rules,
    recorded,
    roots_of,
    seen_before,
    working_scale,
)
from junmai_jobs.tasks.sizes import photo_writes

if TYPE_CHECKING:
    from PIL.Image import Image

_PIECE = 2**20  # bytes


@task(
    queue="medium_priority",
    retry=RETRY,
    input=("path", "companion"),
    opener=open_photo,
    alike=like_photo,
    disk=photo_writes,
)
@recorded
def process_photo(
    photo_id: int,
    path: PathLike | None = None,
    companion: PathLike | None = None,
    catalog: PathLike | None = None,
    config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Read, judge and record one photograph: EXIF, quality, context, and the preset for it.

    It is recorded if the catalog's photo of that number is this file.

    Args:
        photo_id: the catalog's id of it.
        path: its file.
        companion: the camera's JPEG beside a RAW file, judged where the RAW cannot be decoded here.
        catalog: the catalog's file.
        config: ``preset``, the name of the preset to choose whatever the context.

    Returns:
        ``photo_id``, ``path``; ``sha256`` and ``bytes`` of the file; ``fingerprint``, 16 hex digits or None;
        ``exif`` as ``read_exif``, ``quality`` as ``evaluate`` and ``context`` as ``detect`` of
        ``junmai_jobs.photo`` give them, with ``faces_detected`` among the parts of the quality; ``preset``,
        the name of the chosen one; ``processing_time`` in seconds.

    Raises:
        UnreadablePhoto: the file can never be worked on, or is not where it may be read; it is recorded as
            failed, no retry follows.
        PhotoGone: it is not there just now, or somebody writes to it.
    """
    begin = time.monotonic()
    with open_catalog(catalog) as records:
        file = _path(records, photo_id, path)
        try:
            found = _known_or_looked_at(records, file, companion, roots_of(records, photo_id))
        except UnreadablePhoto as error:
            if _is_of(records, photo_id, file):
                records.record_failure(photo_id, str(error))
            raise
        preset = (config or {}).get("preset") or found["context"]["recommended_preset"]
        result = found | {"photo_id": photo_id, "path": file, "preset": preset}
        if _is_of(records, photo_id, file):
            record(records, result)
    return result | {"processing_time": round(time.monotonic() - begin, 3)}


@task(queue="high_priority", priority=9, retry=RETRY, input="path", opener=open_photo, alike=like_photo)
@recorded
def analyze_exif(
    photo_id: int, path: PathLike | None = None, catalog: PathLike | None = None
) -> dict[str, Any]:
    """Read what the camera wrote down about a photograph.

    Returns:
        ``camera``, ``settings``, ``location``, ``datetime``, ``context_hints``: see ``photo.exif.reading``.

    Raises:
        UnreadablePhoto, PhotoGone: as ``process_photo``.
    """
    from junmai_jobs.photo.exif.reading import read_exif  # noqa: PLC0415 - slow, see above

    with open_catalog(catalog) as records:
        file, roots = _path(records, photo_id, path), roots_of(records, photo_id)
    with opened(file, roots) as photo:
        return read_exif(photo)


@task(queue="medium_priority", retry=RETRY, input=("path", "companion"), opener=open_photo, alike=like_photo)
@recorded
def evaluate_quality(
    photo_id: int,
    path: PathLike | None = None,
    companion: PathLike | None = None,
    catalog: PathLike | None = None,
) -> dict[str, Any]:
    """Judge a photograph.

    Returns:
        ``overall_score`` (1.0 to 5.0); ``quality``: focus_score, exposure_score, composition_score,
        noise_score and compression_score (1.0 to 5.0), and faces_detected (None: OpenCV has no detector for
        them); ``exif``; ``context``, its name; ``recommendation``: approve, review or reject; ``tags``, a
        list of words; ``metrics``: quality_metrics, what was measured, and exif_hints; ``llm_evaluation``,
        where ``photo.llm`` is set, as ``photo.quality.second_opinion`` gives it.

    Raises:
        UnreadablePhoto, PhotoGone: as ``process_photo``.
    """
    with open_catalog(catalog) as records:
        file, roots = _path(records, photo_id, path), roots_of(records, photo_id)
    found, picture = _look_at(file, companion, roots)
    quality, hints = _with_second_opinion(found["quality"], picture), found["exif"]["context_hints"]
    words = (found["context"]["context"], hints["lighting"], hints["subject_type"], hints["special_lighting"])
    return {
        "overall_score": quality["overall_score"],
        "quality": quality["quality"],
        "exif": found["exif"],
        "context": found["context"]["context"],
        "recommendation": quality["recommendation"],
        "tags": list(dict.fromkeys(word for word in words if word)),
        "metrics": {"quality_metrics": quality["metrics"], "exif_hints": hints},
    } | {key: quality[key] for key in ("llm_evaluation",) if key in quality}


def record(records: Catalog, result: dict[str, Any]) -> None:
    """Store in the catalog what ``process_photo`` returned."""
    records.record_result(
        result["photo_id"],
        exif=result["exif"],
        quality=result["quality"],
        context=result["context"]["context"],
        preset=result["preset"],
        fingerprint=result["fingerprint"],
        sha256=result["sha256"],
        file_size=result["bytes"],
    )


def _with_second_opinion(quality: dict[str, Any], picture: Image) -> dict[str, Any]:
    from junmai_jobs.photo.quality.second_opinion import add_second_opinion  # noqa: PLC0415

    return add_second_opinion(quality, picture, load_config().second_opinion)


def _path(records: Catalog, photo_id: int, path: PathLike | None) -> Path:
    if path is not None:
        return Path(str(path))  # whatever a payload holds
    row = records.photo_row(photo_id)
    if row is None:
        raise Abort(f"there is no photo {photo_id} in the catalog: process its folder first")
    return row.path


def _is_of(records: Catalog, photo_id: int, file: Path) -> bool:
    """Whether the catalog's photo is this file: one that began anew has other numbers."""
    row = records.photo_row(photo_id)
    try:
        return row is None or file == row.path or file.resolve() == row.path.resolve()
    except (OSError, RuntimeError, ValueError):  # it is no path, or leads nowhere
        return False


def _known_or_looked_at(
    records: Catalog, path: Path, companion: PathLike | None, roots: Roots
) -> dict[str, Any]:
    """What there is to know of a photograph: found out now, unless the same content was looked at before.

    How it looks is in the catalog then. A catalog that has no such look is new: what is kept does not help.

    Raises:
        PhotoGone: somebody wrote to it, so what was judged may not be what the digest is of.
    """
    from junmai_jobs.photo.groups.profile import profile  # noqa: PLC0415
    from junmai_jobs.photo.pictures.thumbnail import thumbnail  # noqa: PLC0415

    with opened(path, roots) as photo, opened_beside(companion, roots) as beside:
        files = [each.file for each in (photo, beside) if each is not None]
        before = [state_of(file) for file in files]
        content = content_of(photo, beside, load_config(), working_scale())

        def look() -> dict[str, Any]:
            found, picture = _look_at(photo, beside or companion, roots)
            found["quality"] = _with_second_opinion(found["quality"], picture)
            looks = thumbnail(picture), profile(picture)
            if [state_of(file) for file in files] != before:
                raise PhotoGone(f"{photo.name} was changed while it was looked at: let it be written whole")
            records.record_look(content.digest, *looks)
            return found

        found = seen_before(
            content.parts,
            look,
            again=not records.has_look(content.digest),
            worth_keeping=lambda found: "error" not in found["quality"].get("llm_evaluation", ()),
        )
    return found | {"sha256": content.digest, "bytes": content.size}


class Content(NamedTuple):
    """What a photograph's file holds."""

    digest: str
    """Its SHA-256, in hexadecimal."""
    size: int
    """Bytes."""
    parts: list[Any]
    """All that what is found out about it depends on: see ``RunningJob.cached``."""


def content_of(photo: OpenPhoto, beside: OpenPhoto | None, config: Config, scale: float = 1.0) -> Content:
    """Read a photograph's file, and that of its companion; for the arguments see ``process_photo``."""
    digest, size = _digest_of(photo.file)
    told_beside = beside and [_digest_of(beside.file)[0], beside.path.suffix.lower()]
    settings = [scale, repr(own_rules(config)), repr(config.second_opinion)]
    return Content(digest, size, [digest, photo.path.suffix.lower(), told_beside, *settings])


@contextlib.contextmanager
def opened_beside(companion: PathLike | None, roots: Roots) -> Iterator[OpenPhoto | None]:
    """Open the companion; None where it cannot be read: then nothing was ever found out by it."""
    with contextlib.ExitStack() as stack:
        beside = None
        if companion is not None:
            with contextlib.suppress(PhotoError):
                beside = stack.enter_context(opened(Path(str(companion)), roots))
        yield beside


def _look_at(
    photograph: Photograph, companion: OpenPhoto | PathLike | None, roots: Roots
) -> tuple[dict[str, Any], Image]:
    """Find out all there is to know, from one reading of the file and one small picture of it."""
    from junmai_jobs.photo.develop.contexts import detect  # noqa: PLC0415
    from junmai_jobs.photo.exif.reading import read_exif  # noqa: PLC0415
    from junmai_jobs.photo.groups.grouping import fingerprint  # noqa: PLC0415
    from junmai_jobs.photo.pictures.decoding import load_color  # noqa: PLC0415
    from junmai_jobs.photo.quality.faces import find_faces  # noqa: PLC0415
    from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate  # noqa: PLC0415
    from junmai_jobs.photo.quality.palette import palette  # noqa: PLC0415

    edge = round(WORKING_EDGE * working_scale())
    with opened(photograph, roots) as photo:
        exif = read_exif(photo)
        try:
            picture = load_color(photo, edge)
        except ReaderMissing:
            if companion is None:
                raise
            jpeg = companion if isinstance(companion, OpenPhoto) else Path(str(companion))
            with opened(jpeg, roots) as beside:
                picture = load_color(beside, edge)
    gray = picture.convert("L")
    faces = find_faces(gray)
    quality = evaluate(picture, faces or ())
    quality["quality"]["faces_detected"] = None if faces is None else len(faces)
    quality["metrics"]["palette"] = palette(picture)
    found = {
        "fingerprint": fingerprint(gray),
        "exif": exif,
        "quality": quality,
        "context": detect(exif, quality, own_rules()),
    }
    return found, picture


def _digest_of(file: BinaryIO) -> tuple[str, int]:
    """Return the SHA-256 of a whole file, in hexadecimal, and its size in bytes."""
    content, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        content.update(piece)
        size += len(piece)
    return content.hexdigest(), size
