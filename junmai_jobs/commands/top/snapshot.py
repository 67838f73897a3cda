"""What ``top`` shows, read at one moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from junmai_jobs.hardware import Hardware
from junmai_jobs.job import WAITING, Job, Status

if TYPE_CHECKING:
    from junmai_jobs.inspector.heads import Place
    from junmai_jobs.jobqueue import JobQueue

MOST = 50
"""So many jobs of each kind are read."""
SECONDS = 180
"""So much of the past is in the curve."""
_NOW = 5
"""Seconds over which the rate of now is taken."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it."""

    counts: Mapping[str, Any]
    """``JobQueue.stats``."""
    running: Sequence[tuple[Job, float]]
    """At most ``MOST`` jobs, and for how many seconds each has been running; the longest first."""
    waiting: Sequence[Job]
    """At most ``MOST``, in the order in which they come."""
    failed: Sequence[Job]
    """At most ``MOST``, those first that failed last."""
    ended: Sequence[int]
    """How many jobs ended in each second, oldest first."""
    hardware: Mapping[str, Any]
    """``Hardware.measure``, of this computer."""
    now: float
    """The server's time, in seconds since 1970."""

    @property
    def rate(self) -> float:
        """Jobs that end in a second now."""
        newest = self.ended[-_NOW:]
        return sum(newest) / len(newest) if newest else 0.0


class Reader:
    """Reads snapshots, one after the other."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs
        self._hardware = Hardware()
        self._ended: deque[int] = deque(maxlen=SECONDS)
        self._until = 0
        """Till when they are counted, in whole seconds since 1970."""
        self._known: dict[Place, Job] = {}

    def read(self, queue: str | None = None) -> Snapshot:
        """Now; of what waits only that of one queue, if one is given.

        Raises:
            JunmaiJobsError: see ``JobQueue.stats``.
        """
        inspector = self._jobs.inspector
        counts = inspector.stats()
        now = datetime.fromisoformat(counts["timestamp"]).timestamp()
        self._count(int(now))
        waiting, failed = inspector.next_ones(MOST, queue), inspector.failed_last(MOST)
        self._load([*waiting, *failed])
        return Snapshot(
            counts=counts,
            running=self._running(),
            waiting=[job for place in waiting if (job := self._known.get(place)) and job.status in WAITING],
            failed=[
                job for place in failed if (job := self._known.get(place)) and job.status is Status.FAILED
            ],
            ended=tuple(self._ended),
            hardware=self._hardware.measure(),
            now=now,
        )

    def _count(self, now: int) -> None:
        """Count what ended in the seconds that are over and were not yet."""
        if now < self._until:  # the server's clock was set back
            self._until = 0
            self._ended.clear()
        first = max(self._until, now - SECONDS)
        rows = self._jobs.inspector.ended_between(range(first, now + 1))
        self._ended.extend(sum(row.values()) for row in rows)
        self._until = now

    def _load(self, places: Sequence[Place]) -> None:
        """Read those that stand elsewhere than before; what nobody looks at any more is forgotten."""
        fresh = [place for place in places if place not in self._known]
        found = {job.id: job for job in self._jobs.inspector.load([place.id for place in fresh])}
        known = self._known | {place: found[place.id] for place in fresh if place.id in found}
        self._known = {place: known[place] for place in places if place in known}

    def _running(self) -> list[tuple[Job, float]]:
        slots = (slot for worker in self._jobs.inspector.workers() for slot in worker["slots"])
        held = {slot["job"]: slot["running_s"] for slot in slots if slot["job"]}
        longest = sorted(held, key=lambda job_id: -held[job_id])[:MOST]
        return [(job, held[job.id]) for job in self._jobs.inspector.load(longest)]
