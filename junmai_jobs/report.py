"""What has become of a session, for the photographer and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from junmai_jobs.catalog import Catalog, GroupRow, PhotoRow
from junmai_jobs.job import Job, Status
from junmai_jobs.ledger import WORK, why
from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.plan import Plan, Work
from junmai_jobs.session_outlook import SessionOutlook
from junmai_jobs.tasks.sessions import NOT_A_PICK

LOST = (Status.FAILED, Status.CANCELLED)
_NO_USE = f"{UnreadablePhoto.__module__}.{UnreadablePhoto.__qualname__}"
_NOT_KEPT = "its job is not kept any more: run this again"

_WORDS: Mapping[str, Sequence[tuple[float, str]]] = {
    "focus_score": ((4, "sharp"), (3, "fairly sharp"), (2, "a little soft"), (0, "blurred")),
    "exposure_score": ((4, "well exposed"), (3, "fairly exposed"), (0, "badly exposed")),
    "noise_score": ((4, ""), (3, "a little noisy"), (2, "noisy"), (0, "very noisy")),
    "compression_score": ((4, ""), (3, "a little compressed"), (0, "spoiled by compression")),
    "composition_score": ((4, "strong composition"), (3, "good composition"), (2, "plain composition"),
                          (0, "weak composition")),
}  # fmt: skip
"""For each score falling; the first number that it reaches names it."""
_FAULTY = 3.0
"""The score below which a part is a fault; composition is none."""


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
    """A photo or folder on which something could not be done, and why."""

    path: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What has become of a folder."""

    session_id: int
    photos: int
    succeeded: int
    failed: int
    """Photos on which something could not be done; ``failures`` may also name folders."""
    groups: Sequence[GroupRow]
    picks: Sequence[Pick]
    """The best first."""
    failures: Sequence[Failure]
    started: int
    """How many photos this run has begun with, or tried again; of a dry run, how many it would have."""
    outlook: SessionOutlook | None = None
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
            **self._planned(),
        }

    def _planned(self) -> dict[str, Any]:
        if self.outlook is None:
            return {}
        seconds = self.outlook.seconds
        return {
            "expected_seconds": None if seconds is None else math.ceil(seconds * 10) / 10,
            "disk_bytes": sum(room.bytes for room in self.outlook.rooms),
            "jobs": self.outlook.jobs,
            "plan": self.outlook.as_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a report is made from: the catalog, and the jobs of a session as far as they have ended."""

    catalog: Catalog
    plan: Plan
    works: Mapping[str, Work]
    """All that are planned, by id."""
    ended: Mapping[str, Status | None]
    """None: the job is not kept any more."""
    load: Callable[[Sequence[str]], Iterable[Job]]
    exports_are_away: bool
    """So that nobody can tell which of them are there."""

    def report(self, started: int) -> Report:
        """Tell what has become of the photos; see ``Report`` for the argument."""
        photo_jobs = {
            work.photo_id: job_id
            for job_id, work in self.works.items()
            if job_id in self.ended and work.task.name == WORK
        }
        rows = [row for row in self.catalog.photos(self.plan.session_id) if row.id in photo_jobs]
        failures = list(dict.fromkeys(self._failures(rows, photo_jobs)))
        paths = {failure.path for failure in failures}
        failed = sum(str(row.path) in paths for row in rows)
        return Report(
            session_id=self.plan.session_id,
            photos=len(self.plan.photos),
            succeeded=len(rows) - failed,
            failed=failed,
            groups=self.catalog.groups(self.plan.session_id),
            picks=sorted(self._picks(rows), key=lambda pick: -pick.score),
            failures=failures,
            started=started,
        )

    def _failures(self, rows: Iterable[PhotoRow], photo_jobs: Mapping[int | None, str]) -> Iterator[Failure]:
        """The photos' own jobs first; of the later ones not those that were cancelled with the one before."""
        lost = {job.id: job for job in self.load([i for i, status in self.ended.items() if status in LOST])}
        paths = {row.id: str(row.path) for row in rows}
        for row in rows:
            job = lost.pop(photo_jobs[row.id], None)
            if job is not None or row.status != "completed":
                yield Failure(paths[row.id], reason(job) if job else row.error or _NOT_KEPT)
        for job_id, job in lost.items():
            if job.reason != "parent_failed":
                photo_id = self.works[job_id].photo_id
                yield Failure(paths.get(photo_id or 0, str(self.plan.folder)), reason(job))

    def _picks(self, rows: Sequence[PhotoRow]) -> Iterator[Pick]:
        sizes = Counter(row.group_id for row in rows if row.group_id is not None)
        picked = {row.id: row for row in rows if row.is_pick}
        later = {job_id: work for job_id, work in self.works.items() if work.task.name != WORK}
        made: dict[int, dict[str, Any]] = {photo_id: {} for photo_id in picked}
        done = [job_id for job_id in later if self.ended.get(job_id) is Status.SUCCEEDED]
        for job in self.load([job_id for job_id in done if later[job_id].photo_id in picked]):
            if isinstance(job.result, dict) and job.result.get("status") != NOT_A_PICK:
                made[job.result["photo_id"]][job.task] = job.result
        leanings = self.catalog.leanings(picked)
        learned = {
            photo_id: (row.ai_score or 0.0) + leanings[photo_id].points for photo_id, row in picked.items()
        }
        for photo_id in sorted(picked, key=lambda photo_id: -learned[photo_id]):
            row = picked[photo_id]
            applied = made[photo_id].get("apply_preset", {})
            exported = made[photo_id].get("export_photo", {})
            yield Pick(
                str(row.path), min(5.0, max(1.0, learned[photo_id])),
                f"{sentence(row)} {leanings[photo_id]}".rstrip(),
                sizes.get(row.group_id) if row.group_id else None,
                applied.get("preset_name"), applied.get("status"), self._there(exported.get("path")),
            )  # fmt: skip

    def _there(self, path: Path | None) -> str | None:
        return str(path) if path is not None and (self.exports_are_away or path.exists()) else None


def may_pass(job: Job) -> bool:
    """Whether a job that was lost is worth another try."""
    return job.error is None or job.error["type"] != _NO_USE


def reason(job: Job) -> str:
    """Why a job was lost, for the photographer."""
    if job.status is Status.CANCELLED:
        return f"its job was cancelled ({job.reason}): run this again to have it worked on"
    return why(job) or "its job failed"


def sentence(row: PhotoRow) -> str:
    """Why a photo is as good as it is, first what costs it most; and why it is the pick of its group."""
    parts = {name: getattr(row, name) for name in _WORDS}
    scores = {name: score for name, score in parts.items() if score is not None}
    faults = [name for name in scores if scores[name] < _FAULTY and name != "composition_score"]
    ordered = dict.fromkeys((*sorted(faults, key=scores.__getitem__), *scores))
    words = (next(word for least, word in _WORDS[name] if scores[name] >= least) for name in ordered)
    judged = f"{', '.join(filter(None, words)).capitalize()}."
    return f"{row.pick_reason} {judged}" if row.pick_reason else judged
