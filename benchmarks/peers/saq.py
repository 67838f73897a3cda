"""SAQ: a job is moved to a list of those that run, which is swept."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

from saq import Queue, Worker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

queue: Any = Queue.from_url(os.environ[URL_VARIABLE])


async def noop(_context: Any, *, photo_id: int, path: str) -> None:
    record.noop(photo_id, path)


async def connect() -> None:
    await queue.connect()


async def submit(photo_id: int, path: str, level: int) -> None:  # noqa: ARG001 - it has one line
    await queue.enqueue("noop", photo_id=photo_id, path=path, retries=3, timeout=60, ttl=-1)


async def work() -> None:
    await queue.connect()
    await Worker(queue, functions=[("noop", noop)]).start()
