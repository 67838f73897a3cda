"""How jobs go from home to home, whichever verb sends them; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.model.admission import Admission
from tests.model.job import LIMITS, Edge, Job

if TYPE_CHECKING:
    from collections.abc import Iterable

CRASH_DELAY = 5


@dataclass
class Record:
    """A claimer's last request, and what that gave."""

    request: str
    id: str
    token: str
    answer: str = ""
    ahead: list[tuple[str, str]] = field(default_factory=list)
    """Id and token of what was claimed with it."""


@dataclass
class Owner:
    """Who has a unique key."""

    id: str
    scope: str
    till: int | None
    before: str = ""
    """Who ran when it was accepted beside it."""


@dataclass
class Moves(Admission):
    records: dict[str, Record] = field(default_factory=dict)
    edges: set[Edge] = field(default_factory=set)
    """Whom the end of a job will be told to."""
    awaited: set[tuple[str, str]] = field(default_factory=set)
    """Children, and whom they were last blocked for."""
    ended: set[str] = field(default_factory=set)
    owners: dict[str, Owner] = field(default_factory=dict)
    sequence: int = 0
    placed: dict[int, int] = field(default_factory=dict)
    """When each place in line was given."""

    def next_place(self) -> int:
        self.sequence += 1
        self.placed[self.sequence] = self.now
        return self.sequence

    def has_children(self, job_id: str) -> bool:
        return any(edge.parent == job_id for edge in self.edges)

    def is_read(self, job_id: str) -> bool:
        return any(job_id in job.reads and not job.is_over for job in self.jobs.values())

    def owner(self, key: str) -> Job | None:
        """The job that has a unique key."""
        entry = self.owners.get(key)
        if entry is None:
            return None
        if self.has_key(entry.id, entry.scope, entry.till):
            return self.jobs[entry.id]
        return self.jobs[entry.before] if self.has_key(entry.before, entry.scope, None) else None

    def has_key(self, job_id: str, scope: str, till: int | None) -> bool:
        job = self.jobs.get(job_id)
        over = job is None or job.is_over or (scope == "waiting" and job.word == "running")
        return job is not None and (not over or (till is not None and till > self.now))

    def own(self, job: Job) -> None:
        if unique := job.content.unique:
            till = self.now + unique.period if unique.period else None
            other = self.owner(unique.key)
            before = other.id if other and other is not job and other.word == "running" else ""
            self.owners[unique.key] = Owner(job.id, unique.scope, till, before)

    def pass_keys_on(self, gone: str) -> None:
        """To the job beside which this one was accepted, while that lives."""
        for key, owner in list(self.owners.items()):
            if owner.id == gone:
                del self.owners[key]
                if self.has_key(owner.before, owner.scope, None):
                    self.owners[key] = Owner(owner.before, owner.scope, None)

    def block(self, job: Job, delay: int, after: Iterable[tuple[str, str]]) -> None:
        job.word, job.note, job.holds = "blocked", str(delay * 1000), ""
        job.reads = set()
        self.awaited = {pair for pair in self.awaited if pair[0] != job.id}
        for policy, parent in after:
            self.edges.add(Edge(parent, job.id, policy))
            self.awaited.add((job.id, parent))
            job.reads |= {parent} if policy.endswith("+") else set()
            if self.jobs[parent].is_over:
                self.ended.add(parent)

    def move(self, job: Job, word: str) -> None:
        """To another home; when it leaves running, what it held is free."""
        ran, job.word = job.word == "running", word
        job.saved = job.saved and word != "succeeded"
        for key in job.holds.split(";") if ran else ():
            if key in LIMITS:
                self.unpark(key, 1)

    def finish(self, job: Job, word: str, note: str) -> None:
        job.note, job.finished = note, self.now
        if self.has_children(job.id):
            self.ended.add(job.id)
        self.move(job, word)

    def back_in_line(self, job: Job) -> str:
        job.note, job.place = "", job.kept_place
        self.move(job, "ready")
        return "ready"

    def postpone(self, job: Job, word: str, delay: int, note: str) -> str:
        job.note, job.due = note, self.now + delay
        self.move(job, word)
        return word

    def to_the_end_of_the_line(self, job: Job) -> None:
        job.word, job.place = "ready", self.next_place()

    def come_into_line(self, job: Job) -> None:
        """Behind all others, but where somebody has looked at it, at the place it got for that."""
        self.to_the_end_of_the_line(job)
        job.place = min(job.kept_place, 0) or job.place

    def cancelled_instead(self, job: Job, event: str) -> bool:
        """A run ends without an end of the job: noted, and cancelled if somebody asked for that."""
        wanted = job.note == "cancel"
        job.events.append("cancelled" if wanted else event)
        if wanted:
            self.finish(job, "cancelled", "cancelled")
        return wanted

    def hand_back(self, job: Job) -> str:
        job.token = ""
        return "cancelled" if self.cancelled_instead(job, "released") else self.back_in_line(job)

    def lose(self, job: Job, event: str) -> str:
        job.token, was_ahead = "", job.note == "ahead"
        if self.cancelled_instead(job, event):
            return "cancelled"
        if event == "lost" and was_ahead:
            return self.back_in_line(job)
        job.crashes += 1
        if job.crashes == 1:
            return self.back_in_line(job)
        if job.crashes == 2:
            return self.postpone(job, "retrying", CRASH_DELAY, "")
        self.finish(job, "failed", "crashed")
        return "failed"

    def held(self, claimer: str) -> list[Job]:
        record = self.records.get(claimer)
        given = [(record.id, record.token), *record.ahead] if record else []
        found = ((self.jobs.get(job_id), token) for job_id, token in given if token)
        return [job for job, token in found if job and (job.word, job.token) == ("running", token)]
