"""Puts a file in the place of another one, whole or not at all, and keeps what was there under a new name."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EIO, ENOSPC, EPERM, EROFS
from pathlib import Path

from junmai_jobs.photo.errors import SidecarError

_CHUNK = 2**20  # bytes


def replace(
    path: Path, new: bytes, *, like: Path, is_still: Callable[[], bool], keeps_time: bool = False
) -> bool:
    """Put ``new`` in the place of ``path``, durably and in one step; not at all if ``is_still`` says no.

    What is written is read again before that. The file gets the permissions and attributes of ``like``, if
    there is one, with ``keeps_time`` its time of change too, and is its owner's alone until then; one that is
    write-protected is meant to stay.

    Raises:
        OSError: it cannot be written, or reads otherwise than it was written.
    """
    mode = _mode(like) if like.exists() else None
    temporary = path.with_name(f".junmai-{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb", opener=None if mode is None else _as_private) as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if not _holds(temporary, new):
            raise OSError(EIO, "it reads otherwise than it was written")
        if mode is not None:
            written = temporary.stat()
            shutil.copystat(like, temporary)
            if not keeps_time:
                os.utime(temporary, ns=(written.st_atime_ns, written.st_mtime_ns))
        if not is_still():
            return False
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def back_up(path: Path, content: bytes, suffix: str) -> None:
    """Keep ``content``, what ``path`` holds, beside it, under the first free name; once is enough.

    ``NAME`` is kept as ``NAME`` with the suffix, then with a number behind that; none is ever overwritten.
    """
    for number in itertools.count(1):
        backup = _backup(path, suffix, number)
        if backup.exists():
            if _holds(backup, content):
                return
        elif replace(backup, content, like=path, is_still=lambda: not backup.exists(), keeps_time=True):  # noqa: B023 - called at once
            return


def backups(path: Path, suffix: str) -> list[Path]:
    """Return what ``back_up`` has kept, the oldest first."""
    numbered = (_backup(path, suffix, number) for number in itertools.count(1))
    return list(itertools.takewhile(lambda backup: os.path.exists(backup), numbered))  # noqa: PTH110, PLW0108 - false for a name too long


def remove(path: Path) -> None:
    """Remove a file, durably; one that is write-protected is meant to stay.

    Raises:
        OSError: it cannot be removed.
    """
    _mode(path)
    path.unlink()
    _sync_folder(path.parent)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Say what to do about an error of the system while the file of this name is written.

    Raises:
        SidecarError: for any ``OSError``.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise SidecarError(f"there is no room for {name}: free some space on its drive") from error
        if error.errno in {EACCES, EPERM, EROFS}:
            remedy = "lift its write protection and its folder's, or close the program that has it open"
            raise SidecarError(f"{name} may not be written: {remedy}") from error
        raise SidecarError(f"{name} cannot be written ({error.strerror}): check its drive") from error


def _mode(path: Path) -> int:
    mode = path.stat().st_mode
    if not mode & 0o222:
        raise PermissionError(EACCES, os.strerror(EACCES), str(path))
    return mode


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _backup(path: Path, suffix: str, number: int) -> Path:
    return path.with_name(f"{path.name}{suffix}{number if number > 1 else ''}")


def _holds(path: Path, content: bytes) -> bool:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != len(content):
            return False
        return all(file.read(_CHUNK) == content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))


def _as_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
