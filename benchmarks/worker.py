"""A worker in a process of its own; run as ``python -m benchmarks.worker URL CONCURRENCY [QUEUE ...]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks import tasks
from junmai_jobs.hosting import run_with_signals
from junmai_jobs.server import Server
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.worker import Worker

MAX_JOBS_PER_CHILD = 1_000_000
"""A child lives through a whole round: what its replacement costs is not what is measured."""


def main(url: str, concurrency: str, *queues: str, **more: Any) -> int:
    """The exit code; ``more`` are settings that other measurements leave as they are."""
    settings = WorkerSettings(
        endpoint=Server(url, Path()),
        concurrency=int(concurrency),
        queues=queues or None,
        task_modules=(tasks.__name__,),
        max_jobs_per_child=MAX_JOBS_PER_CHILD,
        loglevel="WARNING",
        **more,
    )
    return run_with_signals(Worker(settings))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
