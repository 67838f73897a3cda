"""The original's WebSocket messages: what each says, and on which channel, of what has happened to a job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs.codec import as_json
from junmai_jobs.ledger import why

if TYPE_CHECKING:
    from junmai_jobs.events import Event
    from junmai_jobs.job import Job

CHANNELS = frozenset({"jobs", "photos", "sessions", "system", "queue", "approval", "export"})
"""Those that the original's clients name; only of ``jobs`` and ``system`` there is anything to tell."""
_STAGES = {
    "process_photo": "exif_analysis",
    "analyze_exif": "exif_analysis",
    "evaluate_quality": "ai_evaluation",
    "group_similar_photos": "quality_check",
    "apply_preset": "applying_preset",
    "lightroom_apply": "applying_preset",
    "export_photo": "exporting",
}
"""By task: the stage that the original's progress begins with. A task that it has not is its own stage."""


class Message(NamedTuple):
    """A message and its channel."""

    channel: str
    document: dict[str, Any]


def messages_of(event: Event, job: Job | None) -> Iterator[Message]:
    """What the original tells of an event; of ``scheduled`` and ``released`` it has nothing to say.

    Args:
        event: what has happened.
        job: the job as it is now; None: it is not kept any more.
    """
    if event.word == "governed":
        details = {"worker": event.id, "message": event.detail}
        yield _message("system_status", event.at, "system", status="running", details=details)
        return
    own: dict[str, Any] = {"job_id": event.id, "photo_id": _photo_of(job)}
    match event.word:
        case "submitted":
            yield _message("job_created", event.at, **own, priority=job.priority if job else None)
        case "started":
            yield _message("job_started", event.at, **own, photo_info=_file_of(job))
            yield _message("job_progress", event.at, **own, **_progress(job))
        case "retrying":
            yield _message("error_occurred", event.at, **own, **_error(job), stage=_stage(job))
        case "succeeded":
            yield _message("job_completed", event.at, **own, **_end(job, "succeeded"))
        case "failed" | "cancelled":
            yield _message("job_failed", event.at, **own, **_end(job, event.word), **_error(job))


def progress_of(job: Job) -> Message:
    """How far a running job says that it is."""
    return _message("job_progress", now(), job_id=job.id, photo_id=_photo_of(job), **_progress(job))


def now() -> str:
    """This moment, as messages have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(kind: str, timestamp: str, channel: str = "jobs", **more: Any) -> Message:
    return Message(channel, {"type": kind, "timestamp": timestamp, **more})


def _progress(job: Job | None) -> dict[str, Any]:
    """In percent; 0 where the job does not say, or does not know."""
    note, percent = (job.progress if job else None) or {}, 0.0
    match note:
        case {"done": int() | float() as done, "total": int() | float() as total} if total > 0:
            percent = round(max(0.0, min(100.0, 100 * done / total)), 2)
    details = {name: note.get(name) for name in ("done", "total")}
    message = str(note.get("message") or "")
    return {"stage": _stage(job), "progress": percent, "message": message, "details": details}


def _end(job: Job | None, word: str) -> dict[str, Any]:
    """Of a job that runs again by now only how it had ended."""
    ended = job if job and job.status == word else None
    result = as_json(ended.result) if ended and ended.result is not None else {}
    return {
        "success": word == "succeeded", "result": result, "duration": _seconds(ended), "stages_completed": [],
    }  # fmt: skip


def _error(job: Job | None) -> dict[str, Any]:
    kind = str(job.error["type"]) if job and job.error else "cancelled"
    text = (why(job) if job else None) or kind
    return {"error_type": kind, "error_message": text, "error_details": {"task": job.task if job else None}}


def _seconds(job: Job | None) -> float | None:
    if job is None or job.started_at is None or job.finished_at is None:
        return None
    begin, end = datetime.fromisoformat(job.started_at), datetime.fromisoformat(job.finished_at)
    return max(0.0, round((end - begin).total_seconds(), 3))


def _stage(job: Job | None) -> str | None:
    return _STAGES.get(job.task, job.task) if job else None


def _photo_of(job: Job | None) -> int | None:
    given = job.kwargs.get("photo_id") if job else None
    return given if type(given) is int else None


def _file_of(job: Job | None) -> dict[str, str]:
    path = job.kwargs.get("path") if job else None
    if path is None:
        return {}
    return {"file_name": str(path).replace("\\", "/").rpartition("/")[2], "file_path": str(path)}
