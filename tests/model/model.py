"""The store as plain Python: what every verb should do, written a second time and as simply as can be.

Times are whole seconds of a clock that the test sets before each call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from junmai_jobs.keys import FINISHED_HOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

QUEUES = ("a", "b")
WAITING = ("ready", "scheduled", "retrying", "blocked")
LEASE = 66
CRASH_DELAY = 5


@dataclass
class Record:
    """A claimer's last request, and what that gave."""

    request: str
    id: str
    token: str
    answer: str = ""


@dataclass
class Job:
    id: str
    queue: str
    priority: int
    word: str
    """Its home."""
    expires: int | None = None
    place: int = 0
    """Its number in line while it is ready."""
    kept_place: int = 0
    """The number it was claimed with."""
    due: int = 0
    lease: int = 0
    finished: int = 0
    claimed: bool = False
    token: str = ""
    failures: int = 0
    crashes: int = 0
    claimer: str = ""
    request: str = ""
    note: str = ""
    events: list[str] = field(default_factory=list)

    @property
    def has_state(self) -> bool:
        return self.claimed or self.word == "blocked" or self.word in FINISHED_HOMES or bool(self.request)


@dataclass
class Model:
    now: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)
    """Child and parent."""
    ended: set[str] = field(default_factory=set)
    paused: dict[str, bool] = field(default_factory=dict)
    sequence: int = 0
    reaped: int | None = None

    # What the verbs have in common.

    def next_place(self) -> int:
        self.sequence += 1
        return self.sequence

    def in_home(self, queue: str, word: str) -> list[Job]:
        return [job for job in self.jobs.values() if (job.queue, job.word) == (queue, word)]

    def has_children(self, job_id: str) -> bool:
        return any(parent == job_id for _, parent in self.edges)

    def finish(self, job: Job, word: str, note: str) -> None:
        job.word, job.note, job.finished = word, note, self.now
        if self.has_children(job.id):
            self.ended.add(job.id)

    def back_in_line(self, job: Job) -> str:
        job.word, job.note, job.place = "ready", "", job.kept_place
        return "ready"

    def postpone(self, job: Job, word: str, delay: int, note: str) -> str:
        job.word, job.note, job.due = word, note, self.now + delay
        return word

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
        job.token = ""
        if self.cancelled_instead(job, event):
            return "cancelled"
        job.crashes += 1
        if job.crashes == 1:
            return self.back_in_line(job)
        if job.crashes == 2:
            return self.postpone(job, "retrying", CRASH_DELAY, "")
        self.finish(job, "failed", "crashed")
        return "failed"

    def held(self, claimer: str) -> Job | None:
        record = self.records.get(claimer)
        job = self.jobs.get(record.id) if record and record.token else None
        return job if job and record and (job.word, job.token) == ("running", record.token) else None

    # The verbs.

    def enqueue(self, job: Job, delay: int, after: Sequence[str], policy: str) -> None:
        job.place = self.next_place()
        if job.expires is not None:
            job.expires += self.now
        if after:
            job.word, job.note = "blocked", f"{policy}:{delay * 1000}"
            for parent in after:
                self.edges.add((job.id, parent))
                if self.jobs[parent].word in FINISHED_HOMES:
                    self.ended.add(parent)
        elif delay:
            self.postpone(job, "scheduled", delay, "")
        self.jobs[job.id] = job

    def promote(self) -> None:
        for queue in QUEUES:
            for word in ("scheduled", "retrying"):
                due = [job for job in self.in_home(queue, word) if job.due <= self.now]
                for job in sorted(due, key=lambda job: (job.due, job.id)):
                    job.word, job.place = "ready", self.next_place()

    def claim(self, claimer: str, request: str, queues: Iterable[str], answer: str = "") -> Job | None:
        """The job that must be given; the caller fills in its token. A held job was dealt with before."""
        open_queues = [queue for queue in queues if not self.paused.get(queue, self.paused.get("*", False))]
        while True:
            heads = [
                min(ready, key=lambda job: (-job.priority, job.place))
                for queue in open_queues
                if (ready := self.in_home(queue, "ready"))
            ]
            if not heads:
                return None
            job = max(heads, key=lambda job: job.priority)
            if job.expires is None or self.now < job.expires:
                break
            self.finish(job, "cancelled", "expired")
        job.word, job.claimed, job.claimer, job.kept_place = "running", True, claimer, job.place
        job.lease = self.now + LEASE
        self.records[claimer] = Record(request, job.id, "", answer)
        return job

    def given(self, job: Job, token: str) -> None:
        """The token of the job that was just claimed."""
        job.token = self.records[job.claimer].token = token

    def replay(self, claimer: str, request: str) -> Job | None:
        job = self.held(claimer)
        if job is None or self.records[claimer].request != request:
            return None
        job.lease = self.now + LEASE
        return job

    def give_back_held(self, claimer: str) -> None:
        if (job := self.held(claimer)) is not None:
            self.hand_back(job)

    def end(self, job_id: str, token: str, verb: str, delay: int) -> str:
        """The word of succeed, retry, fail, defer, step_aside or confirm_cancel."""
        job = self.jobs.get(job_id)
        if job is None or job.token != token:
            return "LOST"
        if job.word != "running":
            return _SAME_END[verb].get(job.word, "LOST")
        if verb == "succeed":
            self.finish(job, "succeeded", "")
        elif verb == "fail":
            job.events.append("failed")
            self.finish(job, "failed", "reason")
        elif verb == "confirm_cancel":
            job.events.append("cancelled")
            self.finish(job, "cancelled", "cancelled")
        elif self.cancelled_instead(job, _EVENTS[verb]):
            return "CANCELLED"
        elif verb == "step_aside":
            self.back_in_line(job)
        elif verb == "retry":
            job.failures += 1
            self.postpone(job, "retrying", delay, "")
        else:
            self.postpone(job, "scheduled", delay, "note")
        return "OK"

    def extend(self, claimer: str) -> tuple[str, str]:
        record = self.records.get(claimer)
        if record is None or not record.token:
            return "IDLE", ""
        job = self.jobs.get(record.id)
        if job is None or job.token != record.token:
            return "LOST", record.token
        if job.word != "running":
            return "IDLE", ""
        job.lease = self.now + LEASE
        return ("CANCEL" if job.note == "cancel" else "HELD"), record.token

    def give_up(self, claimer: str, request: str, how: Callable[[Job], str]) -> tuple[str, str] | None:
        """Release or crash: by claimer, in its own generation, once a request."""
        record = self.records.get(claimer)
        if record is not None and record.request == request:
            return record.id, record.answer
        job = self.held(claimer)
        generation, _, _ = request.partition(".")
        if job is None or record is None or not record.request.startswith(f"{generation}."):
            return None
        self.records[claimer] = Record(request, job.id, "", how(job))
        return job.id, job.word

    def reap(self) -> None:
        running = [job for queue in QUEUES for job in self.in_home(queue, "running")]
        if self.reaped is None or self.now < self.reaped or self.now - self.reaped > LEASE / 2:
            ran_back = self.reaped is not None and self.now < self.reaped
            for job in running:
                if job.lease <= self.now or (ran_back and job.lease > self.now + LEASE):
                    job.lease = self.now + LEASE
        self.reaped = self.now
        for job in running:
            if job.lease < self.now:
                self.lose(job, "lost")

    def cancel(self, job_id: str, request: str) -> str:
        job = self.jobs[job_id]
        if job.word in WAITING:
            job.request = request
            self.finish(job, "cancelled", "asked")
            return "OK"
        if job.word == "running":
            job.note, job.request = "cancel", request
            return "CANCELLING"
        return "STATE"

    def revive(self, job_id: str, request: str) -> str:
        job = self.jobs[job_id]
        if job.word not in {"failed", "cancelled"}:
            return "STATE"
        job.word, job.place = "ready", self.next_place()
        job.token, job.failures, job.crashes, job.claimer, job.note = "", 0, 0, "", ""
        job.request = request
        return "OK"

    def reprioritize(self, job_id: str, priority: int) -> str:
        if self.jobs[job_id].word in FINISHED_HOMES:
            return "STATE"
        self.jobs[job_id].priority = priority
        return "OK"

    def resolve(self, order: Iterable[str]) -> None:
        """One call, which takes the parents in the order in which they ended."""
        for parent_id in order:
            parent = self.jobs.get(parent_id)
            if parent is None or parent.word in FINISHED_HOMES:
                for child_id in sorted(child for child, awaited in self.edges if awaited == parent_id):
                    self.edges.discard((child_id, parent_id))
                    self._tell(child_id, succeeded=parent is not None and parent.word == "succeeded")
            self.ended.discard(parent_id)

    def _tell(self, child_id: str, *, succeeded: bool) -> None:
        child = self.jobs.get(child_id)
        if child is None or child.word != "blocked":
            return
        policy, delay = child.note.split(":")
        if not succeeded and policy == "cancel":
            self.finish(child, "cancelled", "parent_failed")
        elif not any(waiting == child_id for waiting, _ in self.edges):
            if int(delay):
                self.postpone(child, "scheduled", int(delay) // 1000, "")
            else:
                child.word, child.note, child.place = "ready", "", self.next_place()

    def pause(self, queues: Iterable[str]) -> None:
        self.paused = self.paused | dict.fromkeys(queues, True) if queues else {"*": True}

    def resume(self, queues: Iterable[str]) -> None:
        if not queues:
            self.paused = {}
        elif "*" in self.paused:
            self.paused.update(dict.fromkeys(queues, False))
        else:
            self.paused = {queue: flag for queue, flag in self.paused.items() if queue not in queues}

    def purge(self, queue: str, words: Iterable[str]) -> int:
        found = [job for word in words for job in self.in_home(queue, word)]
        for job in found:
            self.finish(job, "cancelled", "purged")
        return len(found)

    def prune(self, word: str, max_age: int, keep: int) -> None:
        there = sorted(
            (job for job in self.jobs.values() if job.word == word), key=lambda job: (job.finished, job.id)
        )
        surplus = len(there) - keep
        for job in there:
            if surplus <= 0 and job.finished >= self.now - max_age:
                break
            if not self.has_children(job.id):
                del self.jobs[job.id]
                surplus -= 1


_EVENTS = {"retry": "failed", "defer": "deferred", "step_aside": "released"}
_SAME_END = {
    "succeed": {"succeeded": "OK"},
    "retry": {"retrying": "OK", "ready": "OK", "cancelled": "CANCELLED"},
    "fail": {"failed": "OK"},
    "defer": {"scheduled": "OK", "ready": "OK", "cancelled": "CANCELLED"},
    "step_aside": {"ready": "OK", "cancelled": "CANCELLED"},
    "confirm_cancel": {"cancelled": "OK"},
}
