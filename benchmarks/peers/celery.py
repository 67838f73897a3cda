"""Celery: a message is acknowledged after its run, and given out again if it never is."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from benchmarks import record
from benchmarks.peers import URL_VARIABLE

PRIORITIES = (6, 3, 0)  # of Redis' own steps; 0 is the most urgent
app: Any = Celery("peer", broker=os.environ[URL_VARIABLE])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)
noop = app.task(name="noop")(record.noop)


async def connect() -> None:
    """With the first call."""


async def submit(photo_id: int, path: str, level: int) -> None:
    noop.apply_async((photo_id, path), priority=PRIORITIES[level])


def work() -> None:
    """Two processes below one that gives them their jobs."""
    app.worker_main(["worker", "--concurrency=2", "--loglevel=WARNING"])
