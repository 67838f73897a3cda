"""A workflow in a user's hands: ``Batch``, the jobs that belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeVar

from junmai_jobs.edges import parents_in
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.handle import JobHandle
from junmai_jobs.job import Status
from junmai_jobs.waiting import as_they_finish
from junmai_jobs.workflow import Planned

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
        """The handle of a planned job, with its type; whether it is a member is not asked."""
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
        return len(list(as_they_finish(self._jobs.inspector, ids, self._jobs.deadline_in(timeout)))) == len(
            ids
        )

    def results(self, timeout: float | None = None) -> list[Any]:
        """Wait for all, and give what the last ones returned: those for which no other of them waits, by id.

        Raises:
            ResultTimeout: they have not ended within so many seconds.
            JobFailed, JobCancelled, ResultExpired: one of the last ones has no result.
        """
        if not self.wait(timeout):
            raise self._jobs.timed_out(f"batch {self.id} has", timeout)
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
        self._each(self._jobs.inspector.members(callbacks_of(self.id)), self._jobs.retry)
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


def callbacks_of(batch_id: str) -> str:
    """The id of the second batch, which holds the callbacks of this one: they are not its members."""
    return f"{batch_id}/callbacks"
