"""How jobs come in, with their unique keys; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.model.job import WAITING, Content, Job
from tests.model.moves import Moves

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Submissions(Moves):
    def enqueue(self, jobs: Sequence[tuple[Job, int]]) -> list[str | None]:
        """Jobs and their delays. For each the job that has its unique key already."""
        twins, answers = [], list[str | None]()
        for job, delay in jobs:
            unique = job.content.unique
            owner = self.owner(unique.key) if unique else None
            after = job.after
            if owner and unique and owner.word == "running" and unique.keep == "last":
                after = (*after, ("continue", owner.id))
                owner = None
            answers.append(owner.id if owner else None)
            if owner:
                twins.append((owner, job, delay))
                continue
            job.place = self.next_place()
            self.fill(job, job.content)
            if after:
                self.block(job, delay, after)
            elif delay:
                self.postpone(job, "scheduled", delay, "")
            self.jobs[job.id] = job
            self.own(job)
        for owner, job, delay in twins:
            self.replace(owner, job.content, delay)
        return answers

    def fill(self, job: Job, content: Content) -> None:
        job.content = content
        job.expires_at = None if content.expires is None else self.now + content.expires

    def replace(self, job: Job, content: Content, delay: int) -> None:
        """The last of those with a unique key takes the place of one that waits."""
        if content.unique is None or content.unique.keep == "first" or job.word not in WAITING:
            return
        self.fill(job, content)
        if delay and job.word in {"ready", "scheduled"}:
            if job.word == "ready" and job.place < 0:
                job.kept_place = job.place
            job.word, job.due = "scheduled", self.now + delay
