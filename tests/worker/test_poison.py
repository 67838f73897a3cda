"""A job that kills its process does so three times, and harms nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from junmai_jobs import JobHandle, JobQueue
from junmai_jobs.keys import Keys
from junmai_jobs.slot import Turns
from tests.waiting import wait_until
from tests.worker import deadly_tasks, tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal, WorkerProcess

OTHERS = 150
POOL = 3


@pytest.fixture
def pool(start_worker: StartWorker) -> WorkerProcess:
    arguments = ("--tasks", "tests.worker.deadly_tasks", "--loglevel", "INFO", "--max-jobs-per-child", "1000")
    return start_worker(*arguments, slots=POOL)


def wait_for_the_end(jobs: JobQueue, pills: Sequence[JobHandle[None]]) -> None:
    """Until all have failed, without the pause after a second crash."""
    client, keys = jobs._link.client, Keys.of(jobs.namespace)
    home = keys.queue("default", "retrying")

    def all_have_failed() -> bool:
        for job_id in client.zrange(home, 0, -1):
            client.zadd(home, {job_id: 0}, xx=True)
        if not client.llen(keys.alarm):
            client.rpush(keys.alarm, 1)
        statuses = jobs.inspector.statuses([pill.id for pill in pills])
        return set(statuses.values()) == {"failed"}

    wait_until(all_have_failed, 180, "the end of the pills")


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("SIGKILL", {"signal": "SIGKILL", "exit_code": None}),
        ("SIGSEGV", {"signal": "SIGSEGV", "exit_code": None}),
        ("exit code 1", {"signal": None, "exit_code": 1}),
        ("out of memory", {"signal": "SIGSEGV", "exit_code": None}),
    ],
)
def test_one_among_others(
    jobs: JobQueue, pool: WorkerProcess, journal: Journal, how: str, cause: object
) -> None:
    deaths = Journal(journal.path.with_name("deaths"))
    good = jobs.submit_many(tasks.take_time, [(str(journal), 0.002)] * (OTHERS // 2))
    pill = jobs.submit(deadly_tasks.die.with_options(queue="default"), str(deaths), how)
    good += jobs.submit_many(tasks.take_time, [(str(journal), 0.002)] * (OTHERS // 2))
    for handle in good:
        handle.result(timeout=60)
    wait_for_the_end(jobs, [pill])

    job = pill.job()
    assert job.reason == "crashed"
    assert [{name: run[name] for name in ("signal", "exit_code")} for run in job.history] == [cause] * 3
    assert len(deaths.runs("died")) == 3
    runs = journal.runs()
    assert len(runs) == OTHERS
    assert len({run.pid for run in runs}) <= POOL + 3
    assert [run.job for run in sorted(runs, key=lambda run: int(run.token))] == [each.id for each in good]


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(400)])])
def test_many_at_once(jobs: JobQueue, pool: WorkerProcess, journal: Journal, count: int) -> None:
    """The first in line; each process that they cost is followed by one, and the others run in order."""
    deaths = Journal(journal.path.with_name("deaths"))
    pills = jobs.submit_many(
        deadly_tasks.die.with_options(queue="default"), [(str(deaths), "exit code 1")] * count
    )
    good = jobs.submit_many(tasks.take_time, [(str(journal), 0.002)] * OTHERS)
    for handle in good:
        handle.result(timeout=180)

    wait_for_the_end(jobs, pills)
    assert len(deaths.runs("died")) == 3 * count
    assert {len([run for run in deaths.runs("died") if run.job == pill.id]) for pill in pills} == {3}
    pids = {run.pid for run in (*deaths.runs("died"), *journal.runs())}
    assert len(pids) <= 3 * count + POOL
    runs = sorted(journal.runs(), key=lambda run: int(run.token))
    assert [run.job for run in runs] == [each.id for each in good]
    assert jobs.submit(tasks.quick, 7).result(timeout=60) == 7
    assert pool.log().count("lost its process") == 3 * count


def test_those_that_die_in_a_row_take_turns() -> None:
    turns = Turns()
    assert [turns.take(100.0) for _ in range(5)] == [0, 0, 0, 1, 2]
    assert [turns.take(102.5) for _ in range(2)] == [0.5, 1.5]
    assert turns.take(200.0) == 0
    assert max(turns.take(200.0) for _ in range(100)) == 60


def test_what_a_child_finds_loaded_starts_no_thread_and_no_library_of_pictures() -> None:
    """The forkserver is copied for each child: a thread, or a library that has made its own, would be too."""
    code = (
        "import sys, threading, junmai_jobs.commands.worker, junmai_jobs.tasks as tasks\n"
        "tasks.register_photo_tasks()\n"
        "from junmai_jobs.forkserver import children_context\n"
        "context = children_context()\n"
        "from multiprocessing import forkserver\n"
        "names = forkserver._forkserver._preload_modules\n"
        "assert 'junmai_jobs.tasks.photos' in names and 'junmai_jobs.commands.worker' in names, names\n"
        "import importlib; [importlib.import_module(name) for name in names]\n"
        "print(threading.active_count(), *sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    threads, *loaded = run.stdout.split()
    assert threads == "1"
    assert {name.split(".")[0] for name in loaded}.isdisjoint({"PIL", "cv2", "numpy", "rawpy"})
