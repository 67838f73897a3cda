"""The catalog: which photographs there are, and what is known of each. SQLite, shared by all processes.

Paths and names are kept as TEXT of exactly the bytes that the system has for them, even where those are no
UTF-8; every SQLite tool shows them. Every write is one short transaction that has the write lock from its
start, so that writers wait for each other; it is on the disk when the call returns.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from junmai_jobs.exports import Exports
from junmai_jobs.groupings import IDS, Groupings, GroupRow
from junmai_jobs.job import iso
from junmai_jobs.ledger import FAIL_PHOTO, JobRow, Ledger, PlannedJob
from junmai_jobs.looks import Looks
from junmai_jobs.photo.taste.traits import facts_of
from junmai_jobs.schema import CatalogError, allow, no_session, path_of, printable, stored
from junmai_jobs.verdicts import Verdicts

__all__ = ["Catalog", "CatalogError", "GroupRow", "JobRow", "PhotoRow", "PlannedJob", "SessionRow"]

PhotoStatus = Literal["imported", "processing", "completed", "failed"]

_RECORD_RESULT = """
    UPDATE photos SET
        status = 'completed', error_message = NULL, recorded_at = :now,
        camera_make = :make, camera_model = :model, lens = :lens,
        focal_length = :focal_length, aperture = :aperture, shutter_speed = :shutter_speed, iso = :iso,
        capture_time = :capture_time, gps_lat = :latitude, gps_lon = :longitude, subject_type = :subject_type,
        ai_score = :overall_score, focus_score = :focus_score, exposure_score = :exposure_score,
        composition_score = :composition_score, noise_score = :noise_score,
        compression_score = :compression_score, detected_faces = :faces_detected,
        context_tag = :context, selected_preset = :preset,
        phash = :fingerprint, sha256 = :sha256, file_size = :file_size, facts = :facts
    WHERE id = :photo_id
"""
_PHOTOS = """
    SELECT id, CAST(file_path AS BLOB), status, capture_time,
           ai_score, focus_score, exposure_score, composition_score, error_message, camera_model,
           noise_score, compression_score, detected_faces,
           phash, sha256, context_tag, selected_preset, group_id, group_rank, pick_reason,
           learned_score, is_pick
    FROM photos LEFT JOIN session_photos ON photo_id = id WHERE
"""  # and the condition
_SESSIONS = """
    SELECT id, CAST(name AS BLOB), CAST(import_folder AS BLOB), created_at,
           (SELECT count(*) FROM session_photos WHERE session_id = sessions.id),
           (SELECT count(*) FROM session_photos JOIN photos ON photos.id = photo_id
            WHERE session_id = sessions.id AND status IN ('completed', 'failed'))
    FROM sessions
"""


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photograph as the catalog knows it; scores run from 1.0 to 5.0.

    What was found out by looking at it is None unless the photo is completed. Where a session was asked for,
    group and pick are those of that session; else of the photo's ``session_of_photo``.
    """

    id: int
    path: Path
    status: PhotoStatus
    capture_time: str | None
    ai_score: float | None
    focus_score: float | None
    exposure_score: float | None
    composition_score: float | None
    error: str | None
    """Why the last try failed."""
    camera_model: str | None = None
    noise_score: float | None = None
    compression_score: float | None = None
    detected_faces: int | None = None
    fingerprint: str | None = None
    sha256: str | None = None
    context_tag: str | None = None
    selected_preset: str | None = None
    group_id: int | None = None
    """None: similar to no other photo of the session."""
    group_rank: int | None = None
    """How many of the group are better; a photo that was rejected is in it as any other."""
    pick_reason: str | None = None
    """Why it is the pick of its group."""
    learned_score: float | None = None
    """That by which the picks were chosen, with the photographer's taste in it; it may be beyond 1 and 5."""
    is_pick: bool = False


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session: how many photos it has, and how many of them are completed or failed."""

    id: int
    name: str
    import_folder: Path
    created_at: str
    total_photos: int
    processed_photos: int

    @property
    def status(self) -> Literal["importing", "processing", "completed"]:
        """How far it is: without photos yet, with some to be worked on, or done."""
        if not self.total_photos:
            return "importing"
        return "processing" if self.processed_photos < self.total_photos else "completed"


class Catalog(Ledger, Looks, Verdicts, Groupings, Exports):
    """An open catalog; it belongs to the thread that opened it, and each process opens its own.

    Raises:
        CatalogError: ``path`` is no catalog, or one of a newer version, or cannot be opened.
    """

    def session(self, name: str, folder: Path) -> int:
        """Return the id of the session called ``name``, which is made where there is none.

        The id stays; the folder is the one given last, and its photos may be read from all that ever were.
        """
        encoded = os.fsencode(name)
        with self._writing() as db:
            db.execute(
                "INSERT INTO sessions (name, import_folder, created_at)"
                " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?)"
                " ON CONFLICT (name) DO UPDATE SET import_folder = excluded.import_folder",
                (encoded, stored(folder), _now()),
            )
            found = db.execute("SELECT id FROM sessions WHERE name = CAST(? AS TEXT)", (encoded,))
            allow(db, session_id := int(found.fetchone()[0]), [folder])
        return session_id

    def known_session(self, name: str) -> tuple[int, dict[Path, int]]:
        """Return the id of the session called ``name``, and those of its photos; 0 and none, where it is not.

        Nothing is made, unlike by ``session`` and ``photo_ids``.
        """
        found = self._rows("SELECT id FROM sessions WHERE name = CAST(? AS TEXT)", (os.fsencode(name),))
        session_id = int(found[0][0]) if found else 0
        return session_id, {path_of(path): photo for path, photo in self._rows(IDS, (session_id,))}

    def sessions_around(self, folder: Path) -> list[Path]:
        """Return the folders of sessions in which a folder is, or which it is."""
        real = Path(os.path.realpath(folder))
        within = [stored(each) for each in (real, *real.parents)]
        places = ", ".join(["CAST(? AS TEXT)"] * len(within))
        statement = f"""
            SELECT DISTINCT CAST(import_folder AS BLOB) FROM sessions WHERE import_folder IN ({places})
        """  # noqa: S608 - only placeholders
        return [path_of(found) for (found,) in self._rows(statement, within)]

    def session_row(self, session_id: int) -> SessionRow | None:
        """What is known of a session."""
        return next(iter(self._sessions(" WHERE id = ?", session_id)), None)

    def sessions(self) -> list[SessionRow]:
        """All sessions, the one made last first."""
        return self._sessions(" ORDER BY id DESC")

    def last_session(self) -> SessionRow | None:
        """The session made last."""
        return next(iter(self._sessions(" ORDER BY id DESC LIMIT 1")), None)

    def turn(self, session_id: int, wish: str, picks: str | None = None) -> int:
        """Note what is wished of a session, and tell how often that was something else than before.

        ``wish`` stands for the settings, ``picks`` for a change of the picks; None: there is none since.
        """
        with self._writing() as db:
            turn, picks = self.next_turn(session_id, wish, picks)
            db.execute(
                "UPDATE sessions SET wish = ?, wished_picks = ?, turn = ? WHERE id = ?",
                (wish, picks, turn, session_id),
            )
        return turn

    def next_turn(self, session_id: int, wish: str, picks: str | None = None) -> tuple[int, str | None]:
        """Return what ``turn`` would, and the last change of the picks with it; nothing is noted."""
        found = self._rows("SELECT wish, wished_picks, turn FROM sessions WHERE id = ?", (session_id,))
        if not found:
            raise no_session(session_id)
        before, picks_before, turn = found[0]
        picks = picks_before if picks is None else picks
        return int(turn) + (before not in {None, wish} or picks != picks_before), picks

    def photo_id(self, session_id: int, path: Path) -> int:
        """Return the id of the photograph at ``path``, which belongs to this session from now on."""
        return self.photo_ids(session_id, [path])[path]

    def photo_ids(self, session_id: int, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the ids of photographs, all of which belong to this session from now on.

        A path gets one id, whatever the session, and keeps it for ever. All are added or none. Where a folder
        on the way to one is a link, and in the session's, the photos may be read from where it leads.
        """
        ids: dict[Path, int] = {}
        linked = self._roots_linked(session_id, paths := list(paths))
        with self._writing() as db:
            if db.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is None:
                raise no_session(session_id)
            allow(db, session_id, linked)
            for path in paths:
                text = stored(path)
                db.execute(
                    "INSERT INTO photos (file_path, import_time) VALUES (CAST(? AS TEXT), ?)"
                    " ON CONFLICT (file_path) DO NOTHING",
                    (text, _now()),
                )
                known = db.execute("SELECT id FROM photos WHERE file_path = CAST(? AS TEXT)", (text,))
                ids[path] = known.fetchone()[0]
            db.executemany(
                "INSERT INTO session_photos (session_id, photo_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(session_id, photo_id) for photo_id in ids.values()],
            )
        return ids

    def record_result(
        self,
        photo_id: int,
        *,
        exif: Mapping[str, Any],
        quality: Mapping[str, Any],
        context: str | None = None,
        preset: str | None = None,
        fingerprint: str | None = None,
        sha256: str | None = None,
        file_size: int | None = None,
    ) -> None:
        """Store what ``photo`` found out of a file; the last record counts, in all of it.

        ``context`` and ``preset`` are names; ``fingerprint`` is the picture's, ``sha256`` the file's.
        """
        values = {
            **exif["camera"],
            **exif["settings"],
            **exif["location"],
            **exif["datetime"],
            "subject_type": exif["context_hints"]["subject_type"],
            **dict.fromkeys(("noise_score", "compression_score", "faces_detected")),
            **quality["quality"],
            "overall_score": quality["overall_score"],
            "context": context,
            "preset": preset,
            "fingerprint": fingerprint,
            "sha256": sha256,
            "file_size": file_size,
            "facts": json.dumps(facts_of(exif, quality, context)),
        }
        self._update(photo_id, _RECORD_RESULT, values)

    def record_failure(self, photo_id: int, error: str) -> None:
        """Store why a photograph could not be worked on; its scores are forgotten."""
        self._update(photo_id, FAIL_PHOTO, {"error": printable(error), "before": "9999"})

    def photos(self, session_id: int) -> list[PhotoRow]:
        """Return all photographs of a session, sorted by path."""
        return self._photos(" session_id = ? ORDER BY file_path", session_id)

    def results(self, session_id: int) -> list[PhotoRow]:
        """Return the completed photographs of a session, sorted by path."""
        return [row for row in self.photos(session_id) if row.status == "completed"]

    def photo_row(self, photo_id: int, session_id: int | None = None) -> PhotoRow | None:
        """Return what is known of a photograph, of this session if one is given."""
        condition = " id = ? AND session_id IS coalesce(?, session_id) ORDER BY session_id DESC LIMIT 1"
        return next(iter(self._photos(condition, photo_id, session_id)), None)

    def named(self, text: str) -> int | None:
        """The photograph that a person names; None: there is none, or more than one.

        By its path, its number, or its path below the folder of a session, as ``process`` prints it.
        """
        path = Path(text)
        if (found := self.find_photo(path)) is not None:
            return found
        if text.isascii() and text.isdecimal() and int(text) < 2**63 and self.photo_row(int(text)):
            return int(text)
        folders = {each.import_folder for each in self.sessions()}
        ids = {self.find_photo(folder / path) for folder in folders} - {None}
        return ids.pop() if len(ids) == 1 else None

    def session_of_photo(self, photo_id: int) -> int | None:
        """Return the session that a photograph belongs to; of several, the one made last."""
        rows = self._rows("SELECT max(session_id) FROM session_photos WHERE photo_id = ?", (photo_id,))
        return None if rows[0][0] is None else int(rows[0][0])

    def results_digest(self, session_id: int) -> str:
        """Return the SHA-256, in hexadecimal, of all in a session's results that its grouping depends on."""
        parts = attrgetter(
            "id", "sha256", "ai_score", "focus_score", "exposure_score", "composition_score", "fingerprint"
        )
        results = sorted(map(parts, self.results(session_id)))
        return hashlib.sha256(json.dumps(results).encode()).hexdigest()

    def _update(self, photo_id: int, statement: str, values: dict[str, Any]) -> None:
        with self._writing() as db:
            if not db.execute(statement, values | {"photo_id": photo_id, "now": _now()}).rowcount:
                raise CatalogError(f"there is no photo {photo_id} in the catalog: add it with photo_id()")

    def _photos(self, condition: str, *numbers: int | None) -> list[PhotoRow]:
        found = self._rows(_PHOTOS + condition, numbers)
        rows = ([photo, path_of(path), *rest, bool(is_pick)] for photo, path, *rest, is_pick in found)
        return [PhotoRow(*row) for row in rows]

    def _sessions(self, condition: str, *numbers: int) -> list[SessionRow]:
        return [
            SessionRow(session_id, os.fsdecode(name), path_of(folder), *rest)
            for session_id, name, folder, *rest in self._rows(_SESSIONS + condition, numbers)
        ]


def _now() -> str:
    return iso(time.time())
