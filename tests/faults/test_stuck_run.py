"""A run that no signal and no thread can reach keeps its job while it may, and not longer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from junmai_jobs import JobFailed, JobQueue
from tests.faults import tasks
from tests.waiting import wait_until
from tests.worker import tasks as plain
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

LEASE = 1.0


@pytest.mark.parametrize("leases", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_what_is_stuck_in_c_runs_once_for_many_leases_and_is_killed(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, leases: int
) -> None:
    arguments = ("--tasks", tasks.__name__, "--lease", str(LEASE))
    start_worker(*arguments, "--queues", "default,own", slots=2)
    stuck = [
        jobs.submit(task.with_options(timeout=leases * LEASE), str(journal))
        for task in (tasks.hold_the_interpreter, tasks.hear_nothing)
    ]
    journal.wait_for(2)
    start_worker(*arguments, "--queues", "default", slots=2)
    wait_until(lambda: sum(row["alive"] for row in jobs.workers()) == 2, what="both workers")
    # The slots are back when they run these, which only the first worker may.
    after = Journal(tmp_path / "after")
    waiting = jobs.submit_many(plain.hold.with_options(queue="own"), [(str(after), str(tmp_path / "go"))] * 2)

    for handle in stuck:
        with pytest.raises(JobFailed, match=f"timeout of {leases} s"):
            handle.result(timeout=60)

    killed = max(datetime.fromisoformat(str(handle.job().finished_at)).timestamp() for handle in stuck)
    assert max(run.time for run in after.wait_for(2)) - killed < 20
    (tmp_path / "go").touch()
    assert [handle.result(timeout=60) for handle in waiting] == ["released"] * 2
    assert len(journal.runs()) == 2
    for handle in stuck:
        job = handle.job()
        assert ([entry["event"] for entry in job.history], job.reason) == (["failed"], "timeout")
