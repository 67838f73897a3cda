"""The endpoints of the original bridge under ``/queue``, with its keys; what they answer is true."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import Endpoints, JobId
from junmai_jobs.bridge.site import Site
from junmai_jobs.errors import JobNotFound
from junmai_jobs.idempotency import Once

ORIGINAL = Endpoints()
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
SessionId = Annotated[int, Meta(ge=1, le=2**63 - 1, description="Of a session, in the catalog.")]
Priority = Annotated[int, Meta(ge=0, le=10)]
_MOST_PHOTOS = 100_000


class Message(TypedDict):
    """What was done, in words."""

    message: str


class Submit(Struct, forbid_unknown_fields=True):
    """A photo to process; ``config`` as ``process_photo`` takes it."""

    photo_id: Id
    user_requested: bool = False
    config: dict[str, Any] | None = None


class Submitted(Message):
    """The job that was made."""

    task_id: str
    photo_id: int


@ORIGINAL.post("/queue/submit", 404, 409, 507)
def submit(site: Site, body: Submit, once: Once | None) -> Submitted:
    """Have a photo of the catalog processed."""
    task_id = site.manager.submit_photo_processing(body.photo_id, body.user_requested, body.config, once=once)
    return {"message": "Photo submitted", "task_id": task_id, "photo_id": body.photo_id}


class SubmitBatch(Struct, forbid_unknown_fields=True):
    """Photos to process, all at one priority."""

    photo_ids: Annotated[list[Id], Meta(max_length=_MOST_PHOTOS)]
    priority: Priority = 5


class SubmittedBatch(Message):
    """The jobs that were made."""

    task_ids: list[str]
    photo_count: int


@ORIGINAL.post("/queue/batch", 404, 409, 507)
def submit_batch(site: Site, body: SubmitBatch, once: Once | None) -> SubmittedBatch:
    """Have photos of the catalog processed; none, if one of them is unknown."""
    ids = site.manager.submit_batch_processing(body.photo_ids, body.priority, once=once)
    return {"message": "Batch submitted", "task_ids": ids, "photo_count": len(ids)}


class SubmitSession(Struct, forbid_unknown_fields=True):
    """``auto_select``: without those known to score low."""

    auto_select: bool = True


class SubmittedSession(SubmittedBatch):
    """The jobs that were made."""

    session_id: int


@ORIGINAL.post("/queue/session/<session_id>", 404, 409, 507)
def submit_session(
    site: Site, session_id: SessionId, body: SubmitSession, once: Once | None
) -> SubmittedSession:
    """Have the photos of a session processed."""
    made = site.manager.submit_session_processing(session_id, body.auto_select, once=once)
    return {"message": "Session submitted", **made}  # type: ignore[typeddict-item]


class JobState(TypedDict, total=False):
    """What has become of a job: ``result`` once it has succeeded, ``error`` once it has not."""

    task_id: str
    state: str
    status: str
    ready: bool
    successful: bool
    failed: bool
    result: Any
    error: str | None


@ORIGINAL.get("/queue/status/<path:task_id>", 404)
def status(site: Site, task_id: JobId) -> JobState:
    """What has become of a job, in the words of Celery and in our own."""
    found = site.manager.get_job_status(task_id)
    if found["status"] is None:
        raise JobNotFound(f"no job {task_id}")
    return found  # type: ignore[return-value]


class Stats(TypedDict):
    """Counts of all jobs; ``jobs_by_status`` has the original's words beside our own."""

    active_tasks: int
    scheduled_tasks: int
    reserved_tasks: int
    total_pending: int
    jobs_by_status: dict[str, int]
    jobs_by_priority: dict[str, int]
    timestamp: str


@ORIGINAL.get("/queue/stats")
def stats(site: Site) -> Stats:
    """Count all jobs."""
    return site.manager.get_queue_stats()  # type: ignore[return-value]


class Workers(TypedDict):
    """The workers that are alive, each part by their names."""

    workers: dict[str, Any]
    active_tasks: dict[str, Any]
    registered_tasks: dict[str, list[str]]
    timestamp: str


@ORIGINAL.get("/queue/workers")
def workers(site: Site) -> Workers:
    """Tell of the workers that are alive."""
    return site.manager.get_worker_stats()  # type: ignore[return-value]


class Limit(Struct, forbid_unknown_fields=True):
    """How many at most."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 50


class FailedJob(TypedDict):
    """A job that has failed for good."""

    id: str
    photo_id: Any
    priority: int
    created_at: str | None
    error_message: str | None
    retry_count: int


class FailedJobs(TypedDict):
    """Newest first."""

    failed_jobs: list[FailedJob]
    count: int


@ORIGINAL.get("/queue/failed")
def failed(site: Site, query: Limit) -> FailedJobs:
    """List the jobs that have failed for good."""
    found = site.manager.get_failed_jobs(query.limit)
    return {"failed_jobs": found, "count": len(found)}  # type: ignore[typeddict-item]


class NewPriority(Struct, forbid_unknown_fields=True):
    """From 0 to 10, larger runs first."""

    priority: Priority


class Reprioritized(Message):
    """The job, and what it has now."""

    job_id: str
    new_priority: int


@ORIGINAL.put("/queue/priority/<path:job_id>", 404, 409)
def reprioritize(site: Site, job_id: JobId, body: NewPriority) -> Reprioritized:
    """Give a job that has not finished another priority."""
    site.jobs.reprioritize(job_id, body.priority)
    return {"message": "Priority adjusted", "job_id": job_id, "new_priority": body.priority}


class Rebalanced(Message):
    """How many jobs got another priority, of how many."""

    adjusted_count: int
    total_pending: int
    timestamp: str


@ORIGINAL.post("/queue/priority/rebalance")
def rebalance(site: Site) -> Rebalanced:
    """Set the priority of each waiting photo job anew, by the photo's score and its age."""
    return {"message": "Priorities rebalanced", **site.manager.rebalance_priorities()}  # type: ignore[typeddict-item]


class Distribution(TypedDict):
    """How many jobs wait in line at each priority."""

    by_priority: dict[str, int]
    total_pending: int
    average_priority: float
    timestamp: str


@ORIGINAL.get("/queue/priority/distribution")
def distribution(site: Site) -> Distribution:
    """Count the jobs in line by priority."""
    return site.manager.get_priority_distribution()  # type: ignore[return-value]


class Boost(Struct, forbid_unknown_fields=True):
    """By how much, up to priority 10."""

    boost_amount: Annotated[int, Meta(ge=1, le=5)] = 2


class BoostedSession(Message):
    """How many of the jobs that waited got a higher priority."""

    session_id: int
    boosted_count: int
    total_jobs: int
    boost_amount: int


@ORIGINAL.post("/queue/priority/session/<session_id>/boost", 404)
def boost_session(site: Site, session_id: SessionId, body: Boost) -> BoostedSession:
    """Raise the priority of a session's waiting jobs."""
    boosted = site.manager.boost_session_priority(session_id, body.boost_amount)
    return {"message": "Session boosted", **boosted}  # type: ignore[typeddict-item]


Hours = Annotated[float, Meta(ge=0, le=1_000_000)]


class Age(Struct, forbid_unknown_fields=True):
    """Since its submission."""

    age_threshold_hours: Hours = 12


class Candidate(TypedDict):
    """A job that has waited long."""

    job_id: str
    photo_id: Any
    priority: int
    age_hours: float
    created_at: str | None


class Starvation(TypedDict):
    """Oldest first."""

    candidates: list[Candidate]
    count: int
    age_threshold_hours: float


@ORIGINAL.get("/queue/priority/starvation")
def starvation(site: Site, query: Age) -> Starvation:
    """List the jobs that have waited long in line."""
    found = site.manager.get_starvation_candidates(query.age_threshold_hours)
    return {
        "candidates": found,  # type: ignore[typeddict-item]
        "count": len(found),
        "age_threshold_hours": query.age_threshold_hours,
    }


class BoostedStarving(Message):
    """How many of the candidates got a higher priority."""

    boosted_count: int
    candidates: int
    threshold_hours: float


@ORIGINAL.post("/queue/priority/auto-boost")
def auto_boost(site: Site, body: Age) -> BoostedStarving:
    """Raise the priority of each job that has waited long."""
    boosted = site.manager.auto_boost_starving_jobs(body.age_threshold_hours)
    return {"message": "Starving jobs boosted", **boosted}  # type: ignore[typeddict-item]
