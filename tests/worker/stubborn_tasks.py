"""Tasks that are hard to stop, and tasks that take much memory."""

from __future__ import annotations

import contextlib
import resource
import time
from pathlib import Path
from threading import Event

from junmai_jobs import JobCancelled, RetryPolicy, current_job, task
from tests.worker.tasks import note

MEGABYTE = 2**20
ONCE = RetryPolicy(max_retries=0)


@task
def sleep_in_c(journal: str) -> None:
    """Blocks as most calls of the system do: a signal ends it."""
    note(journal, "start")
    try:
        time.sleep(60)
    except JobCancelled:
        note(journal, "tidied-up")
        raise


@task
def swallow(journal: str) -> None:
    """As careless as a user's code may be."""
    note(journal, "start")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            time.sleep(60)


@task(retry=ONCE)
def take_memory(journal: str, megabytes: int, room: int) -> float:
    """Take so many MB at its usual working size, where there is ``room`` for so many; the scale that fits."""
    job = current_job()
    note(journal, "start")
    used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    # If there is too little, the limit stays: nobody else should run in this process.
    resource.setrlimit(resource.RLIMIT_AS, (used + room * MEGABYTE, before[1]))
    try:
        Event().wait(0.2)
        bytearray(int(megabytes * job.scale) * MEGABYTE)
    finally:
        note(journal, "end")
    resource.setrlimit(resource.RLIMIT_AS, before)
    return job.scale
