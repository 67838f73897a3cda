"""The task that is run under fire, and the journal it keeps: one line when it starts, one when it ends."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from junmai_jobs import RetryPolicy, current_job, task

if TYPE_CHECKING:
    from collections.abc import Iterator

JOURNAL_VARIABLE = "JUNMAI_CHAOS_JOURNAL"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal."""

    event: str
    job: str
    token: str
    pid: int


def read_journal(path: Path) -> Iterator[Line]:
    with path.open(encoding="ascii") as lines:
        for event, job, token, pid in map(str.split, lines):
            yield Line(event, job, token, int(pid))


@functools.cache
def _journal() -> int:
    return os.open(os.environ[JOURNAL_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(event: str) -> None:
    """A write this short is whole or absent, whenever the process is killed."""
    job = current_job()
    os.write(_journal(), f"{event} {job.id} {job.token} {os.getpid()}\n".encode())


@task(retry=RetryPolicy(max_retries=2, base=0.05, jitter=0.0))
def work(seconds: float, failures: int = 0) -> str:
    """Takes a while; as many attempts fail first. The result is the token of the run that counts."""
    note("start")
    time.sleep(seconds)
    if current_job().attempt <= failures:
        raise ValueError("this attempt was to fail")
    note("end")
    return current_job().token
