"""arq: an id stays in its sorted set until the job has ended; the set is polled."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

from arq.connections import RedisSettings, create_pool
from arq.worker import Worker, func

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

SETTINGS = RedisSettings.from_dsn(os.environ[URL_VARIABLE])
pool: Any = None


async def noop(_context: Any, photo_id: int, path: str) -> None:
    record.noop(photo_id, path)


async def connect() -> None:
    global pool  # noqa: PLW0603 - there is a loop only now
    pool = await create_pool(SETTINGS)


async def submit(photo_id: int, path: str, level: int) -> None:  # noqa: ARG001 - it has one line
    await pool.enqueue_job("noop", photo_id, path)


async def work() -> None:
    functions = [func(noop, name="noop", keep_result=0)]
    await Worker(functions, redis_settings=SETTINGS, poll_delay=0.05, queue_read_limit=1000).main()
