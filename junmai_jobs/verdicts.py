"""What the photographer has said of photographs: approvals, rejections, and the taste that they tell.

A verdict is never deleted or changed, only withdrawn; of several on a photo the last that stands counts. The
taste is no state of its own: it is learned anew from the verdicts that stand whenever it is asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from junmai_jobs.job import iso
from junmai_jobs.photo.taste.traits import NEUTRAL, Leaning
from junmai_jobs.schema import CatalogError, CatalogFile, path_of, printable, stored

if TYPE_CHECKING:
    from junmai_jobs.photo.taste.learning import Taste
    from junmai_jobs.photo.taste.traits import Facts

Verdict = Literal["approved", "rejected"]

_GIVE = """
    INSERT INTO verdicts (batch, photo_id, verdict, reason, given_at)
    VALUES (:batch, :photo_id, :verdict, :reason, :now)
"""
_NEXT_BATCH = "SELECT coalesce(max(batch), 0) + 1 FROM verdicts"
_LAST_OF_EACH = "SELECT max(id) FROM verdicts WHERE withdrawn_at IS NULL GROUP BY photo_id"
_OF_LAST_BATCH = """
    SELECT id FROM verdicts
    WHERE withdrawn_at IS NULL AND batch = (SELECT max(batch) FROM verdicts WHERE withdrawn_at IS NULL)
"""
_LAST_OF_THESE = """
    SELECT max(id) FROM verdicts
    WHERE withdrawn_at IS NULL AND photo_id IN (SELECT value FROM json_each(?)) GROUP BY photo_id
"""
_STANDING = "SELECT id FROM verdicts WHERE withdrawn_at IS NULL"
_VERDICTS = """
    SELECT photo_id, CAST(file_path AS BLOB), verdict, reason, given_at
    FROM verdicts JOIN photos ON photos.id = photo_id WHERE verdicts.id IN ({which}) ORDER BY verdicts.id
"""
_LAST_ON = """
    SELECT verdict FROM verdicts WHERE photo_id = ? AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1
"""
_WITHDRAW = "UPDATE verdicts SET withdrawn_at = ? WHERE id IN ({which})"
_DECIDED = f"""
    SELECT (SELECT max(session_id) FROM session_photos WHERE photo_id = photos.id), verdict, facts
    FROM verdicts JOIN photos ON photos.id = photo_id
    WHERE verdicts.id IN ({_LAST_OF_EACH}) AND status = 'completed' AND facts IS NOT NULL ORDER BY photos.id
"""  # noqa: S608 - all of it is ours
_UNDECIDED = """
    SELECT facts FROM session_photos JOIN photos ON photos.id = photo_id
    WHERE session_id = ? AND status = 'completed' AND facts IS NOT NULL
        AND photos.id NOT IN (SELECT photo_id FROM verdicts WHERE withdrawn_at IS NULL)
    ORDER BY photos.id * 2654435761 % 4294967296 LIMIT ?
"""  # some of all over the session, and whenever it is asked for the same
_FACTS = """
    SELECT id, facts FROM photos
    WHERE status = 'completed' AND facts IS NOT NULL AND id IN (SELECT value FROM json_each(?)) ORDER BY id
"""
_MOST_UNDECIDED, _LEAST_UNDECIDED = 1000, 20  # photos to learn from, in all and of a session


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What was said of a photograph, when, and why if that was told."""

    photo_id: int
    path: Path
    verdict: Verdict
    reason: str | None
    given_at: str


class Verdicts(CatalogFile):
    """The part of the catalog that knows what the photographer likes."""

    def approve(self, photo_ids: Collection[int]) -> None:
        """Note that photos are approved.

        Raises:
            CatalogError: there is no such photo; nothing is noted.
        """
        self._give("approved", photo_ids, None)

    def reject(self, photo_ids: Collection[int], reason: str | None = None) -> None:
        """Note that photos are rejected, and why.

        Raises:
            CatalogError: there is no such photo; nothing is noted.
        """
        self._give("rejected", photo_ids, reason)

    def withdraw(self, photo_ids: Collection[int] | None = None) -> list[VerdictRow]:
        """Take back the verdicts that were given together last, or the last on each of some photos.

        What a photo was said to be before stands again.

        Returns:
            What was taken back; nothing where nothing stood.
        """
        if photo_ids is None:
            return self._withdraw(_OF_LAST_BATCH)
        return self._withdraw(_LAST_OF_THESE, json.dumps(list(photo_ids)))

    def withdraw_all(self) -> list[VerdictRow]:
        """Take back every verdict that stands, and tell them: nothing is left of the taste."""
        return self._withdraw(_STANDING)

    def verdicts(self) -> list[VerdictRow]:
        """The verdicts that count, one a photo, the oldest first."""
        return [_row(found) for found in self._rows(_VERDICTS.format(which=_LAST_OF_EACH))]

    def has_verdicts(self) -> bool:
        """Tell whether there was ever a verdict, be it withdrawn."""
        return bool(self._rows("SELECT 1 FROM verdicts LIMIT 1"))

    def verdict_on(self, photo_id: int) -> Verdict | None:
        """What was said of one photo."""
        return next((verdict for (verdict,) in self._rows(_LAST_ON, (photo_id,))), None)

    def taste(self) -> Taste:
        """Learn the photographer's taste."""
        from junmai_jobs.photo.taste.learning import Shoot, Taste  # noqa: PLC0415 - slow to import

        decided: dict[int | None, dict[Verdict, list[Facts]]] = {}
        for session_id, verdict, facts in self._rows(_DECIDED):
            shoot = decided.setdefault(session_id, {"approved": [], "rejected": []})
            shoot[verdict].append(json.loads(facts))
        most = max(_LEAST_UNDECIDED, _MOST_UNDECIDED // max(1, len(decided)))
        shoots = []
        for session_id, shoot in decided.items():
            undecided = [json.loads(facts) for (facts,) in self._rows(_UNDECIDED, (session_id, most))]
            shoots.append(Shoot(shoot["approved"], shoot["rejected"], undecided))
        return Taste(shoots)

    def leanings(self, photo_ids: Iterable[int]) -> dict[int, Leaning]:
        """What the taste adds to the score of each of these photos."""
        found = dict.fromkeys(photo_ids, NEUTRAL)
        if said := {each.photo_id: each.verdict for each in self.verdicts()}:
            rows = self._rows(_FACTS, (json.dumps(list(found)),))
            leanings = self.taste().leanings([json.loads(facts) for _, facts in rows])
            for (photo_id, _), leaning in zip(rows, leanings, strict=True):
                found[photo_id] = replace(leaning, verdict=said.get(photo_id))
        return found

    def learned_scores(self, scores: Mapping[int, float]) -> dict[int, float]:
        """Add to the scores of photos what the taste does; it may lead beyond 1 and 5."""
        leanings = self.leanings(scores)
        return {photo_id: score + leanings[photo_id].points for photo_id, score in scores.items()}

    def decided(self, picks: Collection[int], among: Iterable[int]) -> set[int]:
        """Put right who of some photos is a pick: the photographer's own verdict is the last word."""
        said = {each.photo_id: each.verdict for each in self.verdicts()}
        usual: dict[bool, Verdict] = {True: "approved", False: "rejected"}
        return {photo for photo in among if said.get(photo, usual[photo in picks]) == "approved"}

    def find_photo(self, path: Path) -> int | None:
        """Return the id of the photograph at a path, links on the way followed or not."""
        for each in (path, path.resolve()):
            if found := self._rows(
                "SELECT id FROM photos WHERE file_path = CAST(? AS TEXT)", (stored(each),)
            ):
                return int(found[0][0])
        return None

    def _give(self, verdict: Verdict, photo_ids: Iterable[int], reason: str | None) -> None:
        with self._writing() as db:
            batch = db.execute(_NEXT_BATCH).fetchone()[0]
            for photo_id in dict.fromkeys(photo_ids):
                if db.execute("SELECT 1 FROM photos WHERE id = ?", (photo_id,)).fetchone() is None:
                    raise CatalogError(
                        f"there is no photo {photo_id} in the catalog: process its folder first"
                    )
                given = {"batch": batch, "photo_id": photo_id, "verdict": verdict, "now": _now()}
                db.execute(_GIVE, given | {"reason": None if reason is None else printable(reason)})

    def _withdraw(self, which: str, *values: str) -> list[VerdictRow]:
        with self._writing() as db:
            rows = db.execute(_VERDICTS.format(which=which), values).fetchall()
            db.execute(_WITHDRAW.format(which=which), (_now(), *values))
        return [_row(each) for each in rows]


def _row(found: tuple[int, bytes, Verdict, str | None, str]) -> VerdictRow:
    photo_id, path, verdict, reason, given_at = found
    return VerdictRow(photo_id, path_of(path), verdict, reason, given_at)


def _now() -> str:
    return iso(time.time())
