from tests.worker.conftest import jobs, journal, redis_server, start_worker

__all__ = ["jobs", "journal", "redis_server", "start_worker"]
