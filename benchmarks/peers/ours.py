"""Junmai Jobs: a job is leased, and goes back when its process is gone. Variant: how many a claim takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import worker
from benchmarks.peers import URL_VARIABLE, VARIANT_VARIABLE
from benchmarks.tasks import noop
from junmai_jobs import JobQueue, Priority
from junmai_jobs.config import Config

URL = os.environ[URL_VARIABLE]
jobs = JobQueue(URL, config=Config(home=Path()))
levels = [noop.with_options(priority=Priority.LOW), noop, noop.with_options(priority=Priority.HIGH)]


async def connect() -> None:
    jobs.stats()


async def submit(photo_id: int, path: str, level: int) -> None:
    jobs.submit(levels[level], photo_id, path)


async def submit_many(rows: Sequence[tuple[int, str]], level: int) -> None:
    jobs.submit_many(levels[level], rows)


def work() -> None:
    """Two children, and their supervisor."""
    ahead = os.environ[VARIANT_VARIABLE]
    sys.exit(worker.main(URL, "2", **({"claim_ahead": int(ahead)} if ahead else {})))
