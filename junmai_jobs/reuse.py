"""Submissions that need no job: what it would give was made before, and is kept (``cache.py``).

Whoever submits makes the key that a worker would make, and asks before anything is sent. Where that is not
sure, or nothing is kept, the job is submitted as any other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from junmai_jobs import codec
from junmai_jobs.broker import Broker
from junmai_jobs.cache import key_of_call
from junmai_jobs.errors import PayloadError
from junmai_jobs.job import Call, NewJob
from junmai_jobs.quarantine import Digests, input_id

_chance = random.SystemRandom()


def answered(broker: Broker, jobs: Sequence[NewJob], known: Digests, *, uses: bool = True) -> list[NewJob]:
    """These jobs, with the ``answer`` of each for which a result will do that is kept.

    Args:
        broker: for the server, which is asked once for all of them, or once for a million bytes.
        jobs: at most 200.
        known: files that were read already, see ``input_id``.
        uses: whether one use of each result is counted.
    """
    keys = [_key(job, known) if job.asks else "" for job in jobs]
    found = kept_under(broker, [key for key in keys if key], uses=uses)
    return [job._replace(asks=None, answer=found.get(key)) for job, key in zip(jobs, keys, strict=True)]


def kept_under(broker: Broker, keys: Sequence[str], *, uses: bool = True) -> dict[str, bytes]:
    """What is kept under keys, as far as it can be read; one use of each is counted, unless told otherwise.

    Raises:
        StoreUnavailable: the server is away.
    """
    asked = list(dict.fromkeys(keys))
    # Of six digits, by which a call that comes twice is known: lua/lib/cached.lua.
    asker = f"?{_chance.randrange(10**6)}" if uses else "?"
    values = broker.recall_all(asked, asker) if asked else []
    found = zip(asked, values, strict=True)
    return {key: value for key, value in found if value is not None and _can_be_read(value)}


def _key(job: NewJob, known: Digests) -> str:
    call = Call.decode(job.body)  # as a worker has it, to whom a tuple is a list
    return key_of_call(job.asks, call, input_id(job.asks, call, known) if job.asks.inputs else "")


def _can_be_read(value: bytes) -> bool:
    try:
        codec.unpack(value)
    except PayloadError:
        return False
    return True
