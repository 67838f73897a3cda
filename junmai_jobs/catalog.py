"""The catalog: which photographs there are, and what is known of each. SQLite, shared by all processes.

Paths and names are kept as TEXT of exactly the bytes that the system has for them, even where those are no
UTF-8; every SQLite tool shows them. Every write is one short transaction that has the write lock from its
start, so that writers wait for each other; it is on the disk when the call returns.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from junmai_jobs.errors import JunmaiJobsError

Status = Literal["imported", "completed", "failed"]

PATIENCE = 10.0  # s; how long a writer waits for the others

# The statements that lead from each schema version, which is the index, to the next. Only ever append.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            import_folder TEXT NOT NULL,
            created_at TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE photos (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            file_path TEXT NOT NULL UNIQUE,
            import_time TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'imported' CHECK (status IN ('imported', 'completed', 'failed')),
            camera_make TEXT,
            camera_model TEXT,
            lens TEXT,
            focal_length REAL,
            aperture REAL,
            shutter_speed TEXT,
            iso INTEGER,
            capture_time TEXT,
            gps_lat REAL,
            gps_lon REAL,
            subject_type TEXT,
            ai_score REAL CHECK (ai_score BETWEEN 1 AND 5),
            focus_score REAL,
            exposure_score REAL,
            composition_score REAL,
            error_message TEXT
        )
        """,
        """
        CREATE TABLE session_photos (
            session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
            PRIMARY KEY (session_id, photo_id)
        ) WITHOUT ROWID
        """,
    ),
)

_RECORD_RESULT = """
    UPDATE photos SET
        status = 'completed', error_message = NULL,
        camera_make = :make, camera_model = :model, lens = :lens,
        focal_length = :focal_length, aperture = :aperture, shutter_speed = :shutter_speed, iso = :iso,
        capture_time = :capture_time, gps_lat = :latitude, gps_lon = :longitude, subject_type = :subject_type,
        ai_score = :overall_score, focus_score = :focus_score, exposure_score = :exposure_score,
        composition_score = :composition_score
    WHERE id = :photo_id
"""
_RECORD_FAILURE = """
    UPDATE photos SET
        status = 'failed', error_message = :error,
        ai_score = NULL, focus_score = NULL, exposure_score = NULL, composition_score = NULL
    WHERE id = :photo_id
"""
_PHOTOS = """
    SELECT id, CAST(file_path AS BLOB), status, capture_time,
           ai_score, focus_score, exposure_score, composition_score, error_message
    FROM photos JOIN session_photos ON photo_id = id
    WHERE session_id = ? ORDER BY file_path
"""


class CatalogError(JunmaiJobsError):
    """The catalog cannot be used, or does not know what it was asked for."""


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photograph as the catalog knows it; scores run from 1.0 to 5.0 and are None unless completed."""

    id: int
    path: Path
    status: Status
    capture_time: str | None
    ai_score: float | None
    focus_score: float | None
    exposure_score: float | None
    composition_score: float | None
    error: str | None


class Catalog:
    """An open catalog; it belongs to the thread that opened it, and each process opens its own.

    Raises:
        CatalogError: ``path`` is no catalog, or one of a newer version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise CatalogError(
                f"the catalog {path} cannot be opened ({error}): check its permissions"
            ) from error
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

    def session(self, name: str, folder: Path) -> int:
        """Return the id of the session called ``name``, which is made where there is none.

        The id stays; the folder is the one given last.
        """
        stored = os.fsencode(name)
        with self._writing() as db:
            db.execute(
                "INSERT INTO sessions (name, import_folder, created_at)"
                " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?)"
                " ON CONFLICT (name) DO UPDATE SET import_folder = excluded.import_folder",
                (stored, _stored(folder), _now()),
            )
            found = db.execute("SELECT id FROM sessions WHERE name = CAST(? AS TEXT)", (stored,))
            return int(found.fetchone()[0])

    def photo_id(self, session_id: int, path: Path) -> int:
        """Return the id of the photograph at ``path``, which belongs to this session from now on."""
        return self.photo_ids(session_id, [path])[path]

    def photo_ids(self, session_id: int, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the ids of photographs, all of which belong to this session from now on.

        A path gets one id, whatever the session, and keeps it for ever. All are added or none.
        """
        ids: dict[Path, int] = {}
        with self._writing() as db:
            if db.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is None:
                raise CatalogError(f"there is no session {session_id} in the catalog: make it with session()")
            for path in paths:
                stored = _stored(path)
                db.execute(
                    "INSERT INTO photos (file_path, import_time) VALUES (CAST(? AS TEXT), ?)"
                    " ON CONFLICT (file_path) DO NOTHING",
                    (stored, _now()),
                )
                known = db.execute("SELECT id FROM photos WHERE file_path = CAST(? AS TEXT)", (stored,))
                ids[path] = known.fetchone()[0]
            db.executemany(
                "INSERT INTO session_photos VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(session_id, photo_id) for photo_id in ids.values()],
            )
        return ids

    def record_result(self, photo_id: int, *, exif: dict[str, Any], quality: dict[str, Any]) -> None:
        """Store what ``read_exif`` and ``evaluate`` of ``photo`` found; the last record counts."""
        values = {
            **exif["camera"],
            **exif["settings"],
            **exif["location"],
            **exif["datetime"],
            "subject_type": exif["context_hints"]["subject_type"],
            **quality["quality"],
            "overall_score": quality["overall_score"],
        }
        self._update(photo_id, _RECORD_RESULT, values)

    def record_failure(self, photo_id: int, error: str) -> None:
        """Store why a photograph could not be worked on; its scores are forgotten."""
        printable = error.encode("utf-8", "backslashreplace").decode()
        self._update(photo_id, _RECORD_FAILURE, {"error": printable})

    def photos(self, session_id: int) -> list[PhotoRow]:
        """Return all photographs of a session, sorted by path."""
        rows = self._db.execute(_PHOTOS, (session_id,))
        return [PhotoRow(photo_id, Path(os.fsdecode(path)), *rest) for photo_id, path, *rest in rows]

    def _update(self, photo_id: int, statement: str, values: dict[str, Any]) -> None:
        with self._writing() as db:
            if not db.execute(statement, values | {"photo_id": photo_id}).rowcount:
                raise CatalogError(f"there is no photo {photo_id} in the catalog: add it with photo_id()")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction that has the write lock from its start."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):  # no space, no turn within the patience
                message = f"the catalog {self._path} cannot be written just now ({error}): is its disk full?"
                raise CatalogError(message) from error
            raise

    def _prepare(self) -> None:
        """Set the connection up and bring the schema to this version; many may do so at once."""
        try:
            self._use_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            if self._version() != len(MIGRATIONS):
                self._migrate()
        except sqlite3.DatabaseError as error:
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


def _stored(path: Path) -> bytes:
    """Return the absolute path as the bytes that the system has for it."""
    return os.fsencode(os.path.abspath(path))  # noqa: PTH100 -- also takes out "..", and follows no link


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
