"""Jobs of any task: submit, list, look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Created, Endpoints, JobId
from junmai_jobs.bridge.paths import check_paths
from junmai_jobs.bridge.site import Site
from junmai_jobs.bridge.subjects import subjects_of
from junmai_jobs.codec import as_json
from junmai_jobs.errors import OptionError
from junmai_jobs.idempotency import Once
from junmai_jobs.job import Job, Status
from junmai_jobs.retry import LONGEST
from junmai_jobs.submission import Submission
from junmai_jobs.why import Why

JOBS = Endpoints()
_MOST = 500
_FARTHEST = 10_000
_NAME = "^[a-z0-9][a-z0-9._-]{0,127}$"
_ID = "^[A-Za-z0-9._:/-]{1,128}$"
_ids: dict[str, Any] = {"type": "array", "items": {"type": "string", "pattern": _ID}}
_seconds: dict[str, Any] = {"type": "number", "minimum": 0.001, "maximum": LONGEST}
_RETRY = {
    "max_retries": {"type": "integer", "minimum": 0, "maximum": 1000},
    "base": {"type": "number", "minimum": 0, "maximum": 1e6},
    "factor": {"type": "number", "minimum": 1, "maximum": 100},
    "cap": {"type": "number", "minimum": 0, "maximum": 1e6},
    "jitter": {"type": "number", "minimum": 0, "maximum": 1},
}
_PRIORITY = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10}, {"enum": ["high", "medium", "low"]}]}
_ROW: dict[str, dict[str, Any]] = {
    "task": {"type": "string", "pattern": _NAME, "description": "The name of a registered task."},
    "args": {"type": "array", "description": "Its arguments by place."},
    "kwargs": {"type": "object", "description": "Its arguments by name."},
    "queue": {"type": "string", "pattern": _NAME, "description": "Where it waits; else the task's own."},
    "priority": _PRIORITY | {"description": "Larger runs first; high is 9, medium 5 and low 1."},
    "delay": _seconds | {"minimum": 0, "description": "Seconds before which it must not start."},
    "eta": {"type": "string", "format": "date-time", "description": "Instead of delay, with its zone."},
    "expires": _seconds | {"description": "Seconds after which it must not start any more."},
    "timeout": _seconds | {"description": "Seconds after which its run is killed."},
    "soft_timeout": _seconds | {"description": "Seconds after which SoftTimeout is raised in it."},
    "retry": {
        "type": "object", "properties": _RETRY, "additionalProperties": False,
        "description": "Whether and when it runs again.",
    },
    "after": _ids | {"description": "Ids of the jobs that must finish first."},
    "after_policy": {"enum": ["cancel", "continue", "failure"], "description": "If one of them fails."},
    "result_ttl": _seconds | {"description": "Seconds after which its result is forgotten."},
    "cache": {"type": ["number", "boolean"], "description": "Seconds for which its result answers."},
    "reuse": {"type": "boolean", "description": "Answer with such a result at once, without a job."},
    "tags": _ids | {"description": "Words that are kept with it."},
    "id": {"type": "string", "pattern": _ID, "description": "The same with the same content is one job."},
    "batch": {"type": "string", "pattern": _ID, "description": "The batch it belongs to."},
    "unique": {"type": "string", "pattern": _ID, "description": "Of the jobs of a key one at a time."},
    "durable": {"type": "boolean", "description": "Answer only when it is on the server's disk."},
    "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "How many run at once."},
    "needs": {
        "type": "object", "additionalProperties": {"type": "number", "minimum": 0.001, "maximum": 1e9},
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,31}$"},
        "description": "What it takes of a machine: gpu, vram_mb, ram_mb.",
    },
}  # fmt: skip
"""What a row may have, as JSON Schema: ``Submission.of`` is who decides."""

Row = Annotated[
    dict[str, Any],
    Meta(
        title="Row",
        description="A task, its arguments, and options by their names, as a line of `submit --stdin`.",
        extra_json_schema={"required": ["task"], "properties": _ROW, "additionalProperties": False},
    ),
]


class SubmittedJob(TypedDict):
    """A job; ``existing`` if it was there before this request.

    ``reused`` where there is none: the ``result`` was kept (``reuse``), and ``id`` names no job.
    """

    id: str
    status: Status
    existing: bool
    reused: NotRequired[bool]
    result: NotRequired[Any]


@JOBS.post("/queue/jobs", 404, 409, 507)
def submit_job(site: Site, body: Row, once: Once | None) -> SubmittedJob | Created[SubmittedJob]:
    """Have a worker run a task."""
    submission = Submission.of(body)
    job = submission.new_job()
    check_paths(submission, site.jobs.config)
    if once is not None:
        if submission.task.options.id is not None:
            raise OptionError("give an id, or the header Idempotency-Key, not both")
        own_id = once.id(0)
        if known := once.known(site.jobs.inspector, [own_id]):
            return {"id": own_id, "status": known[own_id], "existing": True}
        task = once.tagged(submission.task.with_options(id=own_id))
        job = submission._replace(task=task).new_job()
    handle = site.jobs.enqueue([job])[0]
    if handle.reused:
        kept = as_json(handle.result())
        return {"id": handle.id, "status": handle.status, "existing": False, "reused": True, "result": kept}
    status = site.jobs.inspector.statuses([handle.id]).get(handle.id, Status.QUEUED)
    told: SubmittedJob = {"id": handle.id, "status": status, "existing": handle.existing}
    return told if handle.existing else Created(told)


class Filter(Struct, forbid_unknown_fields=True):
    """Which jobs, newest first; ``offset`` says how many of them to pass over."""

    status: Annotated[Status, Meta(description="Those of this status.")] | None = None
    queue: Annotated[str, Meta(pattern=_NAME, description="Those of this queue.")] | None = None
    task: Annotated[str, Meta(pattern=_NAME, description="Those of this task.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=_MOST, description="How many at most.")] = 50
    offset: Annotated[int, Meta(ge=0, le=_FARTHEST, description="How many to pass over.")] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownJob(Job):
    """A job, whole, and the photograph that it works on, if any: see ``Subject``."""

    photo_id: int | None
    file: str | None
    thumbnail: str | None


class JobList(TypedDict):
    """``next_offset`` leads to the jobs after these; None: there are no more, or too many before them."""

    jobs: list[ShownJob]
    next_offset: int | None


@JOBS.get("/queue/jobs")
def list_jobs(site: Site, query: Filter) -> JobList:
    """List jobs, newest first."""
    end = query.offset + query.limit
    found = site.jobs.jobs(status=query.status, queue=query.queue, task=query.task, limit=end + 1)
    has_more = len(found) > end <= _FARTHEST
    return {"jobs": _shown(site, found[query.offset : end]), "next_offset": end if has_more else None}


@JOBS.get("/queue/jobs/<path:job_id>", 404)
def show_job(site: Site, job_id: JobId) -> ShownJob:
    """Show a job: every attempt, error, traceback and its log."""
    return _shown(site, [site.jobs.job(job_id)])[0]


@JOBS.get("/queue/jobs/<path:job_id>/why", 404)
def tell_why(site: Site, job_id: JobId) -> Why:
    """Tell why a job does not run, and when it will."""
    return site.jobs.why(job_id)


def _shown(site: Site, jobs: Sequence[Job]) -> list[ShownJob]:
    """With arguments, result and all else as JSON has them."""
    subjects = subjects_of(site, jobs)
    return [ShownJob(**as_json(job.as_dict()) | subjects[job.id]) for job in jobs]
