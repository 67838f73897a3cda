"""Files that a person names, which may be anything, and files of our own: private, whole or not there."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

SMALL = 2**20
"""Bytes: no file of settings has more."""
_ASIDE = re.compile(r"\.junmai-[0-9a-f]{12}\.tmp")


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a pipe may have nothing to read, for ever, and a device has no end.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        yield file


def state_of(file: BinaryIO) -> tuple[int, ...]:
    """Which open file it is, and what is another when somebody writes to it.

    Raises:
        OSError: it is in no file system.
    """
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read_small(path: Path) -> str:
    """The text of a file of settings, in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it is no regular file, has more than ``SMALL`` bytes, or cannot be read.
        UnicodeDecodeError: it is in another encoding.
    """
    with open_regular(path) as file:
        data = file.read(SMALL + 1)
    if len(data) > SMALL:
        raise OSError(0, f"it is larger than {SMALL // 2**20} MiB")
    return data.decode("utf-8-sig")


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """A new name beside a file, for what is to be put in its place; what is left there is removed.

    Raises:
        OSError: in its place is a folder, a device or a pipe, which no file may replace.
    """
    if final.exists() and not final.is_file():
        raise OSError(0, "it is no regular file")
    made = final.with_name(f".junmai-{secrets.token_hex(6)}.tmp")
    try:
        yield made
    finally:
        made.unlink(missing_ok=True)


def may_become(file: Path, head: bytes) -> bool:
    """Whether a file of ours, which begins so, may be put there: there is none yet, or one of these.

    One that is empty will do: another process has just begun it.
    """
    try:
        with open_regular(file) as there:
            return there.read(len(head)) in {head, b""}
    except FileNotFoundError:
        return not file.is_symlink()
    except OSError:
        return False


def remove_leftovers(folder: Path, *, until: float) -> None:
    """Remove the files that ``aside`` named and a killed process left in a folder, as far as that can be.

    Args:
        folder: in it alone.
        until: seconds since the epoch; one that was changed since then may be another process's at work.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for left in [Path(entry) for entry in entries if _ASIDE.fullmatch(entry.name)]:
            found = left.lstat()  # its time of modification may be that of the file it is to be like
            if stat.S_ISREG(found.st_mode) and found.st_ctime < until:
                left.unlink()


def put_in_place(made: Path, final: Path, *, last_look: Callable[[], object] = lambda: None) -> None:
    """Put a finished file in its place, in one step and so that no power cut undoes it.

    Args:
        made: the file, on the same file system.
        final: its place; what is there is replaced.
        last_look: called right before that; what it raises passes, and nothing is replaced.

    Raises:
        OSError: it cannot be put there; what was there is there still.
    """
    with made.open("rb" if os.name == "posix" else "rb+") as file:  # Windows syncs only for a writer
        os.fsync(file.fileno())
    last_look()
    made.replace(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where its system can: not every network drive does that."""
    if os.name == "posix":
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only this user may enter, whatever the umask is.

    Those that are there stay as they are.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        if not folder.parent.exists():
            make_private_folder(folder.parent)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if not folder.is_dir():  # else another process was faster
                raise
        else:
            _give_back(folder, 0o700)


def private(path: str, flags: int) -> int:
    """An ``opener``: the file that it makes only this user may read, whatever the umask is."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags, 0o600)
    _give_back(Path(path), 0o600)
    return descriptor


def _give_back(path: Path, mode: int) -> None:
    """What a umask takes from everybody it takes from us as well; there was never more than this."""
    if path.stat().st_mode & mode != mode:
        path.chmod(mode)


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
