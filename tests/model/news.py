"""What is told of jobs while somebody listens; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from junmai_jobs.lanes import queue_of
from tests.model.admission import Admission

HOUR = 3600
WAYS: dict[str, dict[str, str]] = {
    "": {"ready": "submitted"},
    "ready": {"running": "started", "scheduled": "", "blocked": "", "cancelled": "cancelled"},
    "scheduled": {"ready": "", "scheduled": "", "cancelled": "cancelled"},
    "retrying": {"ready": "", "cancelled": "cancelled"},
    "blocked": {"ready": "", "scheduled": "", "cancelled": "cancelled"},
    "running": {
        "ready": "released",
        "scheduled": "scheduled",
        "retrying": "retrying",
        "succeeded": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    "succeeded": {},
    "failed": {"ready": "submitted", "blocked": "submitted"},
    "cancelled": {"ready": "submitted", "blocked": "submitted"},
}
"""From which home a job may come into which, and the word that is told of it, if one is."""


@dataclass
class News(Admission):
    heard_until: int | None = None
    """The end of the hour for which somebody has last asked to be told."""
    news: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By job, the words and queues that were told since they were last compared."""

    @property
    def is_heard(self) -> bool:
        return self.heard_until is not None and self.heard_until > self.now

    def listen(self) -> None:
        if not self.is_heard:
            self.news.setdefault("", []).append(("gap", ""))
        self.heard_until = self.now + HOUR

    def tell_changes(self) -> None:
        """To be called before the clock moves on: where jobs went until now went they at this time."""
        for job in self.jobs.values():
            words = [WAYS[before][after] for before, after in pairwise(job.way)]
            job.way = job.way[-1:]
            if self.is_heard and any(words):
                told = self.news.setdefault(job.id, [])
                told += [(word, queue_of(job.queue)) for word in words if word]
