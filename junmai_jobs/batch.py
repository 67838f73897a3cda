"""A workflow in a user's hands: ``Batch``, the jobs that belong together, and how they are submitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from junmai_jobs.broker import pages
from junmai_jobs.connected import Connected
from junmai_jobs.edges import parents_in
from junmai_jobs.errors import InvalidState, JobNotFound, JunmaiJobsError, OptionError, ResultTimeout
from junmai_jobs.handle import JobHandle
from junmai_jobs.job import NewJob, Status, check_id
from junmai_jobs.waiting import as_they_finish, deadline_in
from junmai_jobs.workflow import Group, Planned, ancestors_first

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is."""

    done: int
    """Jobs that have ended, in whatever way."""
    total: int
    counts: dict[Status, int]
    """Jobs by status; one that no job has is left out."""


class Batch:
    """Jobs that belong together, see ``JobQueue.batch``. Every method asks anew.

    A job that is not kept any more (docs/configuration.md says how long) is no member any more.
    """

    def __init__(self, jobs: JobQueue, batch_id: str) -> None:
        self.id = batch_id
        self._jobs = jobs

    def __repr__(self) -> str:
        return f"<batch {self.id}>"

    def __getitem__(self, planned: Planned[R]) -> JobHandle[R]:
        return JobHandle(self._jobs, planned.id)

    @property
    def handles(self) -> list[JobHandle[Any]]:
        """All its jobs, by id; its callbacks are not among them."""
        return [JobHandle(self._jobs, job_id) for job_id in self._ids]

    @property
    def _ids(self) -> list[str]:
        return self._jobs.inspector.members(self.id)

    def progress(self) -> BatchProgress:
        """How far it is."""
        counts = Counter(self._jobs.inspector.statuses(self._ids).values())
        done = sum(count for status, count in counts.items() if status.finished)
        return BatchProgress(done, counts.total(), dict(counts))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all its jobs have ended, at most so many seconds; whether they have."""
        ids = self._ids
        return len(list(as_they_finish(self._jobs.inspector, ids, deadline_in(timeout)))) == len(ids)

    def results(self, timeout: float | None = None) -> list[Any]:
        """Wait for all, and give what the last ones returned: those for which no other of them waits, by id.

        Raises:
            ResultTimeout: they have not ended within so many seconds.
            JobFailed, JobCancelled, ResultExpired: one of the last ones has no result.
        """
        if not self.wait(timeout):
            raise ResultTimeout(f"batch {self.id} has not ended within {timeout:g} s")
        waits_for = self._waits_for()
        awaited = {parent for parents in waits_for.values() for parent in parents}
        return [JobHandle(self._jobs, each).result() for each in sorted(waits_for.keys() - awaited)]

    def cancel(self) -> list[str]:
        """Cancel all that have not ended, children before parents, so that none starts meanwhile.

        Its callbacks do what they do after jobs that did not succeed.

        Returns:
            The ids of the jobs that were cancelled, or that run and were told.
        """
        return self._each(self._parents_first()[::-1], self._jobs.cancel)

    def retry(self) -> list[str]:
        """Have all that failed or were cancelled wait again, children for their parents again.

        So do the callbacks that were cancelled or failed; one that has run does not run again.

        Returns:
            The ids of the jobs that wait again, without callbacks.
        """
        retried = self._each(self._parents_first(), self._jobs.retry)
        self._each(self._jobs.inspector.members(_callbacks_of(self.id)), self._jobs.retry)
        return retried

    def _parents_first(self) -> list[str]:
        return list(TopologicalSorter(self._waits_for()).static_order())

    def _waits_for(self) -> dict[str, list[str]]:
        """For each job those of this batch for which it was submitted to wait."""
        found = self._jobs.inspector.all_dependencies(self._ids)
        return {
            job_id: [parent for parent in parents_in(dependencies) if parent in found]
            for job_id, dependencies in found.items()
        }

    @staticmethod
    def _each(ids: Sequence[str], act: Callable[[str], object]) -> list[str]:
        done = []
        for job_id in ids:
            with suppress(InvalidState, JobNotFound):  # it is in another state, or somebody else was faster
                act(job_id)
                done.append(job_id)
        return done


class Workflows(Connected):
    """The part of ``JobQueue`` that is about workflows."""

    def submit_workflow(
        self,
        *planned: Planned[Any] | Group[Any],
        batch: str | None = None,
        on_success: Planned[Any] | None = None,
        on_failure: Planned[Any] | None = None,
        on_complete: Planned[Any] | None = None,
    ) -> Batch:
        """Submit planned jobs and all that they wait for, parents before children, as one batch.

        200 go in one call, all or none. If a call fails, submit the same objects again: what is there already
        stays as it is, and what is missing is added.

        Args:
            *planned: the last jobs of the workflow.
            batch: the id of the batch; None: the id of the last job. One that is known gets more members.
            on_success: a job that runs when all have succeeded, and is cancelled otherwise.
            on_failure: a job that runs when the first has failed or was cancelled; it is cancelled if none.
            on_complete: a job that runs when all have ended.

        Raises:
            OptionError: there is nothing to submit, or it is not planned.
            InvalidState: a job belongs to another batch already, or its id to another job.
            JobNotFound: a job named by its id or handle, for which one waits, is unknown.
            QueueFull: no room.
        """
        last = [each for given in planned for each in (given if isinstance(given, Group) else (given,))]
        callbacks = [
            (each, policy)
            for each, policy in ((on_success, "cancel"), (on_failure, "failure"), (on_complete, "continue"))
            if each is not None
        ]
        _check_planned([*last, *(each for each, _ in callbacks)])
        if not last:
            raise OptionError("a workflow has at least one job: submit_workflow(task.plan(...))")
        batch_id = last[-1].id if batch is None else check_id(batch, "batch")
        members = ancestors_first([*last, *(parent for each, _ in callbacks for parent in each.parents)])
        ids = [each.id for each in members]
        new = [each.new_job(batch_id) for each in members]
        new += [each.new_job(_callbacks_of(batch_id), ids, policy) for each, policy in callbacks]
        self._enqueue_all(new)
        return Batch(cast("JobQueue", self), batch_id)

    def _enqueue_all(self, new: list[NewJob]) -> None:
        accepted = 0
        for page in pages(new):
            try:
                self._enqueue(page)
            except InvalidState as error:
                raise InvalidState(
                    f"{error}; if it is a job of another batch, name its handle instead"
                ) from error
            except JunmaiJobsError as error:
                if accepted:
                    error.add_note(f"{accepted:,} of {len(new):,} jobs were accepted: submit the same again")
                raise
            accepted += len(page)

    def batch(self, batch_id: str) -> Batch:
        """The jobs that were submitted as one batch, or each with ``task.with_options(batch=...)``.

        Raises:
            JobNotFound: there are none (any more).
        """
        if not self.inspector.members(check_id(batch_id, "batch"), limit=1):
            raise JobNotFound(f"no batch {batch_id}: none of its jobs is kept, or there never was one")
        return Batch(cast("JobQueue", self), batch_id)


def _check_planned(given: Sequence[object]) -> None:
    for each in given:
        if not isinstance(each, Planned):
            raise OptionError(f"{each!r:.100} is not planned: make it with task.plan(arguments)")


def _callbacks_of(batch_id: str) -> str:
    return f"{batch_id}/callbacks"
