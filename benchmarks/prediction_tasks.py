"""What ``benchmarks.prediction`` has jobs do: they take their time, and no processor."""

from __future__ import annotations

import time

from junmai_jobs import Concurrency, Rate, task


@task
def work(seconds: float) -> None:
    """Any job."""
    time.sleep(seconds)


@task
def other(seconds: float) -> None:
    """A job of another task, which takes another time."""
    time.sleep(seconds)


@task(concurrency=Concurrency(1, key="narrow"))
def narrow(seconds: float) -> None:
    """One that never runs beside its like."""
    time.sleep(seconds)


@task(rate=Rate(5, per=1.0, key="paced"))
def paced(seconds: float) -> None:
    """One that begins five times a second at most."""
    time.sleep(seconds)
