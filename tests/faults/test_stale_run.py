"""A run that was stopped for so long that others did its job: nothing of what it does then counts."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from junmai_jobs import JobQueue
from tests.faults import tasks
from tests.servers import RedisProcess
from tests.verbs.store import Store
from tests.waiting import wait_until
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

LEASE = 1.0
REFUSED = ("no-progress", "no-checkpoint", "no-log", "no-publish")
OF_JOBS = (
    "bodies", "states", "results", "histories", "progress_notes", "checkpoints", "log_lines",
    "succeeded", "failed", "cancelled",
)  # fmt: skip


def test_a_run_that_wakes_after_three_leases_changes_nothing(
    jobs: JobQueue, redis_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    final, go = tmp_path / "final", tmp_path / "go"
    arguments = ("--tasks", tasks.__name__, "--lease", str(LEASE))
    sleeper = start_worker(*arguments, slots=1)
    handle = jobs.submit(tasks.insist_on_it, str(journal), str(final), str(go))
    [first] = journal.wait_for(1)
    sleeper.freeze()
    wakes = time.time() + 3 * LEASE
    start_worker(*arguments, slots=1)
    second = journal.wait_for(2)[1]
    go.touch()
    assert handle.result(timeout=60) == second.token
    wait_until(lambda: time.time() > wakes, what="three leases to pass")
    with redis_server.client() as client:
        store = Store(jobs.broker, client, jobs.namespace, lambda _: None)
        before = {name: content for name, content in store.exact().items() if name in OF_JOBS}
        counts = jobs.stats()["jobs_by_status"]

        # The run first: it has all the time it needs before its supervisor wakes and ends it.
        psutil.Process(first.pid).resume()
        for event in REFUSED:
            assert journal.wait_for(1, event)[0].token == first.token
        journal.wait_for(2, "end")
        sleeper.thaw()
        wait_until(lambda: "does not count" in sleeper.log(), what="the late completion to be refused")

        assert {name: content for name, content in store.exact().items() if name in OF_JOBS} == before
    assert jobs.stats()["jobs_by_status"] == counts
    assert [entry["event"] for entry in handle.job().history] == ["lost", "succeeded"]
    assert final.read_text() == second.token
    assert Path(f"{final}.{first.token}.part").exists()
    assert all(not journal.runs(event)[1:] for event in REFUSED)
