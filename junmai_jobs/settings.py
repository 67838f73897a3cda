"""How a worker works."""

from __future__ import annotations

from dataclasses import dataclass, field

from junmai_jobs.broker import LEASE
from junmai_jobs.connection import Endpoint
from junmai_jobs.inspector import STANDARD_QUEUES
from junmai_jobs.scheduler import DEFAULT_RETENTION, Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works. Times are in seconds."""

    endpoint: Endpoint
    namespace: str = "junmai"
    concurrency: int = 3
    queues: tuple[str, ...] | None = None
    """None: all there are and will be, in ``order``."""
    order: tuple[str, ...] = STANDARD_QUEUES
    task_modules: tuple[str, ...] = ()
    lease: float = LEASE
    grace: float = 10.0
    """How long running jobs may go on after a signal to stop, or a request to cancel."""
    max_jobs_per_child: int = 100
    burst: bool = False
    """Stop when nothing is left that can run."""
    loglevel: str = "INFO"
    log_file: str | None = None
    retention: dict[str, Retention] = field(default_factory=lambda: dict(DEFAULT_RETENTION))
    notify_command: tuple[str, ...] | None = None
    """Told of jobs that have failed for good, see ``notify.to_command``."""
    moved_clock: bool = False
