"""What sensors look at: time that passes, and a card whose driver tells what a test wants."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

import psutil
import pynvml

from tests.waiting import wait_until

GIGABYTE = 2**30
OURS = os.getpid()
LIGHTROOM = 0  # no process of ours has this pid


def cpu_of_all() -> tuple[float, float]:
    """Seconds of work, and in all."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    total = sum(times[:8]) - getattr(times, "steal", 0.0)
    return total - idle, total


def later_than(moment: float) -> float:
    """The seconds of all cores, once they are as many; 0 before."""
    now = cpu_of_all()[1]
    return now if now > moment else 0.0


def let_time_pass() -> None:
    """As much as the system counts."""
    wait_until(partial(later_than, cpu_of_all()[1] + 0.1), what="some time to pass")


@dataclass
class Card:
    """A card of a machine that has none; amounts in GB, by pid."""

    name: str | bytes
    temperature: int | None
    total: int
    compute: dict[int, int | None] = field(default_factory=dict)
    graphics: dict[int, int | None] = field(default_factory=dict)
    tells_processes: bool = True
    tells_memory: bool = True
    load: int = 0


class Driver:
    """As much of pynvml as is used."""

    NVMLError = pynvml.NVMLError
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_ERROR_NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED
    NVML_ERROR_NO_PERMISSION = pynvml.NVML_ERROR_NO_PERMISSION
    NVML_ERROR_FUNCTION_NOT_FOUND = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND

    def __init__(self, *cards: Card) -> None:
        self.cards = cards
        self.error: Exception | None = None
        self.opened = self.tries = 0

    def nvmlInit(self) -> None:  # noqa: N802 - the library's names
        self.tries += 1
        self._fail()
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1
        self._fail()

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        self._fail()
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> Card:  # noqa: N802
        return self.cards[number]

    def nvmlDeviceGetUUID(self, card: Card) -> str | bytes:  # noqa: N802
        return card.name

    def nvmlDeviceGetTemperature(self, card: Card, sensor: int) -> int:  # noqa: N802
        assert sensor == self.NVML_TEMPERATURE_GPU
        if card.temperature is None:
            raise pynvml.NVMLError(self.NVML_ERROR_NOT_SUPPORTED)
        return card.temperature

    def nvmlDeviceGetMemoryInfo(self, card: Card) -> SimpleNamespace:  # noqa: N802
        if not card.tells_memory:
            raise pynvml.NVMLError(self.NVML_ERROR_NOT_SUPPORTED)
        used = sum(amount or 0 for amount in (card.compute | card.graphics).values())
        amounts = {"total": card.total, "used": used, "free": card.total - used}
        return SimpleNamespace(**{name: amount * GIGABYTE for name, amount in amounts.items()})

    def nvmlDeviceGetUtilizationRates(self, card: Card) -> SimpleNamespace:  # noqa: N802
        self._fail()
        return SimpleNamespace(gpu=card.load, memory=0)

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> list[SimpleNamespace]:  # noqa: N802
        return self._processes(card, card.compute)

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: Card) -> list[SimpleNamespace]:  # noqa: N802
        return self._processes(card, card.graphics)

    def _processes(self, card: Card, amounts: dict[int, int | None]) -> list[SimpleNamespace]:
        if not card.tells_processes:
            raise pynvml.NVMLError(self.NVML_ERROR_NO_PERMISSION)
        return [
            SimpleNamespace(pid=pid, usedGpuMemory=None if amount is None else amount * GIGABYTE)
            for pid, amount in amounts.items()
        ]

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
