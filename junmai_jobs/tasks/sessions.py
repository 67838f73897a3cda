"""The tasks on a session: group its photos, give its picks presets, export them, tell that it is finished.

As in ``photos.py``, each may run again with the same outcome, and none waits for another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from junmai_jobs.catalog import Catalog, PhotoRow, SessionRow
from junmai_jobs.config import Config, ExportPreset, load_config
from junmai_jobs.context import current_job
from junmai_jobs.errors import Abort, InvalidState, RetryLater
from junmai_jobs.notify import Notice, notify, receivers
from junmai_jobs.photo.develop.contexts import blend_of
from junmai_jobs.photo.develop.lightroom import lightroom_config
from junmai_jobs.photo.develop.presets import Preset, blended, preset_named
from junmai_jobs.photo.errors import ExportRefused, ReaderMissing
from junmai_jobs.photo.export.destinations import may_be_written
from junmai_jobs.photo.export.file_names import Named, distinct, named
from junmai_jobs.photo.groups.picks import choose
from junmai_jobs.photo.pictures.opening import opened
from junmai_jobs.schema import printable
from junmai_jobs.task import task
from junmai_jobs.tasks.recording import (
    RETRY,
    PathLike,
    open_catalog,
    own_presets,
    own_rules,
    recorded,
    roots_of,
)

WEB = ExportPreset(name="Web")
"""How pictures are exported where ``export.presets`` names no other way."""
NOT_A_PICK = "not_a_pick"
_GROUPS_SOON = 5.0  # s


@task(queue="low_priority", priority=1, retry=RETRY)
@recorded
def group_similar_photos(session_id: int, catalog: PathLike | None = None) -> dict[str, Any]:
    """Group a session's photos that show the same, and choose its picks: see ``photo.picks``.

    The scores that the picks are chosen by have the photographer's taste in them; of what was approved or
    rejected nothing is chosen any more.

    Returns:
        ``groups``: for each ``photos`` and ``pick`` (ids of the catalog) and ``reason``, a sentence;
        ``total_photos``, those that were processed; ``group_count``; ``picks``, how many.
    """
    from junmai_jobs.photo.groups.grouping import Frame, group  # noqa: PLC0415 - slow, see above

    with open_catalog(catalog) as records:
        digest, rows = records.results_digest(session_id), records.results(session_id)
        profiles = records.profiles(session_id)
        groups = group([_frame(row, Frame, profiles.get(row.id)) for row in rows])
        scores = records.learned_scores({row.id: row.ai_score or 0.0 for row in rows})
        picks = records.decided(choose(scores, groups, load_config().selection_threshold), scores)
        records.record_groups(session_id, groups, picks, digest)
    return {
        "groups": [
            {"photos": list(each.members), "pick": each.pick, "reason": each.reason} for each in groups
        ],
        "total_photos": len(rows),
        "group_count": len(groups),
        "picks": len(picks),
    }


@task(queue="high_priority", priority=9, retry=RETRY)
@recorded
def apply_preset(
    photo_id: int,
    preset_name: str | None = None,
    blend_amount: float | None = None,
    session_id: int | None = None,
    *,
    replace_edits: bool = False,
    write_into_files: bool = False,
    catalog: PathLike | None = None,
) -> dict[str, Any]:
    """Give a photograph its develop settings, see ``photo.writing``, and make the job for Lightroom.

    Args:
        photo_id: the catalog's id of it.
        preset_name: None: the one that ``process_photo`` chose.
        blend_amount: percent, 0 to 100; None: what the photo's context says, for the preset chosen by that,
            else the preset's own.
        session_id: only if the photo is a pick of this session; such a one is rated and labelled too.
        replace_edits: replace develop settings that are there; their file is kept beside it.
        write_into_files: write into a JPEG, TIFF or DNG; it is kept beside it. Else none is ever written to.
        catalog: the catalog's file.

    Returns:
        ``photo_id``, ``preset_name``, ``blend_amount``; ``status``: written, unchanged, already_edited, or
        no_sidecar for a file that is not to be written to; ``config``, the job for Lightroom (LrDevConfig
        1.0); ``job_id``, that of this job. Or ``status`` not_a_pick alone with the ``photo_id``.

    Raises:
        PresetError: no preset of that name, or it has impossible settings; no retry follows.
        PhotoGone: the photograph is not there just now.
        PhotoError: the sidecar or file cannot be read or written.
    """
    from junmai_jobs.photo.xmp.writing import marks_of, write_settings  # noqa: PLC0415

    with open_catalog(catalog) as records:
        row, roots = _row(records, photo_id, session_id), roots_of(records, photo_id)
    if session_id is not None and not row.is_pick:
        return {"photo_id": photo_id, "status": NOT_A_PICK}
    config = load_config()
    preset = preset_named(preset_name or row.selected_preset or "natural", own_presets(config))
    amount = _amount(row, preset, by_context=preset_name is None) if blend_amount is None else blend_amount
    status = write_settings(
        row.path,
        roots,
        blended(preset, amount),
        preset=preset.name,
        marks=marks_of(row.ai_score) if session_id is not None and config.rate_picks else {},
        replace_edits=replace_edits,
        into_file=write_into_files,
    )
    return {
        "photo_id": photo_id,
        "preset_name": preset.name,
        "blend_amount": amount,
        "status": status,
        "config": lightroom_config(preset, amount, photo_path=printable(str(row.path))),
        "job_id": _job_id(),
    }


@task(queue="low_priority", priority=1, retry=RETRY)
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
    """Export a photograph: as ``photo.export.export`` does, the file whole or not there.

    Args:
        photo_id: the catalog's id of it.
        export_preset: a name in ``export.presets``; None: the first enabled there, else ``WEB``.
        destination: the file to be made, without its suffix; None: the preset's folder, by the photo's name.
            Of a preset with a ``file_name`` that is the name instead.
        session_id: only if the photo is a pick of this session.
        companion: the camera's JPEG beside a RAW, exported where the RAW holds no picture.
        catalog: the catalog's file.

    Returns:
        ``photo_id``, ``export_preset``, ``status`` completed, and as ``photo.export.export``: ``path``,
        ``format``, ``width``, ``height`` (px), ``bytes``, ``color_space``. Or ``status`` not_a_pick.

    Raises:
        ExportRefused: no such preset, or one that cannot be fulfilled; a destination where no exports may
            be; no retry follows.
        UnreadablePhoto, PhotoGone, PhotoError: the photograph cannot be read; no file could be written.
    """
    from junmai_jobs.photo.export.encoding import export_suffix  # noqa: PLC0415
    from junmai_jobs.photo.export.exporting import export  # noqa: PLC0415

    preset = export_preset_named(load_config(), export_preset)
    with open_catalog(catalog) as records:
        row, roots = _row(records, photo_id, session_id), roots_of(records, photo_id)
        if session_id is not None and not row.is_pick:
            return {"photo_id": photo_id, "status": NOT_A_PICK}
        stem = _export_stem(records, row, preset, destination, session_id)
    final = stem.with_name(stem.name + export_suffix(preset.format))
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


@task(queue="low_priority", priority=0, retry=RETRY)
@recorded
def finish_session(session_id: int, catalog: PathLike | None = None) -> dict[str, Any]:
    """Tell that a session is finished, see ``notify``: its last job.

    Returns:
        ``session_id``, ``name``, ``folder``; ``photos``, ``succeeded``, ``failed`` and ``picks``, counts.
    """
    with open_catalog(catalog) as records:
        session, rows = records.session_row(session_id), records.photos(session_id)
    if session is None:
        raise Abort(f"there is no session {session_id} in the catalog")
    found = {
        "session_id": session_id,
        "name": printable(session.name),
        "folder": printable(str(session.import_folder)),
        "photos": len(rows),
        "succeeded": sum(row.status == "completed" for row in rows),
        "failed": sum(row.status == "failed" for row in rows),
        "picks": sum(row.is_pick for row in rows),
    }
    told = "{name}: {picks:,} of {photos:,} photos picked, {failed:,} failed".format_map(found)
    notify(Notice("session_finished", told, found), receivers(load_config().notify_command))
    return found


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


def _export_stem(
    records: Catalog,
    row: PhotoRow,
    preset: ExportPreset,
    destination: PathLike | None,
    session_id: int | None,
) -> Path:
    """Where an export is to go, but for its suffix."""
    if destination is None and preset.destination is None:
        raise ExportRefused(f"the export preset {preset.name} has no destination: give it one in config.json")
    stem = Path(destination) if destination else Path(str(preset.destination)) / row.path.stem
    if session_id is None:
        session_id = records.session_of_photo(row.id)
    session = None if session_id is None else records.session_row(session_id)
    config = load_config()
    trusted = [Path(each.destination) for each in config.export_presets if each.destination]
    closed = [config.home, *([session.import_folder] if session else [])]
    may_be_written(stem, trusted=trusted, closed=closed)
    if preset.file_name is None:
        return stem
    return stem.with_name(_export_name(records, row, preset.file_name, session))


def _export_name(records: Catalog, row: PhotoRow, template: str, session: SessionRow | None) -> str:
    """Name a photo among all of its session, in the order in which the catalog came to know them.

    So the name stays when photos are added to the session, and whoever of it is a pick.
    """
    rows, label = [row], ""
    if session is not None:
        rows = sorted(records.photos(session.id), key=lambda each: each.id)
        folder = session.import_folder
        label = folder.name if session.name == str(folder) else session.name
    names = distinct(
        named(
            template,
            Named(
                name=each.path.stem,
                sequence=number,
                session=label,
                captured=datetime.fromisoformat(each.capture_time) if each.capture_time else None,
                camera=each.camera_model,
                score=each.ai_score,
            ),
        )
        for number, each in enumerate(rows, 1)
    )
    return next(name for name, each in zip(names, rows, strict=True) if each.id == row.id)


def _amount(row: PhotoRow, preset: Preset, *, by_context: bool) -> float:
    blend = blend_of(row.context_tag, own_rules()) if by_context and row.context_tag else None
    return preset.blend_amount if blend is None else blend


def _row(records: Catalog, photo_id: int, session_id: int | None) -> PhotoRow:
    """What is known of a photo; asked for as one of a session, only when that has been grouped."""
    if session_id is not None and records.grouped_from(session_id) is None:
        raise RetryLater(_GROUPS_SOON, "the session's photos are not grouped yet")
    row = records.photo_row(photo_id, session_id)
    if row is None:
        raise Abort(f"there is no photo {photo_id} in the catalog: process its folder first")
    return row


def _frame(row: PhotoRow, frame: Callable[..., Any], profile: bytes | None) -> Any:
    return frame(
        photo_id=row.id,
        fingerprint=row.fingerprint,
        captured=datetime.fromisoformat(row.capture_time) if row.capture_time else None,
        overall=row.ai_score,
        focus=row.focus_score,
        exposure=row.exposure_score,
        composition=row.composition_score,
        name=str(row.path),
        profile=profile,
    )


def _job_id() -> str | None:
    try:
        return current_job().id
    except InvalidState:
        return None


def _publisher() -> dict[str, Any]:
    """In a job, a file is published only while the job is ours."""
    try:
        return {"publish": current_job().publish}
    except InvalidState:
        return {}
