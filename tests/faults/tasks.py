"""Tasks that are run under fault, and tell the journal."""

from __future__ import annotations

import contextlib
import ctypes
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event

from junmai_jobs import RetryPolicy, SoftTimeout, StaleLease, current_job, task
from tests.worker.tasks import note


@task
def return_token(journal: str, seconds: float = 0.0, payload: str = "") -> str:
    """The result is the token of the run that counts."""
    note(journal, "start")
    Event().wait(seconds)
    note(journal, "end")
    return current_job().token


@task(retry=RetryPolicy(max_retries=0))
def insist_on_it(journal: str, final: str, release: str) -> str:
    """Try all that a run may do to its job, and note what is refused to it because it is its job no more."""
    job = current_job()
    note(journal, "start")
    part = Path(f"{final}.{job.token}.part")
    part.write_text(job.token, encoding="utf-8")
    while not Path(release).exists():
        Event().wait(0.01)
    attempts: dict[str, Callable[[], object]] = {
        "progress": lambda: job.progress(1, 1, "mine"),
        "checkpoint": lambda: job.checkpoint("mine"),
        "log": lambda: job.log("mine"),
        "publish": lambda: job.publish(part, final),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except StaleLease:
            note(journal, f"no-{name}")
    note(journal, "end")
    return job.token


@task(retry=RetryPolicy(max_retries=0))
def hold_the_interpreter(journal: str) -> None:
    """In C code that does not let go of the interpreter: no other thread of this process runs."""
    note(journal, "start")
    while True:
        with contextlib.suppress(SoftTimeout):
            ctypes.PyDLL(None).sleep(3600)


@task(retry=RetryPolicy(max_retries=0))
def hear_nothing(journal: str) -> None:
    """In C code, deaf to every signal that can be blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    note(journal, "start")
    ctypes.CDLL(None).pause()
