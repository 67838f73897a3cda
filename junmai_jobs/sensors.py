"""What others use of this machine: its CPU, its memory, its cards; and whether it runs on its battery.

What our own processes use is left out: this one, all its descendants, and whatever else the caller names.
"""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pynvml

from junmai_jobs.host import battery
from junmai_jobs.machines import name_of

_MEGABYTE = 2**20
_ASK_AGAIN = 60.0  # s after which a driver that is not there is looked for again

logger = logging.getLogger("junmai_jobs.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The machine at one moment."""

    cpu: float | None
    """Percent of all cores that others used since the last reading; None at the first."""
    memory: float
    """Percent of the memory that others use."""
    temperature: float | None
    """C, of the hottest card; None where no card tells."""
    cards: Mapping[str, int]
    """MB that can be had of each card, by its pool's name (``machines.py``): what is free, and what our
    processes hold. A card whose driver does not tell what they hold, as often on Windows, is left out."""
    battery: float | None
    """Percent left; None on mains, and without a battery."""


class Sensors:
    """Reads the machine every few seconds; one for each supervisor.

    Args:
        nvml: the library that knows of NVIDIA's cards, or one like it.
        clock: s that only grow.
    """

    def __init__(self, nvml: Any = pynvml, clock: Callable[[], float] = time.monotonic) -> None:
        self._cards = _Cards(nvml, clock)
        self._system = (0.0, 0.0)  # s of all cores since the start: busy, and in all
        self._trees: dict[int, _Tree] = {}

    def read(self, ours: Iterable[int] = ()) -> Reading:
        """Walk the processes once, and once more for each of ``ours`` that is no descendant of this one.

        Args:
            ours: pids of processes that are ours too, with all their descendants. What one of them does
                before the first reading that names it, or after the last, counts as others'.
        """
        trees: dict[int, _Tree] = {}
        pids: set[int] = set()
        held = 0
        for root in (os.getpid(), *ours):
            if root not in pids:
                trees[root], memory = _look_at(root)
                pids |= trees[root].keys()
                held += memory
        cpu = self._cpu(trees)
        temperature, cards = self._cards.read(pids)
        return Reading(
            cpu=cpu, memory=_memory(held), temperature=temperature, cards=cards, battery=_battery()
        )

    def forget(self) -> None:
        """The next reading is a first one: it tells nothing of the time before it."""
        self._trees = {}

    def _cpu(self, trees: dict[int, _Tree]) -> float | None:
        """What others used since the last time; None the first time, and where no time has passed."""
        before, self._system = self._system, _system_times()
        before_trees, self._trees = self._trees, trees
        busy, total = (now - then for now, then in zip(self._system, before, strict=True))
        if not before_trees or total <= 0:
            return None
        own = sum(_spent(before_trees[root], tree) for root, tree in trees.items() if root in before_trees)
        return min(max(100 * (busy - own) / total, 0.0), 100.0)

    def close(self) -> None:
        """Let go of the driver."""
        self._cards.close()


# ---- CPU and memory ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Process:
    """CPU time of a process, in s."""

    own: float
    reaped: float  # of its children that have ended; Windows and macOS do not tell it
    parent: int


_Tree = dict[int, _Process]  # by pid
_NEW = _Process(0.0, 0.0, 0)


def _system_times() -> tuple[float, float]:
    """Work that was done, and all the time there was: what a hypervisor gave to others never was there."""
    times = psutil.cpu_times()
    # Windows counts interrupts as system time; where there is a time for guests, it is within that of users.
    busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
    return busy, busy + times.idle + getattr(times, "iowait", 0.0)


def _look_at(root: int) -> tuple[_Tree, int]:
    """A process and its descendants, and the bytes that they hold; nothing if it has ended."""
    tree: _Tree = {}
    memory = 0
    with suppress(psutil.Error):
        process = psutil.Process(root)
        # Children first: the time of one that ends meanwhile is then in two places, and not in none.
        for member in reversed([process, *process.children(recursive=True)]):
            with suppress(psutil.Error), member.oneshot():
                tree[member.pid] = _times(member)
                memory += _held_by(member)
    return tree, memory


def _times(process: psutil.Process) -> _Process:
    times = process.cpu_times()
    # Windows walks all processes to name one parent.
    parent = process.ppid() if psutil.POSIX else 0
    return _Process(times.user + times.system, times.children_user + times.children_system, parent)


def _held_by(process: psutil.Process) -> int:
    """Bytes that would be free without it; where that is refused, all that it has in memory."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def _spent(before: _Tree, now: _Tree) -> float:
    """CPU seconds of a tree between two looks, with those of processes that began or ended meanwhile.

    The time of one that ended is with the parent that reaped it, all of it: what was counted before is taken
    off there. Nobody in the tree has that of one whom init reaped, so what is left may be less than nothing.
    """
    counted: dict[int, float] = defaultdict(float)  # by the nearest ancestor that lives
    for pid in before.keys() - now.keys():
        ancestor = before[pid].parent
        while ancestor in before and ancestor not in now:
            ancestor = before[ancestor].parent
        counted[ancestor] += before[pid].own + before[pid].reaped
    spent = 0.0
    for pid, process in now.items():
        then = before.get(pid, _NEW)
        spent += max(0.0, process.own - then.own)
        spent += max(0.0, process.reaped - then.reaped - counted[pid])
    return spent


def _memory(ours: int) -> float:
    memory = psutil.virtual_memory()
    return 100 * max(memory.total - memory.available - ours, 0) / memory.total


def _battery() -> float | None:
    found = battery()
    return float(found.percent) if found is not None and found.power_plugged is False else None


# ---- cards ---------------------------------------------------------------------------------------


class _Cards:
    """NVIDIA's cards, whose driver may be missing, vanish and come back."""

    def __init__(self, nvml: Any, clock: Callable[[], float]) -> None:
        self._nvml = nvml
        self._clock = clock
        self._is_open = False
        self._is_missed = False  # and the log says so
        self._next_try = clock()

    def read(self, ours: Collection[int]) -> tuple[float | None, dict[str, int]]:
        """The temperature of the hottest, and what can be had of each (MB)."""
        if not self._is_open and self._clock() < self._next_try:
            return None, {}
        try:
            if not self._is_open:
                self._nvml.nvmlInit()
                self._is_open = True
            read = self._read(ours)
        except (self._nvml.NVMLError, OSError, AttributeError) as error:
            self._miss(error)
            return None, {}
        if self._is_missed:
            logger.info("the NVIDIA driver is there now", extra={"event": "driver.back"})
            self._is_missed = False
        return read

    def _miss(self, error: Exception) -> None:
        self._next_try = self._clock() + _ASK_AGAIN
        if self._is_open and not self._is_missed:
            text = "the NVIDIA driver is lost, nobody watches how hot the cards are: %s"
            logger.warning(text, error, extra={"event": "driver.lost"})
        elif not self._is_missed:
            logger.info("no NVIDIA driver: %s", error, extra={"event": "driver.missing"})
        self._is_missed = True
        self.close()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            with suppress(self._nvml.NVMLError, OSError, AttributeError):
                self._nvml.nvmlShutdown()

    def _read(self, ours: Collection[int]) -> tuple[float | None, dict[str, int]]:
        nvml = self._nvml
        temperatures, cards = [], {}
        for number in range(nvml.nvmlDeviceGetCount()):
            card = nvml.nvmlDeviceGetHandleByIndex(number)
            temperature = self._ask(nvml.nvmlDeviceGetTemperature, card, nvml.NVML_TEMPERATURE_GPU)
            if temperature is not None:
                temperatures.append(float(temperature))
            memory, held = self._ask(nvml.nvmlDeviceGetMemoryInfo, card), self._held(card, ours)
            if memory is not None and held is not None:
                cards[name_of(card, nvml)] = (memory.free + held) // _MEGABYTE
        return max(temperatures, default=None), cards

    def _held(self, card: Any, ours: Collection[int]) -> int | None:
        """Bytes of the card that our processes hold; None where that is not told.

        A driver that names processes as another container sees them names none of ours.
        """
        compute = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, card)
        graphics = self._ask(self._nvml.nvmlDeviceGetGraphicsRunningProcesses, card)
        if compute is None:
            return None
        # One that does both stands in both lists, each time with all that it holds.
        held = {process.pid: process.usedGpuMemory for process in [*compute, *(graphics or ())]}
        amounts = [amount for pid, amount in held.items() if pid in ours]
        return None if None in amounts else sum(amounts)

    def _ask(self, ask: Callable[..., Any], *about: Any) -> Any:
        """What a card tells; None if it is one that does not."""
        try:
            return ask(*about)
        except self._nvml.NVMLError as error:
            untold = (self._nvml.NVML_ERROR_NOT_SUPPORTED, self._nvml.NVML_ERROR_NO_PERMISSION)
            if error.value in (*untold, self._nvml.NVML_ERROR_FUNCTION_NOT_FOUND):
                return None
            raise
