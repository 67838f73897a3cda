"""The chores: clean up, and measure the machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from junmai_jobs.config import load_config
from junmai_jobs.hardware import Hardware
from junmai_jobs.job import iso
from junmai_jobs.task import task
from junmai_jobs.tasks.recording import open_catalog


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
    hardware = Hardware()
    try:
        return hardware.measure(interval=0.1)
    finally:
        hardware.close()
