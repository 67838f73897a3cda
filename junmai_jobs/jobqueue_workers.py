"""What a ``JobQueue`` does with workers, and as one. Who only submits does without the modules of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from junmai_jobs.errors import OptionError
from junmai_jobs.jobqueue_base import JobQueueBase

if TYPE_CHECKING:
    from junmai_jobs.hosting import EmbeddedWorker
    from junmai_jobs.replay import Replay
    from junmai_jobs.settings import WorkerSettings


class JobQueueWorkers(JobQueueBase):
    """The part of ``JobQueue`` that runs jobs."""

    def worker(
        self,
        *,
        concurrency: int | None = None,
        queues: Iterable[str] | None = None,
        tasks: Iterable[str] = (),
        signals: bool = False,
        **settings: Any,
    ) -> EmbeddedWorker:
        """A worker inside this process, for a ``with`` block, or ``start()`` and ``stop()``.

        Its jobs run in child processes, which import the modules of the tasks registered here and those named
        in ``tasks``. In a script everything that starts something must stand under
        ``if __name__ == "__main__":``. Under Flask's reloader the process that it runs works alone. The
        embedding page of the guide tells the rest. Other ``settings``
        are those of ``WorkerSettings``; its log goes where the host sends that of ``junmai_jobs``, the
        children's to stderr, from ``loglevel`` WARNING on. Of them ``offers`` are amounts,
        ``{"gpu": 1, "vram_mb": 8000}``, instead of what is found; ``aging`` is seconds in line until a job
        gets the highest priority; ``schedules=False`` neither stores schedules nor fires any;
        ``governor=False`` looks at nobody else's use of the machine.

        Raises:
            OptionError: the main module has no such guard, or as ``worker_settings``.
            StoreUnavailable: as ``worker_settings``.
        """
        from junmai_jobs.hosting import EmbeddedWorker  # noqa: PLC0415
        from junmai_jobs.startup import refuse_unguarded, take_over  # noqa: PLC0415

        refuse_unguarded()
        settings.setdefault("loglevel", "WARNING")
        if signals:
            raise OptionError("signals=True is not built yet: run `junmai-jobs worker`, or own the signals")
        chosen = self.worker_settings(concurrency=concurrency, queues=queues, tasks=tasks, **settings)
        return EmbeddedWorker(chosen, lambda: take_over(self.broker, self.inspector))

    def worker_settings(
        self,
        *,
        concurrency: int | None = None,
        queues: Iterable[str] | None = None,
        tasks: Iterable[str] = (),
        governor: bool | None = None,
        **settings: Any,
    ) -> WorkerSettings:
        """The settings of a worker for this queue: what is not given comes from the configuration.

        Raises:
            OptionError: a setting is unknown, or none that can be; the message says what can be.
            StoreUnavailable: the server cannot be reached, or does not let this user call our functions.
        """
        from junmai_jobs.worker_settings import worker_settings  # noqa: PLC0415

        return worker_settings(
            self, concurrency=concurrency, queues=queues, tasks=tasks, governor=governor, **settings
        )

    def replay(
        self, job_id: str, *, attempt: int | None = None, tell: Callable[[str], object] = print
    ) -> Replay:
        """What a job has to do, to ``run`` it once more, here; the job stays as it is: docs/guide/replay.md.

        Args:
            job_id: which; it may have finished.
            attempt: which one the task is to take it for; None: the last.
            tell: gets progress, log, and what was not submitted or published, line by line.

        Raises:
            JobNotFound, UnknownTask, InvalidState, ResultExpired: see ``Replay``.
        """
        from junmai_jobs.replay import Replay  # noqa: PLC0415 - whoever only submits does without

        self._check_server()
        return Replay(self._link, self.namespace, job_id, attempt, tell)
