"""How a worker stops, and what it leaves behind: nothing leased, nothing counted."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from junmai_jobs import JobQueue, child
from junmai_jobs.board import new_board
from junmai_jobs.broker import Step
from junmai_jobs.child import Child
from junmai_jobs.child_process import ChildSetup
from junmai_jobs.commands.app import App
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.forkserver import start_forkserver
from junmai_jobs.hosting import run_with_signals
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.worker import Worker
from tests.hosts import noisy
from tests.servers import RedisProcess
from tests.waiting import wait_until
from tests.worker import tasks
from tests.worker.conftest import StartWorker
from tests.worker.harness import TASKS, Journal, WorkerProcess, alive, queue_on

ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)]
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX alone")


@pytest.mark.parametrize(
    "number",
    # Of SIGHUP there is a quick test in tests/faults.
    [pytest.param(each, marks=[pytest.mark.slow] if each.name == "SIGHUP" else []) for each in ENDINGS],
    ids=lambda number: number.name,
)
def test_a_signal_to_end_lets_a_running_job_finish(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal, tmp_path: Path, number: signal.Signals
) -> None:
    worker = start_worker("--grace", "10", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
    journal.wait_for(1)
    waiting = jobs.submit(tasks.quick, 2)

    worker.signal(number)
    wait_until(lambda: "stopping" in worker.log(), what="the worker to heed the signal")
    (tmp_path / "go").touch()

    assert worker.wait() == 0
    assert handle.status == "succeeded"
    assert waiting.status == "queued"
    assert jobs.workers() == []


def test_sigterm_gives_back_what_does_not_finish_in_time(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--grace", "0.5", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), "never")
    journal.wait_for(1)

    worker.signal(signal.SIGTERM)

    assert worker.wait() == 0
    job = handle.job()
    assert (job.status, job.retry_count) == ("queued", 0)
    assert [entry["event"] for entry in job.history] == ["released"]
    assert jobs.stats()["jobs_by_status"]["running"] == 0


def test_it_stops_also_while_the_server_is_away_and_nothing_is_lost(
    own_server: RedisProcess, start_worker: StartWorker, journal: Journal, tmp_path: Path
) -> None:
    with closing(queue_on(own_server, tmp_path / "home")) as jobs:
        worker = start_worker("--grace", "0.2", server=own_server, slots=1)
        handle = jobs.submit(tasks.hold, str(journal), str(tmp_path / "go"))
        journal.wait_for(1)
        own_server.kill()
        wait_until(lambda: "waiting for it" in worker.log(), what="the worker to miss the server")

        worker.signal(signal.SIGTERM)

        assert worker.wait(60) == 0
        own_server.start()
        (tmp_path / "go").touch()
        start_worker(server=own_server, slots=1)
        assert handle.result(timeout=60) == "released"


def test_a_child_that_reads_its_stop_while_the_server_is_away_does_not_wait_when_it_is_back(
    redis_server: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, board = WorkerSettings(endpoint=redis_server, namespace="n"), new_board()
    ours, theirs = Pipe()
    setup = ChildSetup(settings=settings, claimer="w/1", generation=1, queues=("default",), threads=1)
    worker = Child(setup, board, theirs)
    answers: Iterator[StoreUnavailable | Step] = iter([StoreUnavailable("away"), Step([], [])])

    def step(*_: object, **__: object) -> Step:
        if isinstance(answer := next(answers), StoreUnavailable):
            raise answer
        return answer

    def told_to_stop_meanwhile(_seconds: float) -> None:
        board.stop = True
        ours.send(("default",))
        board.orders += 1

    monkeypatch.setattr(worker._broker, "step", step)
    monkeypatch.setattr(child, "time", SimpleNamespace(sleep=told_to_stop_meanwhile))
    monkeypatch.setattr(worker, "_wait_for_work", lambda *_: pytest.fail("it waits"))
    worker.work()
    assert board.orders_read == 1


@on_posix
def test_an_interrupt_while_the_forkserver_is_started_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = importlib.import_module("multiprocessing.forkserver")
    monkeypatch.setattr(starts, "ensure_running", lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        start_forkserver(())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_second_interrupt_stops_at_once(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker("--grace", "3600", slots=1)
    handle = jobs.submit(tasks.hold, str(journal), "never")
    journal.wait_for(1)
    family = worker.family()

    worker.signal(signal.SIGINT)
    wait_until(lambda: "stopping" in worker.log(), what="the worker to heed the first")
    worker.signal(signal.SIGINT)

    assert worker.wait(60) == 130
    assert handle.status == "queued"
    wait_until(lambda: not alive(family), what="the whole family to end")


def test_burst_ends_when_nothing_is_left_that_can_run(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    jobs.submit_many(tasks.record, [(str(journal),)] * 20)
    retried = jobs.submit(tasks.fail_always, str(journal))
    child = jobs.submit(tasks.record.with_options(after=[retried], after_policy="continue"), str(journal))
    far = jobs.submit(tasks.record.with_options(delay=7200), str(journal))
    jobs.pause("low_priority")
    paused = jobs.submit(tasks.record.with_options(queue="low_priority"), str(journal))

    assert start_worker("--burst").wait(60) == 0

    assert retried.status == "failed"
    assert child.status == "succeeded"
    assert (far.status, paused.status) == ("scheduled", "queued")


def test_after_pause_returns_no_job_starts_also_after_a_restart(
    jobs: JobQueue, start_worker: StartWorker, journal: Journal
) -> None:
    worker = start_worker()
    jobs.submit_many(tasks.record, [(str(journal),)] * 500)
    journal.wait_for(20)

    jobs.pause()
    paused_at = time.time()
    wait_until(lambda: jobs.stats()["active_tasks"] == 0, what="running jobs to end")
    worker.stop()
    late = jobs.submit(tasks.record.with_options(queue="new"), str(journal))
    start_worker()
    wait_until(lambda: any(row["alive"] for row in jobs.workers()), what="the second worker")
    with jobs.server.client() as client:
        claims = [int(job.token or 0) / 1e6 for job in jobs.jobs(status="succeeded", limit=500)]
        assert client.ping()

    assert max(claims) < paused_at
    assert late.status == "queued"
    jobs.resume()
    journal.wait_for(501, timeout=30)


def test_afterwards_signals_are_handled_as_before(jobs: JobQueue) -> None:
    before = [signal.getsignal(number) for number in ENDINGS]
    assert run_with_signals(Worker(jobs.worker_settings(concurrency=1, burst=True))) == 0
    assert [signal.getsignal(number) for number in ENDINGS] == before
    assert signal.set_wakeup_fd(-1) == -1


@on_posix
def test_under_nohup_it_outlives_its_terminal(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    arguments = ("--concurrency", "1", "--no-schedules")
    worker = WorkerProcess(redis_server, tmp_path / "worker", arguments, inside=("nohup",)).start()
    try:
        assert jobs.submit(tasks.quick, 1).result(timeout=60) == 1
        family = worker.family()
        for process in family:
            process.send_signal(signal.SIGHUP)
        assert jobs.submit(tasks.quick, 2).result(timeout=60) == 2
        assert alive(family) == family
    finally:
        worker.stop()
    assert worker.process
    assert worker.process.returncode == 0


# ---- nobody listens ------------------------------------------------------------------------------


@contextlib.contextmanager
def bare_worker(
    redis_server: RedisProcess, home: Path, *arguments: str, line: str = '"$@"', **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose streams are the test's business; it is killed if it is left."""
    command = [sys.executable, "-m", "junmai_jobs.cli", "--redis", redis_server.url]
    command += ["--tasks", f"{TASKS},{noisy.__name__}"]
    options = ["worker", "--concurrency", "1", "--grace", "1", "--no-schedules", *arguments]
    process = subprocess.Popen(
        ["sh", "-c", f"exec {line}", "sh", *command, *options],
        env=os.environ | {"JUNMAI_HOME": str(home), "PYTHONUNBUFFERED": ""},  # what fails stays in the buffer
        **streams,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Deaf(io.StringIO):
    """Where nobody reads; it is no file."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@on_posix
def test_an_answer_that_nobody_reads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.as_json = True
    monkeypatch.setattr(sys, "stdout", Deaf())
    app.mention({}, lambda: None)


def family_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def ends_in_order(process: subprocess.Popen[bytes], jobs: JobQueue, family: list[psutil.Process]) -> None:
    """Exit code 0, no process left, nothing leased."""
    assert process.wait(60) == 0
    wait_until(lambda: not alive(family), what="the whole family to end")
    assert jobs.stats()["jobs_by_status"]["running"] == 0
    assert jobs.workers() == []


@on_posix
@pytest.mark.parametrize(
    "closed",
    ["<&-", "<&- >&- 2>&-", *(pytest.param(each, marks=pytest.mark.slow) for each in (">&-", "2>&-"))],
)
def test_a_worker_without_streams_works_and_stops(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path, closed: str
) -> None:
    with bare_worker(
        redis_server, tmp_path / "home", "--json", line=f'"$@" {closed}', stderr=subprocess.PIPE
    ) as process:
        for number in range(3):
            assert jobs.submit(noisy.print_in_c, number).result(timeout=60) == number
        family = family_of(process)
        process.terminate()
        ends_in_order(process, jobs, family)
        assert process.stderr
        with process.stderr as said:
            assert b"Traceback" not in said.read()


@on_posix
def test_a_worker_whose_readers_are_gone_works_and_stops(
    redis_server: RedisProcess, jobs: JobQueue, tmp_path: Path
) -> None:
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with bare_worker(redis_server, tmp_path / "home", "--json", **streams) as process:
        assert jobs.submit(noisy.print_in_c, 1).result(timeout=60) == 1
        for stream in (process.stdout, process.stderr):
            assert stream
            stream.close()
        assert jobs.submit(noisy.print_in_c, 2).result(timeout=60) == 2
        family = family_of(process)
        process.terminate()
        ends_in_order(process, jobs, family)


@on_posix
def test_a_worker_whose_terminal_is_gone_stops_in_order(
    redis_server: RedisProcess, jobs: JobQueue, journal: Journal, tmp_path: Path
) -> None:
    master, terminal = os.openpty()
    with bare_worker(redis_server, tmp_path / "home", preexec_fn=lambda: os.login_tty(terminal)) as process:
        os.close(terminal)
        handle = jobs.submit(tasks.hold, str(journal), "never")
        journal.wait_for(1)
        family = family_of(process)
        os.close(master)
        ends_in_order(process, jobs, family)
    job = handle.job()
    assert (job.status, job.retry_count) == ("queued", 0)
    assert [entry["event"] for entry in job.history] == ["released"]
