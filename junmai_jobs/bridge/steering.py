"""Steer the queue: stop a job, hold up queues, try again, empty them.

These are endpoints of the original bridge, which take the name of a queue where those took none.
"""

from __future__ import annotations

from msgspec import Struct

from junmai_jobs.bridge.endpoints import Endpoints, JobId
from junmai_jobs.bridge.original import Message
from junmai_jobs.bridge.site import Site

STEERING = Endpoints()


class Which(Struct, forbid_unknown_fields=True):
    """Which queue; none: all."""

    queue_name: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """As ``JobQueue.pause`` takes them."""
        return () if self.queue_name is None else (self.queue_name,)


@STEERING.post("/queue/cancel/<path:task_id>", 404, 409)
def cancel(site: Site, task_id: JobId) -> Message:
    """Cancel a job that waits, or tell one that runs to stop."""
    site.jobs.cancel(task_id)
    return {"message": "Job cancelled"}


@STEERING.post("/queue/pause")
def pause(site: Site, body: Which) -> Message:
    """Let no job of a queue, or of any queue, start from now on, also after restarts."""
    site.jobs.pause(*body.names)
    return {"message": "Queue paused"}


@STEERING.post("/queue/resume")
def resume(site: Site, body: Which) -> Message:
    """Let jobs of a queue, or of all queues, start again."""
    site.jobs.resume(*body.names)
    return {"message": "Queue resumed"}


class Retried(Message):
    """The job that waits again: the same, with the same id."""

    original_task_id: str
    new_task_id: str


@STEERING.post("/queue/retry/<path:task_id>", 404, 409)
def retry(site: Site, task_id: JobId) -> Retried:
    """Have a failed or cancelled job wait again."""
    site.jobs.retry(task_id)
    return {"message": "Job retried", "original_task_id": task_id, "new_task_id": task_id}


class OfTask(Struct, forbid_unknown_fields=True):
    """Of which task; none: of all."""

    task: str | None = None


class RetriedAll(Message):
    """The jobs that wait again, by id."""

    retried: list[str]


@STEERING.post("/queue/retry")
def retry_all(site: Site, body: OfTask) -> RetriedAll:
    """Have each failed job wait again, or each of one task."""
    return {"message": "Jobs retried", "retried": site.jobs.retry_all(task=body.task)}


class Purged(Message):
    """How many jobs were cancelled."""

    tasks_purged: int


@STEERING.post("/queue/purge")
def purge(site: Site, body: Which) -> Purged:
    """Cancel all that waits in a queue, or in all queues."""
    return {"message": "Queue purged", "tasks_purged": site.jobs.purge(body.queue_name)}
