"""Taskiq on Redis streams: an entry is acknowledged after its run, and claimed by others if it never is."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import run_worker
from taskiq_redis import RedisStreamBroker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

broker: Any = RedisStreamBroker(os.environ[URL_VARIABLE], consumer_id="0-0", idle_timeout=30_000)
noop = broker.task(task_name="noop")(record.noop_async)


async def connect() -> None:
    await broker.startup()


async def submit(photo_id: int, path: str, level: int) -> None:  # noqa: ARG001 - it has one line
    await noop.kiq(photo_id, path)


def work() -> None:
    """Two processes, and one that watches them."""
    run_worker(
        WorkerArgs(
            broker=f"{__name__}:broker", modules=[], workers=2, log_level="WARNING", max_async_tasks=10
        )
    )
