"""Jobs of any task: submit, list, look at, steer."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.site import Site
from junmai_jobs.codec import as_json
from junmai_jobs.job import Status

JOBS = Endpoints()
_MOST = 500
_FARTHEST = 100_000


class JobError(TypedDict):
    """Of what a run has failed."""

    type: str
    message: str
    traceback: str


class JobView(TypedDict):
    """A job, whole."""

    id: str
    task: str
    queue: str
    priority: int
    status: Status
    args: list[Any]
    kwargs: dict[str, Any]
    attempt: int
    max_retries: int
    retry_count: int
    created_at: str | None
    started_at: str | None
    finished_at: str | None
    run_at: str | None
    worker: str | None
    progress: dict[str, Any] | None
    result: Any
    reason: str | None
    error: dict[str, Any] | None
    history: list[dict[str, Any]]
    log: list[str]
    tags: list[str]
    token: str | None


class Filter(Struct, forbid_unknown_fields=True):
    """Which jobs, newest first; ``offset`` says how many of them to pass over."""

    status: Status | None = None
    queue: str | None = None
    task: str | None = None
    limit: Annotated[int, Meta(ge=1, le=_MOST)] = 50
    offset: Annotated[int, Meta(ge=0, le=_FARTHEST)] = 0


class JobList(TypedDict):
    """``next_offset`` leads to the jobs after these; None: there are no more."""

    jobs: list[JobView]
    next_offset: int | None


@JOBS.get("/queue/jobs")
def list_jobs(site: Site, query: Filter) -> JobList:
    """List jobs, newest first."""
    end = query.offset + query.limit
    found = site.jobs.jobs(status=query.status, queue=query.queue, task=query.task, limit=end + 1)
    shown = [_view(job) for job in found[query.offset : end]]
    return {"jobs": shown, "next_offset": end if len(found) > end else None}


@JOBS.get("/queue/jobs/<path:job_id>", 404)
def show_job(site: Site, job_id: str) -> JobView:
    """Show a job: every attempt, error, traceback and its log."""
    return _view(site.jobs.job(job_id))


def _view(job: Any) -> JobView:
    view: JobView = as_json(job.as_dict())
    return view
