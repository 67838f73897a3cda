"""What a child learns of its runs: noted in memory, and told to the server every few seconds.

Only a run that has succeeded counts, and did all by itself: with no value that was made before, in no smaller
size after a lack of memory. What is not told when a process dies is lost, which does no harm.
"""

from __future__ import annotations

import functools
import math
import platform
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pynvml

from junmai_jobs import cache
from junmai_jobs.errors import JunmaiJobsError
from junmai_jobs.estimates import OBSERVATION_BYTES, WINDOW, Like, Observation, lessons
from junmai_jobs.job import new_id
from junmai_jobs.machines import OF_A_CARD

if TYPE_CHECKING:
    from junmai_jobs.broker import Broker
    from junmai_jobs.endings import Ending
    from junmai_jobs.executor import Assignment

TELL_EVERY, TELL_EVERY_IDLE = 5.0, 1.0
"""Seconds between two tellings while there is work, and when there is none for now."""
WORTH_MEASURING = 0.05
"""Seconds that a run takes of which the memory is measured: to look costs 30 microseconds."""
Pair = tuple[float, int | None]
"""The parts of an observation, which is made of them when it is told."""
_MOST_KINDS = 100
"""Between two tellings; of more nothing is noted."""
_LONGEST = 64
_CLEAR_REFS, _RESET_PEAK = Path("/proc/self/clear_refs"), b"5"  # man 5 proc


class Learning:
    """What a child has noted and not told yet.

    Args:
        broker: who is told.
        clock: seconds that only go on.
    """

    def __init__(self, broker: Broker, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._clock = clock
        self._runs: dict[tuple[str, str | None, bool], deque[Pair]] = {}
        self._told = -math.inf
        self._kind: str | None = None
        self._spared = 0
        self._measures = False

    def begin(self, assignment: Assignment, took: float) -> None:
        """A run begins; the last one of its task took so many seconds."""
        task, call = assignment.task, assignment.call
        self._kind = task.kind_of(call.args, call.kwargs) if task.alike else None
        self._spared = cache.spared()
        if took > WORTH_MEASURING:
            reset_peak()
            self._measures = True

    def end(self, assignment: Assignment, ending: Ending | None, seconds: float) -> None:
        """It has ended so. After most runs this is all that happens: it has to be quick."""
        measures, self._measures = self._measures, False
        job, _, task, options = assignment
        if ending is None or ending.verb != "succeed" or cache.spared() != self._spared:
            return
        if job.note and assignment.rung:
            return
        on_card = bool(options.needs) and not OF_A_CARD.isdisjoint(options.needs)
        memory = peak() if measures and seconds > WORTH_MEASURING else None
        if (noted := self._runs.get(key := (task.name, self._kind, on_card))) is None:
            if len(self._runs) == _MOST_KINDS:
                return
            noted = self._runs[key] = deque(maxlen=WINDOW)
        noted.append((seconds, memory))

    def tell_if_due(self, *, is_idle: bool = False) -> float:
        """Tell what is noted, unless that was done just now: also after every single job it is not.

        Returns:
            In how many seconds to come again; infinite where nothing is left to be told.
        """
        if not self._runs:
            return math.inf
        left = self._told + (TELL_EVERY_IDLE if is_idle else TELL_EVERY) - self._clock()
        if left > 0:
            return left
        self.tell()
        return math.inf

    def tell(self) -> None:
        """Tell all that is noted; if that cannot be done now it is forgotten."""
        runs, self._runs = self._runs, {}
        self._told = self._clock()
        if runs:
            seen = {
                Like(task, kind, device(on_card=on_card)): [Observation(*pair) for pair in pairs]
                for (task, kind, on_card), pairs in runs.items()
            }
            with suppress(JunmaiJobsError):
                self._broker.learn(new_id(), lessons(seen), most=WINDOW * OBSERVATION_BYTES)


def reset_peak() -> None:
    """Have the kernel begin anew to note the most memory that this process has, where it can."""
    with suppress(OSError):
        _CLEAR_REFS.write_bytes(_RESET_PEAK)


def peak() -> int | None:
    """The most memory this process had since then, in bytes; elsewhere than on Linux, since it began."""
    with suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_bytes()
        at = status.index(b"VmHWM:")
        return int(status[at + 6 : status.index(b"kB", at)]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - not there on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


@functools.cache
def device(*, on_card: bool = False) -> str:
    """On what jobs run here: the name of the processor, or of the first of NVIDIA's cards."""
    name = (_card() if on_card else "") or _processor() or platform.machine() or "unknown"
    return " ".join(name.replace("|", " ").split())[:_LONGEST]


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2]
    return platform.processor()


def _card() -> str:
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0))
            return name.decode() if isinstance(name, bytes) else str(name)
        finally:
            pynvml.nvmlShutdown()
    return ""
