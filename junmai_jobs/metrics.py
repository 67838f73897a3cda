"""The queue in figures, as Prometheus collects them. Needs the extra ``metrics``.

What there is now (depths, waits, slots) is asked for at each collection; what has happened is counted by
``tally.py``. So the counters begin at 0 with their collector and only grow; two collectors on one queue count
the same ends, each for itself. ``docs/metrics.md`` has every series.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs.hints import extra

with extra("metrics"):
    from prometheus_client.core import GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.job import WAITING, Status
from junmai_jobs.labels import Labels
from junmai_jobs.resources import Grade
from junmai_jobs.tally import Tally

if TYPE_CHECKING:
    from junmai_jobs.inspector.stats import Memory
    from junmai_jobs.jobqueue import JobQueue

_GRADES = {grade.word: int(grade) for grade in Grade}


class _Now(NamedTuple):
    """What there is at one moment."""

    stats: Mapping[str, Any]
    workers: Sequence[Mapping[str, Any]]
    memory: Memory | None
    time: float
    """The server's, in seconds since 1970."""
    round_trip: float
    """Seconds."""


class QueueCollector(Collector):
    """Collects one queue, for any registry: ``REGISTRY.register(QueueCollector(jobs))``.

    Of each of its labels ``task``, ``queue`` and ``worker`` it tells 100 values, and all others as
    ``(other)``: their sum, or for waits and grades the worst. The queues of the configuration and the tasks
    that are registered come first, then others as they are met; who has a place keeps it, a worker while it
    is alive. While the server is away there are the counters as they stand, and ``junmai_server_up`` is 0.
    """

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._queues, self._workers = Labels(), Labels()
        for name in jobs.config.queue_order:
            self._queues.of(name)
        self._tally = Tally(Labels(), self._queues)

    def describe(self) -> list[Metric]:
        """Nothing, so that to register it needs no server."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask the server, and tell; one thread after the other."""
        with self._lock:
            told: list[Metric] = []
            try:
                now = self._ask()
                self._tally.count_cache(now.stats["cache"])
                told += self._tell(now)
                self._tally.count_ends(self._jobs.inspector, now.time)
            except StoreUnavailable:
                told.clear()
            up = _gauge("junmai_server_up", "Whether the server has answered.", int(bool(told)))
            told = [up, *told, *self._tally.collect()]
        yield from told

    def _ask(self) -> _Now:
        inspector = self._jobs.inspector
        stats, workers, memory = inspector.stats(), inspector.workers(), inspector.memory()
        asked = time.perf_counter()
        clock = inspector.now()
        return _Now(stats, workers, memory, clock, time.perf_counter() - asked)

    def _tell(self, now: _Now) -> Iterator[Metric]:
        counts = now.stats
        yield _gauge("junmai_server_round_trip_seconds", "Of one small command.", now.round_trip)
        if now.memory is not None:
            yield _gauge("junmai_server_memory_bytes", "What the server takes.", now.memory.used)
            if now.memory.limit is not None:
                yield _gauge("junmai_server_memory_limit_bytes", "What it may take.", now.memory.limit)
        yield _gauge("junmai_failed_jobs", "That are kept.", counts["jobs_by_status"][Status.FAILED])
        yield _gauge("junmai_cache_entries", "Values that are kept.", counts["cache"]["entries"])
        yield _gauge("junmai_cache_bytes", "What they take.", counts["cache"]["bytes"])
        yield from _queues(counts["queues"], self._queues)
        alive = [each for each in now.workers if each["alive"]]
        self._workers.keep(each["name"] for each in alive)
        yield from _slots(alive, self._workers)


class _Bounded:
    """A gauge with a bounded label before its others."""

    def __init__(self, name: str, text: str, names: Labels, label: str, *others: str) -> None:
        self._family = GaugeMetricFamily(name, text, labels=[label, *others])
        self._names = names
        self._values: dict[tuple[str, ...], list[float]] = {}

    def set(self, value: float, name: str, *others: str) -> None:
        """Note it."""
        self._values.setdefault((self._names.of(name), *others), []).append(value)

    def told(self, merged: Any) -> Metric:
        """Tell; ``merged`` makes one value of those that have the same labels."""
        for labels, values in self._values.items():
            self._family.add_metric(labels, merged(values))
        return self._family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _queues(queues: Mapping[str, Mapping[str, Any]], names: Labels) -> Iterator[Metric]:
    depth = _Bounded("junmai_queue_depth", "Jobs that are there.", names, "queue", "state")
    oldest = _Bounded(
        "junmai_queue_oldest_wait_seconds", "Wait of the oldest of the jobs that are next.", names, "queue"
    )
    paused = _Bounded("junmai_queue_paused", "Whether no job of it starts.", names, "queue")
    for name, counts in queues.items():
        for state in (*WAITING, Status.RUNNING):
            depth.set(counts[state], name, state)
        oldest.set(counts["oldest_wait_s"] or 0.0, name)
        paused.set(counts["paused"], name)
    yield depth.told(sum)
    yield oldest.told(max)
    yield paused.told(sum)


def _slots(workers: Iterable[Mapping[str, Any]], names: Labels) -> Iterator[Metric]:
    """Of the workers that are alive."""
    slots = GaugeMetricFamily("junmai_worker_slots", "Slots of workers that are alive.", labels=["state"])
    allowed = _Bounded("junmai_worker_slots_allowed", "In which any job may run.", names, "worker")
    grade = _Bounded("junmai_worker_governor_grade", "0: full, to 3: none.", names, "worker")
    alive, busy, idle = 0, 0, 0
    for each in workers:
        held = [slot["job"] is not None for slot in each["slots"]]
        alive, busy, idle = alive + 1, busy + sum(held), idle + len(held) - sum(held)
        governor = each["governor"] or {"grade": Grade.FULL.word, "slots": len(held)}
        allowed.set(governor["slots"], each["name"])
        grade.set(_GRADES.get(governor["grade"], Grade.FULL), each["name"])
    slots.add_metric(["busy"], busy)
    slots.add_metric(["idle"], idle)
    yield _gauge("junmai_workers", "Workers that are alive.", alive)
    yield slots
    yield allowed.told(sum)
    yield grade.told(max)
