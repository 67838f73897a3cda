"""How many jobs ended in each minute of the last day, and in each hour of the last 90 days: for charts.

Workers count what lies in the finished homes (lua/sample.lua), so no job is written once more for it, and
nothing here tells a job's status.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from junmai_jobs.errors import OptionError
from junmai_jobs.keys import Keys
from junmai_jobs.replies import text_of

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink

_ROW = re.compile(r"(\d{1,11})" + r"\|(\d{0,18})" * 5, re.ASCII)
_COUNTS = ("succeeded", "failed", "cancelled", "queued", "running")


def read_history(
    link: ClientLink, keys: Keys, resolution: str = "minute", since: str | datetime | None = None
) -> list[dict[str, Any]]:
    """The rows of one resolution, see ``JobQueue.history``."""
    homes = {"minute": keys.minutes, "hour": keys.hours}
    if not isinstance(resolution, str) or resolution not in homes:
        raise OptionError(f"resolution is {resolution!r}; give 'minute' or 'hour'")
    first = "-inf" if since is None else str(_seconds(since))
    rows = link.insist(lambda: link.client.execute_command("ZRANGEBYSCORE", homes[resolution], first, "+inf"))
    return [_row(*found.groups()) for row in rows if (found := _ROW.fullmatch(text_of(row)))]


def _row(time: str, *counts: str) -> dict[str, Any]:
    at = datetime.fromtimestamp(int(time), UTC).isoformat().replace("+00:00", "Z")
    return {"at": at} | {
        name: int(count) if count else None for name, count in zip(_COUNTS, counts, strict=True)
    }


def _seconds(since: str | datetime) -> float:
    try:
        moment = datetime.fromisoformat(since) if isinstance(since, str) else since
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, AttributeError, OverflowError):
        raise OptionError(f"since is {since!r}; give a time as in 2026-11-24T03:00:00Z") from None
