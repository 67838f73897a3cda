"""streaQ: a stream for each level, whose entries others claim when their worker is silent."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from streaq import Worker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

LEVELS = ["low", "normal", "high"]
worker: Any = Worker(redis_url=os.environ[URL_VARIABLE], priorities=list(LEVELS))
noop = worker.task(name="noop", ttl=0)(record.noop_async)


async def connect() -> None:
    await worker.__aenter__()


async def submit(photo_id: int, path: str, level: int) -> None:
    await noop.enqueue(photo_id, path).start(priority=LEVELS[level])


async def submit_many(rows: Sequence[tuple[int, str]], level: int) -> None:
    await worker.enqueue_many([noop.enqueue(*row).start(priority=LEVELS[level]) for row in rows])


async def work() -> None:
    await worker.run_async()
