"""One slot without a process: it claims for itself and runs the task here and now, with the real executor."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from junmai_jobs.broker import Broker
from junmai_jobs.cache import Bounds
from junmai_jobs.context import RunningJob
from junmai_jobs.endings import Ending
from junmai_jobs.errors import InvalidState
from junmai_jobs.executor import Assignment, Crash, execute, log_begin, log_end, prepare
from junmai_jobs.host import describe_process
from junmai_jobs.job import Claimed, iso
from junmai_jobs.task import AsyncTask, task_names
from junmai_jobs.testing.crashes import CountedJob, CrashingLink


class InProcessWorker:
    """What a child of a worker does, step by step, until nothing is left to claim.

    Args:
        name: the worker's; it has one slot.
        broker: for the runs and their ends.
        link: of that broker.
        supervisor: for what the worker asks beside its runs.
    """

    def __init__(self, name: str, broker: Broker, link: CrashingLink, supervisor: Broker) -> None:
        self.name = name
        self.again: float | None = None
        """Seconds until a limit may have room, by the last claim."""
        self._claimer = f"{name}/0"
        self._broker = broker
        self._link = link
        self._supervisor = supervisor
        self._requests = 0
        self._looked_at, self._is_cancelled = -1, False
        self._said: dict[str, object] | None = None

    def introduce(self, offers: Sequence[object]) -> None:
        """Tell the store who works here, and what this machine has for jobs that need it."""
        said: dict[str, object] = {"offers": offers, "tasks": task_names()}
        if said != self._said:
            info = {
                "queues": None,
                "concurrency": 1,
                "claimers": [self._claimer],
                "started_at": iso(time.time()),
            }
            self._supervisor.register(self.name, {**describe_process(), **info, **said})
            self._said = said
        self._supervisor.extend(self.name, [self._claimer])

    def work(self, lanes: Sequence[str], most: int) -> int:
        """Run all that can be claimed in these lanes; how many runs there were.

        Raises:
            InvalidState: there would be more than ``most``; the next one was given back.
        """
        ended: list[tuple[Claimed, Ending]] = []
        runs = 0
        while True:
            step = self._broker.step(self._claimer, self._next_request(), lanes, ended)
            self.again = step.again
            if not step.jobs:
                return runs
            [job] = step.jobs
            if runs == most:
                self._broker.release(self._claimer, self._next_request())
                raise InvalidState(
                    f"there is no end to it: after the last run allowed job {job.id} is to run; see why it "
                    "comes back, or what submits it, or give run_until_idle a higher limit"
                )
            ending = self._run(job, lanes)
            ended = [] if ending is None else [(job, ending)]
            runs += 1

    def _next_request(self) -> str:
        self._requests += 1
        return f"1.{self._requests}"

    def _run(self, job: Claimed, lanes: Sequence[str]) -> Ending | None:
        assignment = prepare(job)
        if isinstance(assignment, Ending):
            return assignment
        log_begin(assignment)
        started, asked = time.monotonic(), partial(self._cancel_asked, job.token)
        kind = RunningJob if self._link.plan is None else CountedJob
        run = partial(execute, assignment, self._broker, asked, lanes, kept=Bounds(), kind=kind)
        with _signals_kept():
            ending = _apart(run) if _needs_a_loop_of_its_own(assignment) else run()
        self._link.check()  # the task may have caught its crash
        log_end(assignment, ending, time.monotonic() - started)
        return ending

    def _cancel_asked(self, token: str) -> bool:
        """Whether the run is to stop. Without a call since the last look nothing can have changed."""
        if self._looked_at != self._link.calls:
            self._looked_at = self._link.calls
            told = self._supervisor.extend(self.name, [self._claimer]) or {}
            self._is_cancelled = told.get(token) == "CANCEL"
        return self._is_cancelled


def _needs_a_loop_of_its_own(assignment: Assignment) -> bool:
    """Whether it is a coroutine, and the test one, too."""
    with suppress(RuntimeError):
        return isinstance(assignment.task, AsyncTask) and asyncio.get_running_loop() is not None
    return False


def _apart(run: partial[Ending | None]) -> Ending | None:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(contextvars.copy_context().run, run).result()


class _Interrupt(Crash):
    """Ctrl-C, on its way past the executor, for which any other exception would be the task's own."""


@contextmanager
def _signals_kept() -> Iterator[None]:
    """While a task runs Ctrl-C ends the tests, and the timer of soft timeouts is ours; then all is as before.

    Raises:
        KeyboardInterrupt: somebody has pressed it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        heard.append(number)
        raise _Interrupt

    on_interrupt = signal.signal(signal.SIGINT, interrupt)
    try:
        with suppress(_Interrupt), _alarm_kept():
            yield
    finally:
        signal.signal(signal.SIGINT, on_interrupt or signal.SIG_DFL)
    if heard:  # also where the task, or a hook's caller, has caught it
        raise KeyboardInterrupt


@contextmanager
def _alarm_kept() -> Iterator[None]:
    """The test's own timeout may use the same timer."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    handler, (left, every) = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 0)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)), every)
