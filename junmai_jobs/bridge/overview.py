"""What a dashboard shows, in one call: what runs, what waits and why, what has failed, who works.

It is asked for every few seconds by every open page: a fixed number of reads, however many jobs there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict, cast

from junmai_jobs.bridge.endpoints import Endpoints
from junmai_jobs.bridge.queue_views import QueueView, queue_views
from junmai_jobs.bridge.site import Site
from junmai_jobs.bridge.subjects import Subject, is_id, subjects_of
from junmai_jobs.catalog import Catalog
from junmai_jobs.job import Job, Status
from junmai_jobs.ledger import why
from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.priorities import arguments_of
from junmai_jobs.resources import in_words
from junmai_jobs.schema import CatalogError, printable
from junmai_jobs.settings import EXTERNAL_QUEUES
from junmai_jobs.tasks.chores import update_system_metrics

OVERVIEW = Endpoints()
_MOST_FAILED = 20
_MINUTES = 60
_MEASURED_WITHIN = 5  # minutes
_MEASURED = {
    "cpu_percent": "cpu_percent",
    "memory_percent": "memory_percent",
    "memory_available_mb": "memory_available_mb",
    "gpu_percent": "gpu_load",
    "gpu_memory_used_mb": "gpu_memory_used",
    "gpu_memory_total_mb": "gpu_memory_total",
    "gpu_celsius": "gpu_temperature",
    "battery_percent": "battery_percent",
}
"""What is told of the hardware, and what the task that measures it calls that."""
_NO_USE = f"{UnreadablePhoto.__module__}.{UnreadablePhoto.__qualname__}"


class Progress(TypedDict):
    """How far a job is: ``done`` of ``total`` (None: nobody knows), and what it does just now."""

    done: float
    total: float | None
    stage: str


class RunningJob(Subject):
    """A job that runs."""

    priority: int
    attempt: int
    progress: Progress | None
    started_at: str | None
    running_s: float | None
    worker: str


class FailedJob(Subject):
    """A job that has failed for good."""

    error: str
    """Why, for a photographer."""
    failed_at: str | None
    retry_may_help: bool
    """False: the file can never be worked on as it is. It can be retried all the same."""


class WorkerView(TypedDict):
    """A worker; ``allowance`` is what its governor says in words, None where it has none to say."""

    name: str
    host: str | None
    alive: bool
    silent_s: float
    slots: int
    busy: int
    allowance: str | None


class Hardware(TypedDict):
    """The machine, in percent, MB and degrees Celsius; what it does not have, or does not tell, is None.

    As ``update_system_metrics`` has measured it last, in a job of its schedule.
    """

    measured_at: str
    cpu_percent: float | None
    memory_percent: float | None
    memory_available_mb: float | None
    gpu_percent: float | None
    gpu_memory_used_mb: float | None
    gpu_memory_total_mb: float | None
    gpu_celsius: float | None
    battery_percent: float | None


class Minute(TypedDict):
    """How many jobs ended in a minute that began ``at``."""

    at: str
    succeeded: int
    failed: int


class SessionView(TypedDict):
    """The session that is worked on, or else the one made last; of its photos how many are done or failed."""

    id: int
    name: str
    photos: int
    processed: int


class Overview(TypedDict):
    """All of it, at one moment."""

    timestamp: str
    counts: dict[str, int]
    """Jobs by status."""
    running: list[RunningJob]
    queues: list[QueueView]
    failed: list[FailedJob]
    """At most 20, those first that failed last."""
    workers: list[WorkerView]
    hardware: Hardware | None
    """None: nobody has measured it within five minutes."""
    throughput: list[Minute]
    """60 minutes, oldest first; minutes in which nothing ended are there, too."""
    session: SessionView | None


@OVERVIEW.get("/queue/overview")
def overview(site: Site) -> Overview:
    """Tell what a dashboard shows: what runs, waits and has failed, who works, and how it goes."""
    stats, workers = site.jobs.stats(), site.jobs.workers()
    inspector, now = site.jobs.inspector, datetime.fromisoformat(stats["timestamp"])
    held = {slot["job"]: slot["running_s"] for worker in workers for slot in worker["slots"] if slot["job"]}
    running = inspector.load(list(held))
    failed = inspector.jobs(status=Status.FAILED, limit=_MOST_FAILED)
    failed.sort(key=lambda job: job.finished_at or "", reverse=True)
    subjects = subjects_of(site, [*running, *failed])
    return {
        "timestamp": stats["timestamp"],
        "counts": stats["jobs_by_status"],
        "running": [_running(job, subjects[job.id], held[job.id]) for job in running],
        "queues": queue_views(stats["queues"], inspector.waits(), workers, inspector.worker_info()),
        "failed": [_failed(job, subjects[job.id]) for job in failed],
        "workers": [_worker(worker) for worker in workers if not _is_external(worker)],
        "hardware": _hardware(site, now),
        "throughput": _throughput(site, now),
        "session": _session(site, running),
    }


def _running(job: Job, subject: Subject, running_s: float) -> RunningJob:
    return {
        **subject,
        "priority": job.priority,
        "attempt": job.attempt,
        "progress": _progress(job.progress or {}),
        "started_at": job.started_at,
        "running_s": running_s,
        "worker": (job.worker or "").rpartition("/")[0],
    }


def _progress(note: Mapping[str, Any]) -> Progress | None:
    match note:
        case {"done": int() | float() as done, "total": int() | float() | None as total, **more}:
            return {"done": done, "total": total, "stage": str(more.get("message", ""))}
    return None


def _failed(job: Job, subject: Subject) -> FailedJob:
    kind = (job.error or {}).get("type", "")
    return {
        **subject,
        "error": why(job) or "",
        "failed_at": job.finished_at,
        "retry_may_help": kind != _NO_USE,
    }


def _is_external(worker: Mapping[str, Any]) -> bool:
    """Whether it is a plugin, which fetches its jobs here and takes no others."""
    queues = worker["queues"]  # None: all of ours
    return bool(queues) and EXTERNAL_QUEUES.issuperset(queues)


def _worker(worker: Mapping[str, Any]) -> WorkerView:
    return {
        "name": worker["name"],
        "host": worker["host"],
        "alive": worker["alive"],
        "silent_s": worker["silent_s"],
        "slots": len(worker["slots"]),
        "busy": sum(slot["job"] is not None for slot in worker["slots"]),
        "allowance": in_words(worker["governor"]) if worker["governor"] else None,
    }


def _hardware(site: Site, now: datetime) -> Hardware | None:
    """What was measured last; its jobs are those of a schedule, so their ids follow from the time."""
    schedule, minute = update_system_metrics.own_schedule(), int(now.timestamp()) // 60 * 60
    assert schedule is not None
    ids = [schedule.job_id(minute - 60 * back) for back in range(_MEASURED_WITHIN)]
    results = [job.result for job in site.jobs.inspector.load(ids) if isinstance(job.result, dict)]
    if not results:
        return None
    found = results[0]
    told = {name: found.get(key) for name, key in _MEASURED.items()}
    return cast("Hardware", {"measured_at": str(found.get("timestamp")), **told})


def _throughput(site: Site, now: datetime) -> list[Minute]:
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=_MINUTES - 1)
    rows = {row["at"]: row for row in site.jobs.history("minute", begin)}
    minutes = (f"{begin + timedelta(minutes=after):%Y-%m-%dT%H:%M:%SZ}" for after in range(_MINUTES))
    return [
        {"at": at, **{name: (rows.get(at) or {}).get(name) or 0 for name in ("succeeded", "failed")}}  # type: ignore[typeddict-item]
        for at in minutes
    ]


def _session(site: Site, running: Sequence[Job]) -> SessionView | None:
    with contextlib.suppress(CatalogError), site.catalog() as catalog:
        numbers = (_session_of(job, catalog) for job in running)
        found = (catalog.session_row(number) for number in numbers if is_id(number))
        if row := next(filter(None, found), None) or catalog.last_session():
            return {
                "id": row.id,
                "name": printable(row.name),
                "photos": row.total_photos,
                "processed": row.processed_photos,
            }
    return None


def _session_of(job: Job, catalog: Catalog) -> object:
    """What it names as its session, or else that of its photo."""
    given = arguments_of(job)
    number, photo_id = given.get("session_id"), given.get("photo_id")
    return catalog.session_of_photo(photo_id) if is_id(photo_id) and not is_id(number) else number
