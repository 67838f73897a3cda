"""Telling people what they wait for: a job has failed for good, a session is finished.

Two receivers: the log, and the command that ``notify.command`` names.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from junmai_jobs.job import Job

log = logging.getLogger("junmai_jobs.notify")

COMMAND_TIMEOUT = 10.0
"""Seconds after which the command is killed."""

_LONGEST_VARIABLE = 100_000  # bytes; Linux takes 128 KiB

Event = Literal["jobs_failed", "session_finished"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What has happened."""

    event: Event
    message: str
    """For a person, in one sentence."""
    details: Mapping[str, Any]
    """For a program, plain JSON."""


Receiver = Callable[[Notice], object]


def receivers(command: Sequence[str] | None) -> list[Receiver]:
    """The log, and the command where there is one."""
    return [to_log] if command is None else [to_log, to_command(command)]


def notify(notice: Notice, told: Sequence[Receiver]) -> None:
    """Tell each receiver. None can keep the others from hearing, or the caller from going on."""
    for receive in told:
        try:
            receive(notice)
        except Exception as error:  # noqa: BLE001 - whatever a receiver does
            log.warning("a notice could not be given: %s", error)


def to_log(notice: Notice) -> None:
    """One line."""
    log.log(logging.WARNING if notice.event == "jobs_failed" else logging.INFO, "%s", notice.message)


def to_command(command: Sequence[str]) -> Receiver:
    """Runs a command: the notice as one JSON object on stdin, the sentence in ``JUNMAI_MESSAGE``."""

    def run(notice: Notice) -> None:
        environment = os.environ | {"JUNMAI_EVENT": notice.event, "JUNMAI_MESSAGE": _variable(notice.message)}
        subprocess.run(
            list(command),
            input=json.dumps(asdict(notice), ensure_ascii=False).encode("utf-8", "backslashreplace"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT,
            check=True,
        )

    return run


def _variable(text: str) -> str:
    """As much of it as a variable of the environment can hold."""
    kept = text.replace("\0", "\\0").encode("utf-8", "backslashreplace")[:_LONGEST_VARIABLE]
    return kept.decode("utf-8", "ignore")


def jobs_failed(count: int, jobs: Sequence[Job]) -> Notice:
    """``jobs`` are some of the ``count`` that failed for good."""
    shown = "; ".join(f"{job.task} {job.id}: {(job.error or {}).get('message')}" for job in jobs[:3])
    more = f"; and {count - 3:,} more" if count > 3 else ""
    rows = [
        {"id": job.id, "task": job.task, "queue": job.queue, "reason": job.reason, "error": job.error}
        for job in jobs
    ]
    what = "1 job has" if count == 1 else f"{count:,} jobs have"
    return Notice("jobs_failed", f"{what} failed: {shown}{more}", {"count": count, "jobs": rows})
