"""Signals when nobody expects them: at any moment of a worker's life, and in the middle of a pipeline."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from junmai_jobs import JobQueue
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, alive

IS_UP = "slots, queues"


def terminate_workers(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, offsets: list[float], *, everyone: bool
) -> None:
    """Start that many workers at once and end each at its time, but the last not before a job has ended.

    Args:
        everyone: each process of a worker gets the signal, as from systemd; else the worker alone.
    """
    jobs.submit_many(tasks.take_time, [(str(journal), 0.1)] * 100 * len(offsets))
    workers = [start_worker("--grace", "1") for _ in offsets]
    families: list[psutil.Process] = []
    begin = time.monotonic()
    for offset, worker in zip(sorted(offsets), workers, strict=True):
        if worker is workers[-1]:
            journal.wait_for(1, "end")
        time.sleep(max(0.0, begin + offset - time.monotonic()))
        families += (family := worker.family())
        for process in reversed(family) if everyone else family[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
    for worker in workers:
        code = worker.wait(60)  # the grace, and what a busy machine needs beside
        # One that has not begun to work has nothing to put in order.
        assert code == 0 or (code == -signal.SIGTERM and IS_UP not in worker.log()), worker.log()
    wait_until(lambda: not alive(families), what="every process to end")
    assert jobs.workers() == []
    found = jobs.jobs(limit=1000)
    assert {job.status for job in found} == {"queued", "succeeded"}, "the work was over, or never begun"
    assert {entry["event"] for job in found for entry in job.history} <= {"succeeded", "released"}
    assert {job.retry_count for job in found} == {0}
    ends = [run.job for run in journal.runs("end")]
    assert sorted(ends) == sorted({job.id for job in found if job.status == "succeeded"})


@pytest.mark.parametrize("everyone", [False, True], ids=["the worker", "everyone"])
@pytest.mark.parametrize(
    "seed", [7, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(100, 117))]
)
def test_sigterm_at_any_moment_spends_nothing(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, seed: int, *, everyone: bool
) -> None:
    """Of 12 moments, and 204 in the slow run."""
    chance = random.Random(seed)
    offsets = [chance.uniform(0.2, 4.0) for _ in range(6)]
    terminate_workers(jobs, start_worker, journal, offsets, everyone=everyone)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_stop_that_reaches_every_process_lets_the_job_finish(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, number: signal.Signals
) -> None:
    """So systemd stops a service, unless told otherwise; and a shell whose terminal is gone, all it runs."""
    worker = start_worker("--grace", "10", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)

    for process in reversed(worker.family()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    wait_until(lambda: "stopping" in worker.log(), what="the worker to heed the signal")
    (tmp_path / "go").touch()

    assert worker.wait() == 0
    assert [entry["event"] for entry in handle.job().history] == ["succeeded"]


def test_a_reader_that_has_enough_ends_the_command_in_peace(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    """As in ``junmai-jobs list | head -1``."""
    jobs.submit_many(tasks.quick, [(number,) for number in range(1000)])
    command = [sys.executable, "-m", "junmai_jobs.cli", "--redis", redis_server.url, "list"]
    process = subprocess.Popen(
        [*command, "--limit", "1000"],
        env=os.environ | {"JUNMAI_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.read(10)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert said == ""
    assert process.wait(60) in {0, 1}
