"""Opens a photograph once, and only where photographs may be: all its readers read from that one file.

A path may come from anywhere, so it is only a wish. What is opened is a regular file with the suffix of a
photograph, below one of the ``Roots``, and reached without passing a single link: links are resolved first,
and whoever swaps something for a link after that is refused by the system itself.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from junmai_jobs.photo.errors import PhotoGone, PhotoRefused, UnreadablePhoto, shown
from junmai_jobs.photo.pictures.files import PHOTO_SUFFIXES

MAX_BYTES = 2 * 2**30
"""Of a file: some are read whole into memory, and no camera writes half of that."""
_REMEDY = "process its own folder, or name that in photo.roots of config.json"
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_SWAPPED = (errno.ELOOP, errno.ENOTDIR)  # what the walk meets where there was no link when it was resolved


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """A photograph that is open, and the name it was asked for by."""

    path: Path
    file: BinaryIO

    @property
    def name(self) -> str:
        """Its name as it can be printed anywhere."""
        return shown(self.path)


Photograph = Path | OpenPhoto
"""What a reader takes: a file that its caller vouches for, or one that is open already."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The folders below which photographs may be opened, each without a link in its path."""

    folders: tuple[Path, ...]

    def resolved(self, path: Path) -> Path:
        """Return where a path leads, through all links.

        Raises:
            PhotoRefused: out of the roots, or it is a path that no photograph has.
        """
        if "\0" in str(path) or ".." in path.parts or not path.is_absolute() or self._is_far(path):
            raise PhotoRefused(f"{shown(path)} is refused: its path is none of a photograph here")
        real = Path(os.path.realpath(path))
        if not self.hold(real):
            where = "is a link that leads out" if self.hold(path) else "is in none"
            raise PhotoRefused(f"{shown(path)} {where} of the folders that may be read: {_REMEDY}")
        return real

    def open(self, path: Path) -> BinaryIO:
        """Open a photograph for reading; nobody can make this open anything outside the roots.

        Raises:
            PhotoRefused: it is outside of the roots, no photograph by its name, or no regular file.
            OSError: it is not there, or cannot be opened.
        """
        if path.suffix.lower() not in PHOTO_SUFFIXES:
            raise PhotoRefused(f"{shown(path)} is refused: it does not end as the name of a photograph")
        real = self.resolved(path)
        try:
            descriptor = _open_without_links(real)
        except OSError as error:
            if error.errno in _SWAPPED:
                raise PhotoRefused(
                    f"{shown(path)} is refused: its path leads through a link, or a file, that is new"
                ) from error
            raise
        file = os.fdopen(descriptor, "rb")
        if sys.platform == "win32" and not self.hold(_final_path(descriptor)):
            file.close()
            raise PhotoRefused(f"{shown(path)} is refused: it leads elsewhere now")
        return file

    def hold(self, real: Path) -> bool:
        """Whether a path is below them; it has no link in it."""
        return any(real.is_relative_to(folder) for folder in self.folders)

    def _is_far(self, path: Path) -> bool:
        """Whether it is on another machine, which must not even be asked, and no root is there."""
        return str(path)[:2] in {"//", r"\\"} and not self.hold(path)


@contextmanager
def opened(photo: Photograph, roots: Roots | None = None) -> Iterator[OpenPhoto]:
    """Open a photograph, or begin anew with one that is open.

    Args:
        photo: the photograph.
        roots: where it must be; None: its caller vouches for the path.

    Raises:
        PhotoRefused: it is not where it may be, or no regular file; nothing of it was read.
        UnreadablePhoto: it is empty, or larger than ``MAX_BYTES``.
        PhotoGone: it is not there, or its drive does not give it.
    """
    if isinstance(photo, OpenPhoto):
        photo.file.seek(0)
        with _explained(photo.path):
            yield photo
        return
    with _explained(photo), photo.open("rb") if roots is None else roots.open(photo) as file:
        found, name = os.fstat(file.fileno()), shown(photo)
        if not stat.S_ISREG(found.st_mode):
            raise PhotoRefused(f"{name} is refused: it is no file")
        if not found.st_size:
            raise UnreadablePhoto(f"{name} is empty (0 bytes): copy it from the card again")
        if found.st_size > MAX_BYTES:
            raise UnreadablePhoto(f"{name} is larger than {MAX_BYTES // 2**30} GiB: export it smaller")
        yield OpenPhoto(photo, file)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    name = shown(path)
    try:
        yield
    except FileNotFoundError as error:
        raise PhotoGone(
            f"{name} is not there: was it moved, or is its card or drive not connected?"
        ) from error
    except OSError as error:
        message = f"{name} cannot be read just now ({error.strerror}): check its permissions and its drive"
        raise PhotoGone(message) from error


def _open_without_links(real: Path) -> int:
    """Open a regular file by a path that has no link in it.

    Raises:
        PhotoRefused: it is no regular file; where the system takes one step, that is left to the caller.
        OSError: a part of its path is a link, or it is not there.
    """
    if os.open not in os.supports_dir_fd:  # Windows, where the open file is asked afterwards
        return os.open(real, _FILE)
    if not hasattr(os, "O_PATH") and hasattr(os, "O_NOFOLLOW_ANY"):  # macOS, which does it in one step
        return os.open(real, _FILE | os.O_NOFOLLOW_ANY)
    folder = os.open(real.anchor, _FOLDER)
    try:
        for part in real.parts[1:-1]:
            below = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        # Before it is opened, as that alone may set a device going.
        if not stat.S_ISREG(os.stat(real.name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise PhotoRefused(f"{shown(real)} is refused: it is no file")
        return os.open(real.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


if sys.platform == "win32":
    import ctypes
    import msvcrt

    def _final_path(descriptor: int) -> Path:
        """Tell where an open file is, by itself."""
        room = 32_768
        text = ctypes.create_unicode_buffer(room)
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))
        if not 0 < ctypes.windll.kernel32.GetFinalPathNameByHandleW(handle, text, room, 0) < room:
            raise ctypes.WinError()
        return Path(text.value.replace("\\\\?\\UNC\\", "\\\\", 1).removeprefix("\\\\?\\"))
