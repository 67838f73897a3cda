"""The read side's short lists: what comes next, what each lane waits for, what has ended last and when.

They are asked for every second by whoever watches, so none looks at more than a bounded number of jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from junmai_jobs.inspector.base import queue_rank
from junmai_jobs.inspector.stats import FINISHED, InspectorStats
from junmai_jobs.job import WAITING, Status
from junmai_jobs.lanes import queue_of
from junmai_jobs.record import BAND_WIDTH, State
from junmai_jobs.replies import scored

_HEADS = ("scheduled", "retrying", "blocked")
_BY_TIME = (Status.SCHEDULED, Status.RETRYING)


class Place(NamedTuple):
    """Where a job stands: while its place is the same, so is all that is stored of it."""

    id: str
    status: Status
    score: float
    """In its home: its turn, or ms since 1970."""


class Wait(NamedTuple):
    """What waits in a lane. Times are in seconds since 1970."""

    in_line: int
    """How many may run now."""
    due: float | None
    """When the first of those that are for later is due; None: there is none."""
    again: float | None
    """When the first of those is due that are tried again; None: there is none."""
    limit: str | None
    """The limit in which the first that is blocked waits for room; empty: it waits for jobs; None: none."""


class InspectorHeads(InspectorStats):
    """The part of ``Inspector`` that looks at the heads of the lines."""

    def next_ones(self, most: int, queue: str | None = None) -> list[Place]:
        """The jobs that come next, in their order: those in line, those that are for later, the blocked."""
        lanes = self.lanes(queue)
        asked = [(lane, status) for lane in lanes for status in WAITING]
        replies = self._pipeline(
            [
                ("ZRANGE", self.keys.queue(lane, status.home), 0, most - 1, "WITHSCORES")
                for lane, status in asked
            ]
        )
        found = [
            (_turn(lane, status, score), Place(job_id, status, score))
            for (lane, status), reply in zip(asked, replies, strict=True)
            for job_id, score in scored(reply)
        ]
        return [place for _, place in sorted(found)[:most]]

    def waits(self) -> dict[str, Wait]:
        """What waits in each lane there is."""
        lanes = self.lanes()
        commands: list[tuple[object, ...]] = []
        for lane in lanes:
            commands.append(("ZCARD", self.keys.queue(lane, "ready")))
            commands += [("ZRANGE", self.keys.queue(lane, home), 0, 0, "WITHSCORES") for home in _HEADS]
        replies = self._pipeline(commands)
        rows = [replies[at : at + 1 + len(_HEADS)] for at in range(0, len(replies), 1 + len(_HEADS))]
        blocked = [scored(head)[0][0] for *_, head in rows if head]
        states = self._read("HMGET", self.keys.states, *blocked) if blocked else []
        limits = {job_id: _limit(state) for job_id, state in zip(blocked, states, strict=True)}
        return {lane: _wait(limits, *row) for lane, row in zip(lanes, rows, strict=True)}

    def failed_last(self, most: int) -> list[Place]:
        """The jobs that have failed, the last first."""
        found = scored(self._read("ZRANGE", self.keys.failed, 0, most - 1, "REV", "WITHSCORES"))
        return [Place(job_id, Status.FAILED, score) for job_id, score in found]

    def ended_between(self, edges: Sequence[float]) -> list[dict[str, int]]:
        """How many jobs have succeeded, failed, and been cancelled from each of these times to the next.

        Args:
            edges: seconds since 1970, ascending. What was forgotten meanwhile is not counted.
        """
        spans = [(round(first * 1000), f"({round(end * 1000)}") for first, end in pairwise(edges)]
        counts = self._pipeline(
            [("ZCOUNT", getattr(self.keys, status.home), *span) for span in spans for status in FINISHED]
        )
        words = [str(status) for status in FINISHED]
        pages = (counts[at : at + len(words)] for at in range(0, len(counts), len(words)))
        return [dict(zip(words, page, strict=True)) for page in pages]


def _turn(lane: str, status: Status, score: float) -> tuple[int, float, tuple[int, str], float]:
    """To sort by: a claim takes the band first, then the queue, then who came first."""
    if status is Status.QUEUED:
        return (0, score // BAND_WIDTH, queue_rank(queue_of(lane)), score)
    return (1 if status in _BY_TIME else 2, score, queue_rank(queue_of(lane)), score)


def _limit(state: bytes | None) -> str:
    known = State.parse(state)
    return known.holds if known else ""


def _wait(limits: dict[str, str], in_line: int, scheduled: Any, retrying: Any, blocked: Any) -> Wait:
    due, again = (scored(head)[0][1] / 1000 if head else None for head in (scheduled, retrying))
    return Wait(in_line, due, again, limits[scored(blocked)[0][0]] if blocked else None)
