"""What is stored, and what should be by the model, in one shape: names of parts and plain values.

Left out are the sequences and times that are no part of what was promised; times are those of the model.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from junmai_jobs.job import Body
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES
from tests.model.job import EPOCH, LANES, LIMITS
from tests.model.wishes import as_schedule
from tests.verbs.store import BAND, TENS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from junmai_jobs.keys import Keys
    from tests.model.job import Job
    from tests.model.model import Model
    from tests.model.moves import Record

_SETS = (
    "children",
    "parents",
    "ended",
    "needed",
    "holders",
    "parked",
    "starts",
    "limits_due",
    "expiring",
    "ages",
    "ticks",
    "looked_at",
)
_HASHES = (
    "bodies",
    "states",
    "claimers",
    "histories",
    "paused",
    "uniques",
    "results",
    "checkpoints",
    "schedules",
)


def stored(admin: Any, keys: Keys, model: Model, cursor: str) -> dict[str, Any]:
    """What is there, with the events after a cursor.

    Of what verbs clear up only when they come across it, what counts by the model.
    """
    homes = {f"{lane}:{kind}": keys.queue(lane, kind) for lane in LANES for kind in QUEUE_HOMES}
    homes |= {word: getattr(keys, word) for word in FINISHED_HOMES}
    pipeline = admin.pipeline(transaction=False)
    for key in (*homes.values(), *(getattr(keys, name) for name in _SETS)):
        pipeline.zrange(key, 0, -1, withscores=True)
    for name in _HASHES:
        pipeline.hgetall(getattr(keys, name))
    pipeline.xrange(keys.event_stream, f"({cursor}", "+")
    *replies, events = pipeline.execute()
    replies = [_decoded(reply) for reply in replies]
    sets = dict(zip((*homes, *_SETS), replies, strict=False))
    hashes = dict(zip(_HASHES, replies[len(sets) :], strict=True))
    return {
        **{
            name: {job_id: _home_score(name, score) for job_id, score in sets[name].items()} for name in homes
        },
        "children": set(sets["children"]),
        "parents": set(sets["parents"]),
        "ended": set(sets["ended"]),
        "needed": {edge for edge in sets["needed"] if _is_alive(model, edge.split()[1])},
        "holders": set(sets["holders"]),
        "parked": set(sets["parked"]),
        "starts": {_start(start) for start in sets["starts"]},
        "limits_due": _times(sets["limits_due"]),
        "expiring": _times(sets["expiring"]),
        "ages": _times(sets["ages"]),
        "ticks": _times(sets["ticks"]),
        "bodies": {job_id: _content(body) for job_id, body in hashes["bodies"].items()},
        "states": {job_id: without_mark(state) for job_id, state in hashes["states"].items()},
        "events": {
            job_id: [json.loads(line)["event"] for line in lines.splitlines()]
            for job_id, lines in hashes["histories"].items()
        },
        "uniques": {key: _owner(entry) for key, entry in hashes["uniques"].items()},
        "results": set(hashes["results"]),
        "checkpoints": set(hashes["checkpoints"]),
        "claimers": hashes["claimers"],
        "paused": hashes["paused"],
        "schedules": hashes["schedules"],
        "looked_at": sets["looked_at"],
        "news": _news(events),
        "cursor": events[-1][0].decode() if events else cursor,
    }


def expected(model: Model) -> dict[str, Any]:
    """What should be there, by the model."""
    jobs = model.jobs.values()
    return _homes(jobs) | {
        "children": {f"{edge.parent} {edge.child} {edge.policy}" for edge in model.edges},
        "parents": {f"{child} {parent}" for child, parent in model.awaited},
        "ended": model.ended,
        "needed": {f"{parent} {job.id}" for job in jobs if not job.is_over for parent in job.reads},
        "holders": {holder for job in jobs for holder in _holders(job)},
        "parked": {
            f"{job.waits_for} {_score(*job.kept_score):016} {job.id}" for job in jobs if job.waits_for
        },
        "starts": model.starts,
        "limits_due": {LIMITS[key].spec: due for key, due in model.limits_due.items()},
        "expiring": {job.id: job.forgotten_at for job in jobs if job.forgotten_at is not None},
        "ages": {str(place): time for place, time in model.ages.items()},
        "ticks": {name: schedule.tick for name, schedule in model.schedules.items()},
        "bodies": {job.id: (job.queue, job.priority, job.expires_at, job.content.number) for job in jobs},
        "states": {job.id: _state(job) for job in jobs if job.has_state},
        "events": {job.id: job.events for job in jobs if job.events},
        "uniques": {
            key: (owner.id, owner.scope, owner.till, owner.before) for key, owner in model.owners.items()
        },
        "results": {job.id for job in jobs if job.result},
        "checkpoints": {job.id for job in jobs if job.saved},
        "claimers": {
            claimer: "|".join((record.request, record.id, record.token, record.answer, *_ahead(record)))
            for claimer, record in model.records.items()
        },
        "paused": {queue: str(int(flag)) for queue, flag in model.paused.items()},
        "schedules": {
            name: as_schedule(schedule.plan).encode().decode("latin-1")
            for name, schedule in model.schedules.items()
        },
        "looked_at": {
            f"{job_id} {look.priority} {look.place_before or ''}": TENS + look.place
            for job_id, look in model.looks.items()
        },
        "news": model.news,
    }


def without_mark(holds: str) -> str:
    """Holds, or a state with them, without what tells that a checkpoint is kept."""
    return holds.replace("#;", "").replace("#", "")


def _ahead(record: Record) -> list[str]:
    return [" ".join(f"{job_id} {token}" for job_id, token in record.ahead)] if record.ahead else []


def _decoded(reply: Any) -> dict[str, Any]:
    """A set with its scores, or a hash."""
    if isinstance(reply, dict):
        return {name.decode(): value.decode("latin-1") for name, value in reply.items()}
    return {member.decode(): score for member, score in reply}


def _news(events: list[tuple[bytes, dict[bytes, bytes]]]) -> dict[str, list[tuple[str, str]]]:
    """By job, its words and queues in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for _, event in events:
        ids, word, queue = (event[name].decode() for name in (b"id", b"word", b"queue"))
        for job_id in ids.split(" "):
            found.setdefault(job_id, []).append((word, queue))
    return found


def _times(scores: dict[str, float]) -> dict[str, int]:
    return {name: _time(score) for name, score in scores.items()}


def _time(milliseconds: float) -> int:
    return int(milliseconds - EPOCH) // 1000


def _home_score(name: str, score: float) -> int:
    """The exact score of what is ready, else the model's time."""
    if name.endswith(":ready"):
        return int(score)
    return 0 if name.endswith(":blocked") else _time(score)


def _start(start: str) -> tuple[str, int, str]:
    key, microseconds, job_id = start.split()
    return key, _time(int(microseconds) // 1000), job_id


def _owner(entry: str) -> tuple[str, str, int | None, str]:
    job_id, scope, till, *before = entry.split()
    return job_id, scope, _time(int(till)) if till != "0" else None, "".join(before)


@lru_cache(maxsize=1000)
def _content(text: str) -> tuple[str, int, int | None, Any]:
    body = Body.decode(text.encode("latin-1"))
    over = None if body.expires is None else (body.created or 0) + body.expires
    return body.lane, body.priority, None if over is None else _time(over * 1000), body.args[0]


def _is_alive(model: Model, job_id: str) -> bool:
    return job_id in model.jobs and not model.jobs[job_id].is_over


def _homes(jobs: Iterable[Job]) -> dict[str, Any]:
    homes: dict[str, Any] = {f"{lane}:{kind}": {} for lane in LANES for kind in QUEUE_HOMES}
    homes |= {word: {} for word in FINISHED_HOMES}
    for job in jobs:
        if job.is_over:
            homes[job.word][job.id] = job.finished
        elif job.word == "running":
            homes[f"{job.queue}:leases"][job.id] = job.lease
        elif job.word == "ready":
            homes[f"{job.queue}:ready"][job.id] = _score(*job.score)
        else:
            homes[f"{job.queue}:{job.word}"][job.id] = 0 if job.word == "blocked" else job.due
    return homes


def _score(negative_priority: int, place: int) -> int:
    return (10 + negative_priority) * BAND + (TENS if negative_priority == -10 else 0) + place


def _holders(job: Job) -> list[str]:
    held = [part.partition(",") for part in job.holds.split(";") if job.word == "running" and part]
    return [" ".join(filter(None, (key, job.id, amounts))) for key, _, amounts in held]


def _state(job: Job) -> str:
    score = _score(*job.kept_score) if job.kept_place else ""
    return (
        f"{job.word}|{job.queue}|{score}|{job.token}|{job.failures}|{job.crashes}|"
        f"{job.claimer}|{job.request}|{job.holds}|{job.note}"
    )
