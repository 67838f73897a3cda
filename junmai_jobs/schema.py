"""The catalog's file: its tables, how it is opened, brought up to date, and written by many at once.

And the one thing in it that others must be able to rely on: the folders that a session may be read from.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.files import make_private_folder, private
from junmai_jobs.migrations import MIGRATIONS

PATIENCE = 10.0  # s; how long a writer waits for the others
_FOLDER_OF_SESSION = "SELECT CAST(import_folder AS BLOB) FROM sessions WHERE id = ?"
_ROOTS_OF_SESSION = "SELECT CAST(folder AS BLOB) FROM session_roots WHERE session_id = ?"
_ROOTS_OF_PHOTO = """
    SELECT DISTINCT CAST(folder AS BLOB) FROM session_roots
    JOIN session_photos USING (session_id) WHERE photo_id = ? ORDER BY folder
"""

_FULL = "the drive of JUNMAI_HOME is full: free some space and run this again"
_NEEDED = 2**20  # bytes; with less free, a failed access is put down to that
_NO_CATALOG = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_ADVICE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: "check the drive of JUNMAI_HOME and run this again",
    sqlite3.SQLITE_READONLY: "check its permissions",
    sqlite3.SQLITE_CANTOPEN: "check its permissions",
    sqlite3.SQLITE_BUSY: "another program holds it, try again",
}


class CatalogError(JunmaiJobsError):
    """The catalog cannot be used, or does not know what it was asked for."""


class CatalogFile:
    """An open catalog; it belongs to the thread that opened it, and each process opens its own.

    Raises:
        CatalogError: ``path`` is no catalog, or one of a newer version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            make_private_folder(path.parent)
            # Only if it is missing: to close a file takes every lock on it from this process, and so from
            # a connection that is open.
            with contextlib.suppress(FileExistsError), open(path, "xb", opener=private):
                pass
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            advice = _FULL if self._is_drive_full() else "check its permissions"
            raise CatalogError(f"the catalog {path} cannot be opened ({error}): {advice}") from error
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the catalog cannot be used any more."""
        self._db.close()

    def copy_to(self, path: Path) -> None:
        """Write all of it, as it is now, into a new file."""
        with self._explaining("copied"):
            self._db.execute("VACUUM INTO ?", (str(path),))

    def roots(self, photo_id: int) -> list[Path]:
        """The folders that a photo's sessions may be read from, without a link in their paths."""
        return [path_of(folder) for (folder,) in self._rows(_ROOTS_OF_PHOTO, (photo_id,))]

    def _roots_linked(self, session_id: int, paths: Iterable[Path]) -> set[Path]:
        """The folders outside of a session's roots to which links in its folder lead, on the way to paths."""
        roots = [path_of(root) for (root,) in self._rows(_ROOTS_OF_SESSION, (session_id,))]
        given = [path_of(folder) for (folder,) in self._rows(_FOLDER_OF_SESSION, (session_id,))]
        parents = {path.parent for path in paths if any(path.is_relative_to(folder) for folder in given)}
        found = {Path(os.path.realpath(parent)) for parent in parents}
        return {real for real in found if not any(real.is_relative_to(root) for root in roots)}

    def _rows(self, statement: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        """Read without waiting for any writer."""
        with self._explaining("read"):
            return self._db.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction that has the write lock from its start."""
        with self._explaining("written"):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _explaining(self, done: str) -> Iterator[None]:
        """Tell what a person can do about an error, unless only a programmer can do something."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise
            message = f"the catalog {self._path} does not have the photo or session of what was to be written"
            raise CatalogError(message) from error
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) and type(error) is not sqlite3.DatabaseError:
                raise
            raise self._not_now(done, error) from error

    def _not_now(self, done: str, error: sqlite3.DatabaseError) -> CatalogError:
        code = error.sqlite_errorcode & 0xFF
        advice = _ADVICE.get(code, "is its disk full, or the file damaged?")
        if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and self._is_drive_full():
            advice = _FULL
        return CatalogError(f"the catalog {self._path} cannot be {done} just now ({error}): {advice}")

    def _is_drive_full(self) -> bool:
        """SQLite has other errors for it too: a reader needs room for what readers and writers share."""
        there = next(each for each in self._path.absolute().parents if each.exists())
        return shutil.disk_usage(there).free < _NEEDED

    def _prepare(self) -> None:
        """Set the connection up and bring the schema to this version; many may do so at once."""
        try:
            self._use_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            if self._version() != len(MIGRATIONS):
                self._db.execute("PRAGMA foreign_keys = OFF")
                self._migrate()
            self._db.execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _NO_CATALOG:
                raise self._not_now("read or written", error) from error
            raise CatalogError(f"{self._path} cannot be used as catalog ({error}): move it away") from error

    def _use_wal(self) -> None:
        """Let readers go on beside a writer. For this one lock SQLite does not wait by itself."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        with self._writing() as db:
            version = self._version()  # again, now that nobody else can change it
            if version > len(MIGRATIONS):
                raise CatalogError(f"the catalog {self._path} is of a newer Junmai Jobs: update this one")
            for statement in itertools.chain.from_iterable(MIGRATIONS[version:]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def no_session(session_id: int) -> CatalogError:
    """What is to be raised where a session is asked for that there is not."""
    return CatalogError(f"there is no session {session_id} in the catalog: make it with session()")


def printable(text: str) -> str:
    """The text as UTF-8 can hold it: a name whose bytes are no text keeps them as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def stored(path: Path) -> bytes:
    """The absolute path as the bytes that the system has for it."""
    return os.fsencode(os.path.abspath(path))  # noqa: PTH100 -- also takes out "..", and follows no link


def path_of(text: bytes) -> Path:
    """What ``stored`` has stored."""
    return Path(os.fsdecode(text))


def allow(db: sqlite3.Connection, session_id: int, folders: Iterable[Path]) -> None:
    """Let the photos of a session be read from folders, wherever links in their paths lead now."""
    db.executemany(
        "INSERT INTO session_roots VALUES (?, CAST(? AS TEXT)) ON CONFLICT DO NOTHING",
        [(session_id, os.fsencode(os.path.realpath(folder))) for folder in folders],
    )
