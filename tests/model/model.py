"""The store as plain Python: what every verb should do, written a second time and as simply as can be.

Times are whole seconds of a clock that the test sets before each call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from junmai_jobs.lanes import queue_of
from tests.model.aging import Aging
from tests.model.job import LANES, WAITING, Edge, Job
from tests.model.moves import Record
from tests.model.news import News
from tests.model.schedules import Schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LEASE = 66
LOOKS, TOLD = 10, 15


@dataclass
class Model(Schedules, Aging, News):
    paused: dict[str, bool] = field(default_factory=dict)
    reaped: int | None = None
    waits: bool = False
    """Whether the last claim gave nothing because machines were taken."""
    gone: set[str] = field(default_factory=set)
    """The finished jobs that were revived or pruned by the last call."""

    def promote(self) -> None:
        for queue in LANES:
            for word in ("scheduled", "retrying"):
                due = [job for job in self.in_home(queue, word) if job.due <= self.now]
                for job in sorted(due, key=lambda job: (job.due, job.id)):
                    self.come_into_line(job)
        self.unpark_due()

    def claim(
        self, claimer: str, request: str, lanes: Iterable[str], answer: str = "", ahead: int = 1
    ) -> list[Job]:
        """The jobs that must be given; the caller fills in their tokens. What was held is dealt with."""
        lanes = [lane for lane in lanes if not self.paused.get(queue_of(lane), self.paused.get("*", False))]
        worker, closed, looked, asked_limits = claimer.partition("/")[0], set[str](), 0, False
        self.waits = False
        while looked < LOOKS:
            job = self.first_in_line(lanes)
            if job is None and not asked_limits and any(due <= self.now for due in self.limits_due.values()):
                asked_limits = True
                self.unpark_due()
            elif job is None:
                return []
            elif (machine := self.machine_for(job, worker, closed)) is None:
                self.waits = True
                lanes.remove(job.queue)
            else:
                looked += 1
                if job.expires_at is not None and job.expires_at <= self.now:
                    self.finish(job, "cancelled", "expired")
                elif self.admit(job, machine):
                    return self.take([job, *self.row_behind(job, ahead - 1)], claimer, request, answer)
        self.waits = False
        return []

    def take(self, jobs: list[Job], claimer: str, request: str, answer: str) -> list[Job]:
        for job in jobs:
            job.word, job.claimer, job.kept_place = "running", claimer, job.place
            job.lease = self.now + LEASE
            job.note = "ahead" if jobs[1:] else job.note
        self.waits = False
        self.records[claimer] = Record(request, jobs[0].id, "", answer)
        return jobs

    def row_behind(self, job: Job, most: int) -> list[Job]:
        """Those right after a job that is about to be claimed, which may be claimed with it."""
        row: list[Job] = []
        line = sorted(self.in_home(job.queue, "ready"), key=lambda each: each.score)
        for each in (each for each in line if each.priority == job.priority and each.place > job.place):
            if len(row) == most or not self.is_fresh(each):
                break
            row.append(each)
        return row if self.is_fresh(job) else []

    def is_fresh(self, job: Job) -> bool:
        expired = job.expires_at is not None and job.expires_at <= self.now
        return not (job.has_state or job.content.extras or expired or job.queue != queue_of(job.queue))

    def given(self, jobs: list[Job], tokens: list[str]) -> None:
        """The tokens of the jobs that were just claimed."""
        for job, token in zip(jobs, tokens, strict=True):
            job.token = token
        record = self.records[jobs[0].claimer]
        record.token, record.ahead = jobs[0].token, [(job.id, job.token) for job in jobs[1:]]

    def replay(self, claimer: str, request: str) -> list[Job]:
        if claimer not in self.records or self.records[claimer].request != request:
            return []
        for job in (jobs := self.held(claimer)):
            job.lease = self.now + LEASE
        return jobs

    def is_late(self, claimer: str, request: str) -> bool:
        """Whether the claimer has made another call since, which gave it something."""
        if (record := self.records.get(claimer)) is None:
            return False
        generation, number = request.split(".")
        last_generation, last = record.request.split(".")
        if generation != last_generation:
            return int(generation) < int(last_generation)
        return last == "end" or int(number) < int(last)

    def give_back_held(self, claimer: str) -> None:
        for job in self.held(claimer):
            self.hand_back(job)

    def end(self, job_id: str, token: str, verb: str, delay: int) -> str:
        """The word of succeed, retry, fail, defer, step_aside or confirm_cancel."""
        job = self.jobs.get(job_id)
        if job is None or job.token != token:
            return "LOST"
        if job.word != "running":
            return _SAME_END[verb].get(job.word, "LOST")
        if verb.startswith("succeed"):
            job.result = True
            job.forgotten_at = self.now + delay if delay else None
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

    def extend(self, claimers: Iterable[str]) -> dict[str, str]:
        words = {}
        for job in (job for claimer in claimers for job in self.held(claimer)):
            job.lease = self.now + LEASE
            words[job.token] = "CANCEL" if job.note == "cancel" else "HELD"
        return words

    def release_behind(self, claimer: str, but: str) -> None:
        jobs = self.held(claimer)
        at = [job.token for job in jobs].index(but)
        for job in jobs[at + 1 :]:
            self.hand_back(job)

    def give_up(
        self, claimer: str, request: str, how: Callable[[Job], str], token: str
    ) -> tuple[str, str] | None:
        """Release or crash: by claimer, in its own generation, once a request.

        ``how`` is for the run with this token, or for the only one; the others go back.
        """
        record = self.records.get(claimer)
        if record is not None and record.request == request:
            return record.id, record.answer
        jobs = self.held(claimer)
        generation, _, _ = request.partition(".")
        if not jobs or record is None or not record.request.startswith(f"{generation}."):
            return None
        told = next((job for job in jobs if job.token == token), jobs[0])
        for job in jobs:
            ran = job.token == token or (not token and len(jobs) == 1)
            (how if ran else self.hand_back)(job)
        self.records[claimer] = Record(request, told.id, "", told.word)
        return told.id, told.word

    def reap(self) -> None:
        running = [job for queue in LANES for job in self.in_home(queue, "running")]
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
        owner = self.owner(job.content.unique.key) if job.content.unique else None
        if owner is not None and owner is not job:
            return "DUPLICATE"
        job.token, job.failures, job.crashes, job.claimer, job.holds, job.note = "", 0, 0, "", "", ""
        job.request, job.reads = request, set()
        if job.content.expires is not None:
            job.expires_at = self.now + job.content.expires
        if after := [(policy, parent) for policy, parent in job.after if parent in self.jobs]:
            self.block(job, 0, after)
        else:
            self.to_the_end_of_the_line(job)
        self.own(job)
        self.gone.add(job_id)
        return "OK"

    def reprioritize(self, job_id: str, priority: int) -> str:
        job = self.jobs[job_id]
        if job.is_over:
            return "STATE"
        job.priority = priority
        self.look_away(job)
        return "OK"

    def resolve(self, order: Sequence[str]) -> bool:
        """One call, which tells 15 children of parents in the order these ended in: is there more?"""
        left = TOLD
        for parent_id in order[:TOLD]:
            parent = self.jobs.get(parent_id)
            if parent is None or parent.is_over:
                for edge in sorted(edge for edge in self.edges if edge.parent == parent_id)[:left]:
                    self.tell(edge, succeeded=parent is not None and parent.word == "succeeded")
                    self.edges.discard(edge)
                    self.awaited.discard((edge.child, edge.parent))
                    left -= 1
            if left == 0:
                return True
            self.ended.discard(parent_id)
        return bool(self.ended)

    def tell(self, edge: Edge, *, succeeded: bool) -> None:
        """A child that is blocked, and not for a limit, learns of its parent's end."""
        child = self.jobs.get(edge.child)
        if child is None or child.word != "blocked" or child.waits_for:
            return
        is_last = not any(pair[0] == edge.child for pair in self.awaited - {(edge.child, edge.parent)})
        match edge.policy.removesuffix("+"), succeeded:
            case "cancel", False:
                self.finish(child, "cancelled", "parent_failed")
            case "failure", False:
                self.unblock(child)
            case "failure", True if is_last:
                self.finish(child, "cancelled", "parents_succeeded")
            case _ if is_last:
                self.unblock(child)

    def unblock(self, child: Job) -> None:
        if delay := int(child.note):
            self.postpone(child, "scheduled", delay // 1000, "")
        else:
            child.note = ""
            self.come_into_line(child)
        if not child.request and child.kept_place > 0:
            child.kept_place = 0

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
        for looked, job in enumerate(there):
            if looked >= len(there) - keep and job.finished >= self.now - max_age:
                break
            unique = job.content.unique
            owned = unique is not None and self.owner(unique.key) is job
            if not (owned or self.has_children(job.id) or self.is_read(job.id)):
                del self.jobs[job.id]
                self.gone.add(job.id)
                self.pass_keys_on(job.id)

    def expire(self) -> None:
        for job in self.jobs.values():
            if job.forgotten_at is not None and job.forgotten_at <= self.now:
                kept = self.is_read(job.id)
                job.forgotten_at = self.now + 60 if kept else None
                if not kept:
                    job.note, job.result = "result_expired", False


_EVENTS = {"retry": "failed", "defer": "deferred", "step_aside": "released"}
_SAME_END = {
    "succeed": {"succeeded": "OK"},
    "succeed for a while": {"succeeded": "OK"},
    "retry": {"retrying": "OK", "ready": "OK", "cancelled": "CANCELLED"},
    "fail": {"failed": "OK"},
    "defer": {"scheduled": "OK", "ready": "OK", "cancelled": "CANCELLED"},
    "step_aside": {"ready": "OK", "cancelled": "CANCELLED"},
    "confirm_cancel": {"cancelled": "OK"},
}
