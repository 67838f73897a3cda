"""Two ways to run a worker: as a process of its own, which heeds signals; inside a host, which owns them."""

from __future__ import annotations

import itertools
import logging
import signal
import threading
from types import FrameType

from junmai_jobs.settings import WorkerSettings
from junmai_jobs.worker import Worker

log = logging.getLogger("junmai_jobs.worker")


def run_with_signals(worker: Worker) -> int:
    """Run a worker in the main thread: SIGTERM and the first SIGINT stop it in order, the second at once."""
    interrupts = itertools.count(1)

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        worker.stop(now=next(interrupts) > 1)

    def on_terminate(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    before = {signal.SIGINT: signal.signal(signal.SIGINT, on_interrupt)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, on_terminate)
    try:
        return worker.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class EmbeddedWorker:
    """A worker in a thread of the host's process, as a context manager; the host owns the signals."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.worker = Worker(settings)
        self._thread = threading.Thread(target=self._run, name="junmai-jobs-worker")
        self._failure: BaseException | None = None

    def __enter__(self) -> Worker:
        self._thread.start()
        return self.worker

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            log.exception("the worker has failed")
            self._failure = error
