"""The job that is measured, and its record: 32 bytes a start, appended to one file."""

from __future__ import annotations

import functools
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from junmai_jobs import task

LOG_VARIABLE = "JUNMAI_BENCH_LOG"
_ROW = struct.Struct("<qqqq")  # photo_id, monotonic nanoseconds, pid, 0


@functools.cache
def _log() -> int:
    return os.open(os.environ[LOG_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def record(photo_id: int) -> None:
    """Note that a job has started: one write, no word to Redis."""
    os.write(_log(), _ROW.pack(photo_id, time.monotonic_ns(), os.getpid(), 0))


def read_log(path: Path) -> Iterator[tuple[int, int, int]]:
    """What was recorded: photo_id, monotonic nanoseconds, pid."""
    return ((photo_id, at, pid) for photo_id, at, pid, _ in _ROW.iter_unpack(path.read_bytes()))


@task
def noop(photo_id: int, path: str) -> None:  # noqa: ARG001 - its size is what it is for
    """Nothing but its record."""
    record(photo_id)


def path_of(photo_id: int) -> str:
    """A path of 80 characters."""
    return f"/photos/{photo_id:068d}.jpg"
