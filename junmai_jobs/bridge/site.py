"""What every endpoint stands on: the queue, its manager, and the gate in front of both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.recording import CATALOG_FILE

if TYPE_CHECKING:
    from junmai_jobs.bridge.gate import Gate
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.manager import JobQueueManager


@dataclass(frozen=True, slots=True)
class Site:
    """One bridge. Threads share it."""

    jobs: JobQueue
    manager: JobQueueManager
    gate: Gate

    @contextlib.contextmanager
    def catalog(self) -> Iterator[Catalog]:
        """The catalog, opened for this request: a connection belongs to its thread."""
        with Catalog(self.jobs.config.home / CATALOG_FILE) as catalog:
            yield catalog
