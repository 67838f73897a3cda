"""What the tests of several verbs have happen in a store."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from junmai_jobs import endings as verbs
from junmai_jobs.job import Body
from junmai_jobs.schedule import Schedule, Timetable
from tests.verbs.store import CLAIMER

if TYPE_CHECKING:
    from tests.verbs.store import Store

QUEUES = ("default", "night")
PHOTO = "process_photo 0123456789abcdef " + "e" * 64
"""An input of which processes die."""
KEY = "noop 0123456789abcdef " + "e" * 64
"""What a value is kept under."""


def schedule(
    name: str = "hourly", every: object = "1h", *, queue: str = "default", **more: object
) -> Schedule:
    """One that submits a job of the task noop."""
    body = Body(queue=queue, priority=5, task="noop").encode(stamp=True)
    return Schedule(name=name, timetable=Timetable.of(every, **more), body=body)


def next_tick(store: Store, name: str = "hourly") -> int:
    """When a schedule is due next, in seconds since 1970."""
    return round(store.score(name, "ticks") / 1000)


def work(store: Store, *more: str) -> None:
    """All that can be done is done, until every job has come to its end; also in ``more`` lanes."""
    queues = (*QUEUES, *more)
    store.broker.resume()
    for _ in range(10):
        store.broker.reap(queues)
        store.broker.promote(queues)
        store.broker.resolve()
        while (job := store.claim(*queues, claimer="last/1", generation=9)) is not None:
            store.broker.end(job, verbs.succeed(b""))
        store.advance(10)


def die(store: Store, job_id: str, **detail: Any) -> str:
    """The process of a run of a job dies; the job will not run again by itself. The run's token."""
    job = store.running(job_id)
    store.broker.crash(CLAIMER, store.request(), detail or {"signal": "SIGSEGV", "input": PHOTO})
    store.broker.cancel(job_id, "person")
    return job.token


def record(store: Store) -> list[bytes]:
    return (store.admin.hget(store.keys.suspects, PHOTO) or b"").splitlines()


def keep(
    store: Store,
    key: str = KEY,
    value: bytes = b"\x07",
    *,
    lasts: float = math.inf,
    most: int = 100,
    room: int = 10_000,
) -> str:
    """A run makes a value; its token."""
    number = store.request()
    token = store.running(f"job.{number}", claimer=f"w/{number}").token
    store.broker.remember(key, token, value, lasts=lasts, most=most, room=room)
    return token


def uses(store: Store) -> tuple[bytes | None, ...]:
    """How many hits and misses were counted."""
    return tuple(store.admin.hmget(store.keys.meta, "cache_hits", "cache_misses"))


def names(count: int) -> list[str]:
    return [f"noop 1 {number:05}" for number in range(count)]
