"""``JobQueue``: what a user imports."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from junmai_jobs.broker import pages
from junmai_jobs.errors import (
    InvalidState,
    JobNotFound,
    JunmaiJobsError,
    OptionError,
)
from junmai_jobs.estimates import Estimate
from junmai_jobs.events import Event, follow
from junmai_jobs.handle import JobHandle, StoredJob
from junmai_jobs.history import read_history
from junmai_jobs.job import WAITING, NewJob, Status, check_name, new_id, stored_id
from junmai_jobs.jobqueue_keeping import JobQueueKeeping
from junmai_jobs.jobqueue_outlook import JobQueueOutlook
from junmai_jobs.jobqueue_schedules import JobQueueSchedules
from junmai_jobs.jobqueue_workers import JobQueueWorkers
from junmai_jobs.jobqueue_workflows import JobQueueWorkflows
from junmai_jobs.keys import FINISHED_HOMES
from junmai_jobs.options import no_priority
from junmai_jobs.task import Task, as_task
from junmai_jobs.waiting import as_they_finish

if TYPE_CHECKING:
    from junmai_jobs.why import Why

P = ParamSpec("P")
R = TypeVar("R")


class JobQueue(JobQueueOutlook, JobQueueSchedules, JobQueueWorkflows, JobQueueWorkers, JobQueueKeeping):
    """The jobs of one namespace on one server. It connects at the first call; threads may share it.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; None: what the configuration says, else the embedded
            server, started when needed.
        namespace: keeps these jobs apart from others on the same server.
        config: the configuration; None: read it from its usual place.
        allow_eviction: accept a server that may throw jobs away when its memory is full.

    Every method may raise StoreUnavailable.
    """

    # Submitting.

    def submit(self, task: Task[P, R], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Have a worker run ``task(*args, **kwargs)``; options go through ``task.with_options``.

        Raises:
            PayloadError: an argument is missing, unexpected, or cannot be stored. Nothing was sent.
            DiskFull: a disk of this computer has no room for what it will write. Nothing was sent.
            QueueFull, InvalidState: no room; the id given belongs to a job with other content.
            JobNotFound: a job in ``after`` or ``result_of`` is unknown.
            NotDurable: it has the option ``durable``, and is not known to be on the server's disk; ``ids`` of
                the error tells whether it is accepted all the same.
            OptionError: it is no task.
        """
        return self.enqueue([as_task(task).new_job(args, kwargs)])[0]

    def submit_many(
        self, task: Task[..., R], rows: Iterable[Sequence[Any] | Mapping[str, Any]]
    ) -> list[JobHandle[R]]:
        """One job a row; a row is the positional or the keyword arguments.

        200 rows go in one call (fewer with unique keys, limits, batches or parents), all or none, and none of
        200 if one of them is wrong; an error names the row, and rows of earlier calls stay accepted. Rows are
        taken as they are sent; what stays is their handles, 0.2 kB each. Where the task says what it writes
        (``disk``) all rows are taken first, and DiskFull refuses all of them.
        """
        if not isinstance(rows, Iterable):
            raise OptionError(f"rows is {rows!r}; give a list of rows, each the arguments of one job")
        return self.submit_all((task, row) for row in rows)

    def submit_all(
        self, calls: Iterable[tuple[Task[..., R], Sequence[Any] | Mapping[str, Any]]]
    ) -> list[JobHandle[R]]:
        """One job for each task and row, see ``submit_many``; each may have options of its own."""
        if not isinstance(calls, Iterable):
            raise OptionError(f"calls is {calls!r}; give a list of pairs, each a task and a row")
        handles: list[JobHandle[R]] = []
        try:
            new = (_new_job(number, call) for number, call in enumerate(calls))
            self.enqueue_all(pages(self.admitted(new)), handles)
        except BaseException as error:
            if handles:
                error.add_note(f"the first {len(handles):,} jobs were accepted before")
            raise
        return handles

    # Looking.

    def job(self, job_id: str) -> StoredJob:
        """One job, whole, as it is now.

        Raises:
            JobNotFound: there is none.
        """
        return StoredJob.of(self.inspector.job(job_id), self)

    def why(self, job_id: str) -> Why:
        """Why a job does not run, and when it will, as far as that can be told; see docs/why.md.

        Raises:
            JobNotFound: there is none.
        """
        from junmai_jobs.why.looking import InspectorWhy  # noqa: PLC0415 - whoever only submits does without

        self._check_server()
        return InspectorWhy(self._link, self.namespace).why(stored_id(job_id))

    def jobs(
        self,
        *,
        status: str | None = None,
        queue: str | None = None,
        task: str | None = None,
        limit: int = 50,
    ) -> list[StoredJob]:
        """Jobs that match, newest first."""
        if status is not None and status not in tuple(Status):
            raise OptionError(f"no status {status!r}; there are {', '.join(Status)}")
        for name, what in ((queue, "queue"), (task, "task")):
            if name is not None:
                check_name(name, what)
        if type(limit) is not int or not 1 <= limit <= sys.maxsize:
            raise OptionError(f"limit is {limit!r}; give a whole number from 1 on, and below 2^63")
        wanted = Status(status) if status else None
        found = self.inspector.jobs(status=wanted, queue=queue, task=task, limit=limit)
        return [StoredJob.of(job, self) for job in found]

    def estimate(self, task: Task[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Estimate | None:
        """How long a job will take and how much memory, as runs of jobs like it tell; None: too few have run.

        What is alike is told by the task's ``alike``, see docs/guide/estimates.md.

        Raises:
            OptionError: it is no task.
        """
        return self.estimates.of(as_task(task), args, kwargs)

    def stats(self) -> dict[str, Any]:
        """Counts, as ``junmai-jobs stats --json`` prints them."""
        return self.inspector.stats()

    def cache(self) -> dict[str, Any]:
        """What is kept of values that were made before: ``entries``, ``bytes``, ``hits`` and ``misses``.

        A hit is a run that was spared work, a miss one that has made a value that is kept. ``tasks`` has
        ``entries`` and ``bytes`` of each task.
        """
        return self.inspector.cache()

    def workers(self) -> list[dict[str, Any]]:
        """Who is alive, and what each slot runs."""
        return self.inspector.workers()

    # Waiting.

    def wait(
        self, handles: Iterable[JobHandle[R]], timeout: float | None = None
    ) -> tuple[list[JobHandle[R]], list[JobHandle[R]]]:
        """Wait for many jobs, at most so many seconds: those that have ended, and those that have not.

        Raises:
            OptionError: one of them is no handle.
        """
        given = _check_handles(handles)
        ended = set(as_they_finish(self.inspector, [each.id for each in given], self.deadline_in(timeout)))
        return [each for each in given if each.id in ended], [each for each in given if each.id not in ended]

    def as_completed(
        self, handles: Iterable[JobHandle[R]], timeout: float | None = None
    ) -> Iterator[JobHandle[R]]:
        """The handles as their jobs end; one whose job is not kept any more comes as well.

        Raises:
            ResultTimeout: some have not ended within so many seconds.
            OptionError: one of them is no handle.
        """
        missing = {each.id: each for each in _check_handles(handles)}
        total, deadline = len(missing), self.deadline_in(timeout)
        for job_id in as_they_finish(self.inspector, list(missing), deadline):
            yield missing.pop(job_id)
        if missing:
            raise self.timed_out(f"{len(missing)} of {total} jobs have", timeout)

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
        return self.broker.cancel(stored_id(job_id), new_id())

    def retry(self, job_id: str, *, force: bool = False) -> None:
        """Have a failed or cancelled job wait again; its attempts start again, its history stays.

        One that had parents waits for them again.

        Args:
            job_id: which.
            force: try an input that is in quarantine once more, and so whatever other jobs work on it.

        Raises:
            JobNotFound, InvalidState: there is none; it is neither failed nor cancelled, or another job has
                its unique key.
        """
        self.broker.revive(job_id, new_id(), self.inspector.dependencies(job_id), force=force)

    def retry_all(self, *, task: str | None = None, force: bool = False) -> list[str]:
        """Retry every failed job, or those of one task, see ``retry``; the ids of those that wait again."""
        retried = []
        for job in self.jobs(status="failed", task=task, limit=max(1, self.config.keep_failed.count)):
            with contextlib.suppress(InvalidState, JobNotFound):  # somebody else was faster
                self.retry(job.id, force=force)
                retried.append(job.id)
        return retried

    def reprioritize(self, job_id: str, priority: int) -> None:
        """Give a job that has not finished another priority, 0 to 10.

        Raises:
            JobNotFound, InvalidState, OptionError: none such; it has finished; no priority.
        """
        if type(priority) is bool or not isinstance(priority, int) or not 0 <= priority <= 10:
            raise OptionError(no_priority(priority))
        self.broker.reprioritize(stored_id(job_id), priority)

    def boost(self, job_id: str) -> bool:
        """Have a job come first of all, at priority 10: somebody waits for it now (docs/guide/attention.md).

        Of two the one boosted last is first. When it may run stays as it is: not before its time, nor before
        its parents have ended. True: it waits; False: it runs already, and is first should it come back.

        Raises:
            JobNotFound, InvalidState: there is none; it has finished.
        """
        [home] = self.broker.boost([stored_id(job_id)])
        if not home:
            raise JobNotFound.of(job_id)
        if home in FINISHED_HOMES:
            raise InvalidState(f"job {job_id} is {home}; only a job that has not finished can be boosted")
        return home != "running"

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

    def clear_cache(self, task: str | None = None) -> int:
        """Throw away the values that were made before, by one task or all. How many there were."""
        keys = self.inspector.cache_keys(None if task is None else check_name(task, "task"))
        self.broker.forget(keys)
        return len(keys)


def _new_job(number: int, call: object) -> NewJob:
    try:
        if not isinstance(call, (tuple, list)) or len(call) != 2:
            raise OptionError(f"{call!r:.100} is no call; give a pair, a task and its row")
        task, row = as_task(call[0]), call[1]
        if isinstance(row, (tuple, list)):
            return task.new_job(tuple(row), {})
        if isinstance(row, Mapping):
            return task.new_job((), row)
        if isinstance(row, (str, bytes)) or not isinstance(row, Sequence):
            raise OptionError("a row is a tuple or list of arguments, or a dict of keyword arguments")
        return task.new_job(tuple(row), {})
    except JunmaiJobsError as error:
        raise type(error)(f"row {number}: {error}") from None


def _check_handles(given: Iterable[JobHandle[R]]) -> list[JobHandle[R]]:
    handles = list(given)
    for each in handles:
        if not isinstance(each, JobHandle):
            raise OptionError(f"{each!r:.100} is no handle: give what submit returns")
    return handles
