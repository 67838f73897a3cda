"""Two ways to run a worker: as a process of its own, which heeds signals; inside a host, which owns them."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

from junmai_jobs.errors import OptionError
from junmai_jobs.forked import leave_children_to_the_original
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.startup import may_work
from junmai_jobs.worker import Worker

log = logging.getLogger("junmai_jobs.worker")
_ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""What asks a process to end: the first two of POSIX, the last of Windows."""


def run_with_signals(worker: Worker) -> int:
    """Run a worker in the main thread. Its exit code.

    SIGTERM, SIGHUP (its terminal is gone), SIGBREAK and the first SIGINT stop it in order, a second SIGINT at
    once. A SIGHUP that was ignored before, as under nohup, stays ignored.
    """
    interrupts = itertools.count(1)

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        worker.stop(now=next(interrupts) > 1)

    def on_ending(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    known = [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]
    heeded = [each for each in known if each == signal.SIGTERM or signal.getsignal(each) != signal.SIG_IGN]
    handlers = {signal.SIGINT: on_interrupt, **dict.fromkeys(heeded, on_ending)}
    with contextlib.closing(worker), _handled(handlers):
        before = signal.set_wakeup_fd(worker.wakeup_fd, warn_on_full_buffer=False)
        try:
            return worker.run()
        finally:
            signal.set_wakeup_fd(before)


@contextlib.contextmanager
def _handled(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Have these signals handled so, and then as before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class EmbeddedWorker:
    """A worker in a thread of the host's process, for a ``with`` block or from ``start`` to ``stop``.

    The host owns the signals. At its end the worker stops in order also where nobody has called ``stop``.
    A copy of the host that a fork makes runs no worker, and what it calls here does nothing to the
    original's; nor does one start in a child that imports the module which starts it.
    """

    def __init__(self, settings: WorkerSettings, take_over: Callable[[], None] = lambda: None) -> None:
        """``take_over`` is called before each start."""
        self._settings = settings
        self._take_over = take_over
        self._started: _Started | None = None

    def start(self) -> Worker:
        """Start to work. The worker, which in a child of another one does nothing.

        Raises:
            OptionError: it works already, or this is a process of another worker.
            StoreUnavailable: the server cannot be reached.
        """
        if self._mine() is not None:
            raise OptionError("this worker was started already: stop it first")
        if not may_work():
            with contextlib.closing(Worker(self._settings)) as idle:
                return idle
        self._take_over()
        leave_children_to_the_original()
        worker = Worker(self._settings)
        self._started = _Started(worker)
        atexit.register(self.stop)
        return worker

    def stop(self) -> None:
        """Stop in order, and wait for that; a KeyboardInterrupt meanwhile ends the running jobs at once.

        Whatever the worker may have failed of is raised. If it does not work, nothing happens.
        """
        if (started := self._mine()) is None:
            return
        try:
            started.stop()
        finally:
            if started.over.is_set():  # else it is still to be stopped at the exit
                self._started = None
                atexit.unregister(self.stop)

    def _mine(self) -> _Started | None:
        """What this process has started, be it the original or a copy."""
        started = self._started
        return started if started is not None and started.pid == os.getpid() else None

    def __enter__(self) -> Worker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Started:
    """A worker that works in a thread: one that keeps nobody from ending who has forgotten it."""

    def __init__(self, worker: Worker) -> None:
        self.pid = os.getpid()
        self._worker = worker
        self._failure: BaseException | None = None
        # An event, as a join that was interrupted must not be tried again before Python 3.13.
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="junmai-jobs-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        try:
            self._worker.stop()
            self.over.wait()
        except KeyboardInterrupt:
            self._worker.stop(now=True)
            self.over.wait()
            raise
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            with contextlib.closing(self._worker):
                self._worker.run()
        except BaseException as error:
            log.exception("the worker has failed", extra={"event": "worker.failed"})
            self._failure = error
        finally:
            self.over.set()
