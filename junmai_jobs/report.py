"""What has become of a session, for the photographer and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from junmai_jobs.catalog import GroupRow, PhotoRow
from junmai_jobs.plan import Forecast

_Words = Sequence[tuple[float, str]]  # falling; the first number that a score reaches names it
_FOCUS: _Words = ((4, "sharp"), (3, "fairly sharp"), (2, "a little soft"), (0, "blurred"))
_EXPOSURE: _Words = ((4, "well exposed"), (3, "fairly exposed"), (0, "badly exposed"))
_COMPOSITION: _Words = ((4, "strong composition"), (3, "good composition"), (2, "plain composition"),
                        (0, "weak composition"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pick:
    """A photo to keep; ``why`` is a sentence for the photographer."""

    path: str
    score: float
    why: str
    group: int | None = None
    """How many photos it was picked from; None: it is alike to no other."""
    preset: str | None = None
    """The one it was given."""
    sidecar: str | None = None
    """What became of its sidecar, see ``apply_preset``."""
    exported: str | None = None
    """The file it was exported to."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo on which something could not be done, and why."""

    path: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What has become of a folder."""

    session_id: int
    photos: int
    succeeded: int
    failed: int
    """Photos on which something could not be done; ``failures`` may also name the folder."""
    groups: Sequence[GroupRow]
    picks: Sequence[Pick]
    """The best first."""
    failures: Sequence[Failure]
    started: int
    """How many photos this run has begun with, or tried again; of a dry run, how many it would have."""
    forecast: Forecast | None
    """Of a dry run alone."""
    contact_sheet: str | None = None
    """The page that shows all this."""

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return {
            "session_id": self.session_id,
            "photos": self.photos,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "groups": [
                {"photos": list(map(str, each.photos)), "pick": str(each.pick), "reason": each.reason}
                for each in self.groups
            ],
            "picks": [asdict(pick) for pick in self.picks],
            "failures": [asdict(failure) for failure in self.failures],
            "started": self.started,
            "contact_sheet": self.contact_sheet,
            **(asdict(self.forecast) if self.forecast else {}),
        }


def sentence(row: PhotoRow) -> str:
    """Why a photo is as good as it is, and why it is the pick of its group."""
    parts = (
        next(word for least, word in words if (score or 0) >= least)
        for score, words in (
            (row.focus_score, _FOCUS),
            (row.exposure_score, _EXPOSURE),
            (row.composition_score, _COMPOSITION),
        )
    )
    judged = f"{', '.join(parts).capitalize()}."
    return f"{row.pick_reason} {judged}" if row.pick_reason else judged
