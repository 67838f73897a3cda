"""A task that says what it writes: so many megabytes, to a folder."""

from __future__ import annotations

from typing import Any

from junmai_jobs import task
from junmai_jobs.room import MEGABYTE


def writes(megabytes: int, folder: Any) -> dict[Any, int]:
    return {folder: megabytes * MEGABYTE}


@task(disk=writes)
def write_megabytes(megabytes: int, folder: Any) -> None:
    """Nothing: it only says so."""
