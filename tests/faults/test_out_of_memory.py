"""A server without memory for more: real workers drain it, and then it takes jobs again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from junmai_jobs import QueueFull
from tests.chaos.audit import audit
from tests.chaos.tasks import Line
from tests.faults import tasks
from tests.servers import RedisProcess
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, queue_on


def test_a_full_server_is_drained_and_takes_jobs_again(
    own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    with closing(queue_on(own_server, tmp_path / "home")) as jobs, own_server.client() as admin:
        jobs.pause()
        handles = jobs.submit_many(tasks.return_token, [(str(journal), 0.02)] * 50)
        start_worker("--tasks", tasks.__name__, server=own_server)
        admin.config_set("maxmemory", 1)
        jobs.resume()
        journal.wait_for(1)
        for _ in range(3):
            with pytest.raises(QueueFull, match="is out of memory: raise its maxmemory, or purge"):
                jobs.submit(tasks.return_token, str(journal))
        for handle in handles:
            handle.result(timeout=20)
        admin.config_set("maxmemory", 0)

        handles.append(jobs.submit(tasks.return_token, str(journal)))
        handles[-1].result(timeout=10)

        lines = [
            Line(run.event, run.job, run.token, run.pid)
            for run in journal.runs("start") + journal.runs("end")
        ]
        found = audit(admin, jobs.namespace, (handle.id for handle in handles), lines)
        assert (found.ok, found.homes["succeeded"], dict(found.events)) == (True, 51, {}), found.as_dict()
