"""Writes develop settings into a JPEG, TIFF or DNG itself, where that is wished for: into its XMP.

The file as it was is kept beside it as ``NAME.jpg.original``. What is written is made beside the photograph,
read again, and put into its place in one step. See ``containers`` for what of it is changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from junmai_jobs.files import open_regular
from junmai_jobs.photo.develop.settings import Settings
from junmai_jobs.photo.errors import PhotoGone, SidecarError, SidecarRefused, shown
from junmai_jobs.photo.pictures.files import JPEG_SUFFIXES
from junmai_jobs.photo.xmp.containers import Container, container
from junmai_jobs.photo.xmp.packet import NO_MARKS, Marks, Xmp, blank, fitted, may_be_marked, unrated
from junmai_jobs.photo.xmp.replacing import backups, damaged_backup, digest, explained, replace, restore
from junmai_jobs.photo.xmp.sidecar import Outcome, Restored, fields_of

SUFFIXES = JPEG_SUFFIXES | {".tif", ".tiff", ".dng"}
"""Of the files that settings can be written into, in lower case."""
BACKUP = ".original"
_ROOM = 2048  # bytes of white space in a packet, so that the next one fits into its place


def write_into_file(
    photo: Path, settings: Settings, *, preset: str, marks: Marks = NO_MARKS, replace_edits: bool = False
) -> Outcome:
    """Write develop settings into the XMP of a photograph.

    What its XMP has of ratings, keywords and anything else stays byte for byte, as in a sidecar. Not a byte
    of the picture changes, nor of its EXIF. The file keeps its owner, permissions and attributes and gets a
    new time of change, by which Lightroom knows that there is something to read.

    Args:
        photo: a JPEG, TIFF or DNG that is no link.
        settings: by their ``crs`` names, as ``presets.blended`` returns them.
        preset: the name of the preset they are from, for the record.
        marks: rating and label, set where nobody has set one.
        replace_edits: replace develop settings that somebody else made.

    Returns:
        ``written``, ``unchanged`` or ``already_edited``, as ``sidecar.write_sidecar`` does.

    Raises:
        SidecarRefused: its XMP, or the file, is not understood or cannot be changed without harm.
        SidecarError: the file cannot be written, or another program is writing it.
        PhotoGone: the photograph is not there.
        PresetError: a setting is unknown or out of range.
    """
    fields, name = fields_of(settings), shown(photo)
    with explained(name):
        if not photo.is_file():
            raise PhotoGone(f"{name} is not there: was it moved, or is its drive not connected?")
        with open_regular(photo) as file:
            is_still = _unchanged(photo, file)
            held = _container(file, name)
            xmp = _xmp_of(held, name)
            if xmp.edits and not xmp.is_ours and not replace_edits:
                return "already_edited"
            marks = unrated(marks) if held.is_rated else marks
            if xmp.is_having(fields, marks):
                return "unchanged"
            new = _having(held, xmp.having(fields, preset, marks), name)
            _put(photo, file, new, is_still)
    return "written"


def unmark_file(photo: Path) -> None:
    """Take the marks out of a photograph that ``write_into_file`` has set, and nobody has changed since.

    Raises:
        SidecarRefused, SidecarError: as ``write_into_file`` does.
    """
    name = shown(photo)
    with explained(name), open_regular(photo) as file:
        is_still = _unchanged(photo, file)
        held = _container(file, name)
        if may_be_marked(held.xmp or b""):
            unmarked = _xmp_of(held, name).without_marks()
            if unmarked != held.xmp:
                _put(photo, file, _having(held, unmarked, name), is_still)


def restore_file(photo: Path) -> Restored:
    """Undo ``write_into_file``: the newest backup becomes the photograph again.

    Where somebody has changed the photograph between two writes, that backup has what the first one wrote:
    this is taken out of it, and the change stays.

    Returns:
        ``restored``; ``no_backup`` if there is nothing of ours to undo; ``edited_since`` if somebody has
        changed anything in the photograph since: then nothing is done; or if settings of somebody are mixed
        with ours in the newest backup, or are in an older one only: then that is as far as it is undone.

    Raises:
        SidecarError: the photograph or its backup is not understood, or cannot be written.
    """
    name = shown(photo)
    with explained(name):
        if not (kept := backups(photo, BACKUP)):
            return "no_backup"
        with open_regular(photo) if photo.exists() else nullcontext() as now:
            is_still = _unchanged(photo, now)
            if now and not _came_from(kept[-1], now, name):
                xmp = _xmp_of(_container(now, name), name)
                return "edited_since" if xmp.has_our_record or xmp.edits else "no_backup"
        before = _xmp_kept(kept[-1], name)
        is_pure = now is not None and not any(_has_edits_of_others(each, name) for each in kept)
        if before.has_our_record and is_pure:
            _restore_without_ours(kept[-1], photo, is_still)
            return "restored"
        restore(kept[-1], photo, is_still=is_still)
        return "edited_since" if before.has_our_record else "restored"


def _restore_without_ours(backup: Path, photo: Path, is_still: Callable[[], bool]) -> None:
    with open_regular(backup) as file:
        held, xmp = _understood(file, backup, shown(photo))
        new = _having(held, xmp.without_ours() or blank(), shown(photo))
        new.seek(0)
        replace(photo, new, is_still=is_still, old=file)
    backup.unlink()  # last: whoever is killed before finds nothing left to undo


def _put(photo: Path, old: BinaryIO, new: BinaryIO, is_still: Callable[[], bool]) -> None:
    """Replace a photograph; it is kept as it was, unless nothing but our XMP is new since its last backup."""
    kept = backups(photo, BACKUP)
    is_kept = bool(kept) and _came_from(kept[-1], old, shown(photo))
    new.seek(0)
    replace(photo, new, is_still=is_still, keep_as="" if is_kept else BACKUP, old=old)


def _came_from(backup: Path, now: BinaryIO, name: str) -> bool:
    """Whether a file is its backup with other XMP, which is the backup's but for what is ours."""
    with open_regular(backup) as before:
        is_now = digest(now)
        if digest(before) == is_now:
            return True
        old, old_xmp = _understood(before, backup, name)
        new = _container(now, name)
        new_xmp = _xmp_of(new, name)
        edits = new_xmp.edits
        if new.xmp is None or not new_xmp.is_ours or old_xmp.others(edits) != new_xmp.others(edits):
            return False
        return digest(old.having(new.xmp)) == is_now


def _xmp_kept(backup: Path, name: str) -> Xmp:
    with open_regular(backup) as file:
        return _understood(file, backup, name)[1]


def _has_edits_of_others(backup: Path, name: str) -> bool:
    """Whether somebody's develop settings are, or may be, in a backup."""
    try:
        xmp = _xmp_kept(backup, name)
    except SidecarError:
        return True
    return bool(xmp.edits) and not xmp.is_ours


def _understood(file: BinaryIO, backup: Path, name: str) -> tuple[Container, Xmp]:
    try:
        held = _container(file, shown(backup))
        return held, _xmp_of(held, shown(backup))
    except SidecarError as error:
        raise damaged_backup(backup, name) from error


def _having(held: Container, packet: bytes, name: str) -> BinaryIO:
    """Return the file with a packet, made as long as the one that is there, or with room to spare."""
    old = held.xmp
    fits = old is not None and len(fitted(packet, 0)) <= len(old)
    packet = fitted(packet, len(old) if old is not None and fits else len(packet) + _ROOM)
    new = held.having(packet)
    if _container(new, name).xmp != packet:
        raise SidecarRefused(f"{name} cannot be changed without harm: it was left as it is")
    return new


def _xmp_of(held: Container, name: str) -> Xmp:
    packet = held.xmp
    try:
        return Xmp(blank() if packet is None else packet, f"the XMP in {name}")
    except SidecarError as error:  # also what is damaged: nobody is writing it just now
        remedy = "save its metadata anew in Lightroom, or have its plugin apply the preset"
        raise SidecarRefused(f"the XMP in {name} is none that is understood here: {remedy}") from error


def _container(file: BinaryIO, name: str) -> Container:
    held = container(file, name)
    if held is None:
        raise SidecarRefused(f"{name} is neither a JPEG nor a TIFF: give it the suffix of what it is")
    return held


def _unchanged(path: Path, file: BinaryIO | None) -> Callable[[], bool]:
    """Return what tells, when called, whether a file is as it was when it was opened; None: not there."""
    before = None if file is None else _state(os.fstat(file.fileno()))
    return lambda: (_state(path.lstat()) if path.exists() else None) == before


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino
