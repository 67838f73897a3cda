"""Which names exports were given, and on which drives they lie."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path

from junmai_jobs.job import iso
from junmai_jobs.photo.export.file_names import alike
from junmai_jobs.schema import CatalogFile, path_of, stored

WHILE_IT_IS_MADE = 3600.0
"""Seconds for which a name is kept though no file has it yet."""

_OWNER = "SELECT photo_id, given_at FROM exports WHERE file = CAST(? AS TEXT)"
_GIVE = """
    INSERT INTO exports (file, photo_id, given_at) VALUES (CAST(:file AS TEXT), :photo_id, :now)
    ON CONFLICT (file) DO UPDATE SET photo_id = excluded.photo_id, given_at = excluded.given_at
    WHERE photo_id IN (:photo_id, :owner)
"""
_NAME = """
    SELECT export_name FROM session_photos JOIN sessions ON sessions.id = session_id
    WHERE session_id = ? AND photo_id = ? AND named_from = ?
"""
_FOLDERS = """
    SELECT CAST(folder AS BLOB), CAST(drive AS BLOB) FROM export_folders WHERE session_id = ?
"""
_ADD_FOLDER = """
    INSERT INTO export_folders VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT))
    ON CONFLICT (session_id, folder) DO UPDATE SET drive = excluded.drive
"""


class Exports(CatalogFile):
    """The part of the catalog that keeps exports apart, and knows on which drives they are."""

    def export_file(self, photo_id: int, stem: Path, suffix: str) -> Path:
        """Return the file to which a photo is exported: ``stem`` with its suffix, for one photo alone.

        Where another photo's export has that name, whatever its session, it is the first free one of
        ``stem-2``, ``stem-3`` and so on; the same photo gets the same file again. A name is free again when
        its file was taken away.
        """
        for number in itertools.count(1):
            file = stem.with_name(f"{stem.name}{f'-{number}' if number > 1 else ''}{suffix}")
            key = os.fsencode(alike(os.path.join(os.path.realpath(file.parent), file.name)))  # noqa: PTH118
            now = time.time()
            owner, given_at = next(iter(self._rows(_OWNER, (key,))), (photo_id, ""))
            if owner != photo_id and (given_at >= iso(now - WHILE_IT_IS_MADE) or file.exists()):
                continue
            values = {"file": key, "photo_id": photo_id, "owner": owner, "now": iso(now)}
            with self._writing() as db:
                if db.execute(_GIVE, values).rowcount:  # else somebody was faster
                    return file
        raise AssertionError

    def export_name(self, session_id: int, photo_id: int, source: str) -> str | None:
        """Return what a photo's exports are called in a session, if ``name_exports`` had this source."""
        return next((name for (name,) in self._rows(_NAME, (session_id, photo_id, source))), None)

    def name_exports(self, session_id: int, names: Mapping[int, str], source: str) -> None:
        """Store what the exports of a session's photos are called, and what these names were made from."""
        with self._writing() as db:
            db.execute("UPDATE session_photos SET export_name = NULL WHERE session_id = ?", (session_id,))
            db.executemany(
                "UPDATE session_photos SET export_name = ? WHERE session_id = ? AND photo_id = ?",
                [(name, session_id, photo_id) for photo_id, name in names.items()],
            )
            db.execute("UPDATE sessions SET named_from = ? WHERE id = ?", (source, session_id))

    def add_export_folder(self, session_id: int, folder: Path, drive: Path) -> None:
        """Note that a session was exported into a folder, and where the drive that it lies on is mounted."""
        with self._writing() as db:
            db.execute(_ADD_FOLDER, (session_id, stored(folder), stored(drive)))

    def export_folders(self, session_id: int) -> dict[Path, Path]:
        """Return the folders that a session was exported into, each with where its drive was mounted."""
        return {path_of(folder): path_of(drive) for folder, drive in self._rows(_FOLDERS, (session_id,))}
