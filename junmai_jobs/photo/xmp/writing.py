"""Where the develop settings of a photograph go: into a sidecar, into the file itself, or nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from junmai_jobs.photo.develop.settings import Settings
from junmai_jobs.photo.pictures.files import is_raw
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.photo.xmp.containers import is_rated
from junmai_jobs.photo.xmp.into_file import BACKUP, SUFFIXES, restore_file, unmark_file, write_into_file
from junmai_jobs.photo.xmp.packet import NO_MARKS, Marks, unrated
from junmai_jobs.photo.xmp.replacing import backups
from junmai_jobs.photo.xmp.sidecar import BACKUP as BACKUP_OF_SIDECAR
from junmai_jobs.photo.xmp.sidecar import (
    Outcome,
    Restored,
    restore_sidecar,
    sidecar_of,
    unmark_sidecar,
    write_sidecar,
)

LABEL = "Green"
"""Of a pick; so Lightroom's usual set of labels calls it in English."""


def marks_of(score: float | None) -> Marks:
    """Return what a pick is marked with: 3 to 5 stars by its score (1.0 to 5.0), and ``LABEL``."""
    stars = 5 if (score or 0) >= 4.5 else 4 if (score or 0) >= 3.5 else 3
    return {"Rating": str(stars), "Label": LABEL}


def write_settings(
    photo: Path,
    roots: Roots,
    settings: Settings,
    *,
    preset: str,
    marks: Marks = NO_MARKS,
    replace_edits: bool = False,
    into_file: bool = False,
) -> Outcome | Literal["no_sidecar"]:
    """Write develop settings where Lightroom reads them: the sidecar of a RAW file, and else the file itself.

    Args:
        photo: below one of the roots.
        roots: the folders in which anything may be written.
        settings: by their ``crs`` names, as ``presets.blended`` returns them.
        preset: the name of the preset they are from, for the record.
        marks: rating and label, set where nobody has set one, the camera included.
        replace_edits: replace develop settings that somebody else made; they are kept in a backup.
        into_file: write into a JPEG, TIFF, or DNG without a sidecar. False: no photograph is written to.

    Returns:
        As ``sidecar.write_sidecar`` and ``into_file.write_into_file``; ``no_sidecar`` where neither is.

    Raises:
        PhotoError: as those two do, and ``opening.opened``.
    """
    goes_in = into_file and photo.suffix.lower() in SUFFIXES
    if not goes_in and not is_raw(photo):
        return "no_sidecar"
    with opened(photo, roots) as found:  # refuses one that is not where it may be
        is_marked = is_raw(photo) and is_rated(found.file, found.name)
        sidecar = roots.resolved(sidecar_of(photo)) if is_raw(photo) else None
    if sidecar and (sidecar.exists() or not goes_in):
        marks = unrated(marks) if is_marked else marks
        return write_sidecar(
            photo, settings, preset=preset, marks=marks, replace_edits=replace_edits, sidecar=sidecar
        )
    real = roots.resolved(photo)
    return write_into_file(real, settings, preset=preset, marks=marks, replace_edits=replace_edits)


def take_back_marks(photo: Path, roots: Roots, *, into_file: bool = False) -> None:
    """Take the stars and the label away that ``write_settings`` has given a photograph; its settings stay.

    What somebody has changed since is theirs.

    Args:
        photo: below one of the roots.
        roots: the folders in which anything may be written.
        into_file: also those in the photograph itself. False: no photograph is written to.

    Raises:
        PhotoError: as ``write_settings``.
    """
    goes_in = into_file and photo.suffix.lower() in SUFFIXES
    if not goes_in and not is_raw(photo):
        return
    with opened(photo, roots):  # refuses one that is not where it may be
        sidecar = roots.resolved(sidecar_of(photo)) if is_raw(photo) else None
    if sidecar:
        unmark_sidecar(sidecar)
    if goes_in:
        unmark_file(roots.resolved(photo))


def has_lost_settings(photo: Path) -> bool:
    """Whether a photograph for which settings were written has no sidecar, which alone could have them."""
    if not is_raw(photo) or photo.suffix.lower() in SUFFIXES:
        return False  # those of a DNG may be in the file
    try:
        return not sidecar_of(photo).exists()
    except OSError:  # its folder is away
        return False


def undo_settings(photo: Path) -> Restored:
    """Undo ``write_settings``, wherever it has written.

    Raises:
        SidecarError: what it wrote is not understood any more, or cannot be written.
    """
    outcomes: set[Restored] = set()
    if photo.suffix.lower() in SUFFIXES:
        outcomes.add(restore_file(photo.resolve()))
    if is_raw(photo):  # a DNG may have been written into by one run, and a sidecar beside it by another
        outcomes.add(restore_sidecar(photo))
    worst_first: tuple[Restored, ...] = ("edited_since", "restored")
    return next((outcome for outcome in worst_first if outcome in outcomes), "no_backup")


def first_backup(photo: Path) -> Path | None:
    """Return the oldest backup of what ``write_settings`` has replaced; None: there is none."""
    kept = backups(photo.resolve(), BACKUP)
    if is_raw(photo):
        kept += backups(sidecar_of(photo), BACKUP_OF_SIDECAR)
    return next(iter(kept), None)
