"""One slot's process: claim a job, run it, end it and claim the next in the same call.

It claims for itself, one job at a time, and runs it in its main thread. It tells its parent nothing that
the store could not tell: what stands on the board serves timeouts and display. It ends when told to, after
its number of jobs, or with its parent, whatever way that dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import RawValue
from typing import Any

from junmai_jobs.broker import Broker, Step
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.endings import Ending
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.executor import Assignment, delay_after_timeout, execute, prepare
from junmai_jobs.job import Claimed
from junmai_jobs.lanes import queue_of
from junmai_jobs.logs import start_logging
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.settings import WorkerSettings

log = logging.getLogger("junmai_jobs.worker")
IDLE_WAIT = 10.0
"""Seconds an idle child waits for a ring before it looks by itself."""
MACHINE_WAIT = 0.25
"""Seconds it waits when there are jobs, but for machines that are taken."""
_PATIENCE = 1.0
_PAUSE = 0.2


class Board(ctypes.Structure):
    """Shared memory between a child and its parent, one writer a field. Times are ``time.monotonic``."""

    _fields_ = (
        ("token", ctypes.c_uint64),  # child: of the job that runs, 0 between jobs
        ("deadline", ctypes.c_double),  # child: when that run is to be killed
        ("id", ctypes.c_char * 129),  # child
        ("jobs", ctypes.c_uint32),  # child: how many it has run
        ("timeout", ctypes.c_double),  # child: how long it may run, in seconds
        ("retry_delay", ctypes.c_double),  # child: what follows if it has to be killed, see timed_out
        ("cancel", ctypes.c_uint64),  # parent: token of the run that is asked to stop
        ("stop", ctypes.c_bool),  # parent: claim no more
        ("input_id", ctypes.c_char * 256),  # child: what its run works on, see quarantine.input_id
        ("input_token", ctypes.c_uint64),  # child: the run of which ``input_id`` is true
        ("orders", ctypes.c_uint32),  # parent: how many orders it has sent
    )


def new_board() -> Any:
    """A board that can be handed to a child."""
    return RawValue(Board)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSetup:
    """What a child needs to know; it is pickled by multiprocessing, from our own parent process only."""

    settings: WorkerSettings
    claimer: str
    generation: int
    queues: tuple[str, ...]
    threads: int
    """For each library that would start one a core."""


def child_main(setup: ChildSetup, board: Any, orders: Connection) -> None:
    """The child's entry point."""
    _settle_in(setup)
    for module in setup.settings.task_modules:
        importlib.import_module(module)
    Child(setup, board, orders).work()
    logging.shutdown()
    with contextlib.suppress(Exception):  # a task may have closed it, or put something else in its place
        sys.stdout.flush()
    # Threads that a task has left behind are not waited for.
    os._exit(0)


def _settle_in(setup: ChildSetup) -> None:
    """Leave the terminal's signals to the parent, end with it, and do not take every core for one job."""
    leave_stopping_to_the_parent()
    if os.name == "posix":
        os.setpgid(0, 0)
        # What a task forks is ended by a SIGTERM of its own, from its first moment on.
        os.register_at_fork(
            before=_heed_sigterm, after_in_parent=_ignore_sigterm, after_in_child=_heed_sigterm
        )
    _end_with_parent()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(variable, str(setup.threads))
    start_logging(setup.settings.loglevel, setup.settings.log_file)


def leave_stopping_to_the_parent() -> None:
    """Neither a terminal's Ctrl-C nor a SIGTERM that is sent to every process ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _ignore_sigterm()


def _ignore_sigterm() -> None:
    # Not SIG_IGN, which whatever a task starts would inherit. ValueError: it forks in another thread.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, lambda *_: None)


def _heed_sigterm() -> None:
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_with_parent() -> None:
    """Two ways, since each has a hole.

    The thread sees the supervisor die on every system, but cannot act while C code holds the interpreter.
    The kernel's signal comes in any case, but only on Linux, and at the death of the forkserver, which
    follows the supervisor's at once.
    """
    parent = parent_process()
    if parent is None:
        return
    _let_forkserver_go()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _let_forkserver_go() -> None:
    """Close the pipe that multiprocessing leaves in each child: while it is open, the forkserver lives on."""
    if sys.platform == "win32":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - not there on Windows

    server: Any = forkserver._forkserver  # noqa: SLF001 - there is no public way
    if (pipe := getattr(server, "_forkserver_alive_fd", None)) is not None:
        server._forkserver_alive_fd = None  # noqa: SLF001
        os.close(pipe)


class Child:
    """The loop of a slot's process."""

    def __init__(self, setup: ChildSetup, board: Any, orders: Connection) -> None:
        self._setup = setup
        self._board = board
        self._orders = orders
        self._queues: Sequence[str] = setup.queues
        settings = setup.settings
        self._link = DedicatedLink(settings.endpoint, patience=_PATIENCE, client_name="junmai-jobs-child")
        self._broker = Broker(self._link, settings.namespace, moved_clock=settings.moved_clock)
        # For tasks: their threads may share it, and a SoftTimeout that cuts off a call does no harm.
        link = ClientLink(settings.endpoint, patience=_PATIENCE, client_name="junmai-jobs-task")
        self._task_broker = Broker(link, settings.namespace, moved_clock=settings.moved_clock)
        self._pid = os.getpid()
        self._requests = 0
        self._orders_taken = 0
        self._woken = False
        self._announced: tuple[RetryPolicy, int] | None = None
        self._complaint = ""

    def work(self) -> None:
        """Until told to stop, or for the given number of jobs."""
        ended: tuple[Claimed, Ending] | None = None
        while True:
            self._take_orders()
            claiming = not self._board.stop and not self._is_spent()
            if not claiming and ended is None:
                break
            step = self._step(ended, claiming=claiming)
            if step.ending == "LOST" and ended is not None:
                log.warning("job %s was given to someone else; its outcome here does not count", ended[0].id)
            if step.newer is not None:
                log.warning(
                    "queue %s has jobs of a newer version of junmai-jobs: update this worker", step.newer
                )
                self._queues = [queue for queue in self._queues if queue != step.newer]
            ended = None
            if step.job is not None:
                ended = self._run(step.job)
            elif claiming and step.newer is None:
                self._wait_for_work(step)
        self._link.close()

    def _is_spent(self) -> bool:
        """Whether it has run its number of jobs, or one that closed what the next would print to."""
        closed = any(getattr(stream, "closed", False) for stream in (sys.stdout, sys.stderr))
        return closed or self._board.jobs >= self._setup.settings.max_jobs_per_child

    def _step(self, ended: tuple[Claimed, Ending] | None, *, claiming: bool) -> Step:
        """End and claim, asking again while the server is away: the request stays the same."""
        self._requests += 1
        request = f"{self._setup.generation}.{self._requests}"
        woken, self._woken = self._woken, False
        while True:
            queues = self._queues if claiming else ()
            try:
                return self._broker.step(
                    self._setup.claimer, request, queues, ended, lease=self._setup.settings.lease, woken=woken
                )
            except StoreUnavailable as error:
                if self._board.stop and ended is None:
                    return Step("", None)
                self._leave_if_orphaned()
                self._complain(str(error))
                time.sleep(_PAUSE)
                self._take_orders()

    def _run(self, job: Claimed) -> tuple[Claimed, Ending] | None:
        board = self._board
        assignment = prepare(job)
        if isinstance(assignment, Ending):
            return job, assignment
        started = time.monotonic()
        self._announce(assignment, started)
        token = int(job.token)
        try:
            ending = execute(
                assignment,
                self._task_broker,
                lambda: board.cancel == token,
                self._queues,
                self._setup.settings.max_waiting,
                note_input=self._note_input,
            )
        finally:
            if os.getpid() != self._pid:
                os._exit(1)  # a copy of this process, forked by the task: it holds no lease
            # Before the end is told, so that the parent never takes an ended run for a lost one.
            board.token = 0
            board.jobs += 1
        if log.isEnabledFor(logging.INFO):
            _log_end(assignment, ending, time.monotonic() - started)
        return None if ending is None else (job, ending)

    def _announce(self, assignment: Assignment, started: float) -> None:
        """What the parent needs should it have to kill this run for its timeout; the token last."""
        board, job, options = self._board, assignment.job, assignment.options
        board.id = job.id.encode()
        board.timeout = options.timeout
        if (run := (options.retry, job.failures)) != self._announced:
            # Mostly as for the run before; drawing lots each time would cost more than all the rest.
            self._announced, board.retry_delay = run, delay_after_timeout(assignment)
        board.deadline = started + options.timeout
        board.token = int(job.token)

    def _note_input(self, input_id: str) -> None:
        board = self._board
        board.input_id = input_id.encode()
        # Second: until then it is an earlier run's, so half an id, of a child that dies above, is of no run.
        board.input_token = board.token

    def _wait_for_work(self, step: Step) -> None:
        """Until a queue's bell rings, an order comes, or it is time to look anyway.

        Nobody rings when a machine is free again, so that is asked for often; and a ring for what needs one
        is then better heard by others.
        """
        lanes = [lane for lane in self._queues if not step.waits or lane == queue_of(lane)]
        bells = [self._broker.keys.queue(lane, "bell") for lane in lanes]
        patience = MACHINE_WAIT if step.waits else IDLE_WAIT
        if step.again is not None:
            patience = max(0.001, min(patience, step.again))
        try:
            if bells:
                self._link.send("BLPOP", *bells, patience)
            waited: list[Any] = [self._orders, self._link] if bells else [self._orders]
            ready: list[Any] = wait(waited, patience + 5)
            if self._link in ready:
                self._woken = self._link.receive() is not None
            elif bells:
                # A reply that nobody will read must not be taken for the next one's; it may be a ring.
                self._link.close()
                self._woken = True
        except StoreUnavailable:
            self._leave_if_orphaned()

    def _take_orders(self) -> None:
        """Orders are the queues to serve from now on; the last one counts. Stopping is on the board."""
        while self._orders_taken != self._board.orders:
            try:
                self._queues = self._orders.recv()
            except (EOFError, OSError):
                os._exit(1)
            self._orders_taken += 1

    def _complain(self, text: str) -> None:
        """Once about the same thing; the supervisor tells of a server that is away."""
        if text != self._complaint and "cannot work" in text:
            log.warning("%s", text)
        self._complaint = text

    def _leave_if_orphaned(self) -> None:
        parent = parent_process()
        if parent is not None and not parent.is_alive():
            os._exit(1)


def _log_end(assignment: Assignment, ending: Ending | None, seconds: float) -> None:
    log.info(
        "job %s %s attempt %d after %.3f s: %s",
        assignment.job.id,
        assignment.task.name,
        assignment.job.attempt,
        seconds,
        ending or "given to someone else",
    )
