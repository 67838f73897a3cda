"""Writes develop settings into the XMP sidecar of a RAW file, where Lightroom and Camera Raw look for them.

What others have put there is theirs: it is kept, and settings that somebody made are not replaced unasked.
The sidecar is ``NAME.xmp`` beside ``NAME.NEF``, also where it is spelt in other case. What it has of ratings,
keywords and anything else stays byte for byte. The file is replaced in one step: whatever happens, it is the
old one or the new one. If another program writes it meanwhile, that counts, and it is read again; only
between the last look and the replacement, microseconds apart, could a change be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal

from junmai_jobs.files import open_regular
from junmai_jobs.photo.develop.settings import PARAMETERS, Settings, Value, checked_settings
from junmai_jobs.photo.errors import PhotoError, PhotoGone, SidecarError, SidecarRefused, shown, spelt
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.xmp.packet import NO_MARKS, Fields, Marks, Xmp, blank, may_be_marked
from junmai_jobs.photo.xmp.replacing import (
    WrittenMeanwhile,
    backups,
    damaged_backup,
    explained,
    remove,
    replace,
    restore,
)

Outcome = Literal["written", "unchanged", "already_edited"]
Restored = Literal["restored", "no_backup", "edited_since"]

MAX_BYTES = 1024 * 1024  # only brushed masks make a sidecar larger: that is somebody's work, and not parsed
BACKUP = ".bak"
_ATTEMPTS = 3  # at a sidecar that another program is writing

_PROCESS = {"ProcessVersion": ("11.0",), "HasSettings": ("True",)}  # 11.0: version 5, of 2018


def write_sidecar(
    photo: Path,
    settings: Settings,
    *,
    preset: str,
    marks: Marks = NO_MARKS,
    replace_edits: bool = False,
    sidecar: Path | None = None,
) -> Outcome:
    """Write develop settings into the sidecar of a RAW file; the photograph itself is not touched.

    Args:
        photo: the RAW file.
        settings: by their ``crs`` names, as ``presets.blended`` returns them.
        preset: the name of the preset they are from, for the record.
        marks: rating and label, set where nobody has set one.
        replace_edits: replace develop settings that somebody else made, and keep the sidecar as it was as
            ``NAME.xmp.bak``, ``NAME.xmp.bak2`` and so on; no backup is ever overwritten.
        sidecar: what ``sidecar_of`` said, from a caller who has looked where that is.

    Returns:
        ``written``; ``unchanged`` if it has these settings already; ``already_edited`` if it has develop
        settings other than those that this function wrote and nobody changed since: then nothing is done. So
        it is where the sidecar is larger than ``MAX_BYTES``.
        A crop, a camera profile or a single slider is such a setting, RawFileName, Version and a
        HasSettings, HasCrop or AlreadyApplied of ``False`` are not.

    Raises:
        SidecarError: the sidecar is damaged, or cannot be written; it was left as it was.
        SidecarRefused: it is no XMP, none that is understood, or of another RAW file; it was left as it was.
        PhotoGone: the photograph is not there.
        PresetError: a setting is unknown or out of range.
        PhotoError: the file is no RAW file.
    """
    fields = fields_of(settings)
    if not is_raw(photo):
        raise PhotoError(f"{shown(photo)} is no RAW file: Lightroom reads sidecars of RAW files only")
    with explained(shown(photo.with_suffix(".xmp"))):
        if not photo.is_file():
            raise PhotoGone(f"{shown(photo)} is not there: was it moved, or is its drive not connected?")
        path = sidecar or sidecar_of(photo)
        return _insisting(
            partial(_try_to_write, photo, path, fields, preset, marks, replace_edits=replace_edits)
        )


def _insisting(attempt: Callable[[], Outcome]) -> Outcome:
    """What an attempt gives that nobody has disturbed; the last counts, whatever comes of it."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(WrittenMeanwhile):
            return attempt()
    return attempt()


def unmark_sidecar(path: Path) -> None:
    """Take the marks out of a sidecar that ``write_sidecar`` has set there, and nobody has changed since.

    Raises:
        SidecarError: the sidecar is not XMP, or cannot be written; it was left as it was.
    """
    with explained(shown(path)):
        now = _read(path)
        if now is not None and len(now) <= MAX_BYTES and may_be_marked(now):
            unmarked = Xmp(now, shown(path)).without_marks()
            if unmarked != now:
                replace(path, BytesIO(unmarked), is_still=_holds(path, now))


def restore_sidecar(photo: Path) -> Restored:
    """Undo ``write_sidecar``: the sidecar is again what it was.

    Where edits were replaced the newest backup becomes the sidecar again. Else what was added is taken out,
    and a sidecar in which nothing else is removed.

    Returns:
        ``restored``; ``no_backup`` if there is nothing of ours to undo; ``edited_since`` if somebody has
        changed the settings that were written, or beside replaced edits anything else: then nothing is done;
        or if the edits that were replaced, and are restored, were made to settings of ours.

    Raises:
        SidecarError: the sidecar or its backup is not XMP, or cannot be written; it was left as it was.
    """
    with explained(shown(photo.with_suffix(".xmp"))):
        path = sidecar_of(photo)
        kept, now = backups(path, BACKUP), _read(path)
        if now is not None and len(now) > MAX_BYTES:
            return "edited_since" if kept else "no_backup"
        if not kept:
            return "no_backup" if now is None else _take_out(path, now)
        if now is not None and not _came_from(kept[-1], path, now):
            return "edited_since"
        before = _read(kept[-1]) or b""
        restore(kept[-1], path, is_still=_holds(path, now))
        return "edited_since" if _take_out(path, before) == "edited_since" else "restored"


def _came_from(backup: Path, path: Path, now: bytes) -> bool:
    """Whether a sidecar is what it was, but for settings and marks of ours."""
    if (kept := _read(backup)) == now or kept is None:
        return True
    try:
        before = Xmp(kept, shown(backup))
    except SidecarError as error:
        raise damaged_backup(backup, shown(path)) from error
    xmp = Xmp(now, shown(path))
    edits = xmp.edits or before.edits  # none are left where they were reset
    return (xmp.is_ours or not xmp.edits) and before.others(edits) == xmp.others(edits)


def _take_out(path: Path, now: bytes) -> Restored:
    if not may_be_marked(now):
        return "no_backup"
    xmp = Xmp(now, shown(path))
    if not xmp.has_our_record:
        return "no_backup"
    if not xmp.is_ours:
        return "edited_since"
    before = xmp.without_ours()
    if before is None:
        remove(path, is_still=_holds(path, now))
    else:
        replace(path, BytesIO(before), is_still=_holds(path, now))
    return "restored"


def _try_to_write(
    photo: Path, path: Path, fields: Fields, preset: str, marks: Marks, *, replace_edits: bool
) -> Outcome:
    old = _read(path)
    if old is not None and len(old) > MAX_BYTES:
        if not replace_edits:
            return "already_edited"
        raise SidecarRefused(f"{shown(path)} is larger than {MAX_BYTES // 1024**2} MiB: it was left as it is")
    xmp = Xmp(blank(photo.suffix[1:]) if old is None else old, shown(path))
    _insist_that_it_is_of(photo, xmp)
    foreign = bool(xmp.edits) and not xmp.is_ours
    if foreign and not replace_edits:
        return "already_edited"
    if xmp.is_having(fields, marks):
        return "unchanged"
    new = xmp.having(fields, preset, marks)
    replace(path, BytesIO(new), is_still=_holds(path, old), keep_as=BACKUP if foreign else "")
    return "written"


def _insist_that_it_is_of(photo: Path, xmp: Xmp) -> None:
    """Refuse a sidecar of another RAW file of the same stem; Camera Raw notes there whose it is."""
    owner = xmp.extension
    if owner is not None and owner.casefold() != photo.suffix[1:].casefold():
        other = spelt(Path(f"{photo.stem}.{owner[:20]}"))
        raise SidecarRefused(f"{xmp.name} belongs to {other}: give {shown(photo)} another name")


def fields_of(settings: Settings) -> Fields:
    """Return develop settings as they stand in XMP.

    Raises:
        PresetError: a setting is unknown or out of range.
    """
    texts = {name: _texts(name, value) for name, value in checked_settings(settings).items()}
    return {**_PROCESS, **texts}


def _texts(name: str, value: Value) -> tuple[str, ...]:
    """Write a value as Camera Raw does: with a plus sign wherever a minus is possible."""
    if isinstance(value, list):
        return tuple(f"{x}, {y}" for x, y in value)
    if isinstance(value, bool | str):
        return (str(value),)
    parameter = PARAMETERS[name]
    text = f"{value + 0.0:.{parameter.decimals}f}"  # no negative zero
    return (f"+{text}" if value > 0 and (parameter.low < 0 or name == "SharpenRadius") else text,)


# ---- files -----------------------------------------------------------------------------------------


def sidecar_of(photo: Path) -> Path:
    """Return the file that is the photo's sidecar, or will be; a link leads to what it stands for."""
    path = photo.with_suffix(".xmp")
    if not path.exists():
        wanted = path.name.casefold()
        found = [each.name for each in photo.parent.iterdir() if each.name.casefold() == wanted]
        best = min(found, key=lambda name: (Path(name).stem != photo.stem, name), default=path.name)
        path = photo.with_name(best)
    return path.resolve()


def _read(path: Path) -> bytes | None:
    """Read a sidecar: all of it, or of one that is too large a byte more than ``MAX_BYTES``."""
    if path.exists() and not path.is_file():
        raise SidecarRefused(f"{shown(path)} is no file: remove it")
    try:
        with open_regular(path) as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None


def _holds(path: Path, content: bytes | None) -> Callable[[], bool]:
    """Return what tells, when it is called, whether a sidecar is still as it was read."""
    return lambda: _read(path) == content
