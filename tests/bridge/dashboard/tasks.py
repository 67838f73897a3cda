"""Tasks that the tests of the dashboard have run: they take as long as a file is missing, or fail."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

from junmai_jobs import Abort, current_job, task

LONGEST = 60.0
"""Seconds."""


@task
def develop(photo_id: int, path: str, release: str) -> None:
    """Be at 3 of 4 steps until the file ``release`` is there."""
    job, deadline = current_job(), time.monotonic() + LONGEST
    job.progress(3, 4)
    while not Path(release).exists() and time.monotonic() < deadline:
        job.check_cancelled()
        Event().wait(0.01)


@task
def misjudge(photo_id: int, path: str, mended: str) -> None:
    """Fail until the file ``mended`` is there."""
    if not Path(mended).exists():
        raise Abort("the lens cap was on")
