"""Workers under fault are those of the tests of workers."""

from __future__ import annotations

from tests.worker.conftest import jobs, journal, own_server, redis_server, start_worker

__all__ = ["jobs", "journal", "own_server", "redis_server", "start_worker"]
