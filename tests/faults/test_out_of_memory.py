"""A server without memory for more: what is in it runs, what has run makes room, and it takes jobs again."""

from __future__ import annotations

from base64 import b64encode
from contextlib import closing
from os import urandom
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs import JobHandle, QueueFull
from tests.chaos.audit import audit
from tests.chaos.tasks import Line
from tests.faults import tasks
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, queue_on

ROOM, PAYLOAD = 2 * 2**20, 64 * 2**10
"""Bytes: of the server's memory for jobs, and of each job."""


def test_values_made_before_give_way_to_jobs(own_server: RedisProcess, tmp_path: Path) -> None:
    with closing(queue_on(own_server, tmp_path / "home")) as jobs, own_server.client() as admin:
        for number in range(4 * ROOM // PAYLOAD):
            value = bytes(PAYLOAD)
            jobs.broker.remember(f"look 1 {number}", "1", value, lasts=60, most=1000, room=9 * ROOM)
        used: Any = admin.info("memory")
        admin.config_set("maxmemory", used["used_memory"] - ROOM)
        assert len(jobs.submit_many(tasks.return_token, [("journal", 0.0)] * 500)) == 500
        assert jobs.stats()["jobs_by_status"]["queued"] == 500
        assert 0 < jobs.cache()["entries"] < 4 * ROOM // PAYLOAD


def test_a_full_server_is_drained_and_takes_jobs_again(
    own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    with closing(queue_on(own_server, tmp_path / "home")) as jobs, own_server.client() as admin:
        jobs.pause()
        start_worker("--tasks", tasks.__name__, server=own_server)
        wait_until(jobs.workers, what="the worker")
        used: Any = admin.info("memory")
        admin.config_set("maxmemory", used["used_memory"] + ROOM)
        handles: list[JobHandle[str]] = []

        def submit() -> JobHandle[str]:
            payload = b64encode(urandom(PAYLOAD * 3 // 4)).decode()  # which does not get smaller
            return jobs.submit(tasks.return_token, str(journal), 0.02, payload)

        with pytest.raises(QueueFull, match="is out of memory: raise its maxmemory, or purge"):
            handles.extend(submit() for _ in range(2 * ROOM // PAYLOAD))
        full = len(handles)
        assert full > 1
        jobs.resume()
        for handle in handles:
            handle.result(timeout=60)
        lines = [
            Line(run.event, run.job, run.token, run.pid)
            for run in journal.runs("start") + journal.runs("end")
        ]
        found = audit(admin, jobs.namespace, (handle.id for handle in handles), lines)
        assert (found.ok, found.homes["succeeded"], dict(found.events)) == (True, full, {}), found.as_dict()

        jobs.broker.prune("succeeded", max_age=3600, keep=0)
        for handle in [submit() for _ in range(full // 2)]:
            handle.result(timeout=60)
