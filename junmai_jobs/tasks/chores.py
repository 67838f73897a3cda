"""The chores: clean up, and measure the machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pynvml

from junmai_jobs.config import load_config
from junmai_jobs.host import battery
from junmai_jobs.job import iso
from junmai_jobs.task import task
from junmai_jobs.tasks.recording import open_catalog

_MEGABYTE = 2**20


@task(queue="low_priority", priority=1, every="1h", unique="cleanup_old_results:{catalog}")
def cleanup_old_results(catalog: str | Path | None = None) -> dict[str, Any]:
    """Forget in the catalog what is older than ``retention`` says. The queue forgets by itself, every minute.

    Returns:
        ``status`` completed; ``removed_jobs``, how many rows.
    """
    config = load_config()
    days = {
        "succeeded": config.keep_succeeded.days,
        "failed": config.keep_failed.days,
        "cancelled": config.keep_cancelled.days,
    }
    with open_catalog(catalog) as records:
        removed = sum(
            records.forget_jobs(status, before=iso(time.time() - kept * 86400))
            for status, kept in days.items()
        )
    return {"status": "completed", "removed_jobs": removed}


@task(queue="low_priority", priority=1, every="1m", unique="update_system_metrics")
def update_system_metrics() -> dict[str, Any]:
    """Measure this machine.

    Returns:
        ``cpu_percent`` (of all cores, over a tenth of a second), ``memory_percent``, ``memory_available_mb``
        and ``timestamp``; with a battery ``battery_percent``; with an NVIDIA GPU, of the first: ``gpu_load``
        (percent), ``gpu_memory_used`` and ``gpu_memory_total`` (MB), ``gpu_temperature`` (degrees Celsius).
    """
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(interval=0.1),
        "memory_percent": memory.percent,
        "memory_available_mb": memory.available // _MEGABYTE,
        "timestamp": iso(time.time()),
        **({"battery_percent": found.percent} if (found := battery()) else {}),
        **_gpu(),
    }


def _gpu() -> dict[str, Any]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no driver, no GPU
        return {}
    try:
        gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
        memory = pynvml.nvmlDeviceGetMemoryInfo(gpu)
        return {
            "gpu_load": pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu,
            "gpu_memory_used": memory.used // _MEGABYTE,
            "gpu_memory_total": memory.total // _MEGABYTE,
            "gpu_temperature": pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),
        }
    except pynvml.NVMLError:  # not every GPU tells everything
        return {}
    finally:
        pynvml.nvmlShutdown()
