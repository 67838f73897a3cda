"""The read side's word on what waits in a lane, and for what."""

from __future__ import annotations

from typing import Any, NamedTuple

from junmai_jobs.inspector_stats import InspectorStats
from junmai_jobs.record import State
from junmai_jobs.replies import scored

_HEADS = ("scheduled", "retrying", "blocked")


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


class InspectorWaits(InspectorStats):
    """The part of ``Inspector`` that tells for what jobs wait."""

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


def _limit(state: bytes | None) -> str:
    known = State.parse(state)
    return known.holds if known else ""


def _wait(limits: dict[str, str], in_line: int, scheduled: Any, retrying: Any, blocked: Any) -> Wait:
    due, again = (scored(head)[0][1] / 1000 if head else None for head in (scheduled, retrying))
    return Wait(in_line, due, again, limits[scored(blocked)[0][0]] if blocked else None)
