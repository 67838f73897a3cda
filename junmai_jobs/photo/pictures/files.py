"""Which files in a folder are photographs, and which of them belong together."""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from junmai_jobs.photo.errors import PhotoError, PhotoGone, spelt

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe"})
# fmt: off
RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw",
    ".x3f",
})
OTHER_SUFFIXES = frozenset({".avif", ".heic", ".heif", ".hif", ".png", ".tif", ".tiff", ".webp"})
# fmt: on
PHOTO_SUFFIXES = JPEG_SUFFIXES | RAW_SUFFIXES | OTHER_SUFFIXES

# Kept by Windows, Linux and network drives for themselves; often closed to their users.
SYSTEM_FOLDERS = frozenset({"$recycle.bin", "system volume information", "lost+found", "@eadir"})


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph: its file, and the camera's JPEG where that file is a RAW with a JPEG beside it."""

    path: Path
    companion: Path | None = None


def is_raw(path: Path) -> bool:
    """Tell by its name whether ``path`` is a camera's RAW file."""
    return path.suffix.lower() in RAW_SUFFIXES


def find_photos(folder: Path, closed: Callable[[Path, PhotoError], object] | None = None) -> list[Photo]:
    """Find every photograph in ``folder`` and the folders below it, sorted by path.

    Hidden files and folders and those of the system are passed over. A RAW and a JPEG of one stem in one
    folder are one photo. Linked folders are entered too, but each real folder only once, and under its own
    name if it has one here: so links that lead in a circle do no harm.

    Args:
        folder: where they are.
        closed: told of each folder in it that may not be read; without it that is raised.

    Raises:
        PhotoGone: ``folder`` is not there, or something in it was taken away meanwhile.
        PhotoError: ``folder`` is a file, or it or a folder in it may not be read: rather no list than one
            with photographs missing that nobody is told of.
    """
    pending = deque([folder])
    seen: set[Path] = set()
    photos: list[Photo] = []
    while pending:
        here = pending.popleft()
        real = here.resolve()
        if real in seen:
            continue
        seen.add(real)
        try:
            files, folders, links = _listing(here)
        except OSError as error:
            problem = _folder_error(here, error)
            if closed is None or here == folder or isinstance(problem, PhotoGone):
                raise problem from error
            closed(here, problem)
            continue
        photos += _paired(files)
        pending.extendleft(folders)
        pending.extend(links)  # last of all, when every folder is seen under its own name
    return sorted(photos, key=lambda photo: photo.path)


def _listing(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Read one folder: its pictures, its folders, and its links to folders, each sorted."""
    files: list[Path] = []
    folders: list[Path] = []
    links: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = folder / entry.name
            if _is_hidden(entry):
                continue
            if _is_folder(entry):
                (links if entry.is_symlink() else folders).append(path)
            elif path.suffix.lower() in PHOTO_SUFFIXES and path.is_file():
                files.append(path)
    return files, folders, links


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name.lower() in SYSTEM_FOLDERS:
        return True
    if sys.platform == "win32":
        return bool(entry.stat(follow_symlinks=False).st_file_attributes & stat.FILE_ATTRIBUTE_HIDDEN)
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _folder_error(folder: Path, error: OSError) -> PhotoError:
    name = spelt(folder)
    if isinstance(error, FileNotFoundError):
        return PhotoGone(f"the folder {name} is not there: is its card or drive connected?")
    if isinstance(error, NotADirectoryError) or folder.is_file():
        return PhotoError(f"{name} is a file, not a folder: name the folder that holds it")
    return PhotoError(f"the folder {spelt(folder)} cannot be read ({error.strerror}): check its permissions")


def _paired(files: list[Path]) -> list[Photo]:
    """Turn the pictures of one folder into photos: the first RAW of a stem takes the first JPEG of it."""
    raws: dict[str, Path] = {}
    jpegs: dict[str, Path] = {}
    for path in files:
        if is_raw(path):
            raws.setdefault(path.stem.casefold(), path)
        elif path.suffix.lower() in JPEG_SUFFIXES:
            jpegs.setdefault(path.stem.casefold(), path)
    companions = {raws[stem]: jpegs[stem] for stem in raws.keys() & jpegs.keys()}
    taken = set(companions.values())
    return [Photo(path, companions.get(path)) for path in files if path not in taken]
