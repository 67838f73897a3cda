"""What a measured job does, whoever runs it: one record of 32 bytes at its start, appended to one file.

It imports nothing but the standard library, so that other queues can run it in environments of their own.
"""

from __future__ import annotations

import functools
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

LOG_VARIABLE = "JUNMAI_BENCH_LOG"
GATE_VARIABLE = "JUNMAI_BENCH_GATE"
"""The path of the gate: where it is set, a process waits in its first job until there is such a file."""
_PATIENCE = 120.0  # s
_ROW = struct.Struct("<qqqq")  # photo_id, monotonic nanoseconds, pid, 0


@functools.cache
def _log() -> int:
    return os.open(os.environ[LOG_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


_at_gate = GATE_VARIABLE in os.environ


def record(photo_id: int) -> None:
    """Note that a job has started: one write, no word to Redis."""
    os.write(_log(), _ROW.pack(photo_id, time.monotonic_ns(), os.getpid(), 0))
    if _at_gate:
        _wait_at_gate()


def _wait_at_gate() -> None:
    """All processes are there, warm and with a job in hand, before one of them goes on."""
    global _at_gate  # noqa: PLW0603 - each thread may wait, and none looks again
    given_up = time.monotonic() + _PATIENCE
    while not os.path.exists(os.environ[GATE_VARIABLE]):  # noqa: PTH110 - as little as can be done
        if time.monotonic() > given_up:
            raise TimeoutError("nobody opened the gate")
        time.sleep(0.001)
    _at_gate = False


def read_log(path: Path) -> Iterator[tuple[int, int, int]]:
    """What was recorded: photo_id, monotonic nanoseconds, pid."""
    return ((photo_id, at, pid) for photo_id, at, pid, _ in _ROW.iter_unpack(path.read_bytes()))


def records_in(path: Path) -> int:
    """How many jobs have started."""
    return path.stat().st_size // _ROW.size


def path_of(photo_id: int) -> str:
    """A path of 80 characters."""
    return f"/photos/{photo_id:068d}.jpg"


def noop(photo_id: int, path: str) -> None:  # noqa: ARG001 - its size is what it is for
    """The measured job."""
    record(photo_id)


async def noop_async(photo_id: int, path: str) -> None:  # noqa: ARG001
    """The same for queues that run coroutines."""
    record(photo_id)
