"""``SoftTimeout`` raised inside a task that takes too long.

By a timer signal where there is one and the task runs in the main thread, so that a blocking call is
interrupted; else by a thread, which takes effect at the next bytecode. A coroutine is cancelled at its next
``await``.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

from junmai_jobs.errors import SoftTimeout

R = TypeVar("R")
_ADVICE = (
    "the task has used up its soft_timeout, which is half of its timeout and at most 300 s if none is given: "
    "give it more, or less to do"
)


def time_limit(seconds: float) -> SignalLimit | ThreadLimit:
    """A context in which the calling thread has so many seconds."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return SignalLimit(seconds)
    return ThreadLimit(seconds)


class SignalLimit:
    """For the main thread of a POSIX process, which leaves SIGALRM to it."""

    _handles = False

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if not SignalLimit._handles:
            signal.signal(signal.SIGALRM, _strike)
            SignalLimit._handles = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _strike(_signal: int, _frame: FrameType | None) -> None:
    raise SoftTimeout(_ADVICE)


class ThreadLimit:
    """For any other thread, and for Windows."""

    def __init__(self, seconds: float) -> None:
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True

    def _strike(self) -> None:
        with self._lock:
            if not self._over:
                raises: Any = ctypes.py_object(SoftTimeout)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, raises)


async def limited(coroutine: Coroutine[Any, Any, R], seconds: float) -> R:
    """Await within so many seconds: it is cancelled then, and may tidy up.

    Raises:
        SoftTimeout: it was. A ``TimeoutError`` of its own stays what it is.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            return await coroutine
    except TimeoutError:
        if limit.expired():
            raise SoftTimeout(_ADVICE) from None
        raise
