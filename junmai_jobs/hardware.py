"""How busy this machine is: processor, memory, battery, and the first of NVIDIA's cards."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import psutil
import pynvml

from junmai_jobs.host import battery
from junmai_jobs.job import iso

_MEGABYTE = 2**20


class Hardware:
    """Measures as often as it is asked; the driver of the card, which is slow to open, stays open.

    Args:
        nvml: the library that knows of NVIDIA's cards, or one like it.
    """

    def __init__(self, nvml: Any = pynvml) -> None:
        self._nvml = nvml
        self._is_open = False

    def measure(self, interval: float | None = None) -> dict[str, Any]:
        """The machine now.

        Args:
            interval: the seconds over which to look at the processor; None: since the last call.

        Returns:
            ``cpu_percent`` (of all cores; 0 at a first call without an interval), ``memory_percent``,
            ``memory_available_mb`` and ``timestamp``; with a battery ``battery_percent``; with a card
            ``gpu_load`` (percent), ``gpu_memory_used`` and ``gpu_memory_total`` (MB), ``gpu_temperature``
            (degrees Celsius).
        """
        memory = psutil.virtual_memory()
        return {
            "cpu_percent": psutil.cpu_percent(interval),
            "memory_percent": memory.percent,
            "memory_available_mb": memory.available // _MEGABYTE,
            "timestamp": iso(time.time()),
            **({"battery_percent": found.percent} if (found := battery()) else {}),
            **self._card(),
        }

    def close(self) -> None:
        """Let go of the driver; the next call opens it again."""
        if self._is_open:
            self._is_open = False
            with suppress(self._nvml.NVMLError, OSError, AttributeError):
                self._nvml.nvmlShutdown()

    def _card(self) -> dict[str, Any]:
        nvml = self._nvml
        try:
            if not self._is_open:
                nvml.nvmlInit()
                self._is_open = True
            card = nvml.nvmlDeviceGetHandleByIndex(0)
            memory = nvml.nvmlDeviceGetMemoryInfo(card)
            return {
                "gpu_load": nvml.nvmlDeviceGetUtilizationRates(card).gpu,
                "gpu_memory_used": memory.used // _MEGABYTE,
                "gpu_memory_total": memory.total // _MEGABYTE,
                "gpu_temperature": nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU),
            }
        # No driver, no card, or one that does not tell everything.
        except (nvml.NVMLError, OSError, AttributeError):
            self.close()
            return {}
