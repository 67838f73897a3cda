"""A process that claims several jobs at once: they run as if each had been claimed by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from junmai_jobs import JobHandle, JobQueue
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

AHEAD = ("--claim-ahead", "8")


def records(jobs: JobQueue, journal: Journal, count: int) -> list[JobHandle[Any]]:
    """Tiny jobs that tell the journal of their start."""
    return list(jobs.submit_many(tasks.record, [(str(journal),)] * count))


def statuses(handles: Sequence[JobHandle[Any]]) -> set[str]:
    return {handle.status for handle in handles}


def events(handle: JobHandle[Any]) -> list[str]:
    return [entry["event"] for entry in handle.job().history]


def test_a_flood_runs_once_each_and_in_its_order(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    handles = records(jobs, journal, 500)

    assert start_worker(*AHEAD, "--burst", slots=1).wait(60) == 0

    assert [run.job for run in journal.runs()] == [handle.id for handle in handles]
    found = jobs.inspector.load([handle.id for handle in handles])
    assert {(job.status, len(job.history)) for job in found} == {("succeeded", 1)}
    tokens = [int(job.token or 0) for job in found]
    together = sum(after - before == 1 for before, after in pairwise(tokens))
    assert together > 100  # no two calls come within a microsecond


def test_what_waits_behind_a_long_run_is_run_by_the_other_slot(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    long = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    behind = records(jobs, journal, 7)
    start_worker(*AHEAD, slots=2)
    journal.wait_for(1)

    wait_until(lambda: statuses(behind) == {"succeeded"}, what="those behind it")

    assert long.status == "running"
    first, *others = journal.runs()
    assert {run.job for run in others} == {handle.id for handle in behind}
    assert first.pid not in {run.pid for run in others}
    assert [events(handle) for handle in behind] == [["released", "succeeded"]] * 7
    (tmp_path / "go").touch()
    assert long.result(timeout=60) == "released"
    assert events(long) == ["succeeded"]


def test_behind_a_task_that_took_long_before_nothing_waits(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    jobs.submit(tasks.take_time, str(tmp_path / "other"), 0.1)
    start_worker(*AHEAD, slots=1)
    wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] == 1, what="the first run")
    jobs.pause()
    long = jobs.submit(tasks.take_time, str(journal), 0.1)
    behind = records(jobs, journal, 3)
    jobs.resume()
    for handle in behind:
        handle.result(timeout=60)

    assert [run.job for run in journal.runs("start")] == [long.id, *(handle.id for handle in behind)]
    given_back, ended = zip(*(handle.job().history for handle in behind), strict=True)
    assert {entry["event"] for entry in given_back} == {"released"}
    assert {entry["finished_at"] < long.job().history[0]["finished_at"] for entry in given_back} == {True}
    assert {entry["event"] for entry in ended} == {"succeeded"}


def test_what_had_ended_before_a_long_run_does_not_run_again(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    before = records(jobs, journal, 3)
    long = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    behind = records(jobs, journal, 3)
    worker = start_worker(*AHEAD, slots=2)
    journal.wait_for(4)

    wait_until(lambda: statuses(behind) == {"succeeded"}, what="those behind it")

    (tmp_path / "go").touch()
    assert long.result(timeout=60) == "released"
    wait_until(lambda: statuses(before) == {"succeeded"}, what="those before it")
    assert len(journal.runs()) == 7
    assert "given to someone else" not in worker.log()


def test_a_signal_to_end_loses_nothing_and_repeats_nothing(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    handles = records(jobs, journal, 500)
    worker = start_worker(*AHEAD)
    journal.wait_for(100)

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    assert jobs.stats()["jobs_by_status"]["running"] == 0
    assert "queued" in statuses(handles)
    assert start_worker(*AHEAD, "--burst").wait(60) == 0
    assert statuses(handles) == {"succeeded"}
    assert len(journal.runs()) == 500


def test_in_a_pause_what_waits_goes_back_and_does_not_run(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    long = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    behind = records(jobs, journal, 7)
    start_worker(*AHEAD, slots=1)
    journal.wait_for(1)

    jobs.pause()

    wait_until(lambda: statuses(behind) == {"queued"}, what="those behind it to go back")
    (tmp_path / "go").touch()
    assert long.result(timeout=60) == "released"
    assert [run.job for run in journal.runs()] == [long.id]
    jobs.resume()
    journal.wait_for(8)


def test_one_that_waits_can_be_cancelled(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    long = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    first, second = records(jobs, journal, 2)
    start_worker(*AHEAD, slots=1)
    journal.wait_for(1)

    second.cancel()

    wait_until(lambda: second.status == "cancelled", what="the end of what never ran")
    (tmp_path / "go").touch()
    first.result(timeout=60)
    assert [run.job for run in journal.runs()] == [long.id, first.id]


def test_a_death_counts_for_the_job_that_ran(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    before = records(jobs, journal, 1)
    killed = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    behind = records(jobs, journal, 2)
    start_worker(*AHEAD, slots=1)

    os.kill(journal.wait_for(2)[1].pid, signal.SIGKILL)

    wait_until(lambda: events(killed) == ["crashed"], what="the crash")
    (tmp_path / "go").touch()
    assert killed.result(timeout=60) == "released"
    for handle in (*before, *behind):
        handle.result(timeout=60)
        assert "crashed" not in events(handle)
    assert journal.runs()[1].job == killed.id
