"""Schedules with real workers: each tick is fired once, whoever lives and dies."""

from __future__ import annotations

import random
import signal
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_until
from tests.worker import tasks

if TYPE_CHECKING:
    from junmai_jobs import JobQueue
    from tests.worker.conftest import StartWorker
    from tests.worker.harness import Journal, WorkerProcess

LATE = 10.0
"""Seconds from a tick until its job at most, on a machine that has more to do."""
TICKING = ("--tasks", "tests.worker.ticking_tasks")


def seconds_of(job_id: str) -> int:
    """The tick in a job's id."""
    return round(datetime.fromisoformat(job_id.partition(":")[2]).timestamp())


def jobs_of(jobs: JobQueue, name: str) -> list[Any]:
    found = jobs.jobs(limit=1000)
    return sorted((job for job in found if job.id.startswith(f"{name}:")), key=lambda job: str(job.id))


class Crew:
    """Four workers; who is killed is replaced."""

    def __init__(self, start_worker: StartWorker, seed: int) -> None:
        self._start = start_worker
        self._chance = random.Random(seed)
        self.workers: list[WorkerProcess] = [self._new() for _ in range(4)]

    def _new(self) -> WorkerProcess:
        return self._start("--loglevel", "WARNING", slots=1, schedules=True)

    def kill_one(self) -> None:
        victim = self._chance.randrange(len(self.workers))
        self.workers[victim].signal(signal.SIGKILL)
        self.workers[victim].wait()
        self.workers[victim] = self._new()


SECONDLY = {"cron": "* * * * * *"}
SLOW = (pytest.mark.slow, pytest.mark.timeout(300))


@pytest.mark.parametrize(
    ("when", "ticks", "kill_every"),
    [
        pytest.param(SECONDLY, 12, 4, id="12 ticks"),
        pytest.param(SECONDLY, 60, 5, id="60 ticks", marks=SLOW),
        pytest.param({"every": "1s"}, 60, 5, id="60 ticks of an interval", marks=SLOW),
    ],
)
def test_each_tick_is_fired_once_while_workers_are_killed(
    jobs: JobQueue,
    journal: Journal,
    start_worker: StartWorker,
    *,
    when: dict[str, Any],
    ticks: int,
    kill_every: int,
) -> None:
    crew = Crew(start_worker, seed=ticks)
    wait_until(lambda: sum(row["alive"] for row in jobs.workers()) == 4, what="four workers")
    jobs.schedule("each-second", tasks.record, str(journal), **when)
    (row,) = (each for each in jobs.schedules() if each["name"] == "each-second")  # workers store some, too
    first = round(datetime.fromisoformat(row["next_at"]).timestamp())

    for count in range(kill_every, ticks, kill_every):
        wait_until(lambda: len(jobs_of(jobs, "each-second")) >= count, 60, f"{count} ticks")  # noqa: B023
        crew.kill_one()
    wait_until(lambda: len(jobs_of(jobs, "each-second")) >= ticks, 60, f"{ticks} ticks")
    jobs.unschedule("each-second")
    wait_until(
        lambda: all(job.status == "succeeded" for job in jobs_of(jobs, "each-second")), 60, "every job's end"
    )

    found = jobs_of(jobs, "each-second")
    assert [seconds_of(job.id) for job in found] == list(range(first, first + len(found)))
    late = {job.id: datetime.fromisoformat(job.created_at).timestamp() - seconds_of(job.id) for job in found}
    assert {job_id: by for job_id, by in late.items() if not 0 <= by < LATE} == {}
    starts = Counter(run.job for run in journal.runs())
    assert starts.keys() == {job.id for job in found}
    again = {job.id for job in found if starts[job.id] > len(job.history)}
    assert again == set(), "run more often than a kill explains"
    assert max(starts.values()) <= 2


def test_a_worker_brings_the_schedules_in_its_code(jobs: JobQueue, start_worker: StartWorker) -> None:
    worker = start_worker(*TICKING, schedules=True)
    wait_until(lambda: len(jobs_of(jobs, "tick")) >= 2, what="two ticks")
    row = next(row for row in jobs.schedules() if row["name"] == "tick")
    assert (row["every"], row["in_code"]) == (1, True)
    assert {"cleanup_old_results", "update_system_metrics"} <= {row["name"] for row in jobs.schedules()}
    worker.stop()
    assert "Traceback" not in worker.log()


def test_a_worker_may_leave_them_alone(jobs: JobQueue, start_worker: StartWorker) -> None:
    worker = start_worker(*TICKING)
    jobs.submit(tasks.quick).result(timeout=60)
    worker.stop()
    assert jobs.schedules() == []


def test_a_burst_is_not_kept_alive(jobs: JobQueue, start_worker: StartWorker) -> None:
    jobs.schedule("each-second", tasks.quick, every="1s")
    due = datetime.fromisoformat(jobs.schedules()[0]["next_at"]).timestamp()
    wait_until(lambda: jobs.broker.due().now > due + 1, what="a tick that is due")
    handle = jobs.submit(tasks.quick, 7)

    assert start_worker("--burst", *TICKING, schedules=True).wait() == 0

    assert handle.result(timeout=1) == 7
    assert [job.id for job in jobs.jobs()] == [handle.id]
    assert [row["name"] for row in jobs.schedules()] == ["each-second"]


def test_ticks_go_on_in_a_paused_queue(jobs: JobQueue, start_worker: StartWorker) -> None:
    jobs.pause("default")
    jobs.schedule("each-second", tasks.quick, every="1s")
    start_worker(schedules=True)
    wait_until(lambda: len(jobs_of(jobs, "each-second")) >= 3, what="three ticks")
    assert {job.status for job in jobs_of(jobs, "each-second")} == {"queued"}
    jobs.unschedule("each-second")
    jobs.resume("default")
    wait_until(
        lambda: {job.status for job in jobs_of(jobs, "each-second")} == {"succeeded"}, what="their end"
    )


def test_a_worker_inside_a_host_fires_too(jobs: JobQueue) -> None:
    jobs.schedule("each-second", tasks.quick, every="1s")
    with jobs.worker(concurrency=1):
        wait_until(lambda: len(jobs_of(jobs, "each-second")) >= 2, what="two ticks")
