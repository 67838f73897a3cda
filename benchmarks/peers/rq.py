"""RQ without a fork for each job, which would be most of what is measured; a queue for each level."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from redis import Redis
from rq import Queue, Retry, SimpleWorker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

connection: Any = Redis.from_url(os.environ[URL_VARIABLE])
queues: Any = [Queue(name, connection=connection) for name in ("low", "normal", "high")]
OPTIONS: Any = {"retry": Retry(max=3), "result_ttl": 0}


async def connect() -> None:
    connection.ping()


async def submit(photo_id: int, path: str, level: int) -> None:
    queues[level].enqueue(record.noop, photo_id, path, **OPTIONS)


async def submit_many(rows: Sequence[tuple[int, str]], level: int) -> None:
    queues[level].enqueue_many([Queue.prepare_data(record.noop, row, **OPTIONS) for row in rows])


def work() -> None:
    SimpleWorker(queues[::-1], connection=connection).work(logging_level="WARNING")
