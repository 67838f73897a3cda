"""The read side's counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from junmai_jobs.inspector_base import STANDARD_QUEUES, InspectorBase
from junmai_jobs.job import iso
from junmai_jobs.lanes import queue_of
from junmai_jobs.record import BAND_WIDTH, created_at, read_body
from junmai_jobs.replies import scored, seconds

ALIVE_WITHIN = 35.0
"""Seconds since its last sign of life for which a worker counts as alive: a lease and a little."""
BANDS = range(11)


class InspectorStats(InspectorBase):
    """The part of ``Inspector`` that counts."""

    def unfinished(self, queues: Sequence[str], *, within: float) -> int:
        """How many jobs of these queues run, can run, or will be able to within so many seconds."""
        commands: list[tuple[object, ...]] = [("TIME",), ("ZCARD", self.keys.ended)]
        for queue in queues:
            commands += [("ZCARD", self.keys.queue(queue, home)) for home in ("ready", "leases")]
        for queue in queues:
            commands += [
                ("ZRANGE", self.keys.queue(queue, home), 0, 0, "WITHSCORES")
                for home in ("scheduled", "retrying")
            ]
        clock, *replies = self._pipeline(commands)
        counts, heads = replies[: 2 * len(queues) + 1], replies[2 * len(queues) + 1 :]
        horizon = (seconds(clock) + within) * 1000
        return int(sum(counts)) + sum(1 for head in heads if head and scored(head)[0][1] <= horizon)

    def stats(self) -> dict[str, Any]:
        """Counts of everything; see the contract of ``stats --json`` for the keys."""
        names = list(dict.fromkeys((*STANDARD_QUEUES, *self.lanes())))
        paused = set(self.paused())
        commands: list[tuple[object, ...]] = [("TIME",), ("ZRANGE", self.keys.workers, 0, -1, "WITHSCORES")]
        commands += [("ZCARD", getattr(self.keys, home)) for home in ("succeeded", "failed", "cancelled")]
        for queue in names:
            commands += self._queue_commands(queue)
        clock, workers, succeeded, failed, cancelled, *rest = self._pipeline(commands)
        now = seconds(clock)
        width = len(rest) // len(names)
        rows: dict[str, list[Any]] = {}
        heads: dict[str, list[Any]] = {}
        for at, lane in enumerate(names):
            found, queue = rest[at * width : (at + 1) * width], queue_of(lane)
            counts = found[: 5 + len(BANDS)]
            rows[queue] = [sum(pair) for pair in zip(counts, rows.get(queue, [0] * len(counts)), strict=True)]
            heads[queue] = heads.get(queue, []) + found[len(counts) :]
        oldest = self._oldest_waits(heads, now)
        totals = [sum(row[at] for row in rows.values()) for at in range(5)]
        ready, leases, scheduled, retrying, blocked = totals
        by_priority = {
            str(priority): sum(row[5 + priority] for row in rows.values()) for priority in reversed(BANDS)
        }
        return {
            "namespace": self._namespace,
            "queues": {
                queue: {
                    "queued": row[0],
                    "running": row[1],
                    "scheduled": row[2],
                    "retrying": row[3],
                    "blocked": row[4],
                    "paused": queue in paused,
                    "oldest_wait_s": oldest.get(queue),
                }
                for queue, row in rows.items()
            },
            "jobs_by_status": {
                "queued": ready,
                "scheduled": scheduled,
                "blocked": blocked,
                "running": leases,
                "retrying": retrying,
                "succeeded": succeeded,
                "failed": failed,
                "cancelled": cancelled,
            },
            "jobs_by_priority": {priority: count for priority, count in by_priority.items() if count},
            "active_tasks": leases,
            "total_pending": ready + scheduled + retrying + blocked,
            "workers": sum(1 for _, seen in scored(workers) if now - seen / 1000 < ALIVE_WITHIN),
            "timestamp": iso(now),
        }

    def _queue_commands(self, queue: str) -> list[tuple[object, ...]]:
        homes = ("ready", "leases", "scheduled", "retrying", "blocked")
        ready = self.keys.queue(queue, "ready")
        ranges = [((10 - priority) * BAND_WIDTH, f"({(11 - priority) * BAND_WIDTH}") for priority in BANDS]
        return [
            *(("ZCARD", self.keys.queue(queue, home)) for home in homes),
            *(("ZCOUNT", ready, low, high) for low, high in ranges),
            *(("ZRANGEBYSCORE", ready, low, high, "LIMIT", 0, 1) for low, high in ranges),
        ]

    def _oldest_waits(self, heads: dict[str, list[list[bytes]]], now: float) -> dict[str, float]:
        """Seconds since the submission of the oldest of each queue's heads."""
        owners = [(queue, head[0]) for queue, row in heads.items() for head in row if head]
        bodies = self._read("HMGET", self.keys.bodies, *(job_id for _, job_id in owners)) if owners else []
        oldest: dict[str, float] = {}
        for (queue, job_id), body in zip(owners, bodies, strict=True):
            created = created_at(job_id.decode(), read_body(body)) if body else None
            if created is not None:
                oldest[queue] = round(max(oldest.get(queue, 0.0), now - created), 3)
        return oldest
