"""A worker on a machine that others need: what it still starts, that it says why, that it goes on later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from junmai_jobs import JobQueue
from junmai_jobs.events import Event
from tests.in_process import typed
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import Journal

WITHIN = 10.0
"""Seconds in which an outside load is felt, and its end."""


NOTHING_ELSE = {
    "cpu_limit_percent": 100,
    "cpu_critical_percent": 100,
    "idle_cpu_percent": 100,
    "idle_seconds": 0,
    "gpu_temp_limit_celsius": 150,
    "battery_limit_percent": 0,
}
"""Whatever else the machine is doing just now, it is not limited."""


def limited(folder: Path, **limits: int) -> dict[str, str]:
    """The environment of a worker with these limits alone."""
    (file := folder / "limits.json").write_text(json.dumps({"processing": NOTHING_ELSE | limits}), "utf-8")
    return {"JUNMAI_GOVERNOR": "on", "JUNMAI_CONFIG": str(file)}


def grade(jobs: JobQueue) -> str:
    """Empty until the worker has signed on."""
    rows = jobs.workers()
    return str(rows[0]["governor"]["grade"]) if rows else ""


def governed(events: Iterator[Event]) -> Event:
    return next(event for event in events if event.word == "governed")


def test_eased_it_begins_less_but_urgent_work_at_once_and_says_why(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, redis_server: RedisProcess
) -> None:
    """Others use more memory than the limit, as they do on every machine where that is low enough."""
    used = int(psutil.virtual_memory().percent)
    limits = limited(tmp_path, memory_limit_percent=max(1, used - 10), memory_critical_percent=100)
    events = jobs.events(timeout=20)
    start_worker(slots=3, **limits)
    go = str(tmp_path / "go")
    low = [jobs.submit(tasks.hold, str(journal), go)]
    journal.wait_for(1)
    wait_until(lambda: grade(jobs) == "eased", what="the governor to ease")

    low += [jobs.submit(tasks.hold, str(journal), go) for _ in range(3)]
    urgent = [jobs.submit(tasks.hold.with_options(priority=9), str(journal), go) for _ in range(2)]
    runs = journal.wait_for(3)

    assert {run.job for run in runs} == {low[0].id, *(handle.id for handle in urgent)}
    event = governed(events)
    assert event.id == jobs.workers()[0]["name"]
    assert event.detail.startswith("eased, any job in 1 of 3 slots: memory ")
    assert (jobs.stats()["governor"][event.id] | {"reasons": []}) == {
        "grade": "eased", "slots": 1, "of": 3, "reasons": [],
    }  # fmt: skip
    for command in ("stats", "workers"):
        shown = typed(tmp_path / "home", command, JUNMAI_REDIS_URL=redis_server.url).stdout
        assert "eased, any job in 1 of 3 slots: memory" in " ".join(shown.split())
    Path(go).touch()
    for handle in (*low, *urgent):
        assert handle.result(timeout=60) == "released"


def test_nothing_is_begun_when_memory_is_critical(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    limits = limited(tmp_path, memory_limit_percent=1, memory_critical_percent=1)
    worker = start_worker(slots=2, **limits)
    wait_until(jobs.workers, what="the worker to have nothing to do yet")
    held = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    wait_until(lambda: grade(jobs) == "none", what="the governor to hold back everything")

    urgent = jobs.submit(tasks.record.with_options(priority=10), str(journal))
    (tmp_path / "go").touch()

    assert held.result(timeout=60) == "released"  # what runs goes on to its end
    wait_until(lambda: jobs.stats()["active_tasks"] == 0, what="the run to end")
    assert urgent.status == "queued"
    assert "none, any job in 0 of 2 slots: memory" in worker.log()


def test_without_a_governor_nothing_is_looked_at(jobs: JobQueue) -> None:
    assert jobs.worker_settings(governor=True).thresholds is not None
    assert jobs.worker_settings(governor=False).thresholds is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are classes instead")
def test_children_stand_back_for_other_programs(jobs: JobQueue, start_worker: StartWorker) -> None:
    worker = start_worker(slots=2)
    jobs.submit(tasks.quick, 1).result(timeout=60)
    supervisor = psutil.Process(worker.pid)
    children = [each for helper in supervisor.children() for each in helper.children()]
    assert [each.nice() for each in children] == [max(10, supervisor.nice())] * 2


@contextmanager
def outside_load() -> Iterator[None]:
    """Programs that keep every core busy, and are not of the worker's family."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def seconds_until(jobs: JobQueue, *grades: str) -> float:
    began = time.monotonic()
    wait_until(lambda: grade(jobs) in grades, 3 * WITHIN, f"the governor to say {grades}")
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_outside_load_is_felt_and_its_end_too(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    """Needs a machine with nothing else to do."""
    start_worker(slots=3, JUNMAI_GOVERNOR="on")
    jobs.submit_many(tasks.take_time, [(str(journal), 0.5)] * 1000)
    assert seconds_until(jobs, "full") < WITHIN
    for _ in range(3):
        with outside_load():
            felt = seconds_until(jobs, "eased", "urgent_only")
            urgent = jobs.submit(tasks.quick.with_options(priority=9), 7)
            assert urgent.result(timeout=60) == 7
            assert grade(jobs) != "full"
        over = seconds_until(jobs, "full")
        print(f"felt after {felt:.1f} s, over after {over:.1f} s")
        assert max(felt, over) < WITHIN + 0.5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_our_own_load_alone_eases_nothing(jobs: JobQueue, start_worker: StartWorker, tmp_path: Path) -> None:
    """Neither of one worker nor of two, while processes come and go. Needs a quiet machine."""
    for _ in range(2):
        start_worker("--max-jobs-per-child", "3", slots=2, JUNMAI_GOVERNOR="on")
    events = jobs.events(timeout=1)
    for handle in jobs.submit_many(tasks.burn, [(1.0,)] * 80):
        handle.result(timeout=200)
    assert [event.detail for event in events if event.word == "governed"] == []
