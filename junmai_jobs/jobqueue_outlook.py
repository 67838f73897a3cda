"""The part of a ``JobQueue`` that tells what a submission would take, and submits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from junmai_jobs.jobqueue_base import JobQueueBase
from junmai_jobs.task import Task, as_task

if TYPE_CHECKING:
    from junmai_jobs.outlook import Call, Outlook
    from junmai_jobs.why.placing import InspectorPlacing


class JobQueueOutlook(JobQueueBase):
    """See ``JobQueue``."""

    def outlook(self, calls: Iterable[tuple[Task[..., Any], *tuple[Any, ...]]]) -> Outlook:
        """What it would take to submit these: when they end, memory, and room on disks; nothing is submitted.

        Args:
            calls: each a task and a row, see ``submit_many``; or a task, its arguments by place and those by
                name.

        Raises:
            PayloadError, OptionError: see ``submit``.
        """
        from junmai_jobs.outlook import outlook  # noqa: PLC0415 - whoever only submits does without

        return outlook(
            self.placing,
            self.estimates,
            list(map(_call, calls)),
            self.config.disk_reserve_bytes,
            lambda jobs: self._answered(jobs, uses=False),
        )

    @property
    def placing(self) -> InspectorPlacing:
        """What tells when a job would run if it were submitted now, on a server that was found fit."""
        from junmai_jobs.why.placing import InspectorPlacing  # noqa: PLC0415

        self._check_server()
        return InspectorPlacing(self._link, self.namespace)


def _call(given: tuple[Any, ...]) -> Call:
    task, *row = given
    if len(row) == 1:
        row = [(), row[0]] if isinstance(row[0], Mapping) else [row[0], {}]
    return as_task(task), tuple(row[0]), row[1]
