"""BullMQ for Python: a running job has a lock, and one whose lock is over goes back."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from bullmq import Queue, Worker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

URL = os.environ[URL_VARIABLE]
OPTIONS = [{"priority": priority, "attempts": 3, "removeOnComplete": True} for priority in (3, 2, 1)]
queue: Any = None


async def noop(job: Any, _token: str) -> None:
    record.noop(*job.data)


async def connect() -> None:
    global queue  # noqa: PLW0603 - there is a loop only now
    queue = Queue("peer", {"connection": URL})


async def submit(photo_id: int, path: str, level: int) -> None:
    await queue.add("noop", (photo_id, path), OPTIONS[level])


async def submit_many(rows: Sequence[tuple[int, str]], level: int) -> None:
    await queue.addBulk([{"name": "noop", "data": row, "opts": OPTIONS[level]} for row in rows])


async def work() -> None:
    await Worker("peer", noop, {"connection": URL, "autorun": False}).run()
