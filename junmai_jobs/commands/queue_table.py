"""The queues and their counts as a table, wide or narrow; and which workers hold back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from junmai_jobs.resources import Grade, in_words
from junmai_jobs.wording import clean

_LATER = ("scheduled", "retrying", "blocked")
WIDE = ("QUEUE", "QUEUED", "RUNNING", *map(str.upper, _LATER), "WAIT (s)", "")
NARROW = ("QUEUE", "QUEUED", "RUNNING", "LATER", "WAIT (s)", "")
"""What is for later in one column."""


def queue_row(name: str, queue: Mapping[str, Any], *, narrow: bool) -> tuple[Any, ...]:
    """What is known of a queue, for the columns ``WIDE`` or ``NARROW``; the oldest wait is in seconds."""
    later = [queue[status] for status in _LATER]
    counts = (queue["queued"], queue["running"], *([sum(later)] if narrow else later))
    return (name, *counts, queue["oldest_wait_s"], "paused" if queue["paused"] else "")


def held_back(counts: Mapping[str, Any]) -> list[str]:
    """Of the workers in ``stats`` that may not run all they could, a line each: how much, and why."""
    return [
        clean(f"{name}: {in_words(allowed)}")
        for name, allowed in counts["governor"].items()
        if allowed and allowed["grade"] != Grade.FULL.word
    ]
