"""Huey: a job is popped, then run. The variant ``priority`` has a sorted set for its line, not a list."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

from huey import PriorityRedisHuey, RedisHuey

from benchmarks import record
from benchmarks.peers import URL_VARIABLE, VARIANT_VARIABLE

PRIORITY = os.environ[VARIANT_VARIABLE] == "priority"
huey: Any = (PriorityRedisHuey if PRIORITY else RedisHuey)(url=os.environ[URL_VARIABLE], results=False)
noop = huey.task()(record.noop)


async def connect() -> None:
    huey.pending_count()


async def submit(photo_id: int, path: str, level: int) -> None:
    noop(photo_id, path, priority=level if PRIORITY else None)


def work() -> None:
    """Two processes, and one that watches them."""
    huey.create_consumer(workers=2, worker_type="process").run()
