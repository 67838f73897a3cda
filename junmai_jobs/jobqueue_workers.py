"""What a ``JobQueue`` does with workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from junmai_jobs.config import Config
from junmai_jobs.errors import OptionError
from junmai_jobs.hosting import EmbeddedWorker
from junmai_jobs.job import check_name
from junmai_jobs.jobqueue_base import JobQueueBase
from junmai_jobs.resources import offers
from junmai_jobs.retry import LONGEST
from junmai_jobs.scheduler import Retention
from junmai_jobs.settings import LONGEST_LEASE, WorkerSettings
from junmai_jobs.task import task_modules


class JobQueueWorkers(JobQueueBase):
    """The part of ``JobQueue`` that is about workers."""

    def worker(
        self,
        *,
        concurrency: int | None = None,
        queues: Iterable[str] | None = None,
        tasks: Iterable[str] = (),
        signals: bool = False,
        **settings: Any,
    ) -> EmbeddedWorker:
        """A worker inside this process, for a ``with`` block; its jobs run in child processes.

        The children import the modules of the tasks registered here and those named in ``tasks``. In a script
        everything that starts something must stand under ``if __name__ == "__main__":``. Other ``settings``
        are those of ``WorkerSettings``; its log goes where the host sends that of ``junmai_jobs``, the
        children's to stderr, from ``loglevel`` WARNING on. Of them ``offers`` are amounts,
        ``{"gpu": 1, "vram_mb": 8000}``, instead of what is found; ``aging`` is seconds in line until a job
        gets the highest priority; ``schedules=False`` neither stores schedules nor fires any.

        Raises:
            OptionError, StoreUnavailable: as ``worker_settings``.
        """
        settings.setdefault("loglevel", "WARNING")
        if signals:
            raise OptionError("signals=True is not built yet: run `junmai-jobs worker`, or own the signals")
        chosen = self.worker_settings(concurrency=concurrency, queues=queues, tasks=tasks, **settings)
        return EmbeddedWorker(chosen)

    def worker_settings(
        self,
        *,
        concurrency: int | None = None,
        queues: Iterable[str] | None = None,
        tasks: Iterable[str] = (),
        **settings: Any,
    ) -> WorkerSettings:
        """The settings of a worker for this queue: what is not given comes from the configuration.

        Raises:
            OptionError: a setting is unknown, or none that can be; the message says what can be.
            StoreUnavailable: the server cannot be reached, or lets this user run no script.
        """
        config = self.config
        if unknown := settings.keys() - {each.name for each in fields(WorkerSettings)}:
            raise OptionError(f"no such worker settings: {', '.join(sorted(unknown))}")
        slots = config.max_concurrent_jobs if concurrency is None else concurrency
        if type(slots) is not int or not 1 <= slots <= 1000:
            raise OptionError(f"concurrency is {concurrency!r}; give a whole number from 1 to 1000")
        aging = settings.get("aging")
        if aging is not None and (type(aging) not in {int, float} or not 1 <= aging <= LONGEST):
            raise OptionError(f"aging is {aging!r}; give seconds from 1 on, or None")
        for name, least in (("lease", 1), ("grace", 0)):
            seconds = settings.get(name, least)
            if type(seconds) not in {int, float} or not least <= seconds <= LONGEST_LEASE:
                raise OptionError(
                    f"{name} is {seconds!r}; give a number of seconds from {least} to {LONGEST_LEASE}"
                )
        count = settings.get("max_jobs_per_child", 1)
        if type(count) is not int or not 1 <= count <= 2**31:
            raise OptionError(f"max_jobs_per_child is {count!r}; give a whole number from 1 to {2**31}")
        if isinstance(queues, str):
            raise OptionError(f"queues is {queues!r}; give a list of names")
        served = None if queues is None else tuple(check_name(queue, "queue") for queue in queues)
        settings["offers"] = tuple(offers(settings.get("offers")))
        settings.setdefault("aging", config.aging_seconds)
        self.broker.due()  # who may run no script here is told so now
        return WorkerSettings(
            endpoint=self.server,
            namespace=self.namespace,
            concurrency=slots,
            queues=served,
            order=config.queue_order,
            task_modules=tuple(dict.fromkeys((*task_modules(), *tasks, *config.tasks))),
            retention=_retention(config),
            notify_command=config.notify_command,
            max_waiting=config.max_waiting,
            **settings,
        )


def _retention(config: Config) -> dict[str, Retention]:
    kept = {
        "succeeded": config.keep_succeeded,
        "failed": config.keep_failed,
        "cancelled": config.keep_cancelled,
    }
    return {status: Retention(each.days * 86400.0, each.count) for status, each in kept.items()}
