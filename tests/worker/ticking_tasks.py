"""A task that has a schedule of its own."""

from __future__ import annotations

from junmai_jobs import task


@task(every="1s")
def tick() -> None:
    """Done."""
