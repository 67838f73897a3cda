"""How a worker works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from junmai_jobs.broker_base import MAX_WAITING
from junmai_jobs.broker_upkeep import LEASE
from junmai_jobs.cache import MEGABYTE, Bounds
from junmai_jobs.inspector.base import STANDARD_QUEUES
from junmai_jobs.lanes import needs_of, queue_of
from junmai_jobs.logs import LogForm
from junmai_jobs.notify import Outlets
from junmai_jobs.resources import Thresholds
from junmai_jobs.scheduler import DEFAULT_RETENTION, Retention

if TYPE_CHECKING:
    from junmai_jobs.connection import Endpoint

EXTERNAL_QUEUES = frozenset({"lightroom"})
"""Served by the bridge alone, never by a worker that serves all queues."""
EXTERNAL_LEASE = 300.0
"""Seconds, of their jobs: the original's plugin for Lightroom shows no sign of life while it works."""
MOST_AHEAD = 16
LONGEST_LEASE = 86_400
"""Seconds, a day: of a lease and of a grace. ``lua/lib/longest_lease.lua`` has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works. Times are in seconds."""

    endpoint: Endpoint
    namespace: str = "junmai"
    name: str | None = None
    """What the worker is called; no two that are alive on one host the same."""
    concurrency: int = 3
    queues: tuple[str, ...] | None = None
    """None: all there are and will be, in ``order``."""
    order: tuple[str, ...] = STANDARD_QUEUES
    task_modules: tuple[str, ...] = ()
    lease: float = LEASE
    """How long without a sign of life others leave its jobs alone: from 1 to ``LONGEST_LEASE``."""
    grace: float = 10.0
    """How long running jobs may go on after a signal to stop, or a request to cancel: at most a day."""
    claim_ahead: int = 1
    """How many jobs a process claims at once: from 1 to ``MOST_AHEAD``, see docs/guide/priority.md."""
    max_jobs_per_child: int = 100
    """After so many jobs a slot gets a new process, which takes what tasks have leaked: from 1 on."""
    max_memory_per_child: float | None = None
    """MB in memory above which a process is replaced after its job; None: never."""
    autoscale: tuple[int, int] | None = None
    """At least and at most so many processes, as there is work; None: always ``concurrency``."""
    thresholds: Thresholds | None = None
    """From where others need the machine; None: they are not looked at."""
    nice: int = 0
    """How much the children stand back for other programs, see ``stand_back``."""
    keep_awake: bool = False
    """Keep the computer awake while there is work and mains power."""
    burst: bool = False
    """Stop when nothing is left that can run."""
    loglevel: str = "INFO"
    log_file: str | None = None
    log_form: LogForm = field(default_factory=LogForm)
    """How its lines look, and when the file is moved aside."""
    retention: dict[str, Retention] = field(default_factory=lambda: dict(DEFAULT_RETENTION))
    notify: Outlets = field(default_factory=Outlets)
    """Who is told of jobs that have failed for good."""
    schedules: bool = True
    """Store the schedules of the tasks known here, and fire ticks; a burst never does."""
    max_waiting: int = MAX_WAITING
    """How many jobs may wait in a queue to which a running job or a tick submits."""
    cache_entries: int = Bounds().entries
    """How many values are kept that were made before; 0: none, and none is looked for."""
    cache_megabytes: int = Bounds().bytes // MEGABYTE
    """How much they may take."""
    aging: float | None = None
    """After so many seconds in line a job gets the highest priority; None: never."""
    offers: tuple[Mapping[str, Any], ...] = ()
    """What this machine has for jobs that need it, see ``machines.offers``."""
    moved_clock: bool = False

    @property
    def fewest_slots(self) -> int:
        """How many slots have a process also when there is nothing to do."""
        return self.autoscale[0] if self.autoscale else self.concurrency

    def lanes(self, known: Sequence[str]) -> tuple[str, ...]:
        """What of the lanes there are this worker serves: each queue in its order, followed by its lanes."""
        return served(self.queues, self.order, self.offers, known)


def served(
    queues: Sequence[str] | None,
    order: Sequence[str],
    offers: Sequence[Mapping[str, Any]],
    known: Sequence[str],
) -> tuple[str, ...]:
    """See ``WorkerSettings.lanes``."""
    from junmai_jobs.machines import can_serve  # noqa: PLC0415 - the children do without

    named = queues or [
        queue for queue in dict.fromkeys((*order, *map(queue_of, known))) if queue not in EXTERNAL_QUEUES
    ]
    lanes: dict[str, list[str]] = {queue: [queue] for queue in named}
    for lane in known:
        queue = queue_of(lane)
        if queue in lanes and lane != queue and can_serve(offers, needs_of(lane)):
            lanes[queue].append(lane)
    return tuple(lane for names in lanes.values() for lane in names)
