"""Queues as people see them: how much waits, and why it does not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypedDict

from junmai_jobs.inspector.heads import Wait
from junmai_jobs.job import iso
from junmai_jobs.lanes import needs_of, queue_of
from junmai_jobs.machines import can_serve
from junmai_jobs.resources import Grade, in_words
from junmai_jobs.settings import EXTERNAL_QUEUES
from junmai_jobs.why import nobody

WaitReason = Literal[
    "paused",
    "no_worker",
    "needs",
    "governor",
    "busy",
    "starting",
    "limit",
    "dependency",
    "backoff",
    "scheduled",
]


class QueueView(TypedDict):
    """A queue: counts by state, the age of the oldest that could run, and why what waits does not run."""

    name: str
    queued: int
    scheduled: int
    retrying: int
    blocked: int
    running: int
    paused: bool
    oldest_wait_s: float | None
    reason: WaitReason | None
    """None: nothing waits. ``starting``: nothing is in the way."""
    detail: str | None
    """The reason in words, a sentence."""
    until: str | None
    """When the first of them is due, where it is only a matter of time."""


class _Reason(NamedTuple):
    slug: WaitReason
    detail: str
    until: float | None = None


def queue_views(
    counts: Mapping[str, Mapping[str, Any]],
    waits: Mapping[str, Wait],
    workers: Sequence[Mapping[str, Any]],
    said: Mapping[str, Mapping[str, Any]],
) -> list[QueueView]:
    """Describe each queue.

    Args:
        counts: by queue, as ``JobQueue.stats`` has them.
        waits: by lane, see ``Inspector.waits``.
        workers: as ``JobQueue.workers`` has them.
        said: what each worker said of itself, by its name.
    """
    alive = [worker for worker in workers if worker["alive"]]
    lanes: dict[str, dict[str, Wait]] = {}
    for lane, wait in waits.items():
        lanes.setdefault(queue_of(lane), {})[lane] = wait
    views: list[QueueView] = []
    for name, row in counts.items():
        serving = _serving(name, alive)
        reason = _reason(name, paused=row["paused"], lanes=lanes.get(name, {}), workers=serving, said=said)
        until = reason.until if reason else None
        views.append({
            "name": name,
            **{state: row[state] for state in ("queued", "scheduled", "retrying", "blocked", "running")},  # type: ignore[typeddict-item]
            "paused": row["paused"],
            "oldest_wait_s": row["oldest_wait_s"],
            "reason": reason.slug if reason else None,
            "detail": reason.detail if reason else None,
            "until": None if until is None else iso(until),
        })  # fmt: skip
    return views


def _serving(queue: str, workers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that serve a queue; who names none serves all but those that are served from outside."""
    return [
        worker
        for worker in workers
        if (queue in worker["queues"] if worker["queues"] else queue not in EXTERNAL_QUEUES)
    ]


def _reason(
    queue: str,
    *,
    paused: bool,
    lanes: Mapping[str, Wait],
    workers: Sequence[Mapping[str, Any]],
    said: Mapping[str, Mapping[str, Any]],
) -> _Reason | None:
    """Why what waits does not run, if anything waits: first what holds back those that are in line."""
    in_line = [lane for lane, wait in lanes.items() if wait.in_line]
    if not in_line and not (later := _later(lanes)):
        return None
    if paused:
        return _Reason("paused", "it is paused: resume it to let it go on")
    if not in_line:
        return later
    if not workers:
        return _Reason("no_worker", nobody(queue))
    offers = [pool for worker in workers for pool in said.get(worker["name"], {}).get("offers", ())]
    unmet = [needs for lane in in_line if (needs := needs_of(lane)) and not can_serve(offers, needs)]
    if len(unmet) == len(in_line):
        wanted = ", ".join(f"{name} {amount:g}" for name, amount in unmet[0].items())
        return _Reason("needs", f"no worker has what its jobs need: {wanted}")
    return _of_workers(workers)


def _of_workers(workers: Sequence[Mapping[str, Any]]) -> _Reason:
    """What keeps those that serve a queue from running more."""
    slots = [slot for worker in workers for slot in worker["slots"]]
    if slots and all(slot["job"] for slot in slots):
        return _Reason(
            "busy", f"all {len(slots)} slots have a job" if len(slots) > 1 else "the slot has a job"
        )
    held = [worker for worker in workers if _is_held(worker)]
    if slots and len(held) == len(workers):
        return _Reason("governor", in_words(held[0]["governor"]))
    return _Reason("starting", "nothing is in the way: it starts in a moment")


def _is_held(worker: Mapping[str, Any]) -> bool:
    """Whether it runs all that its governor lets it, and would run more."""
    governor = worker["governor"]
    busy = sum(slot["job"] is not None for slot in worker["slots"])
    return bool(governor and governor["grade"] != Grade.FULL.word and busy >= governor["slots"])


def _later(lanes: Mapping[str, Wait]) -> _Reason | None:
    """What those wait for that are not in line: the first that is due, else what others must do."""
    due = [wait.due for wait in lanes.values() if wait.due is not None]
    again = [wait.again for wait in lanes.values() if wait.again is not None]
    if due or again:
        if not due or (again and min(again) < min(due)):
            return _Reason("backoff", "its jobs have failed, and are tried again later", min(again))
        return _Reason("scheduled", "its jobs are for later", min(due))
    blocked = [wait.limit for wait in lanes.values() if wait.limit is not None]
    if any(blocked):
        return _Reason("limit", f"its jobs wait for room in the limit {next(filter(None, blocked))}")
    return _Reason("dependency", "its jobs wait for other jobs to end") if blocked else None
