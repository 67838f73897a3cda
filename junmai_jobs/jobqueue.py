"""``JobQueue``: what a user imports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any, ParamSpec, TypeVar

from junmai_jobs.batch import Workflows
from junmai_jobs.broker import BATCH, Broker
from junmai_jobs.config import Config, load_config
from junmai_jobs.connection import ClientLink
from junmai_jobs.errors import (
    InvalidState,
    JobNotFound,
    JunmaiJobsError,
    OptionError,
    ResultTimeout,
)
from junmai_jobs.events import Event, follow
from junmai_jobs.handle import JobHandle, StoredJob
from junmai_jobs.history import read_history
from junmai_jobs.hosting import EmbeddedWorker
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import WAITING, NewJob, Status, check_name, new_id
from junmai_jobs.resources import offers
from junmai_jobs.scheduler import Retention
from junmai_jobs.scheduling import Scheduling
from junmai_jobs.server import find_server
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.task import Task, as_task, task_modules
from junmai_jobs.waiting import as_they_finish, deadline_in

P = ParamSpec("P")
R = TypeVar("R")


class JobQueue(Scheduling, Workflows):
    """The jobs of one namespace on one server. It connects at the first call; threads may share it.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; None: what the configuration says, else the embedded
            server, started when needed.
        namespace: keeps these jobs apart from others on the same server.
        config: the configuration; None: read it from its usual place.
        allow_eviction: accept a server that may throw jobs away when its memory is full.

    Every method may raise StoreUnavailable.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        namespace: str | None = None,
        config: Config | None = None,
        allow_eviction: bool = False,
    ) -> None:
        self.config = load_config() if config is None else config
        self.namespace = check_name(namespace or self.config.namespace, "namespace")
        self.server = find_server(self.config, url)
        self._allow_eviction = allow_eviction
        self._checked = False
        self._link = ClientLink(self.server, client_name="junmai-jobs")
        self._broker = Broker(self._link, self.namespace)
        self._inspector = Inspector(self._link, self.namespace)

    @property
    def broker(self) -> Broker:
        """The verbs, on a server that was found fit."""
        self._check_server()
        return self._broker

    @property
    def inspector(self) -> Inspector:
        """The read side, on a server that was found fit."""
        self._check_server()
        return self._inspector

    def _check_server(self) -> None:
        if not self._checked:
            self.server.ensure()
            self.server.check(allow_eviction=self._allow_eviction)
            self._checked = True

    def close(self) -> None:
        """Drop the connections; the next call opens new ones."""
        self._link.client.close()

    # Submitting.

    def submit(self, task: Task[P, R], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Have a worker run ``task(*args, **kwargs)``; options go through ``task.with_options``.

        Raises:
            PayloadError: an argument is missing, unexpected, or cannot be stored. Nothing was sent.
            QueueFull, InvalidState: no room; the id given belongs to a job with other content.
        """
        return self._enqueue([as_task(task).new_job(args, kwargs)])[0]

    def submit_many(
        self, task: Task[..., R], rows: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[JobHandle[R]]:
        """One job a row; a row is the positional or the keyword arguments.

        200 rows go in one call, all or none; an error names the row, and rows of earlier calls stay accepted.
        """
        if not isinstance(rows, Iterable):
            raise OptionError(f"rows is {rows!r}; give a list of rows, each the arguments of one job")
        return self.submit_all((task, row) for row in rows)

    def submit_all(
        self, calls: Iterable[tuple[Task[..., R], Sequence[Any] | Mapping[str, Any]]]
    ) -> list[JobHandle[R]]:
        """One job for each task and row, see ``submit_many``; each may have options of its own."""
        handles: list[JobHandle[R]] = []
        numbered = enumerate(calls)
        while batch := [_new_job(number, *call) for number, call in islice(numbered, BATCH)]:
            try:
                handles += self._enqueue(batch)
            except JunmaiJobsError as error:
                if len(batch) > 1 and handles:
                    error.add_note(f"the first {len(handles):,} jobs were accepted before")
                raise
        return handles

    def _enqueue(self, jobs: list[NewJob]) -> list[JobHandle[Any]]:
        known = self.broker.enqueue(jobs, max_waiting=self.config.max_waiting)
        return [
            JobHandle(self, existing or job.id, existing=existing is not None)
            for job, existing in zip(jobs, known, strict=True)
        ]

    # Looking.

    def job(self, job_id: str) -> StoredJob:
        """One job, whole, as it is now.

        Raises:
            JobNotFound: there is none.
        """
        return StoredJob.of(self.inspector.job(job_id), self)

    def jobs(
        self,
        *,
        status: str | None = None,
        queue: str | None = None,
        task: str | None = None,
        limit: int = 50,
    ) -> list[StoredJob]:
        """Jobs that match, newest first."""
        if status is not None and status not in set(Status):
            raise OptionError(f"no status {status!r}; there are {', '.join(Status)}")
        for name, what in ((queue, "queue"), (task, "task")):
            if name is not None:
                check_name(name, what)
        if type(limit) is not int or limit < 1:
            raise OptionError(f"limit is {limit!r}; give a whole number from 1 on")
        wanted = Status(status) if status else None
        found = self.inspector.jobs(status=wanted, queue=queue, task=task, limit=limit)
        return [StoredJob.of(job, self) for job in found]

    def stats(self) -> dict[str, Any]:
        """Counts, as ``junmai-jobs stats --json`` prints them."""
        return self.inspector.stats()

    def workers(self) -> list[dict[str, Any]]:
        """Who is alive, and what each slot runs."""
        return self.inspector.workers()

    # Waiting.

    def wait(
        self, handles: Iterable[JobHandle[R]], timeout: float | None = None
    ) -> tuple[list[JobHandle[R]], list[JobHandle[R]]]:
        """Wait for many jobs, at most so many seconds: those that have ended, and those that have not."""
        given = list(handles)
        ended = set(as_they_finish(self.inspector, [each.id for each in given], deadline_in(timeout)))
        return [each for each in given if each.id in ended], [each for each in given if each.id not in ended]

    def as_completed(
        self, handles: Iterable[JobHandle[R]], timeout: float | None = None
    ) -> Iterator[JobHandle[R]]:
        """The handles as their jobs end; one whose job is not kept any more comes as well.

        Raises:
            ResultTimeout: some have not ended within so many seconds.
        """
        missing = {each.id: each for each in handles}
        total, deadline = len(missing), deadline_in(timeout)
        for job_id in as_they_finish(self.inspector, list(missing), deadline):
            yield missing.pop(job_id)
        if missing:
            raise ResultTimeout(f"{len(missing)} of {total} jobs have not ended within {timeout:g} s")

    def events(self, after: str | None = None, timeout: float | None = None) -> Iterator[Event]:
        """What happens to jobs, as it happens.

        Args:
            after: the cursor of the last event seen; "0": the oldest that is kept; None: from now on.
            timeout: end when nothing has happened for so many seconds; None: never.

        Raises:
            EventsLost: not all that followed the cursor was kept; the error tells where to go on.
        """
        return follow(self._link, self.broker, after, timeout)

    def history(
        self, resolution: str = "minute", since: str | datetime | None = None
    ) -> list[dict[str, Any]]:
        """How many jobs ended in each minute of the last day, or each hour of 90 days, oldest first.

        Args:
            resolution: ``minute`` or ``hour``.
            since: leave out what began before this time; UTC, where it names no zone.

        Returns:
            For each ``at`` (its beginning), ``succeeded``, ``failed``, ``cancelled``; and ``queued`` and
            ``running``, as they were at its end, None where no worker was there to count them.
        """
        self._check_server()
        return read_history(self._link, self._inspector.keys, resolution, since)

    # Steering.

    def cancel(self, job_id: str) -> bool:
        """Cancel a job. True: done; False: it is running, was told, and is killed after the worker's grace.

        Raises:
            JobNotFound, InvalidState: there is none, or it has finished.
        """
        return self.broker.cancel(job_id, new_id())

    def retry(self, job_id: str) -> None:
        """Have a failed or cancelled job wait again; its attempts start again, its history stays.

        One that had parents waits for them again.

        Raises:
            JobNotFound, InvalidState: there is none, or it is neither failed nor cancelled.
        """
        self.broker.revive(job_id, new_id(), self.inspector.dependencies(job_id))

    def retry_all(self, *, task: str | None = None) -> list[str]:
        """Retry every failed job, or those of one task; the ids of those that wait again."""
        retried = []
        for job in self.jobs(status="failed", task=task, limit=max(1, self.config.keep_failed.count)):
            with contextlib.suppress(InvalidState, JobNotFound):  # somebody else was faster
                self.retry(job.id)
                retried.append(job.id)
        return retried

    def reprioritize(self, job_id: str, priority: int) -> None:
        """Give a job that has not finished another priority, 0 to 10.

        Raises:
            JobNotFound, InvalidState, OptionError: none such; it has finished; no priority.
        """
        if type(priority) is bool or not isinstance(priority, int) or not 0 <= priority <= 10:
            raise OptionError(f"priority is {priority!r}; give a whole number from 0 to 10")
        self.broker.reprioritize(job_id, priority)

    def pause(self, *queues: str) -> list[str]:
        """When this returns, no job of these queues starts; none named: of no queue, also of those to come.

        Returns:
            The queues that are paused now.
        """
        names = [check_name(queue, "queue") for queue in queues]
        self.broker.pause(names)
        return self.inspector.paused()

    def resume(self, *queues: str) -> list[str]:
        """Undo ``pause``; none named: for all queues. The queues that are still paused."""
        names = [check_name(queue, "queue") for queue in queues]
        self.broker.resume(names)
        return self.inspector.paused()

    def purge(self, queue: str | None = None, *, status: str | None = None) -> int:
        """Cancel (reason ``purged``) what waits in one queue, or in all. How many jobs."""
        if status is not None and status not in WAITING:
            raise OptionError(f"cannot purge {status!r} jobs; only {', '.join(WAITING)} ones wait")
        statuses = WAITING if status is None else (Status(status),)
        named = None if queue is None else check_name(queue, "queue")
        lanes = self.inspector.lanes(named)
        return sum(self.broker.purge(lane, [each.home for each in statuses], new_id()) for lane in lanes)

    # Working.

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
        children's to stderr, from ``loglevel`` WARNING on.
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
        """The settings of a worker for this queue: what is not given comes from the configuration."""
        config = self.config
        if unknown := settings.keys() - {each.name for each in fields(WorkerSettings)}:
            raise OptionError(f"no such worker settings: {', '.join(sorted(unknown))}")
        slots = config.max_concurrent_jobs if concurrency is None else concurrency
        if type(slots) is not int or not 1 <= slots <= 1000:
            raise OptionError(f"concurrency is {concurrency!r}; give a whole number from 1 to 1000")
        if isinstance(queues, str):
            raise OptionError(f"queues is {queues!r}; give a list of names")
        served = None if queues is None else tuple(check_name(queue, "queue") for queue in queues)
        settings["offers"] = tuple(offers(settings.get("offers")))
        settings.setdefault("aging", config.aging_seconds)
        self._check_server()
        return WorkerSettings(
            endpoint=self.server,
            namespace=self.namespace,
            concurrency=slots,
            queues=served,
            order=config.queue_order,
            task_modules=tuple(dict.fromkeys((*task_modules(), *tasks, *config.tasks))),
            retention={
                status: Retention(kept.days * 86400.0, kept.count)
                for status, kept in (
                    ("succeeded", config.keep_succeeded),
                    ("failed", config.keep_failed),
                    ("cancelled", config.keep_cancelled),
                )
            },
            notify_command=config.notify_command,
            max_waiting=config.max_waiting,
            **settings,
        )


def _new_job(number: int, task: Task[..., Any], row: Sequence[Any] | Mapping[str, Any]) -> NewJob:
    try:
        task = as_task(task)
        if isinstance(row, Mapping):
            return task.new_job((), row)
        if isinstance(row, (str, bytes)) or not isinstance(row, Sequence):
            raise OptionError("a row is a tuple or list of arguments, or a dict of keyword arguments")
        return task.new_job(tuple(row), {})
    except JunmaiJobsError as error:
        raise type(error)(f"row {number}: {error}") from None
