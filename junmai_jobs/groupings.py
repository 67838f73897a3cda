"""Which photos of a session show the same, and which are worth developing, as rows of the catalog."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from junmai_jobs.schema import CatalogError, CatalogFile, no_session, path_of, printable, stored

if TYPE_CHECKING:
    from junmai_jobs.photo.groups.grouping import Group

_GROUPS = """
    SELECT photo_groups.id, CAST(photos.file_path AS BLOB), CAST(picks.file_path AS BLOB), reason
    FROM session_photos
    JOIN photo_groups ON photo_groups.id = group_id
    JOIN photos ON photos.id = photo_id
    JOIN photos AS picks ON picks.id = pick_id
    WHERE session_photos.session_id = ? ORDER BY photos.file_path
"""
IDS = """
    SELECT CAST(file_path AS BLOB), id FROM session_photos JOIN photos ON id = photo_id WHERE session_id = ?
"""
_ADD_GROUP = "INSERT INTO photo_groups (session_id, pick_id, reason) VALUES (?, ?, ?)"
_UNMARK = """
    UPDATE session_photos
    SET group_id = NULL, group_rank = NULL, pick_reason = NULL, is_pick = 0, learned_score = NULL
    WHERE session_id = ?
"""
_MARK = """
    UPDATE session_photos SET group_id = ?, pick_reason = ?, group_rank = ?, is_pick = ?, learned_score = ?
    WHERE session_id = ? AND photo_id = ?
"""
_NO_SCORES: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Photos of a session that are alike, sorted by path; the one to keep, and why that one."""

    photos: tuple[Path, ...]
    pick: Path
    reason: str


class Groupings(CatalogFile):
    """The part of the catalog that knows the groups and picks of sessions."""

    def grouped_from(self, session_id: int) -> str | None:
        """Return the digest of the results that the session's groups were made from; None: never."""
        rows = self._rows("SELECT grouped_from FROM sessions WHERE id = ?", (session_id,))
        return rows[0][0] if rows else None

    def record_groups(
        self,
        session_id: int,
        groups: Sequence[GroupRow | Group],
        picks: Iterable[int],
        digest: str,
        scores: Mapping[int, float] = _NO_SCORES,
    ) -> None:
        """Replace the groups and picks of a session.

        Args:
            session_id: its id.
            groups: the photos that are alike, by path or by id; one that is in none is like no other.
            picks: the ids of the photos that are worth developing, in a group or not.
            digest: the ``results_digest`` of the results that all this was made from.
            scores: those that the picks were chosen by.

        Raises:
            CatalogError: a photo is none of the session, or there is no such session; nothing is replaced.
        """
        picks = set(picks)
        with self._writing() as db:
            done = db.execute("UPDATE sessions SET grouped_from = ? WHERE id = ?", (digest, session_id))
            if not done.rowcount:
                raise no_session(session_id)
            db.execute(_UNMARK, (session_id,))
            db.execute("DELETE FROM photo_groups WHERE session_id = ?", (session_id,))
            ids = dict(db.execute(IDS, (session_id,)).fetchall())
            marks: dict[int, tuple[int | None, str | None]] = dict.fromkeys(picks, (None, None))
            ranks: dict[int, int] = {}
            for members, pick, reason, ranked in [_by_id(group, ids) for group in groups]:
                made = db.execute(_ADD_GROUP, (session_id, pick, reason)).lastrowid
                marks |= dict.fromkeys(members, (made, None)) | {pick: (made, reason)}
                ranks |= {photo: rank for rank, photo in enumerate(ranked)}
            if strangers := marks.keys() - ids.values():
                raise CatalogError(f"there is no photo {min(strangers)} in session {session_id}")
            db.executemany(
                _MARK,
                [
                    (*mark, ranks.get(photo), photo in picks, scores.get(photo), session_id, photo)
                    for photo, mark in marks.items()
                ],
            )

    def groups(self, session_id: int) -> list[GroupRow]:
        """Return the groups of a session, sorted by the path of their first photo."""
        found: dict[int, list[list[Any]]] = {}
        for group_id, *member in self._rows(_GROUPS, (session_id,)):
            found.setdefault(group_id, []).append(member)
        return [
            GroupRow(tuple(path_of(path) for path, _, _ in members), path_of(members[0][1]), members[0][2])
            for members in found.values()
        ]


def _by_id(
    group: GroupRow | Group, ids: Mapping[bytes, int]
) -> tuple[Sequence[int], int, str, Sequence[int]]:
    """Return a group's photos and its pick as ids, its reason, and the photos from the best down."""
    if not isinstance(group, GroupRow):
        return group.members, group.pick, group.reason, group.ranked
    try:
        pick, *members = (ids[stored(path)] for path in (group.pick, *group.photos))
    except KeyError as error:
        stranger = printable(os.fsdecode(error.args[0]))
        raise CatalogError(f"{stranger} is no photo of the session: add it with photo_id()") from None
    return members, pick, group.reason, ()
