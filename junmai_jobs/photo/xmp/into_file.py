"""Writes develop settings into a JPEG, TIFF or DNG itself, where that is wished for: into its XMP.

The file as it was is kept beside it as ``NAME.jpg.original``. What is written is made beside the photograph,
read again, and put into its place in one step. See ``containers`` for what of it is changed.
"""

from __future__ import annotations

from pathlib import Path

from junmai_jobs.photo.develop.settings import Settings
from junmai_jobs.photo.errors import PhotoGone, SidecarError, SidecarRefused, shown
from junmai_jobs.photo.pictures.files import JPEG_SUFFIXES
from junmai_jobs.photo.xmp.containers import Container, container
from junmai_jobs.photo.xmp.packet import NO_MARKS, Marks, Xmp, blank, fitted, unrated
from junmai_jobs.photo.xmp.replacing import back_up, backups, explained, replace
from junmai_jobs.photo.xmp.sidecar import Outcome, Restored, fields_of

SUFFIXES = JPEG_SUFFIXES | {".tif", ".tiff", ".dng"}
"""Of the files that settings can be written into, in lower case."""
BACKUP = ".original"
MAX_BYTES = 512 * 2**20
"""Of a file: it is in memory twice while it is changed."""
_ROOM = 2048  # bytes of white space in a packet, so that the next one fits into its place


def write_into_file(
    photo: Path, settings: Settings, *, preset: str, marks: Marks = NO_MARKS, replace_edits: bool = False
) -> Outcome:
    """Write develop settings into the XMP of a photograph.

    What its XMP has of ratings, keywords and anything else stays byte for byte, as in a sidecar. Not a byte
    of the picture changes, nor of its EXIF. The file keeps its permissions and gets a new time of change, by
    which Lightroom knows that there is something to read.

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
        state, data = _state(photo), _read(photo)
        held = _container(data, name)
        xmp = _xmp_of(held, name)
        if xmp.edits and not xmp.is_ours and not replace_edits:
            return "already_edited"
        marks = unrated(marks) if held.is_rated else marks
        if xmp.is_having(fields, marks):
            return "unchanged"
        new = _having(held, xmp.having(fields, preset, marks), name)
        kept = backups(photo, BACKUP)
        if not kept or not _came_from(_read(kept[-1]), data, name):
            back_up(photo, data, BACKUP)
        if not replace(photo, new, like=photo, is_still=lambda: _state(photo) == state):
            raise SidecarError(f"{name} is being written by another program: try again when it is done")
    return "written"


def restore_file(photo: Path) -> Restored:
    """Undo ``write_into_file``: the newest backup becomes the photograph again.

    Returns:
        ``restored``; ``no_backup`` if none is there; ``edited_since`` if somebody has changed anything in the
        photograph since: then nothing is done.

    Raises:
        SidecarError: the photograph or its backup is not understood, or cannot be written.
    """
    name = shown(photo)
    with explained(name):
        if not (kept := backups(photo, BACKUP)):
            return "no_backup"
        if photo.exists() and not _came_from(_read(kept[-1]), _read(photo), name):
            return "edited_since"
        kept[-1].replace(photo)
    return "restored"


def _came_from(before: bytes, now: bytes, name: str) -> bool:
    """Whether a file is another one with other XMP, which is the other's but for what is ours."""
    if before == now:
        return True
    old, new = _container(before, name), _container(now, name)
    old_xmp, new_xmp = _xmp_of(old, name), _xmp_of(new, name)
    if (
        new.xmp is None
        or not new_xmp.is_ours
        or old_xmp.others(new_xmp.edits) != new_xmp.others(new_xmp.edits)
    ):
        return False
    return old.having(new.xmp) == now


def _having(held: Container, packet: bytes, name: str) -> bytes:
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


def _container(data: bytes, name: str) -> Container:
    held = container(data, name)
    if held is None:
        raise SidecarRefused(f"{name} is neither a JPEG nor a TIFF: give it the suffix of what it is")
    return held


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise SidecarRefused(f"{shown(path)} is larger than {MAX_BYTES // 2**20} MiB: it was left as it is")
    return path.read_bytes()


def _state(path: Path) -> tuple[int, int, int]:
    """Of a file: it is another one when anybody has written it."""
    found = path.lstat()
    return found.st_size, found.st_mtime_ns, found.st_ino
