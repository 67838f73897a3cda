from tests.worker.conftest import jobs, redis_server, start_worker

__all__ = ["jobs", "redis_server", "start_worker"]
