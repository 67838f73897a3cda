"""What has happened to jobs, counted by reading which have ended: nothing is written for it with a job.

Needs the extra ``metrics``. For what exactly is counted see docs/metrics.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import Metric

from junmai_jobs.job import Status
from junmai_jobs.task import task_names

if TYPE_CHECKING:
    from junmai_jobs.inspector import Inspector
    from junmai_jobs.inspector.stats import Ended, Run
    from junmai_jobs.labels import Labels

RUN_EVENTS = ("succeeded", "failed", "retried", "crashed", "lost", "released", "deferred", "cancelled")
_RUNS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
_WAITS = (0.01, 0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
_PATIENCE = 2.0
"""Seconds after which no further portion of ends is begun: the rest follows the next time."""
_MOST_REMEMBERED = 20_000


class Tally:
    """Counters of one collector, from its making on. Not for several threads at once."""

    def __init__(self, tasks: Labels, queues: Labels) -> None:
        self._tasks, self._queues = tasks, queues
        self._made = time.monotonic()
        self._began: float | None = None
        self._since = 0.0
        self._counted: dict[str, int] = {}
        """Of jobs that somebody may retry by hand, the token of the last run that was counted."""
        self._floor = 0
        """Of the jobs that are not remembered any more, the largest such token."""
        self._cache: Mapping[str, int] | None = None
        self._registry = registry = CollectorRegistry()
        self._ends = Counter("junmai_jobs", "Ends of jobs.", ["task", "outcome"], registry=registry)
        self._runs = Counter(
            "junmai_job_runs", "Ends of runs of jobs that have ended.", ["task", "event"], registry=registry
        )
        self._ran = Histogram(
            "junmai_job_run_seconds", "Length of the run that ended a job.", ["task"],
            registry=registry, buckets=_RUNS,
        )  # fmt: skip
        self._waited = Histogram(
            "junmai_job_wait_seconds", "From the submission of a job to the run that ended it.", ["queue"],
            registry=registry, buckets=_WAITS,
        )  # fmt: skip
        self._hits = Counter("junmai_cache_hits", "Runs that were spared work.", registry=registry)
        self._misses = Counter(
            "junmai_cache_misses", "Runs that made a value which is kept.", registry=registry
        )

    def count_ends(self, inspector: Inspector, now: float) -> None:
        """Count what has ended until ``now``, the server's time; what is too much, the next time.

        Raises:
            StoreUnavailable: it went away; nothing is counted twice for it, and nothing left out.
        """
        if self._began is None:
            self._began = self._since = _whole_ms(now - (time.monotonic() - self._made))
        for name in task_names():
            self._begin_at_zero(self._tasks.of(name))
        deadline = time.monotonic() + _PATIENCE
        while self._since < _whole_ms(now) and time.monotonic() < deadline:
            ended, self._since = inspector.ended(self._since)
            for each in ended:
                self._count(each, self._began)

    def _begin_at_zero(self, task: str) -> None:
        """So that its first end is an increase."""
        for status in Status:
            if status.finished:
                self._ends.labels(task, status)
        for event in RUN_EVENTS:
            self._runs.labels(task, event)

    def _count(self, job: Ended, began: float) -> None:
        task, queue = self._tasks.of(job.task), self._queues.of(job.queue)
        self._ends.labels(task, job.outcome).inc()
        if job.ran is not None:
            self._ran.labels(task).observe(job.ran)
        if job.waited is not None:
            self._waited.labels(queue).observe(job.waited)
        for run in self._new_runs(job):
            if run.ended >= began:
                self._runs.labels(task, run.event).inc()

    def _new_runs(self, job: Ended) -> list[Run]:
        """Its runs since it was counted before: it was retried by hand, and its history kept, if it was."""
        before = self._counted.pop(job.id, self._floor)
        if job.runs and job.outcome is not Status.SUCCEEDED:
            self._counted[job.id] = max(before, job.runs[-1].token)
            if len(self._counted) > _MOST_REMEMBERED:
                self._floor = max(self._floor, self._counted.pop(next(iter(self._counted))))
        return [run for run in job.runs if run.token > before]

    def count_cache(self, counts: Mapping[str, int]) -> None:
        """Count what was looked up since the last time: ``hits`` and ``misses``, as the store tells them.

        Where these are fewer than before the store has lost some; the counters stay as they are.
        """
        before, self._cache = self._cache or counts, counts
        self._hits.inc(max(0, counts["hits"] - before["hits"]))
        self._misses.inc(max(0, counts["misses"] - before["misses"]))

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        for metric in self._registry.collect():
            # When a counter was made is told as junmai_jobs_created, which reads as if it were of jobs.
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric


def _whole_ms(seconds: float) -> float:
    """As finish times are kept."""
    return int(seconds * 1000) / 1000
