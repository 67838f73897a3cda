"""Docket on a stream, whose entries others claim when their worker is silent."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from docket import Docket, Worker

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

docket: Any = Docket(name="peer", url=os.environ[URL_VARIABLE], execution_ttl=timedelta(0))
noop = record.noop_async


async def connect() -> None:
    await docket.__aenter__()
    docket.register(noop)


async def submit(photo_id: int, path: str, level: int) -> None:  # noqa: ARG001 - it has one line
    await docket.add(noop)(photo_id, path)


async def submit_many(rows: Sequence[tuple[int, str]], level: int) -> None:  # noqa: ARG001
    await docket.add_many([docket.call(noop)(*row) for row in rows])


async def work() -> None:
    await connect()
    often, silent = timedelta(milliseconds=10), timedelta(seconds=30)
    async with Worker(docket, minimum_check_interval=often, redelivery_timeout=silent) as worker:
        await worker.run_forever()
