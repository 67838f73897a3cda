"""Puts a file in the place of another one, whole or not at all, and keeps what was there under a new name."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from errno import EACCES, EDQUOT, EIO, ENAMETOOLONG, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import BinaryIO

from junmai_jobs.files import aside, private, put_in_place, remove_leftovers, sync_folder
from junmai_jobs.photo.errors import SidecarError, SidecarRefused, shown

_PIECE = 2**20  # bytes
_LEFT_BEHIND = 24 * 3600.0  # s; nobody takes so long to write a file
_LOCKED = stat.UF_IMMUTABLE | stat.SF_IMMUTABLE | stat.UF_APPEND | stat.SF_APPEND  # macOS: in the Finder


class WrittenMeanwhile(SidecarError):  # noqa: N818 -- named for what happened
    """Another program has written the file since it was read: what it wrote counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{shown(path)} is being written by another program: try again when it is done")


def replace(
    path: Path,
    new: BinaryIO,
    *,
    is_still: Callable[[], bool],
    keep_as: str = "",
    old: BinaryIO | None = None,
) -> None:
    """Put a file in the place of another one, durably and in one step.

    It is read again before that, and never more public than what it replaces. It gets the owner, permissions
    and attributes of that, but a new time of change. What is write-protected is meant to stay.

    Args:
        path: the file; it need not be there.
        new: what it is to hold, which may be read from ``path`` itself; it is read once, and closed.
        is_still: asked right before: whether what is there is what the caller has read.
        keep_as: the suffix under which what is there is kept beside it, under the first free name: ``NAME``
            as ``NAME`` with the suffix, then with a number behind that.
        old: what is there, if it is open: it is closed too, as Windows replaces no file that is open.

    Raises:
        WrittenMeanwhile: ``is_still`` says no.
        OSError: it cannot be written, or reads otherwise than it was written.
    """
    _sweep_once(path.parent)
    is_there = path.exists()
    if is_there:
        _insist_that_it_may_be_written(path)
    with aside(path) as made, ExitStack() as at_the_end:
        with new, old or nullcontext(), open(made, "xb", opener=private if is_there else None) as file:
            written = _copied(new, file)
        if is_there:
            _make_alike(made, path)
            os.utime(made)

        def last_look() -> None:
            with made.open("rb") as file:
                if digest(file) != written:
                    raise OSError(EIO, "it reads otherwise than it was written")
            if keep_as and (backup := _keep(path, keep_as)):
                at_the_end.callback(_take_back, backup, made)
            if not is_still():
                raise WrittenMeanwhile(path)

        put_in_place(made, path, last_look=last_look)


def restore(backup: Path, path: Path, *, is_still: Callable[[], bool]) -> None:
    """Make a backup again the file that it was, as ``replace`` puts a file in its place.

    Raises:
        WrittenMeanwhile: ``is_still`` says no.
        OSError: it cannot be put there.
    """

    def last_look() -> None:
        if not is_still():
            raise WrittenMeanwhile(path)

    if path.exists():
        _insist_that_it_may_be_written(path)
        if path.samefile(backup):  # it was kept, and then never replaced
            backup.unlink()
            return
    put_in_place(backup, path, last_look=last_look)


def remove(path: Path, *, is_still: Callable[[], bool]) -> None:
    """Remove a file, durably; one that is write-protected is meant to stay.

    Raises:
        WrittenMeanwhile: ``is_still`` says no.
        OSError: it cannot be removed.
    """
    _insist_that_it_may_be_written(path)
    if not is_still():
        raise WrittenMeanwhile(path)
    path.unlink()
    sync_folder(path.parent)


def backups(path: Path, suffix: str) -> list[Path]:
    """Return what ``replace`` has kept, the oldest first.

    An empty file only holds a name for what was to be copied to it; a link or a pipe is none of ours.
    """
    names = (_backup(path, suffix, number) for number in itertools.count(1))
    taken = itertools.takewhile(lambda name: os.path.lexists(name), names)  # noqa: PLW0108 - else Any
    return [name for name in taken if stat.S_ISREG(name.lstat().st_mode) and name.lstat().st_size]


def digest(file: BinaryIO) -> bytes:
    """Return what stands for all that a file holds."""
    found = hashlib.blake2b()
    file.seek(0)
    while piece := file.read(_PIECE):
        found.update(piece)
    return found.digest()


def damaged_backup(backup: Path, name: str) -> SidecarRefused:
    """Return what to say where a file of this name cannot be restored, as its backup is not understood."""
    remedy = "put a good copy of it in its place, or move it away"
    return SidecarRefused(f"{shown(backup)}, the backup, is damaged: {remedy}; {name} itself is as it was")


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
        if error.errno == ENAMETOOLONG:
            raise SidecarError(f"{name} has too long a name for a backup beside it: shorten it") from error
        raise SidecarError(f"{name} cannot be written ({error.strerror}): check its drive") from error


@functools.lru_cache(maxsize=16)
def _sweep_once(folder: Path) -> None:
    """Sweep a folder, but only once in the life of this process: it may hold thousands of photographs."""
    remove_leftovers(folder, until=time.time() - _LEFT_BEHIND)


def _keep(path: Path, suffix: str) -> Path | None:
    """Keep a file as it is under the first free name; None if its newest backup is the same already."""
    kept = backups(path, suffix)
    if kept and _is_like(path, kept[-1]):
        return None
    number = 1
    while True:
        backup = _backup(path, suffix, number)
        with suppress(FileExistsError):
            _link_or_copy(path, backup)
            sync_folder(path.parent)
            return backup
        number += 1


def _is_like(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        return digest(first) == digest(second)


def _take_back(backup: Path, made: Path) -> None:
    """Remove a backup again where what was made has not come to its place."""
    if made.exists():
        backup.unlink()


def _link_or_copy(path: Path, new: Path) -> None:
    """Give a file a second name, with which it keeps all that it is; else, as on FAT, copy it to that.

    Raises:
        FileExistsError: there is such a name; nothing is ever overwritten.
    """
    try:
        os.link(path, new)
    except FileExistsError:
        raise
    except OSError:
        with open(new, "xb", opener=private):
            pass  # the name is ours from here on
        try:
            with aside(new) as made:
                with path.open("rb") as source, open(made, "xb", opener=private) as copy:
                    _copied(source, copy)
                _make_alike(made, path)
                put_in_place(made, new)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def _make_alike(new: Path, old: Path) -> None:
    """Give a file the owner, permissions, times and attributes of another one, as far as we may.

    Access lists go along on Linux and macOS; on Windows they are the folder's, as those of any new file.
    """
    if os.name == "posix":
        found = old.stat()
        for owner in ((-1, found.st_gid), (found.st_uid, -1)):  # of one that is not ours perhaps the group
            with suppress(OSError):
                os.chown(new, *owner)
    shutil.copystat(old, new)
    if sys.platform == "darwin":
        _copy_attributes(old, new)


def _insist_that_it_may_be_written(path: Path) -> None:
    found = path.stat()
    if not found.st_mode & 0o222 or getattr(found, "st_flags", 0) & _LOCKED:
        raise PermissionError(EACCES, os.strerror(EACCES), str(path))


def _backup(path: Path, suffix: str, number: int) -> Path:
    return path.with_name(f"{path.name}{suffix}{number if number > 1 else ''}")


def _copied(source: BinaryIO, copy: BinaryIO) -> bytes:
    """Copy a file, from where it is to its end; return the digest of that."""
    found = hashlib.blake2b()
    while piece := source.read(_PIECE):
        found.update(piece)
        copy.write(piece)
    return found.digest()


if sys.platform == "darwin":
    import ctypes

    _ACL, _XATTR = 1, 4  # of copyfile(3)

    def _copy_attributes(old: Path, new: Path) -> None:
        """Copy what Python leaves behind there: Finder's tags and comments, and the access list."""
        ctypes.CDLL(None).copyfile(os.fsencode(old), os.fsencode(new), None, _ACL | _XATTR)
