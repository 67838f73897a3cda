"""``SoftTimeout`` raised inside a task that takes too long.

By a timer signal where there is one and the task runs in the main thread, so that a blocking call is
interrupted; else by a thread, which takes effect at the next bytecode. A coroutine is cancelled at its next
``await``.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal.getsignal, without the enum around it
import asyncio
import ctypes
import math
import signal
import threading
import time
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

from junmai_jobs.errors import SoftTimeout

R = TypeVar("R")
_AGAIN = 1.0
"""Seconds until the next signal: one that comes in the instant before a call blocks does not end the call."""
_ADVICE = (
    "the task has used up its soft_timeout, which is half of its timeout and at most 300 s if none is given: "
    "give it more, or less to do"
)


class _InForce:
    """The limit by signal that counts now. Not kept on a class: see ``interrupt``."""

    ends = math.inf
    """When it is over, by ``time.monotonic``; never, if there is none."""


_in_force = _InForce()


def time_limit(seconds: float) -> SignalLimit | ThreadLimit:
    """A context in which the calling thread has so many seconds; ``end`` may be called again."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return SignalLimit(seconds)
    return ThreadLimit(seconds)


class SignalLimit:
    """For the main thread of a POSIX process, which leaves SIGALRM to it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        # A task may have set its own. ``signal.getsignal`` costs a hundred times as much.
        if _signal.getsignal(signal.SIGALRM) is not _strike:
            signal.signal(signal.SIGALRM, _strike)
        _in_force.ends = time.monotonic() + self._seconds
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN)

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """From here on nothing is raised, even by a signal that is under way."""
        if _in_force.ends < math.inf:
            _in_force.ends = math.inf
            signal.setitimer(signal.ITIMER_REAL, 0)


def _strike(_number: int, _frame: FrameType | None) -> None:
    if _in_force.ends <= time.monotonic():  # else it is an earlier limit's signal, come late
        _in_force.ends = math.inf
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise SoftTimeout(_ADVICE)


class ThreadLimit:
    """For any other thread, and for Windows."""

    def __init__(self, seconds: float) -> None:
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._lock = threading.Lock()
        self._over = self._struck = False
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """From here on nothing is raised: what is under way is taken back."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._struck:
                self._raise_in_thread(None)

    def _strike(self) -> None:
        with self._lock:
            if not self._over:
                self._struck = True
                self._raise_in_thread(ctypes.py_object(SoftTimeout))

    def _raise_in_thread(self, kind: Any) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, kind)


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
