"""Hooks around runs, in the processes of a real worker."""

from __future__ import annotations

from typing import Any

import pytest

from junmai_jobs import JobFailed, JobHandle, JobQueue
from tests.waiting import wait_until
from tests.worker import hooked_tasks, tasks
from tests.worker.conftest import StartWorker


@pytest.fixture(autouse=True)
def _worker(start_worker: StartWorker) -> None:
    start_worker("--tasks", hooked_tasks.__name__, slots=1)


def log_of(handle: JobHandle[Any]) -> list[str]:
    return [line.partition(" ")[2] for line in handle.job().log]


def test_they_stand_around_the_task_like_the_skins_of_an_onion(jobs: JobQueue) -> None:
    handle = jobs.submit(hooked_tasks.double, 21)
    assert handle.result(timeout=60) == 42
    said = ["everywhere: before", "own: before", "the task", "own: after 42", "everywhere: after 42"]
    assert log_of(handle) == said


def test_a_task_without_its_own_has_those_of_every_task(jobs: JobQueue) -> None:
    handle = jobs.submit(tasks.quick, 7)
    assert handle.result(timeout=60) == 7
    assert log_of(handle) == ["everywhere: before", "everywhere: after 7"]


def test_a_failure_is_told(jobs: JobQueue) -> None:
    handle = jobs.submit(hooked_tasks.double, -1)
    with pytest.raises(JobFailed):
        handle.result(timeout=60)
    told = ["own: failure -1 is too small", "everywhere: failure -1 is too small"]
    assert log_of(handle) == ["everywhere: before", "own: before", "the task", *told]


def test_what_breaks_before_the_task_is_its_failure(jobs: JobQueue) -> None:
    handle = jobs.submit(hooked_tasks.never_run)
    wait_until(lambda: handle.job().history, what="the failure")
    entry = handle.job().history[0]
    assert (entry["event"], entry["error"]["message"]) == ("failed", "own is broken")
    assert "the task" not in log_of(handle)


@pytest.mark.parametrize("number", [7, -1])
def test_what_breaks_after_the_task_changes_nothing(jobs: JobQueue, number: int) -> None:
    handle = jobs.submit(hooked_tasks.run_all_the_same, number)
    if number > 0:
        assert handle.result(timeout=60) == number
    else:
        with pytest.raises(JobFailed, match="-1 is too small"):
            handle.result(timeout=60)
    assert len(log_of(handle)) == 3, "the hook of every task is told all the same"
