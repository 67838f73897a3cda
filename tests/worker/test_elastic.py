"""A pool that grows and shrinks, and processes that are replaced before they grow too large."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from junmai_jobs import JobQueue, OptionError
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, WorkerProcess

MEGABYTE = 2**20


def children(worker: WorkerProcess) -> int:
    """How many slots have a process: these are the children of the forkserver. -1: one has just gone."""
    try:
        return sum(len(each.children()) for each in psutil.Process(worker.pid).children())
    except psutil.NoSuchProcess:
        return -1


def test_it_grows_with_the_work_and_shrinks_without_any(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--autoscale", "1,6", slots=None)
    wait_until(lambda: children(worker) == 1, what="the first process")

    handles = jobs.submit_many(tasks.take_time, [(str(journal), 0.05)] * 500)
    wait_until(lambda: children(worker) == 6, what="six processes")
    for handle in handles:
        handle.result(timeout=60)
    assert len({run.pid for run in journal.runs()}) > 1
    assert len(journal.runs("end")) == 500

    wait_until(lambda: children(worker) == 1, what="one process to be left")
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    assert [entry["event"] for entry in handles[-1].job().history] == ["succeeded"]


@pytest.mark.slow
def test_a_process_that_is_let_go_finishes_what_it_runs(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    worker = start_worker("--autoscale", "1,3", slots=None)
    held = [jobs.submit(tasks.hold, str(journal), str(tmp_path / f"go-{number}")) for number in range(3)]
    journal.wait_for(3)
    (tmp_path / "go-0").touch()
    (tmp_path / "go-1").touch()

    wait_until(lambda: children(worker) == 1, what="the idle to be let go")
    (tmp_path / "go-2").touch()

    assert [handle.result(timeout=60) for handle in held] == ["released"] * 3
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7


def test_a_process_that_leaks_is_replaced_before_it_is_too_large(
    jobs: JobQueue, start_worker: StartWorker
) -> None:
    limit, growth = 160, 30
    start_worker("--max-memory-per-child", str(limit), slots=1)
    runs = [jobs.submit(tasks.leak, growth).result(timeout=60) for _ in range(12)]
    sizes: dict[int, list[int]] = {}
    for pid, size in runs:
        sizes.setdefault(pid, []).append(size // MEGABYTE)
    assert len(sizes) > 1
    assert max(map(max, sizes.values())) <= limit + growth + 5
    assert all(size <= limit for each in sizes.values() for size in each[:-1])


@pytest.mark.parametrize("given", [(0, 3), (3, 1), (1, 1001), (1,), "1,6", (1.0, 2), (True, 2), 4])
def test_impossible_bounds(jobs: JobQueue, given: object) -> None:
    with pytest.raises(OptionError, match=r"^autoscale is .*; give the fewest and the most"):
        jobs.worker(autoscale=given)
    with pytest.raises(OptionError, match="concurrency or autoscale"):
        jobs.worker(concurrency=2, autoscale=(1, 2))
