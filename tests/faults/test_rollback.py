"""A log that is put back to what it was a second ago: what the store forgot is done once more, no worse."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from junmai_jobs import JobNotFound
from tests.chaos.audit import Store
from tests.faults import tasks
from tests.servers import RedisProcess
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, queue_on


def succeeded_on(server: RedisProcess, namespace: str) -> set[str]:
    with server.client() as client:
        store = Store(client, namespace)
        return {job_id for job_id in store.ids() if store.job(job_id).homes == ("succeeded",)}


def succeeded_in(log: Path, folder: Path, namespace: str) -> set[str]:
    """What a server that has this log knows."""
    folder.mkdir()
    shutil.copytree(log, folder / log.name)
    server = RedisProcess(folder).start()
    try:
        return succeeded_on(server, namespace)
    finally:
        server.stop()


def test_what_was_forgotten_runs_once_more_with_a_larger_token(
    own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    log, copy = own_server.folder / "appendonlydir", tmp_path / "copy" / "appendonlydir"
    with closing(queue_on(own_server, tmp_path / "home")) as jobs:
        handles = jobs.submit_many(tasks.return_token, [(str(journal), 0.03)] * 200)
        start_worker("--tasks", tasks.__name__, server=own_server)
        journal.wait_for(10, "end")
        shutil.copytree(log, copy)
        late = tasks.return_token.with_options(id="late", priority=0)
        jobs.submit(late, str(journal))
        journal.wait_for(len(journal.runs("end")) + 20, "end")
        seen = succeeded_on(own_server, jobs.namespace)
        own_server.kill()
        killed = time.time()
        shutil.rmtree(log)
        shutil.copytree(copy, log)
        own_server.start()

        tokens = {handle.id: handle.result(timeout=60) for handle in handles}

        kept = succeeded_in(copy, tmp_path / "other", jobs.namespace)
        forgotten = seen - kept
        assert len(kept) >= 8
        assert len(forgotten) >= 15
        starts = journal.runs()
        assert len({run.token for run in starts}) == len(starts)
        last = max(int(run.token) for run in starts if run.time < killed)
        for handle in handles:
            runs = [run.token for run in starts if run.job == handle.id]
            assert tokens[handle.id] == max(runs, key=int) == handle.job().token
            assert len(runs) == 2 if handle.id in forgotten else 1 <= len(runs) <= 3
            assert len(runs) == 1 or int(runs[-1]) > last
            assert handle.id not in kept or len(runs) == 1
            assert (handle.status, handle.job().retry_count) == ("succeeded", 0)
        # What was accepted meanwhile is gone; submitted again by its id it is a new job.
        with pytest.raises(JobNotFound):
            jobs.job("late")
        again = jobs.submit(late, str(journal))
        assert not again.existing
        assert again.result(timeout=60)
