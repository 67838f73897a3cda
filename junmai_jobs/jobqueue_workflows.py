"""What a ``JobQueue`` does with workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from junmai_jobs.batch import Batch, callbacks_of
from junmai_jobs.broker import pages
from junmai_jobs.errors import InvalidState, JobNotFound, JunmaiJobsError, OptionError
from junmai_jobs.job import NewJob, check_id
from junmai_jobs.jobqueue_base import JobQueueBase
from junmai_jobs.workflow import Group, Planned, ancestors_first

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue


class JobQueueWorkflows(JobQueueBase):
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

        Some go in one call, all or none. If a call fails, submit the same objects again: what is there stays
        as it is, and what is missing is added.

        Args:
            *planned: the last jobs of the workflow.
            batch: the id of the batch; None: the id of the last job. One that is known gets more members.
            on_success: a job that runs when all have succeeded, and is cancelled otherwise.
            on_failure: a job that runs when the first has failed or was cancelled; it is cancelled if none.
            on_complete: a job that runs when all have ended.

        Raises:
            OptionError: there is nothing to submit, it is not planned, or a callback is given twice.
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
        _check_callbacks([each for each, _ in callbacks], ids)
        new = [each.new_job(batch_id) for each in members]
        new += [each.new_job(callbacks_of(batch_id), ids, policy) for each, policy in callbacks]
        self._enqueue_all(new)
        return Batch(cast("JobQueue", self), batch_id)

    def _enqueue_all(self, new: list[NewJob]) -> None:
        accepted = 0
        for page in pages(self.admitted(new)):
            try:
                self.enqueue_admitted(page)
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


def _check_callbacks(callbacks: Sequence[Planned[Any]], members: Sequence[str]) -> None:
    taken = set(members)
    for each in callbacks:
        if each.id in taken:
            raise OptionError(
                f"{each!r} is given twice: a callback is neither a member nor another callback, plan one more"
            )
        taken.add(each.id)
