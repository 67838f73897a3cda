"""A task interrupted from outside: the exceptions that are raised inside it, and nowhere else.

``SoftTimeout`` by the clock, ``JobCancelled`` by ``strike``; each at most once a run. One that comes in the
instant in which the task has returned, and we have not yet taken over, counts as if it had come inside.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from junmai_jobs.causes import behind
from junmai_jobs.context import RunningJob
from junmai_jobs.errors import JobCancelled
from junmai_jobs.timelimit import limited, time_limit

R = TypeVar("R")


class Interrupted(JobCancelled):
    """What ``strike`` raises; a task knows it as ``JobCancelled``."""


class Reach:
    """While a task is called, where ``strike`` can reach it: in the main thread, to which signals come."""

    # On the class: of most calls nothing more is ever set.
    cancel: Callable[[], object] | None = None
    """How to interrupt it other than by an exception."""
    struck = False

    def __init__(self, job: RunningJob) -> None:
        self.job = job

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            _in_reach.of_now = self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """It is out of reach; may be called again."""
        if _in_reach.of_now is self:
            _in_reach.of_now = None


class _InReach:
    """Not on the class above: of a class that changes Python has to look up everything anew."""

    of_now: Reach | None = None


_in_reach = _InReach()


def strike() -> None:
    """Interrupt the task that is being called in the main thread, if its run was asked to stop.

    For a signal handler. Does nothing when no task is being called, nor a second time for the same run.

    Raises:
        JobCancelled: in the task, through the handler. A coroutine is cancelled at its next ``await``.
    """
    reach = _in_reach.of_now
    if reach is None or not reach.job.cancel_asked:
        return
    _in_reach.of_now, reach.struck = None, True
    if reach.cancel is None:
        raise Interrupted(f"job {reach.job.id} was cancelled")
    reach.cancel()


def called(
    function: Callable[..., R],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    seconds: float,
    job: RunningJob,
) -> R:
    """Call a task's function: what it returns within so many seconds.

    Raises:
        JobCancelled: the run was asked to stop before the task began, or was struck.
        SoftTimeout: the time is over.
    """
    reach, limit = Reach(job), time_limit(seconds)
    try:
        with limit, reach:
            job.check_cancelled()  # a strike that came earlier has reached nobody
            return function(*args, **kwargs)
    finally:
        # Once more: a strike that came while one of the two ended has ended itself, and maybe not the other.
        reach.end()
        limit.end()


async def awaited(
    function: Callable[..., Coroutine[Any, Any, R]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    seconds: float,
    job: RunningJob,
) -> R:
    """As ``called``, for a task that is a coroutine: it is cancelled, and may tidy up."""
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    reach = Reach(job)
    reach.cancel = lambda: own and loop.call_soon_threadsafe(own.cancel)
    try:
        with reach:
            job.check_cancelled()
            return await limited(function(*args, **kwargs), seconds)
    except BaseException as error:
        if reach.struck and any(isinstance(each, asyncio.CancelledError) for each in behind(error)):
            raise Interrupted(f"job {job.id} was cancelled") from error
        raise
