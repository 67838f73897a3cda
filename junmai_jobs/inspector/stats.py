"""The read side's counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from junmai_jobs.errors import CallRefused
from junmai_jobs.inspector.base import STANDARD_QUEUES, InspectorBase
from junmai_jobs.job import WAITING, Status, iso
from junmai_jobs.lanes import queue_of
from junmai_jobs.record import BAND_WIDTH, PastRun, State, created_at, past_runs, read_body
from junmai_jobs.replies import as_said, scored, seconds, text_of, whole

ALIVE_WITHIN = 35.0
"""Seconds since its last sign of life for which a worker counts as alive: a lease and a little."""
BANDS = range(11)
_KEYS = 1000
"""Of how many values the sizes are asked for in one go."""
_MOST_ENDED = 20_000
_PAGE = 10
"""So many bodies are read in one command: each may be as large as a payload."""
_AT_ONCE = 200
"""Of how many jobs the ends are read in one go, with their bodies and histories."""
_UNFINISHED = [status for status in Status if not status.finished]
FINISHED = [status for status in Status if status.finished]


class Run(NamedTuple):
    """How a run has ended."""

    event: str
    """As in ``JOB.history``; ``retried`` where it has failed and its job was tried again."""
    token: int
    ended: float
    """Seconds since 1970."""


class Ended(NamedTuple):
    """How a job has ended."""

    id: str
    task: str
    queue: str
    outcome: Status
    waited: float | None
    """Seconds from its submission to the start of the run that ended it; None: no run did."""
    ran: float | None
    """Seconds that this run took."""
    runs: tuple[Run, ...] = ()
    """All that are known of it, oldest first; also from before it was retried by hand."""


class Memory(NamedTuple):
    """Of the server, in bytes."""

    used: int
    limit: int | None
    """None: it takes what it needs."""


class InspectorStats(InspectorBase):
    """The part of ``Inspector`` that counts."""

    def now(self) -> float:
        """The server's time, in seconds since 1970."""
        return seconds(self._read("TIME"))

    def ended(self, since: float, most: int = _MOST_ENDED) -> tuple[list[Ended], float]:
        """The jobs that have ended since a time of the server's, and till when: give that as ``since`` next.

        Nothing ends before that time any more, so each end is told once; but not one that somebody took
        back before it was asked for. Of each outcome at most ``most`` are told at a time.
        """
        till = int(self.now() * 1000)
        span = (int(since * 1000), f"({till}", "WITHSCORES", "LIMIT", 0, most)
        homes = [("ZRANGEBYSCORE", getattr(self.keys, status.home), *span) for status in FINISHED]
        found = [scored(reply) for reply in self._pipeline(homes)]
        till = min([till, *(int(each[-1][1]) for each in found if len(each) == most)])
        ends = [
            (job_id, at, status)
            for status, each in zip(FINISHED, found, strict=True)
            for job_id, at in each
            if at < till
        ]
        pages = [ends[at : at + _AT_ONCE] for at in range(0, len(ends), _AT_ONCE)]
        return [ended for page in pages for ended in self._load_ended(page)], till / 1000

    def _load_ended(self, ends: Sequence[tuple[str, float, Status]]) -> list[Ended]:
        ids = [job_id for job_id, _, _ in ends]
        pages = [ids[at : at + _PAGE] for at in range(0, len(ids), _PAGE)]
        hashes = (self.keys.bodies, self.keys.states, self.keys.histories)
        replies = chain.from_iterable(
            self._pipeline([("HMGET", key, *page) for key in hashes for page in pages])
        )
        columns = [list(islice(replies, len(ids))) for _ in hashes]
        return [
            _ended(job_id, at / 1000, status, *stored)
            for (job_id, at, status), *stored in zip(ends, *columns, strict=True)
        ]

    def memory(self) -> Memory | None:
        """What the server takes and may take; None where it does not tell this user."""
        try:
            told = self._link.insist(lambda: self._link.client.info("memory"))
        except CallRefused:
            return None
        return Memory(int(told["used_memory"]), int(told.get("maxmemory", 0)) or None)

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
        known, paused = self.lanes_and_paused()
        lanes = list(dict.fromkeys((*STANDARD_QUEUES, *known)))
        commands: list[tuple[object, ...]] = [
            ("TIME",),
            ("ZRANGE", self.keys.workers, 0, -1, "WITHSCORES"),
            ("HGETALL", self.keys.worker_info),
            *self._cache_commands(),
        ]
        commands += [("ZCARD", getattr(self.keys, status.home)) for status in FINISHED]
        for lane in lanes:
            commands += self._lane_commands(lane)
        clock, workers, info, entries, uses, *replies = self._pipeline(commands)
        now = seconds(clock)
        alive = [name for name, seen in scored(workers) if now - seen / 1000 < ALIVE_WITHIN]
        finished, rest = replies[: len(FINISHED)], replies[len(FINISHED) :]
        counts, heads = _by_queue(lanes, rest)
        oldest = self._oldest_waits(heads, now)
        totals = [sum(column) for column in zip(*counts.values(), strict=True)]
        by_status = _by_status(totals)
        bands = totals[len(_UNFINISHED) :]
        return {
            "namespace": self._namespace,
            "queues": {
                queue: _by_status(row) | {"paused": queue in paused, "oldest_wait_s": oldest.get(queue)}
                for queue, row in counts.items()
            },
            "jobs_by_status": by_status | dict(zip(map(str, FINISHED), finished, strict=True)),
            "jobs_by_priority": {str(each): bands[each] for each in reversed(BANDS) if bands[each]},
            "active_tasks": by_status[Status.RUNNING],
            "total_pending": sum(by_status[status] for status in WAITING),
            "workers": len(alive),
            "cache": _cache_counts(entries, uses),
            "governor": {name: as_said(info.get(name.encode(), b"{}")).get("governor") for name in alive},
            "timestamp": iso(now),
        }

    def cache(self) -> dict[str, Any]:
        """What is kept of values that were made before: of ``stats`` the part, and sizes, by task too."""
        entries, uses = self._pipeline(self._cache_commands())
        tasks: dict[str, dict[str, int]] = {}
        for key, size in self._sizes(self.cache_keys()).items():
            row = tasks.setdefault(text_of(key).partition(" ")[0], {"entries": 0, "bytes": 0})
            row["entries"] += 1
            row["bytes"] += size
        total = sum(row["bytes"] for row in tasks.values())
        return _cache_counts(entries, uses) | {"bytes": total, "tasks": dict(sorted(tasks.items()))}

    def cache_keys(self, task: str | None = None) -> list[bytes]:
        """The keys of what is kept, of one task or all, see ``cache.key_of``; unused longest first.

        They are read by their scores, since what is used meanwhile moves to the end.
        """
        keys: dict[str, None] = {}
        last, known = -math.inf, 0
        while page := self._keys_from(last, known):
            keys |= dict.fromkeys(key for key, _ in page)
            alike = sum(score == page[-1][1] for _, score in page)
            last, known = page[-1][1], alike + known * (page[-1][1] == last)
        return [key.encode() for key in keys if task is None or key.startswith(f"{task} ")]

    def _keys_from(self, score: float, skipped: int) -> list[tuple[str, float]]:
        span = (score, math.inf, "WITHSCORES", "LIMIT", skipped, _KEYS)
        return scored(self._read("ZRANGEBYSCORE", self.keys.cache_uses, *span))

    def _sizes(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """The bytes of what is kept under each of these keys."""
        sizes: dict[bytes, int] = {}
        for at in range(0, len(keys), _KEYS):
            page = keys[at : at + _KEYS]
            replies = self._pipeline([("HSTRLEN", self.keys.cached, key) for key in page])
            sizes |= {key: size for key, size in zip(page, replies, strict=True) if size}
        return sizes

    def _cache_commands(self) -> list[tuple[object, ...]]:
        counts = ("cache_bytes", "cache_hits", "cache_misses")
        return [("HLEN", self.keys.cached), ("HMGET", self.keys.meta, *counts)]

    def _lane_commands(self, lane: str) -> list[tuple[object, ...]]:
        """Its counts, by status and by priority, and the head of each of its priorities."""
        ready = self.keys.queue(lane, "ready")
        ranges = [((10 - priority) * BAND_WIDTH, f"({(11 - priority) * BAND_WIDTH}") for priority in BANDS]
        return [
            *(("ZCARD", self.keys.queue(lane, status.home)) for status in _UNFINISHED),
            *(("ZCOUNT", ready, low, high) for low, high in ranges),
            *(("ZRANGEBYSCORE", ready, low, high, "LIMIT", 0, 1) for low, high in ranges),
        ]

    def _oldest_waits(self, heads: dict[str, list[list[bytes]]], now: float) -> dict[str, float]:
        """Seconds since the submission of the oldest of each queue's heads."""
        owners = [(queue, head[0]) for queue, row in heads.items() for head in row if head]
        bodies = self._read("HMGET", self.keys.bodies, *(job_id for _, job_id in owners)) if owners else []
        oldest: dict[str, float] = {}
        for (queue, job_id), body in zip(owners, bodies, strict=True):
            created = created_at(job_id.decode("utf-8", "replace"), read_body(body)) if body else None
            if created is not None:
                oldest[queue] = round(max(oldest.get(queue, 0.0), now - created), 3)
        return oldest


def _ended(  # noqa: PLR0917 - what is stored of it
    job_id: str, at: float, status: Status, data: bytes | None, state: bytes | None, history: bytes | None
) -> Ended:
    body, known = read_body(data or b""), State.parse(state)
    task, queue = (body.task, body.queue) if body else ("(unreadable)", "(unreadable)")
    token = known.token if known and known.word == status else ""  # else it was retried by hand just now
    runs = tuple(_run(run, token) for run in past_runs(history or b"") if run.token)
    if status is Status.CANCELLED or not token:
        return Ended(job_id, task, queue, status, None, None, runs)
    if status is Status.SUCCEEDED:
        runs += (Run(status, int(token), at),)
    started, created = int(token) / 1e6, created_at(job_id, body)
    waited = None if created is None else max(0.0, started - created)
    return Ended(job_id, task, queue, status, waited, max(0.0, at - started), runs)


def _run(run: PastRun, last: str) -> Run:
    """``last``: the token of the run that has ended the job, if one has."""
    event = "retried" if run.event == "failed" and run.token != last else run.event
    return Run(event, whole(run.token) or 0, run.ended / 1000)


def _cache_counts(entries: int, counts: Sequence[bytes | None]) -> dict[str, int]:
    size, hits, misses = (whole(text_of(count or b"")) or 0 for count in counts)
    return {"entries": entries, "bytes": size, "hits": hits, "misses": misses}


def _by_queue(
    lanes: Sequence[str], replies: Sequence[Any]
) -> tuple[dict[str, list[int]], dict[str, list[list[bytes]]]]:
    """The replies to ``_lane_commands`` of all lanes: each queue's counts, added up, and its heads."""
    counts: dict[str, list[int]] = {}
    heads: dict[str, list[list[bytes]]] = {}
    width = len(_UNFINISHED) + 2 * len(BANDS)
    for at, lane in enumerate(lanes):
        row, queue = replies[at * width : (at + 1) * width], queue_of(lane)
        found = row[: -len(BANDS)]
        counts[queue] = [sum(pair) for pair in zip(found, counts.get(queue, [0] * len(found)), strict=True)]
        heads.setdefault(queue, []).extend(row[-len(BANDS) :])
    return counts, heads


def _by_status(counts: Sequence[int]) -> dict[str, Any]:
    return {str(status): count for status, count in zip(_UNFINISHED, counts, strict=False)}
