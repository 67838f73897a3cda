"""One slot's process: claim a job, run it, end it and claim the next in the same call.

It claims for itself, one job at a time or a few ahead, and runs them in its main thread. What it tells its
parent, by the board and by its line, serves timeouts, display and who may begin; whose a job is only the
store says. It ends when told to, after its number of jobs, or with its parent, whatever way that dies.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import math
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil

from junmai_jobs import endings, ladder
from junmai_jobs.broker import Broker, Step
from junmai_jobs.cache import MEGABYTE, Bounds
from junmai_jobs.child_process import ChildSetup, settle_in
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.endings import Ending
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.executor import Assignment, delay_after_timeout, execute, log_begin, log_end, prepare
from junmai_jobs.hooks import close_hooks
from junmai_jobs.job import Claimed
from junmai_jobs.lanes import queue_of
from junmai_jobs.learning import Learning
from junmai_jobs.logs import log_others
from junmai_jobs.resources import NOTHING
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.sources import beginning

log = logging.getLogger("junmai_jobs.worker")
IDLE_WAIT = 30.0
"""Seconds an idle child waits for a ring before it looks by itself."""
MACHINE_WAIT = 0.25
"""Seconds it waits when there are jobs, but for machines that are taken, or when it may claim only some."""
AHEAD_FOR = 0.05
"""Seconds for which a child keeps jobs that it has claimed ahead, and need not tell how others have ended."""
_PATIENCE = 1.0
_PAUSE = 0.2


def child_main(setup: ChildSetup, board: Any, orders: Connection) -> None:
    """The child's entry point."""
    settle_in(setup)
    beginning()
    for module in setup.settings.task_modules:
        importlib.import_module(module)
    log_others()
    gc.freeze()  # what is there now stays: the collector would look at all of it again and again
    try:
        Child(setup, board, orders).work()
    except MemoryError:
        os._exit(ladder.OUT_OF_MEMORY)
    close_hooks()
    logging.shutdown()
    with contextlib.suppress(Exception):  # a task may have closed it, or put something else in its place
        sys.stdout.flush()
    # Threads that a task has left behind are not waited for.
    os._exit(0)


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
        self._learning = Learning(self._broker)
        self._kept = Bounds(settings.cache_entries, settings.cache_megabytes * MEGABYTE)
        self._pid = os.getpid()
        self._requests = 0
        self._orders_taken = 0
        self._woken = False
        self._has_rested = True
        self._ran_out = False
        self._announced: tuple[RetryPolicy, int] | None = None
        self._took: dict[str, float] = {}
        """Task -> how many seconds its last run took here."""
        self._complaint = ""

    def work(self) -> None:
        """Until told to stop, or for the given number of jobs."""
        ended: list[tuple[Claimed, Ending]] = []
        while True:
            self._take_orders()
            self._board.claiming = True  # first: see Pool._let_loner_begin
            leaving, least = self._board.stop or self._is_spent(), self._board.least
            claiming = not leaving and least < NOTHING
            if leaving and not ended:
                break
            if not claiming and not ended:
                self._board.claiming = False
                if self._board.retire:
                    break
                wait([self._orders], IDLE_WAIT)
                continue
            step = self._step(ended, claiming=claiming, least=least)
            self._heed(step, ended)
            ended = []
            self._learning.tell_if_due()
            if step.jobs:
                ended = self._run_all(step.jobs)
            elif claiming and step.newer is None:
                self._board.claiming = False
                # Stop: an order that was read while the server was away will not wake it again.
                if self._board.retire or self._board.stop:
                    break
                self._wait_for_work(step, least)
        self._learning.tell()
        self._link.close()

    def _heed(self, step: Step, ended: Sequence[tuple[Claimed, Ending]]) -> None:
        """What the store says of the jobs that have ended, and of queues that are not for us."""
        if "LOST" in step.endings:
            for (job, how), word in zip(ended, step.endings, strict=True):
                # The parent may have returned what waited for its turn.
                if word == "LOST" and how.verb != "step_aside":
                    text = "job %s was given to someone else; its outcome here does not count"
                    log.warning(text, job.id, extra={"event": "job.lost", **job.fields})
        if step.newer is not None:
            text = "queue %s has jobs of a newer version of junmai-jobs: update this worker"
            log.warning(text, step.newer, extra={"event": "queue.newer", "queue": step.newer})
            self._queues = [queue for queue in self._queues if queue != step.newer]

    def _is_spent(self) -> bool:
        """Whether it has run its jobs, has grown too large, or has lost what the next job would need."""
        settings, jobs = self._setup.settings, self._board.jobs
        if not jobs:
            return False
        closed = getattr(sys.stdout, "closed", False) or getattr(sys.stderr, "closed", False)
        largest = settings.max_memory_per_child
        is_large = largest and psutil.Process().memory_info().rss > largest * MEGABYTE
        return bool(closed or self._ran_out or jobs >= settings.max_jobs_per_child or is_large)

    def _step(self, ended: Sequence[tuple[Claimed, Ending]], *, claiming: bool, least: int = 0) -> Step:
        """End and claim, asking again while the server is away: the request stays the same."""
        self._requests += 1
        request = f"{self._setup.generation}.{self._requests}"
        woken, self._woken = self._woken, False
        settings = self._setup.settings
        # A child that may claim only some jobs is to claim no more than it must.
        ahead = 1 if least else min(settings.claim_ahead, settings.max_jobs_per_child - self._board.jobs)
        while True:
            queues = self._queues if claiming else ()
            try:
                return self._broker.step(
                    self._setup.claimer,
                    request,
                    queues,
                    ended,
                    lease=settings.lease,
                    woken=woken,
                    least=least,
                    ahead=ahead,
                )
            except StoreUnavailable as error:
                if self._board.stop and not ended:
                    return Step([], [])
                self._leave_if_orphaned()
                self._complain(str(error))
                time.sleep(_PAUSE)
                self._take_orders()

    def _run_all(self, jobs: Sequence[Claimed]) -> list[tuple[Claimed, Ending]]:
        """Run jobs one after the other, and say how each ended.

        Those that wait too long for their turn go back: by us, or while a run takes long by the parent.
        Before a run that may take long, as its task did or was never seen, the ends so far are told; if it
        did, what is behind it goes back at once.
        """
        board, ended, last_token = self._board, list[tuple[Claimed, Ending]](), -1
        until = time.monotonic() + AHEAD_FOR if len(jobs) > 1 else math.inf
        waiting = list(jobs)
        while waiting:
            job = waiting.pop(0)
            assignment = prepare(job)
            if isinstance(assignment, Ending):
                ended.append((job, assignment))
                continue
            took = self._took.get(assignment.task.name, math.inf)
            if AHEAD_FOR < took < math.inf:
                ended, waiting = ended + _aside(waiting), []
            if took > AHEAD_FOR and ended:
                self._heed(self._step(ended, claiming=False), ended)
                ended = []
            has_begun = job is not jobs[0]
            if has_begun and (board.stop or board.least or self._is_spent() or time.monotonic() > until):
                return ended + _aside([job, *waiting])
            board.ahead = len(waiting)
            started = time.monotonic()
            self._announce(assignment, started)
            if board.recalled == last_token:  # looked at when this one is announced: see Pool.recall_ahead
                board.token = 0
                return ended + _aside([job, *waiting])
            if (ending := self._run(assignment, started, took)) is not None:
                ended.append((job, ending))
            self._took[assignment.task.name] = time.monotonic() - started
            last_token = int(job.token)
        return ended

    def _run(self, assignment: Assignment, started: float, took: float) -> Ending | None:
        board, token, rung = self._board, int(assignment.job.token), assignment.rung
        log_begin(assignment)
        try:
            ending = self._wait_to_be_alone(assignment, token) if rung else None
            self._learning.begin(assignment, took)
            ending = ending or execute(
                assignment,
                self._task_broker,
                lambda: board.cancel == token,
                self._queues,
                self._setup.settings.max_waiting,
                kept=self._kept,
                note_input=self._note_input,
            )
        finally:
            if os.getpid() != self._pid:
                os._exit(1)  # a copy of this process, forked by the task: it holds no lease
            # Before the end is told, so that the parent never takes an ended run for a lost one.
            board.token = 0
            board.jobs += 1
        if rung:
            board.alone, board.rung = False, 0
        self._ran_out = ending is not None and ladder.ran_out(ending)
        seconds = time.monotonic() - started
        self._learning.end(assignment, ending, seconds)
        log_end(assignment, ending, seconds)
        return ending

    def _announce(self, assignment: Assignment, started: float) -> None:
        """What the parent needs should it have to kill this run for its timeout; the token last."""
        board, job, options = self._board, assignment.job, assignment.options
        board.id = job.id.encode()
        board.timeout = options.timeout
        if (run := (options.retry, job.failures)) != self._announced:
            # Mostly as for the run before; drawing lots each time would cost more than all the rest.
            self._announced, board.retry_delay = run, delay_after_timeout(assignment)
        board.deadline = started + options.timeout
        if assignment.rung:
            board.rung = assignment.rung
        board.token = int(job.token)
        board.claiming = board.ahead > 0
        if self._has_rested:
            self._tell_of_work()

    def _tell_of_work(self) -> None:
        """Wake the parent, which looks at the board of who works more often; once until it has heard."""
        self._has_rested = False
        if not self._board.told:
            self._board.told = True
            with contextlib.suppress(OSError):
                self._orders.send_bytes(b"w")

    def _wait_to_be_alone(self, assignment: Assignment, token: int) -> Ending | None:
        """Until no other slot of this worker runs a job; or how the run ends, if it never begins."""
        board = self._board
        board.deadline, board.alone = math.inf, True
        while board.granted != token:
            if board.cancel == token:
                return endings.confirm_cancel("asked")
            if board.stop:
                return endings.defer(0, assignment.job.note, "its worker stops")
            time.sleep(_PAUSE)
        board.deadline = time.monotonic() + assignment.options.timeout
        return None

    def _note_input(self, input_id: str) -> None:
        board = self._board
        board.input_id = input_id.encode()
        # Second: until then it is an earlier run's, so half an id, of a child that dies above, is of no run.
        board.input_token = board.token

    def _wait_for_work(self, step: Step, least: int) -> None:
        """Until a queue's bell rings, an order comes, or it is time to look anyway.

        Nobody rings when a machine is free again, so that is asked for often; and a ring for what needs one
        is then better heard by others. So is any ring by a child that may claim only some jobs.
        """
        self._has_rested = True
        lanes = [lane for lane in self._queues if not step.waits or lane == queue_of(lane)]
        bells = [] if least else [self._broker.keys.queue(lane, "bell") for lane in lanes]
        patience = MACHINE_WAIT if step.waits or least else IDLE_WAIT
        if step.again is not None:
            patience = min(patience, step.again)
        patience = max(0.001, min(patience, self._learning.tell_if_due(is_idle=True)))
        try:
            if bells:
                self._link.send("BLPOP", *bells, patience)
            waited: list[Any] = [self._orders, self._link] if bells else [self._orders]
            ready: list[Any] = wait(waited, patience + 5 if bells else patience)
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
            self._board.orders_read = self._orders_taken

    def _complain(self, text: str) -> None:
        """Once about the same thing; the supervisor tells of a server that is away."""
        if text != self._complaint and "cannot work" in text:
            log.warning("%s", text, extra={"event": "server.refuses"})
        self._complaint = text

    def _leave_if_orphaned(self) -> None:
        parent = parent_process()
        if parent is not None and not parent.is_alive():
            os._exit(1)


def _aside(jobs: Sequence[Claimed]) -> list[tuple[Claimed, Ending]]:
    return [(each, endings.step_aside()) for each in jobs]
