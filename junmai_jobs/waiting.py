"""Waiting for jobs to end, by asking: a ring per job would cost every job a write."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

from junmai_jobs.errors import OptionError
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Status

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.2


def deadline_in(timeout: float | None) -> float:
    """A time of ``time.monotonic``; infinite for no timeout.

    Raises:
        OptionError: it is no number of seconds.
    """
    if timeout is not None and (type(timeout) not in {int, float} or not timeout >= 0):
        raise OptionError(f"timeout is {timeout!r}; give seconds, or None to wait for ever")
    return math.inf if timeout is None else time.monotonic() + timeout


def pauses(deadline: float) -> Iterator[float]:
    """Seconds to sleep before asking again, ever more; no more of them when the deadline is reached."""
    pause = _FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 1.3, _LONGEST_PAUSE)


def wait_until_finished(inspector: Inspector, job_id: str, deadline: float = math.inf) -> Status:
    """Wait for a job's end, or until the deadline; its status then.

    Raises:
        JobNotFound: it is not kept (any more).
    """
    for pause in pauses(deadline):
        if (status := inspector.status(job_id)).finished:
            return status
        time.sleep(pause)
    return inspector.status(job_id)


def as_they_finish(inspector: Inspector, ids: Sequence[str], deadline: float = math.inf) -> Iterator[str]:
    """The ids of the jobs as they are seen to have ended, until the deadline.

    One that is not kept (any more) will not end again: it counts as ended.
    """
    awaited = list(dict.fromkeys(ids))
    waits = pauses(deadline)
    while awaited:
        pause = next(waits, None)
        statuses = inspector.statuses(awaited)
        ended = {each for each in awaited if each not in statuses or statuses[each].finished}
        yield from (each for each in awaited if each in ended)
        awaited = [each for each in awaited if each not in ended]
        if pause is None:
            return
        if ended:
            waits = pauses(deadline)
        elif awaited:
            time.sleep(pause)
