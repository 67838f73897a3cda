"""The task that Lightroom itself does, by the plugin, which the bridge hands its jobs to."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from junmai_jobs.catalog import Catalog
from junmai_jobs.context import current_job
from junmai_jobs.errors import Abort, InvalidState
from junmai_jobs.job import Status
from junmai_jobs.limits import Unique
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.task import task

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

_WEEK = 7 * 86_400
_RETRY = RetryPolicy(base=30.0)  # what keeps Lightroom from it is a person at work there
_UNFINISHED = (Status.QUEUED, Status.SCHEDULED, Status.RETRYING, Status.BLOCKED, Status.RUNNING)
_MOST, _MOST_OF_A_PHOTO = 1_000_000, 1_000  # jobs


@task(queue="lightroom", priority=9, expires=_WEEK, retry=_RETRY)
def lightroom_apply(*, photo_id: int, config: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - the plugin's
    """Give a photograph its develop settings in Lightroom.

    Args:
        photo_id: the catalog's.
        config: what to do, and with which file: LrDevConfig 1.0, see ``photo.develop.lightroom``.

    Returns:
        ``status``, success, and ``reason``, what the plugin says of it.

    Raises:
        Abort: it runs anywhere but in Lightroom.
    """
    raise Abort(f"photo {photo_id} is for the Lightroom plugin, which asks the bridge for its jobs")


def hand_over(records: Catalog, photo_id: int, config: dict[str, Any]) -> str | None:
    """From inside a job: have the plugin give a photograph these settings, however often that is asked once.

    Of what still waits for the photo the last settings count. What is known to be done is not done again.

    Returns:
        The id of the job that does it, or has done it; None outside a job, where there is no queue.
    """
    for row in records.job_rows(Status.SUCCEEDED, photo_id=photo_id, limit=_MOST_OF_A_PHOTO):
        if row.task == lightroom_apply.name and row.config == config:
            return row.id
    try:
        running = current_job()
    except InvalidState:
        return None
    last_counts = lightroom_apply.with_options(unique=Unique(f"lightroom:{photo_id}", keep="last"))
    return running.submit(last_counts, photo_id=photo_id, config=config)


def take_back(jobs: JobQueue, photo_ids: Collection[int]) -> int:
    """Cancel what the plugin was to do with these photos and has not done yet; how many jobs that were.

    Raises:
        StoreUnavailable: the server is away.
    """
    cancelled = 0
    for status in _UNFINISHED:
        for job in jobs.jobs(status=status, queue=lightroom_apply.options.queue, limit=_MOST):
            if type(photo_id := job.kwargs.get("photo_id")) is int and photo_id in photo_ids:
                with suppress(InvalidState):  # it has just ended
                    jobs.cancel(job.id)
                    cancelled += 1
    return cancelled
