"""Telling people what they wait for: a session is finished, jobs have failed for good.

The log hears of everything; who else hears of what, ``Outlets`` says. Nobody is waited for: programs are
started and get a deadline, and the webhook's delivery is a job of its own.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from junmai_jobs.config import Config, NoticeEvents
from junmai_jobs.errors import InvalidState, PayloadError, QueueFull
from junmai_jobs.job import Job, iso
from junmai_jobs.notify import desktop
from junmai_jobs.notify.programs import tell

log = logging.getLogger("junmai_jobs.notify")

Event = Literal["session_finished", "exports_finished", "approval_required", "jobs_failed", "test"]
Submit = Callable[..., object]
"""Submits a task with these arguments by name."""

QUEUE, DELIVERY = "notices", "deliver_webhook"
"""Where deliveries to the webhook wait, and what their task is called."""
_NAMED, _MOST_ROWS, _LONGEST = 3, 20, 300
"""Of the failed jobs: how many a message names, how many the details have; characters of a text."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What has happened."""

    event: Event
    message: str
    """For a person, in one sentence."""
    details: Mapping[str, Any]
    """For a program, plain JSON."""
    key: str = ""
    """What tells it from all others of its event: the same one is delivered once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Who is told beside the log, and of what."""

    command: tuple[str, ...] | None = None
    desktop: bool = False
    webhook: bool = False
    events: NoticeEvents = field(default_factory=NoticeEvents)
    window: float = 0.0
    """Seconds from one notice of failed jobs to the next: what fails meanwhile is in that."""

    @classmethod
    def of(cls, config: Config) -> Outlets:
        """Those of a configuration."""
        return cls(
            command=config.notify_command,
            desktop=config.notify_desktop,
            webhook=config.notify_webhook is not None,
            events=config.notify_events,
            window=config.notify_window,
        )

    def hearing(self, event: Event) -> list[str]:
        """Who is to hear of an event, of those that are there; of a test all."""
        there = {"desktop": self.desktop, "command": self.command is not None, "webhook": self.webhook}
        wanted = there if event == "test" else getattr(self.events, event)
        return [name for name in wanted if there[name]]


def notify(notice: Notice, outlets: Outlets, submit: Submit | None = None) -> None:
    """Tell the log, and who else is to hear of it; only the log is waited for.

    Args:
        notice: what has happened.
        outlets: who may be told.
        submit: submits the delivery to the webhook; None: there is no queue here, and it is not told.

    Raises:
        StoreUnavailable: nothing was told yet.
    """
    told = outlets.hearing(notice.event)
    if "webhook" in told and submit is not None:
        _have_delivered(notice, submit)
    level = logging.WARNING if notice.event == "jobs_failed" else logging.INFO
    log.log(level, "%s", notice.message, extra={"event": "notice", "notice": notice.event})
    if "desktop" in told:
        tell("desktop", desktop.command(notice.message), notice)
    if "command" in told and outlets.command is not None:
        tell("command", outlets.command, notice)


def _have_delivered(notice: Notice, submit: Submit) -> None:
    """By a job with an id that follows from the notice: whoever tells the same again adds nothing."""
    from junmai_jobs.notify.webhook import deliver_webhook  # noqa: PLC0415 - only who has a webhook needs it

    digest = hashlib.sha256(f"{notice.event} {notice.key}".encode()).hexdigest()[:32]
    data = {"message": notice.message, **notice.details}
    try:
        submit(
            deliver_webhook.with_options(id=f"notice-{digest}"),
            type=notice.event,
            timestamp=iso(time.time()),
            data=data,
        )
    except InvalidState:
        fields = {"event": "notice.known", "notice": notice.event}
        log.debug("the webhook was told before: %s", notice.message, extra=fields)
    except (PayloadError, QueueFull) as error:
        fields = {"event": "notice.failed", "notice": notice.event, "outlet": "webhook"}
        log.warning("no notice by webhook: %s", error, extra=fields)


def jobs_failed(count: int, jobs: Sequence[Job]) -> Notice | None:
    """``jobs`` are some of the ``count`` that failed for good.

    A delivery to the webhook is not told of, which would be delivered again; None: there were no others.
    """
    others = [job for job in jobs if job.task != DELIVERY]
    count -= len(jobs) - len(others)
    if count <= 0:
        return None
    named = "; ".join(f"{job.task} {job.id}: {_short(_error_of(job)['message'])}" for job in others[:_NAMED])
    more = f"; and {count - _NAMED:,} more" if count > _NAMED else ""
    what = "1 job has" if count == 1 else f"{count:,} jobs have"
    key = " ".join(f"{job.id}@{job.finished_at}" for job in others)
    details = {"count": count, "jobs": [_row(job) for job in others[:_MOST_ROWS]]}
    return Notice("jobs_failed", f"{what} failed: {named}{more}", details, key)


def _row(job: Job) -> dict[str, Any]:
    error = {name: _short(_error_of(job)[name]) for name in ("type", "message")}
    return {"id": job.id, "task": job.task, "queue": job.queue, "reason": _short(job.reason), "error": error}


def _error_of(job: Job) -> Mapping[str, Any]:
    return {"type": None, "message": job.reason, **(job.error or {})}


def _short(text: object) -> str | None:
    """A text that any receiver takes: not long, and nothing in it that is no character."""
    return None if text is None else str(text)[:_LONGEST].encode("utf-8", "backslashreplace").decode()
