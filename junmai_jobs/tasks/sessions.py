"""The tasks on a session: group its photos, give its picks presets, tell that it is finished.

As in ``photos.py``, each may run again with the same outcome, and none waits for another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from junmai_jobs.catalog import Catalog, PhotoRow
from junmai_jobs.config import load_config
from junmai_jobs.context import current_job
from junmai_jobs.errors import Abort, InvalidState, RetryLater
from junmai_jobs.notify import Outlets
from junmai_jobs.photo.develop.contexts import blend_of
from junmai_jobs.photo.develop.lightroom import lightroom_config
from junmai_jobs.photo.develop.presets import Preset, blended, preset_named
from junmai_jobs.photo.groups.picks import choose, without_rejected
from junmai_jobs.schema import printable
from junmai_jobs.task import task
from junmai_jobs.tasks.lightroom import hand_over
from junmai_jobs.tasks.likeness import like_session
from junmai_jobs.tasks.notices import notices_of, tell_once
from junmai_jobs.tasks.recording import (
    RETRY,
    PathLike,
    open_catalog,
    own_presets,
    own_rules,
    recorded,
    roots_of,
)
from junmai_jobs.tasks.sizes import settings_writes

if TYPE_CHECKING:
    from junmai_jobs.photo.groups.grouping import Group

NOT_A_PICK = "not_a_pick"
_GROUPS_SOON = 5.0  # s


@task(queue="low_priority", priority=1, retry=RETRY, alike=like_session)
@recorded
def group_similar_photos(
    session_id: int, catalog: PathLike | None = None, left_out: Collection[int] = ()
) -> dict[str, Any]:
    """Group a session's photos that show the same, and choose its picks: see ``photo.groups``.

    The scores that the picks are chosen by have the photographer's taste in them; what was approved is a pick
    in any case, and what was rejected none.

    Args:
        session_id: the catalog's id of it.
        catalog: the catalog's file.
        left_out: ids of photos that are in no group and no picks, as their files are not there any more.

    Returns:
        ``groups``: for each ``photos`` and ``pick`` (ids of the catalog) and ``reason``, a sentence;
        ``total_photos``, those that were processed; ``group_count``; ``picks``, how many.
    """
    from junmai_jobs.photo.groups.grouping import Frame, group  # noqa: PLC0415 - slow, see above

    with open_catalog(catalog) as records:
        digest, without = records.results_digest(session_id), frozenset(left_out)
        rows = [row for row in records.results(session_id) if row.id not in without]
        profiles = records.profiles(session_id)
        scores = _scores(records, rows)
        groups = group([_frame(row, Frame, profiles.get(row.id)) for row in rows])
        groups, picks = _decided(records, scores, groups, load_config().selection_threshold)
        records.record_groups(session_id, groups, picks, digest, scores)
    return {
        "groups": [
            {"photos": list(each.members), "pick": each.pick, "reason": each.reason} for each in groups
        ],
        "total_photos": len(rows),
        "group_count": len(groups),
        "picks": len(picks),
    }


def picks_now(records: Catalog, session_id: int, threshold: float) -> set[int]:
    """The picks of a session, ids of the catalog, were they chosen from its groups now."""
    from junmai_jobs.photo.groups.grouping import Group  # noqa: PLC0415 - slow, see above

    rows = records.results(session_id)
    members: dict[int, list[PhotoRow]] = {}
    for row in rows:
        if row.group_id is not None:
            members.setdefault(row.group_id, []).append(row)
    ranked = [tuple(row.id for row in sorted(alike, key=_rank)) for alike in members.values()]
    groups = [Group(ids, ids[0], "", ids) for ids in ranked]
    return _decided(records, _scores(records, rows), groups, threshold)[1]


def _rank(row: PhotoRow) -> int:
    """Sort the best of a group first; one that an older version has grouped has only a pick."""
    return int(row.pick_reason is None) if row.group_rank is None else row.group_rank


def _scores(records: Catalog, rows: Sequence[PhotoRow]) -> dict[int, float]:
    """The scores with the photographer's taste in them."""
    return records.learned_scores({row.id: row.ai_score or 0.0 for row in rows})


def _decided(
    records: Catalog, scores: Mapping[int, float], groups: Sequence[Group], threshold: float
) -> tuple[list[Group], set[int]]:
    """Choose the picks, of groups too; the verdicts have the last word."""
    rejected = {each.photo_id for each in records.verdicts() if each.verdict == "rejected"}
    groups = without_rejected(groups, rejected)
    return groups, records.decided(choose(scores, groups, threshold), scores)


@task(queue="high_priority", priority=9, retry=RETRY, disk=settings_writes)
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
    """Give a photograph its develop settings, see ``photo.xmp.writing``, and make the job for Lightroom.

    Args:
        photo_id: the catalog's id of it.
        preset_name: None: the one that ``process_photo`` chose.
        blend_amount: percent, 0 to 100; None: what the photo's context says, for the preset chosen by that,
            else the preset's own.
        session_id: only if the photo is a pick of this session; such a one is rated and labelled too. From
            one that was rejected stars and label are taken back, see ``photo.xmp.writing``.
        replace_edits: replace develop settings that are there; their file is kept beside it.
        write_into_files: write into a JPEG, TIFF or DNG; it is kept beside it. Else none is ever written to.
        catalog: the catalog's file.

    Returns:
        ``photo_id``, ``preset_name``, ``blend_amount``; ``status``: written, unchanged, already_edited, or
        no_sidecar for a file that is not to be written to; ``config``, the job for Lightroom (LrDevConfig
        1.0); ``job_id``, that of this job; where ``bridge.lightroom`` is set ``lightroom_job``, the id of the
        job that hands the config to the plugin, None for what was edited already. Or ``status`` not_a_pick
        alone with the ``photo_id``.

    Raises:
        PresetError: no preset of that name, or it has impossible settings; no retry follows.
        PhotoGone: the photograph is not there just now.
        PhotoError: the sidecar or file cannot be read or written.
    """
    from junmai_jobs.photo.xmp.writing import marks_of, take_back_marks, write_settings  # noqa: PLC0415

    with open_catalog(catalog) as records:
        row, roots = row_of(records, photo_id, session_id), roots_of(records, photo_id)
        verdict = records.verdict_on(photo_id)
    if session_id is not None and not row.is_pick:
        if verdict == "rejected":
            take_back_marks(row.path, roots, into_file=write_into_files)
        return {"photo_id": photo_id, "status": NOT_A_PICK}
    config = load_config()
    preset = preset_named(preset_name or row.selected_preset or "natural", own_presets(config))
    amount = _amount(row, preset, by_context=preset_name is None) if blend_amount is None else blend_amount
    score = row.ai_score if row.learned_score is None else row.learned_score
    status = write_settings(
        row.path,
        roots,
        blended(preset, amount),
        preset=preset.name,
        marks=marks_of(score) if session_id is not None and config.rate_picks else {},
        replace_edits=replace_edits,
        into_file=write_into_files,
    )
    document = lightroom_config(preset, amount, photo_path=printable(str(row.path)))
    found = {"photo_id": photo_id, "preset_name": preset.name, "blend_amount": amount, "status": status}
    found |= {"config": document, "job_id": _job_id()}
    if config.bridge_lightroom:
        found["lightroom_job"] = (
            None if status == "already_edited" else _for_plugin(catalog, photo_id, document)
        )
    return found


def _for_plugin(catalog: PathLike | None, photo_id: int, document: dict[str, Any]) -> str | None:
    """The id of the job that hands a photo's settings to the plugin in Lightroom."""
    with open_catalog(catalog) as records:
        return hand_over(records, photo_id, document)


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
        outlets = Outlets.of(load_config())
        tell_once(notices_of(records, rows, found, outlets), outlets)
    return found


def _amount(row: PhotoRow, preset: Preset, *, by_context: bool) -> float:
    blend = blend_of(row.context_tag, own_rules()) if by_context and row.context_tag else None
    return preset.blend_amount if blend is None else blend


def row_of(records: Catalog, photo_id: int, session_id: int | None) -> PhotoRow:
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
