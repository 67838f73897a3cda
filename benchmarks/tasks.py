"""The job that is measured, as a task of ours."""

from __future__ import annotations

import time

from benchmarks.record import LOG_VARIABLE, path_of, read_log, record
from junmai_jobs import task

__all__ = ["LOG_VARIABLE", "nap", "noop", "path_of", "read_log", "record"]


@task
def noop(photo_id: int, path: str) -> None:  # noqa: ARG001 - its size is what it is for
    """Nothing but its record."""
    record(photo_id)


@task
def nap(photo_id: int, seconds: float) -> None:
    """Takes time and no processor, as if that were another machine's."""
    record(photo_id)
    time.sleep(seconds)
