"""Tasks that tell a file what happens to them: one line a run, written before anything else."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import psutil

from junmai_jobs import Abort, RetryLater, RetryPolicy, StaleLease, current_job, task


def note(journal: str, event: str) -> None:
    """One line: event, time, process id, job id, attempt, token. A write this short is never torn."""
    job = current_job()
    line = f"{event} {time.time():.6f} {os.getpid()} {job.id} {job.attempt} {job.token}\n"
    with Path(journal).open("a", encoding="utf-8") as file:
        file.write(line)


@task
def quick(number: int = 0) -> int:
    return number


@task
def submit_durably() -> str:
    return current_job().submit(quick.with_options(durable=True), 3)


@task
def close_streams() -> int:
    """Leave nothing to print to; where."""
    print("as ever")
    sys.stdout.close()
    sys.stderr.close()
    return os.getpid()


@task
def record(journal: str) -> None:
    note(journal, "start")


@task
def fork_and_terminate() -> int | None:
    """Have a process of its own, and end it with SIGTERM."""
    other = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    other.start()
    other.terminate()
    other.join(10)
    return other.exitcode


@task
def hold(journal: str, release: str, seconds: float = 60.0) -> str:
    """Run until the file ``release`` is there."""
    note(journal, "start")
    deadline = time.monotonic() + seconds
    while not Path(release).exists() and time.monotonic() < deadline:
        Event().wait(0.01)
    note(journal, "end")
    return "released"


@task
def hold_in_c(journal: str, seconds: float = 60.0) -> None:
    """Stuck in C code that holds the interpreter, with every signal blocked."""
    note(journal, "start")
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ctypes.PyDLL(None).sleep(int(seconds))


@task
def take_time(journal: str, seconds: float = 0.02, key: str = "") -> None:
    """Take some time, and tell when it began and ended."""
    note(journal, "start")
    Event().wait(seconds)
    note(journal, "end")


_leaked: list[bytes] = []


@task
def leak(megabytes: int) -> tuple[int, int]:
    """Keep so much memory; the process, and the bytes that it has then."""
    _leaked.append(os.urandom(1) * megabytes * 2**20)
    return os.getpid(), psutil.Process().memory_info().rss


@task
def burn(seconds: float) -> None:
    """Keep a core busy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


@task
def wait_for_cancel(journal: str) -> None:
    note(journal, "start")
    while True:
        current_job().check_cancelled()
        Event().wait(0.01)


@task(retry=RetryPolicy(base=0.1, jitter=0.0))
def fail_always(journal: str) -> None:
    note(journal, "start")
    raise ValueError(f"attempt {current_job().attempt} went wrong")


@task
def fail_on_schedule(journal: str) -> None:
    """With the policy of the house: about 2, 4 and 8 seconds."""
    note(journal, "start")
    raise ValueError(f"attempt {current_job().attempt} went wrong")


@task
def abort(journal: str) -> None:
    note(journal, "start")
    raise Abort("the disk is full")


@task
def come_back(journal: str) -> str:
    note(journal, "start")
    if len(Path(journal).read_text(encoding="utf-8").splitlines()) < 3:
        raise RetryLater(0.1, "not ready yet")
    return "done"


@task
def exit_process(code: int) -> None:
    os._exit(code)


@task
def return_a_set() -> set[int]:
    return {1}


@task
def show_progress(steps: int) -> None:
    for step in range(1, steps + 1):
        current_job().progress(step, steps, message=f"step {step}")


@task
def publish(journal: str, temporary: str, final: str, release: str) -> str:
    note(journal, "start")
    Path(temporary).write_text(current_job().token, encoding="utf-8")
    while not Path(release).exists():
        Event().wait(0.01)
    try:
        return current_job().publish(temporary, final)
    except StaleLease:
        note(journal, "refused")
        raise


@task
def fork(journal: str) -> int:
    """Leave a copy of this process behind, which returns from here as well."""
    note(journal, "start")
    pid = os.fork()
    return pid or 0


@task(retry=RetryPolicy(base=0.1, jitter=0.0))
def go_on(journal: str, stop: str) -> Any:
    """Save, then be cut off in the way named; the run after that gives what it finds."""
    job = current_job()
    note(journal, "start")
    if job.saved is not None:
        return job.saved
    job.checkpoint({"done": 3, "log": [Path(journal)]})
    note(journal, "saved")
    if stop == "fails":
        raise ValueError("cut off")
    while True:
        Event().wait(0.01)


@task
def be_polite(journal: str, release: str) -> int:
    """Make way as often as asked to; says how often it has begun."""
    job = current_job()
    begun = (job.saved or 0) + 1
    job.checkpoint(begun)
    note(journal, "start")
    while not Path(release).exists():
        try:
            job.make_way()
        except Exception:  # noqa: BLE001 - as careless as a user's code may be
            note(journal, "swallowed")
        Event().wait(0.01)
    return begun


@task(priority=1)
def work_through(journal: str, release: str) -> int:
    """Long batch work in steps of 10 ms, each of which is kept; how many there were until the release."""
    job = current_job()
    step = job.saved or 0
    note(journal, "start")
    while not Path(release).exists():
        job.check_cancelled()
        Event().wait(0.01)
        note(journal, f"step-{step}")
        step += 1
        job.checkpoint(step)
    return step


@task(retry=RetryPolicy(max_retries=1, base=0.1, jitter=0.0))
def bring_forth(journal: str, numbers: list[int]) -> list[str]:
    """Submit a child for each number, fail after the first run, and submit them again."""
    job = current_job()
    note(journal, "start")
    ids = [job.submit(quick, number) for number in numbers]
    if job.attempt == 1:
        raise ValueError("after the children")
    return ids


@task(retry=RetryPolicy(max_retries=1, base=0.1, jitter=0.0))
def change_its_mind() -> str:
    job = current_job()
    child = job.submit(quick, job.attempt)
    if job.attempt == 1:
        raise ValueError("after the child")
    return child


@task
def write_log(lines: int) -> None:
    for number in range(lines):
        current_job().log(f"line {number}")
    current_job().log("caf\u00e9\r\nand a lone \udcff surrogate")


class SlowDownError(Exception):
    retry_after = 0.2


@task(retry=RetryPolicy(base=60.0, cap=60.0))
def slow_down(journal: str) -> str:
    note(journal, "start")
    if current_job().attempt == 1:
        raise SlowDownError
    return "done"


@task
async def sleep(journal: str, seconds: float) -> str:
    note(journal, "start")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(journal, "cancelled")
        raise
    return current_job().id


@task(retry=RetryPolicy(max_retries=0))
async def time_out_by_itself() -> None:
    async with asyncio.timeout(0.01):
        await asyncio.sleep(60)


@task(alike=lambda megabytes: f"{megabytes} MB")
def occupy(megabytes: int) -> int:
    """Have so much for a tenth of a second, and give it back."""
    taken = b"x" * (megabytes * 2**20)
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    return len(taken)
