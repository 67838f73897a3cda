"""What keeps a job from running: limits and machines; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs.lanes import needs_of, queue_of
from tests.model.job import LIMITS, OFFERS, Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CARD, HOST = ("gpu", "vram_mb"), ("ram_mb",)


@dataclass
class Admission:
    now: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    starts: set[tuple[str, int, str]] = field(default_factory=set)
    """What a rate counts: key, time, id."""
    limits_due: dict[str, int] = field(default_factory=dict)
    """When to look again whether a limit has room."""

    def in_home(self, queue: str, word: str) -> list[Job]:
        return [job for job in self.jobs.values() if (job.queue, job.word) == (queue, word)]

    def running(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.word == "running"]

    def first_in_line(self, lanes: Iterable[str]) -> Job | None:
        """Highest priority first, a tie goes to the queue named first; its lanes share its line."""
        best: Job | None = None
        for lane in lanes:
            head = min(self.in_home(lane, "ready"), key=lambda job: job.score, default=None)
            if best is None or head is None:
                best = best or head
            elif "+" in lane and queue_of(lane) == queue_of(best.queue):
                best = min(best, head, key=lambda job: job.score)
            else:
                best = max(best, head, key=lambda job: job.priority)
        return best

    # Limits.

    def room(self, key: str) -> tuple[int, int]:
        """How many more may start now, and when to look again."""
        limit = LIMITS[key]
        if not limit.span:
            return limit.most - sum(key in job.limits_held for job in self.running()), self.now + 1
        self.starts -= {
            start
            for start in self.starts
            if start[0] == key and not self.now - limit.span < start[1] <= self.now
        }
        times = [time for start, time, _ in self.starts if start == key]
        return limit.most - len(times), min(times, default=self.now) + limit.span

    def admit(self, job: Job, machine: str) -> bool:
        """Whether it may run: then it holds its limits and its machine."""
        for key in job.content.limits:
            if not self.has_room(job, key):
                if key != job.content.limits[0]:
                    self.unpark(job.content.limits[0], 1)
                return False
        held = [machine]
        for key in job.content.limits:
            if span := LIMITS[key].span:
                self.starts.add((key, self.now, job.id))
                self.limits_due[key] = min(self.now + span, self.limits_due.get(key, self.now + span))
            else:
                held.append(key)
        job.holds = ";".join(filter(None, held))
        return True

    def has_room(self, job: Job, key: str) -> bool:
        """Else it is parked, or those come back that wait before it."""
        room, due = self.room(key)
        if room <= 0:
            self.park(job, key, due)
        elif any(other.kept_score < job.score for other in self.waiting_for(key)):
            self.unpark(key, room)
            return False
        return room > 0

    def park(self, job: Job, key: str, due: int) -> None:
        self.limits_due[key] = min(due, self.limits_due.get(key, due))
        job.word, job.kept_place, job.holds = "blocked", job.place, key

    def waiting_for(self, key: str) -> list[Job]:
        """Those that wait for room in a limit, in the order of their places in line."""
        there = [job for job in self.jobs.values() if job.waits_for == key]
        return sorted(there, key=lambda job: (job.kept_score, job.id))

    def unpark(self, key: str, count: int) -> None:
        for job in self.waiting_for(key)[:count]:
            job.word, job.holds, job.place = "ready", "", job.kept_place

    def unpark_due(self) -> None:
        for key in [key for key, due in self.limits_due.items() if due <= self.now]:
            room, due = self.room(key)
            if room > 0:
                self.unpark(key, room)
                due = self.now + 1
            if self.waiting_for(key) or any(key == start for start, _, _ in self.starts):
                self.limits_due[key] = due
            else:
                del self.limits_due[key]

    # Machines.

    def machine_for(self, job: Job, worker: str, closed: set[str]) -> str | None:
        """Which pools it takes; None: it waits, and one it waits for is closed to those behind it."""
        needs, holds, waits = needs_of(job.queue), [], False
        for kind in (CARD, HOST):
            wanted = {name: needs[name] for name in kind if name in needs}
            if not wanted:
                continue
            fit = [
                pool for pool in OFFERS[worker] if all(pool.get(name, 0) >= wanted[name] for name in wanted)
            ]
            free = [pool for pool in fit if pool["pool"] not in closed and self.has_left(pool, wanted)]
            if free:
                amounts = sorted(share(free[0], wanted).items())
                holds.append(
                    f"@{free[0]['pool']}" + "".join(f",{name}={amount:.10g}" for name, amount in amounts)
                )
            else:
                waits = True
                closed |= {pool["pool"] for pool in fit[:1]}
        return None if waits else ";".join(holds)

    def has_left(self, pool: Mapping[str, Any], wanted: Mapping[str, float]) -> bool:
        taken = [job.pools_held.get(pool["pool"], {}) for job in self.running()]
        return all(
            amount + sum(each.get(name, 0) for each in taken) <= pool[name] + 1e-6
            for name, amount in share(pool, wanted).items()
        )


def share(pool: Mapping[str, Any], wanted: Mapping[str, float]) -> dict[str, float]:
    """Of a card's gpu the same part as of its memory, unless it is said."""
    if "vram_mb" in wanted and "gpu" not in wanted:
        return {**wanted, "gpu": wanted["vram_mb"] / pool["vram_mb"]}
    return dict(wanted)
