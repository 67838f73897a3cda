"""The queue in figures, as Prometheus collects them. Needs the extra ``metrics``.

What there is now (depths, waits, slots) is asked for at each collection. What has happened is counted by
reading, at each collection, which jobs have ended since the last one: nothing is written for it with a job.
So the counters begin at 0 with their collector and only grow; two collectors on one queue count the same
ends, each for itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from junmai_jobs.job import WAITING, Status
from junmai_jobs.task import task_names

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

_RUNS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
_WAITS = (0.01, 0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)


class QueueCollector(Collector):
    """Collects one queue, for any registry: ``REGISTRY.register(QueueCollector(jobs))``.

    ===================================== ====================================================================
    ``junmai_jobs_total``                 ends of jobs since this collector was made, by ``task`` and
                                          ``outcome`` (succeeded, failed, cancelled). A job that somebody
                                          retried and that ended again has ended twice
    ``junmai_job_run_seconds``            of those that a run has ended, how long that run took, by ``task``
    ``junmai_job_wait_seconds``           and the time from its submission to the start of that run, by
                                          ``queue``: in line, for its time, for parents, or to be retried
    ``junmai_queue_depth``                jobs that are there now, by ``queue`` and ``state`` (queued,
                                          scheduled, retrying, blocked, running)
    ``junmai_queue_oldest_wait_seconds``  how long the longest waiting of the jobs that are next at their
                                          priority has waited, by ``queue``; 0: none is in line
    ``junmai_worker_slots``               slots of the workers that are alive, by ``state`` (busy, idle)
    ===================================== ====================================================================

    More than 20,000 ends since the last collection are counted at the next ones.
    """

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs
        self._began = time.monotonic()
        self._since: float | None = None
        self._lock = threading.Lock()
        self._registry = registry = CollectorRegistry()
        self._ends = Counter("junmai_jobs", "Ends of jobs.", ["task", "outcome"], registry=registry)
        self._runs = Histogram(
            "junmai_job_run_seconds", "Length of the run that ended a job.", ["task"],
            registry=registry, buckets=_RUNS,
        )  # fmt: skip
        self._waits = Histogram(
            "junmai_job_wait_seconds", "From the submission of a job to the run that ended it.", ["queue"],
            registry=registry, buckets=_WAITS,
        )  # fmt: skip

    def describe(self) -> list[Metric]:
        """Nothing, so that to register it needs no server."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask the server, and tell.

        Raises:
            StoreUnavailable: it does not answer.
        """
        stats, workers = self._jobs.stats(), self._jobs.workers()
        with self._lock:
            self._count_ends()
        for metric in self._registry.collect():
            # When a counter was made is told as junmai_jobs_created, which reads as if it were of jobs.
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric
        yield from _queues(stats["queues"])
        yield _slots(workers)

    def _count_ends(self) -> None:
        inspector = self._jobs.inspector
        if self._since is None:
            self._since = inspector.now() - (time.monotonic() - self._began)
        for task in task_names():
            for status in Status:
                if status.finished:
                    self._ends.labels(task, status)  # from 0 on: the first end is an increase
        ended, self._since = inspector.ended(self._since)
        for each in ended:
            self._ends.labels(each.task, each.outcome).inc()
            if each.ran is not None:
                self._runs.labels(each.task).observe(each.ran)
            if each.waited is not None:
                self._waits.labels(each.queue).observe(each.waited)


def _queues(queues: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("junmai_queue_depth", "Jobs that are there.", labels=["queue", "state"])
    oldest = GaugeMetricFamily(
        "junmai_queue_oldest_wait_seconds", "Wait of the oldest of the jobs that are next.", labels=["queue"]
    )
    for name, counts in queues.items():
        for state in (*WAITING, Status.RUNNING):
            depth.add_metric([name, state], counts[state])
        oldest.add_metric([name], counts["oldest_wait_s"] or 0.0)
    yield depth
    yield oldest


def _slots(workers: Sequence[Mapping[str, Any]]) -> Metric:
    slots = GaugeMetricFamily("junmai_worker_slots", "Slots of workers that are alive.", labels=["state"])
    jobs = [slot["job"] for worker in workers if worker["alive"] for slot in worker["slots"]]
    slots.add_metric(["busy"], sum(job is not None for job in jobs))
    slots.add_metric(["idle"], sum(job is None for job in jobs))
    return slots
