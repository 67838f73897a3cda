"""The task that exports a photograph, and what its file is called: alone so in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.config import Config, ExportPreset, load_config
from junmai_jobs.context import current_job
from junmai_jobs.errors import InvalidState, RetryLater
from junmai_jobs.photo.errors import ExportRefused, ReaderMissing
from junmai_jobs.photo.export.destinations import is_away, may_be_written
from junmai_jobs.photo.export.file_names import Named, distinct, named
from junmai_jobs.photo.pictures.opening import opened
from junmai_jobs.task import task
from junmai_jobs.tasks.likeness import like_export
from junmai_jobs.tasks.recording import (
    LOOK_AGAIN,
    RETRY,
    VOLUME_AWAY,
    PathLike,
    open_catalog,
    recorded,
    roots_of,
)
from junmai_jobs.tasks.sessions import NOT_A_PICK, row_of
from junmai_jobs.tasks.sizes import export_size

WEB = ExportPreset(name="Web")
"""How pictures are exported where ``export.presets`` names no other way."""


def export_writes(
    photo_id: int,  # noqa: ARG001 - they are those of the task
    export_preset: str | None = None,
    destination: PathLike | None = None,
    *_placed: Any,
    **_named: Any,
) -> dict[Path, int]:
    """What ``export_photo`` writes, as far as that can be told without its photograph."""
    try:
        preset = export_preset_named(load_config(), export_preset)
    except ExportRefused:  # the job says so
        return {}
    folder = Path(str(destination)).parent if destination else preset.destination
    return {Path(folder): export_size(preset, None)} if folder else {}


@task(queue="low_priority", priority=1, retry=RETRY, alike=like_export, disk=export_writes)
@recorded
def export_photo(
    photo_id: int,
    export_preset: str | None = None,
    destination: PathLike | None = None,
    session_id: int | None = None,
    *,
    companion: PathLike | None = None,
    catalog: PathLike | None = None,
) -> dict[str, Any]:
    """Export a photograph: as ``photo.export.exporting`` does, the file whole or not there.

    Args:
        photo_id: the catalog's id of it.
        export_preset: a name in ``export.presets``; None: the first enabled there, else ``WEB``.
        destination: the file to be made, without its suffix; None: the preset's folder, by the photo's name.
            Of a preset with a ``file_name`` that is the name instead. Where another photo was exported by
            that name, ``-2`` and so on is added.
        session_id: only if the photo is a pick of this session.
        companion: the camera's JPEG beside a RAW, exported where the RAW holds no picture.
        catalog: the catalog's file.

    Returns:
        ``photo_id``, ``export_preset``, ``status`` completed, and as ``photo.export.exporting``: ``path``,
        ``format``, ``width``, ``height`` (px), ``bytes``, ``color_space``. Or ``status`` not_a_pick.

    Raises:
        ExportRefused: no such preset, or one that cannot be fulfilled; a destination where no exports may
            be; no retry follows.
        UnreadablePhoto, PhotoGone, PhotoError: the photograph cannot be read; no file could be written.
    """
    from junmai_jobs.photo.export.exporting import export  # noqa: PLC0415

    preset = export_preset_named(load_config(), export_preset)
    with open_catalog(catalog) as records:
        row, roots = row_of(records, photo_id, session_id), roots_of(records, photo_id)
        if session_id is not None and not row.is_pick:
            return {"photo_id": photo_id, "status": NOT_A_PICK}
        final = _export_file(records, row, preset, destination, session_id)
    publish = _publisher()
    try:
        with opened(row.path, roots) as photo:
            made = export(photo, preset, final, **publish)
    except ReaderMissing:
        if companion is None:
            raise
        with opened(Path(str(companion)), roots) as beside:
            made = export(beside, preset, final, **publish)
    made["path"] = Path(made["path"])  # a text could not hold every name
    return {"photo_id": photo_id, "export_preset": preset.name, "status": "completed", **made}


def export_preset_named(config: Config, name: str | None) -> ExportPreset:
    """The export preset of that name; without one the first that is enabled, else ``WEB``.

    Raises:
        ExportRefused: there is none of that name.
    """
    presets = {preset.name: preset for preset in (WEB, *config.export_presets)}
    if name is None:
        return next((preset for preset in config.export_presets if preset.enabled), WEB)
    if name not in presets:
        raise ExportRefused(f"there is no export preset {name}: there are {', '.join(sorted(presets))}")
    return presets[name]


def _export_file(
    records: Catalog,
    row: PhotoRow,
    preset: ExportPreset,
    destination: PathLike | None,
    session_id: int | None,
) -> Path:
    """Where an export is to go, and nobody else's may."""
    from junmai_jobs.photo.export.encoding import export_suffix  # noqa: PLC0415

    if destination is None and preset.destination is None:
        raise ExportRefused(f"the export preset {preset.name} has no destination: give it one in config.json")
    stem = Path(destination) if destination else Path(str(preset.destination)) / row.path.stem
    config, suffix = load_config(), export_suffix(preset.format)
    trusted = [Path(each.destination) for each in config.export_presets if each.destination]
    may_be_written(stem, trusted=trusted, closed=_closed(records, config.home, stem, session_id))
    for folder, drive in () if session_id is None else records.export_folders(session_id).items():
        if stem.is_relative_to(folder) and is_away(folder, drive):
            raise RetryLater(LOOK_AGAIN, VOLUME_AWAY)
    if preset.file_name is not None:
        of_session = records.session_of_photo(row.id) if session_id is None else session_id
        stem = stem.with_name(_export_name(records, row, preset.file_name, of_session))
    return records.export_file(row.id, stem, suffix)


def _export_name(records: Catalog, row: PhotoRow, template: str, session_id: int | None) -> str:
    """Name a photo among all of its session, which is done for all of it at once and kept.

    The order is that in which the catalog came to know them. So the name stays when photos are added to the
    session, and whoever of it is a pick.
    """
    if session_id is None:
        return _export_names([row], template, "")[row.id]
    grouped_from = records.grouped_from(session_id)
    source = f"{grouped_from} {template}"
    found = records.export_name(session_id, row.id, source)
    if found is None:
        session = records.session_row(session_id)
        assert session is not None
        label = session.import_folder.name if session.name == str(session.import_folder) else session.name
        rows = sorted(records.photos(session_id), key=lambda each: each.id)
        names = _export_names(rows, template, label)
        if grouped_from is not None:  # else nothing would tell that they are out of date
            records.name_exports(session_id, names, source)
        found = names[row.id]
    return found


def _export_names(rows: Sequence[PhotoRow], template: str, session: str) -> dict[int, str]:
    names = distinct(
        named(
            template,
            Named(
                name=each.path.stem,
                sequence=number,
                session=session,
                captured=datetime.fromisoformat(each.capture_time) if each.capture_time else None,
                camera=each.camera_model,
                score=each.ai_score,
            ),
        )
        for number, each in enumerate(rows, 1)
    )
    return {each.id: name for each, name in zip(rows, names, strict=True)}


def _closed(records: Catalog, home: Path, stem: Path, session_id: int | None) -> Iterator[Path]:
    """What is exported into a session's folder would be a photo of it; of others a person was told."""
    yield home
    session = None if session_id is None else records.session_row(session_id)
    yield from records.sessions_around(stem.parent) if session is None else [session.import_folder]


def _publisher() -> dict[str, Any]:
    """In a job, a file is published only while the job is ours."""
    try:
        return {"publish": current_job().publish}
    except InvalidState:
        return {}
