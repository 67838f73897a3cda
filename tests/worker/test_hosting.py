"""Workers inside other programs: they end with their host, survive its forks, and work once."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from junmai_jobs import JobQueue, OptionError
from tests.hosts.process import HOSTS, Host, ask, first_answer, hosting
from tests.in_process import typed
from tests.servers import RedisProcess, free_port
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.harness import Journal, alive

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET = ("-W", "ignore::DeprecationWarning")
"""Of a fork beside threads: it is what is tried here."""
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def owners(jobs: JobQueue) -> list[int]:
    """The processes in which workers are registered."""
    return [worker["pid"] for worker in jobs.workers()]


def ran(path: Path) -> list[str]:
    return path.read_text("utf-8").split() if path.exists() else []


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


# ---- start and stop ------------------------------------------------------------------------------


def test_a_worker_starts_and_stops_without_a_block(jobs: JobQueue) -> None:
    pool = jobs.worker(concurrency=1, loglevel="CRITICAL")
    pool.stop()
    for number in range(2):
        worker = pool.start()
        assert jobs.submit(tasks.quick, number).result(timeout=60) == number
        assert [row["name"] for row in jobs.workers()] == [worker.name]
        with pytest.raises(OptionError, match="started already"):
            pool.start()
        pool.stop()
        pool.stop()
        assert jobs.workers() == []


def test_of_a_worker_that_may_do_all_no_sentence_is_said(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    with jobs.worker(concurrency=1, governor=False, loglevel="CRITICAL") as worker:
        wait_until(jobs.workers, what="the worker")
        for command in ("stats", "workers"):
            shown = typed(tmp_path / "home", command, JUNMAI_REDIS_URL=redis_server.url).stdout
            assert "any job in" not in shown
            assert ("full" in shown) == (worker.name in shown) == (command == "workers")


@pytest.mark.skipif(sys.platform == "win32", reason="no thread can send a signal to another")
def test_an_impatient_host_has_its_jobs_back_at_once(jobs: JobQueue, journal: Journal) -> None:
    """A KeyboardInterrupt while it waits, as of a second Ctrl-C."""
    handle = jobs.submit(tasks.hold, str(journal), "never")

    pool = jobs.worker(concurrency=1, grace=60, loglevel="CRITICAL")
    pool.start()
    journal.wait_for(1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main = threading.main_thread().ident or 0
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            pool.stop()
    finally:
        signal.signal(signal.SIGINT, before)
    assert handle.status == "queued"
    assert jobs.workers() == []


def test_one_who_interrupts_before_the_wait_loses_no_worker(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = jobs.worker(concurrency=1, grace=60, loglevel="CRITICAL")
    worker = pool.start()
    stop = worker.stop

    def interrupted(*, now: bool = False) -> None:
        if not now:
            raise KeyboardInterrupt
        stop(now=True)

    monkeypatch.setattr(worker, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.stop()
    assert jobs.workers() == []
    pool.start()
    pool.stop()


@pytest.mark.parametrize("how", ["returns", "exits", "raises"])
def test_a_host_that_forgets_its_worker_ends_in_order(
    redis_server: RedisProcess, jobs: JobQueue, journal: Journal, tmp_path: Path, how: str
) -> None:
    with hosting(redis_server, tmp_path, str(HOSTS / "forgetful.py"), str(journal), how) as host:
        journal.wait_for(2)
        family = host.family()
        assert host.process.wait(60) == {"returns": 0, "exits": 3, "raises": 1}[how]
        wait_until(lambda: not alive(family), what="every process below the host to end")
    assert ("Traceback" in host.said()) == (how == "raises")
    assert "1 job has failed" in host.said()
    (job,) = jobs.jobs(status="queued")
    assert (job.status, job.retry_count, [entry["event"] for entry in job.history]) == (
        "queued",
        0,
        ["released"],
    )
    assert jobs.workers() == []


# ---- forks ---------------------------------------------------------------------------------------


@needs_fork
def test_a_copy_of_the_host_leaves_its_worker_alone(
    redis_server: RedisProcess, jobs: JobQueue, journal: Journal, tmp_path: Path
) -> None:
    """Also when it calls ``stop``, has a worker of its own, and ends."""
    command = [*QUIET, str(HOSTS / "forking.py"), str(journal), str(tmp_path / "go"), "ends"]
    with hosting(redis_server, tmp_path, *command) as host:
        assert host.process.wait(60) == 0
    assert re.sub(r"\d{3,}", "PID", host.said()).splitlines() == [
        "copy: PID",
        "copy: 6",
        "ended: 5",
        "host: released 8",
    ]
    assert jobs.stats()["jobs_by_status"] == jobs.stats()["jobs_by_status"] | {"succeeded": 3, "queued": 0}
    assert all(job.attempt == 1 and len(job.history) == 1 for job in jobs.jobs())
    assert jobs.workers() == []


@needs_fork
def test_a_copy_that_outlives_the_host_keeps_no_child_alive(
    redis_server: RedisProcess, jobs: JobQueue, journal: Journal, tmp_path: Path
) -> None:
    command = [*QUIET, str(HOSTS / "forking.py"), str(journal), "never", "stays"]
    with hosting(redis_server, tmp_path, *command) as host:
        wait_until(lambda: "copy: " in host.said(), what="the copy")
        copy = psutil.Process(int(host.said().split()[1]))
        # What multiprocessing has the two share lives as long as either.
        below = [each for each in host.family()[1:] if "resource_tracker" not in command_of(each)]
        try:
            host.process.kill()
            wait_until(lambda: alive(below) == [copy], what="the children to end with the host")
        finally:
            copy.kill()


# ---- gunicorn ------------------------------------------------------------------------------------


@needs_fork
def test_gunicorn_that_preloads_has_one_worker_in_its_master(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    port = free_port()
    command = ["-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
    with hosting(redis_server, tmp_path, *command, "tests.hosts.web:app") as host:
        submitted = [first_answer(port, f"{tmp_path}/journal") for _ in range(8)]
        ids = {each["id"] for each in submitted}
        wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] == 8, what="the jobs to end")
        assert owners(jobs) == [host.process.pid]
        assert host.process.pid not in {each["pid"] for each in submitted}
        assert host.end() == 0
    assert sorted(ran(tmp_path / "journal")) == sorted(ids)
    assert jobs.workers() == []
    assert "Traceback" not in host.said()


# ---- Flask's reloader ----------------------------------------------------------------------------


def test_under_the_reloader_the_newest_process_works_alone(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    port, touched, journal = free_port(), tmp_path / "touched", tmp_path / "journal"
    touched.touch()

    def alone() -> Callable[[], bool]:
        return lambda: owners(jobs) == [serving["pid"]]

    with hosting(redis_server, tmp_path, str(HOSTS / "reloaded.py"), str(port), str(touched)) as host:
        ids = [(serving := first_answer(port, str(journal)))["id"]]
        wait_until(alone(), what="the worker of the watching process to stop")
        assert serving["pid"] != host.process.pid
        old = serving["pid"]
        touched.write_text("changed")
        wait_until(lambda: not psutil.pid_exists(old), what="the reload")
        ids.append((serving := first_answer(port, str(journal)))["id"])
        wait_until(alone(), what="one worker after the reload")
        assert serving["pid"] not in {old, host.process.pid}
        ids += [ask(port, str(journal))["id"] for _ in range(5)]
        wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] == len(ids), what="the jobs to end")
        interrupt(host)
    assert sorted(ran_jobs(journal)) == sorted(ids)
    assert jobs.workers() == []


def ran_jobs(path: Path) -> list[str]:
    return [run.job for run in Journal(path).runs()]


def interrupt(host: Host) -> None:
    """As a terminal's Ctrl-C: whoever is in the foreground."""
    family = host.family()
    os.killpg(host.process.pid, signal.SIGINT)
    host.process.wait(60)
    wait_until(lambda: not alive(family), what="every process below the host to end")
