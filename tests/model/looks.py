"""What somebody has looked at; see ``Model``, which it is a part of.

A place in line that a job has for a look is below 0: the earlier the look, the nearer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.model.moves import Moves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.model.job import Job


class Look(NamedTuple):
    """The place that a job got for it, and where it was before; no place: it had none, or it is not known."""

    place: int
    priority: int
    place_before: int


@dataclass
class Looks(Moves):
    looks: dict[str, Look] = field(default_factory=dict)

    def boost(self, job_ids: Iterable[str]) -> list[str]:
        there = [(job_id, self.jobs.get(job_id)) for job_id in job_ids]
        jobs = [job for _, job in there if job and not job.is_over]
        heads = [each.place for job in jobs for each in self.in_home(job.queue, "ready")]
        first = min(0, *heads, *(look.place for look in self.looks.values()), 0)
        if any(job.id not in self.looks or self.looks[job.id].place - first >= len(jobs) for job in jobs):
            first -= len(jobs)
        for place, job in enumerate(jobs, first):
            self.looks[job.id] = self.look_at(job, place)
            job.priority = 10
            if job.word == "ready":
                job.place = place
            if job.word != "ready" or job.kept_place:
                job.kept_place = place
        return ["" if job is None else job.word for _, job in there]

    def look_at(self, job: Job, place: int) -> Look:
        before = job.place if job.word == "ready" else job.kept_place
        known = self.looks.get(job.id) if before < 0 else None
        if known:
            return known._replace(place=place)
        return Look(place, job.priority, max(0, before))

    def look_away(self, job: Job) -> None:
        """A person gives it a priority: it has the place in line again that it had before."""
        if job.kept_place >= 0 and not (job.word == "ready" and job.place < 0):
            return
        look = self.looks.pop(job.id, None)
        before = look.place_before if look else 0
        if job.kept_place < 0:
            job.kept_place = before or self.next_place()
        if job.word == "ready" and job.place < 0:
            job.place = before or self.next_place()
