"""The seed's facade: ``JobQueueManager`` with the method names and return keys of the original project.

Everything it does takes effect on the queue itself; the catalog knows the photographs and keeps the record.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from junmai_jobs.catalog import Catalog, PhotoRow, PlannedJob
from junmai_jobs.codec import as_json
from junmai_jobs.errors import JobNotFound
from junmai_jobs.idempotency import Once
from junmai_jobs.job import Job, Status, new_id
from junmai_jobs.ledger import why
from junmai_jobs.priorities import (
    PRIORITY_HIGH,
    PRIORITY_LOW,
    PRIORITY_MEDIUM,
    NotInCatalog,
    Priorities,
    arguments_of,
    checked_id,
    get_priority_for_photo,
    learned_scores,
)
from junmai_jobs.tasks.photos import process_photo

__all__ = [
    "PRIORITY_HIGH", "PRIORITY_LOW", "PRIORITY_MEDIUM",
    "JobQueueManager", "NotInCatalog", "get_job_queue_manager", "get_priority_for_photo",
]  # fmt: skip
_STATES = {
    Status.QUEUED: "PENDING",
    Status.SCHEDULED: "PENDING",
    Status.BLOCKED: "PENDING",
    Status.RUNNING: "STARTED",
    Status.RETRYING: "RETRY",
    Status.SUCCEEDED: "SUCCESS",
    Status.FAILED: "FAILURE",
    Status.CANCELLED: "REVOKED",
}
"""The word that Celery has for a status, which the original's clients know."""


class _Work(NamedTuple):
    """A photo that is to be processed, and the job that does it."""

    job_id: str
    photo: PhotoRow
    priority: int


class JobQueueManager(Priorities):
    """The queue as the original's bridge sees it. Threads may share it.

    Args:
        jobs: None: the queue that the configuration names.

    Every method may raise StoreUnavailable, and those that know photos CatalogError. With ``once`` the same
    call gives the same jobs again, and another one of its key raises IdempotencyConflict.
    """

    # Submitting.

    def submit_photo_processing(
        self,
        photo_id: int,
        user_requested: bool = False,
        config: Mapping[str, Any] | None = None,
        *,
        once: Once | None = None,
    ) -> str:
        """Have a photo of the catalog processed; the id of the job.

        Args:
            photo_id: the catalog's.
            user_requested: it goes before all that nobody asked for.
            config: see ``tasks.photos.process_photo``.
            once: see ``JobQueueManager``.

        Raises:
            NotInCatalog: there is no such photo. Nothing was submitted.
        """
        with self._catalog() as catalog:
            photo = _known_photo(catalog, photo_id)
            priority = get_priority_for_photo(learned_scores(catalog, [photo])[0], user_requested)
            return self._submit(catalog, [_Work(_job_id(once, 0), photo, priority)], once, config)[0]

    def submit_batch_processing(
        self, photo_ids: Sequence[int], priority: int = PRIORITY_MEDIUM, *, once: Once | None = None
    ) -> list[str]:
        """Have photos processed at one priority, 0 to 10, larger first; the ids of the jobs.

        Raises:
            NotInCatalog: there is no such photo. Nothing was submitted.
            ValueError: the priority is not valid. Nothing was submitted.
        """
        with self._catalog() as catalog:
            photos = [_known_photo(catalog, photo_id) for photo_id in photo_ids]
            works = [_Work(_job_id(once, number), photo, priority) for number, photo in enumerate(photos)]
            return self._submit(catalog, works, once)

    def submit_session_processing(
        self, session_id: int, auto_select: bool = True, *, once: Once | None = None
    ) -> dict[str, Any]:
        """Have the photos of a session processed.

        Args:
            session_id: the catalog's.
            auto_select: leave out those known to score below ``ai.selection_threshold``.
            once: see ``JobQueueManager``; a photo that has a job of that key keeps it, whatever it scores.

        Returns:
            ``session_id``, ``photo_count`` and ``task_ids``.

        Raises:
            NotInCatalog: there is no such session.
        """
        with self._catalog() as catalog:
            if catalog.session_row(session_id) is None:
                raise NotInCatalog(f"Session not found: {session_id}")
            threshold = self.jobs.config.selection_threshold if auto_select else 0.0
            photos = catalog.photos(session_id)
            ids = _ids_of_session(once, photos)
            known = once.known(self.jobs.inspector, ids) if once else {}
            works = [
                _Work(job_id, photo, get_priority_for_photo(score))
                for job_id, photo, score in zip(ids, photos, learned_scores(catalog, photos), strict=True)
                if score is None or score >= threshold or job_id in known
            ]
            made = self._submit(catalog, works, once, session_id=session_id)
        return {"session_id": session_id, "photo_count": len(made), "task_ids": made}

    def _submit(
        self,
        catalog: Catalog,
        works: Sequence[_Work],
        once: Once | None,
        config: Mapping[str, Any] | None = None,
        session_id: int | None = None,
    ) -> list[str]:
        """The catalog first: a row without a job is put right by the next sync."""
        ids = [work.job_id for work in works]
        known = once.known(self.jobs.inspector, ids) if once else {}
        calls, rows = [], []
        for job_id, photo, priority in works:
            if job_id in known:
                continue
            task = process_photo.with_options(id=job_id, priority=priority)
            if once:
                task = once.tagged(task)
            arguments: dict[str, Any] = {
                "photo_id": photo.id, "path": photo.path, "catalog": self._file, "config": config,
            }  # fmt: skip
            task.new_job((), arguments)  # refuses what cannot be stored before anything is
            calls.append((task, arguments))
            rows.append(PlannedJob(job_id, task.name, photo.id, session_id, priority, config))
        catalog.add_jobs(rows)
        self.jobs.submit_all(calls)
        return ids

    # Looking.

    def get_job_status(self, task_id: str) -> dict[str, Any]:
        """What has become of a job; one that nobody knows is PENDING.

        Returns:
            ``task_id``, ``state`` (PENDING, STARTED, RETRY, SUCCESS, FAILURE, REVOKED), ``status`` (our own
            word, or None), ``ready``, ``successful``, ``failed``; then ``result``, as JSON, or ``error``.
        """
        try:
            job: Job | None = self.jobs.job(checked_id(task_id))
        except JobNotFound:
            job = None
        status = job.status if job else None
        found = {
            "task_id": task_id,
            "state": _STATES[status] if status else "PENDING",
            "status": status,
            "ready": status is not None and status.finished,
            "successful": status is Status.SUCCEEDED,
            "failed": status is Status.FAILED,
        }
        if job and status is Status.SUCCEEDED:
            found["result"] = as_json(job.result)
        elif job and found["ready"]:
            found["error"] = why(job)
        return found

    def get_queue_stats(self) -> dict[str, Any]:
        """Counts of all jobs.

        Returns:
            ``active_tasks``, ``scheduled_tasks`` (scheduled or retrying), ``reserved_tasks`` (0: nothing is
            claimed before it runs), ``total_pending``; ``jobs_by_status``: the original's words, pending,
            processing, completed and failed, beside our own; ``jobs_by_priority``; ``timestamp``.
        """
        stats = self.jobs.stats()
        ours = stats["jobs_by_status"]
        return {
            "active_tasks": stats["active_tasks"],
            "scheduled_tasks": ours["scheduled"] + ours["retrying"],
            "reserved_tasks": 0,
            "total_pending": stats["total_pending"],
            "jobs_by_status": ours
            | {
                "pending": stats["total_pending"],
                "processing": ours["running"],
                "completed": ours["succeeded"],
            },
            "jobs_by_priority": stats["jobs_by_priority"],
            "timestamp": stats["timestamp"],
        }

    def get_worker_stats(self) -> dict[str, Any]:
        """The workers that are alive.

        Returns:
            ``workers``, ``active_tasks`` and ``registered_tasks``, each by worker, and ``timestamp``.
        """
        alive = [worker for worker in self.jobs.workers() if worker["alive"]]
        return {
            "workers": {worker["name"]: worker for worker in alive},
            "active_tasks": {
                worker["name"]: [
                    {"id": slot["job"], "name": slot["task"], "running_s": slot["running_s"]}
                    for slot in worker["slots"]
                    if slot["job"]
                ]
                for worker in alive
            },
            "registered_tasks": {worker["name"]: worker["tasks"] for worker in alive},
            "timestamp": self._timestamp(),
        }

    def get_failed_jobs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The jobs that have failed for good, newest first.

        Returns:
            For each ``id``, ``photo_id``, ``priority``, ``created_at``, ``error_message``, ``retry_count``.
        """
        return [
            {
                "id": job.id,
                "photo_id": arguments_of(job).get("photo_id"),
                "priority": job.priority,
                "created_at": job.created_at,
                "error_message": why(job),
                "retry_count": job.retry_count,
            }
            for job in self.jobs.jobs(status="failed", limit=limit)
        ]

    # Steering.

    def cancel_job(self, task_id: str) -> bool:
        """Cancel a job, or tell it to stop if it runs; False: there is none, or it has finished."""
        return self._succeeds(lambda: self.jobs.cancel(checked_id(task_id)))

    def pause_queue(self) -> bool:
        """No job of any queue starts from now on, also after restarts. True."""
        self.jobs.pause()
        return True

    def resume_queue(self) -> bool:
        """Jobs of all queues may start again. True."""
        self.jobs.resume()
        return True

    def retry_failed_job(self, task_id: str) -> str | None:
        """Have a failed or cancelled job wait again; its id, which stays. None: it cannot be retried."""
        return task_id if self._succeeds(lambda: self.jobs.retry(checked_id(task_id))) else None

    def purge_queue(self, queue_name: str | None = None) -> int:
        """Cancel what waits in one queue; in all where none is named. How many jobs."""
        return self.jobs.purge(queue_name)

    # The catalog.

    def sync(self) -> None:
        """Make the catalog's unfinished jobs say what the queue says."""
        with Catalog(self._file) as catalog:
            catalog.sync_with(self.jobs.inspector.load)


def _job_id(once: Once | None, number: int) -> str:
    return once.id(number) if once else new_id()


def _ids_of_session(once: Once | None, photos: Sequence[PhotoRow]) -> list[str]:
    """The ids of a session's jobs; a photo keeps its number when others are added to the session."""
    numbers = {photo_id: number for number, photo_id in enumerate(sorted(photo.id for photo in photos))}
    return [_job_id(once, numbers[photo.id]) for photo in photos]


def _known_photo(catalog: Catalog, photo_id: int) -> PhotoRow:
    is_id = type(photo_id) is int and 0 < photo_id < 2**63
    photo = catalog.photo_row(photo_id) if is_id else None
    if photo is None:
        raise NotInCatalog(f"Photo not found: {photo_id}")
    return photo


_lock = threading.Lock()
_manager: JobQueueManager | None = None


def get_job_queue_manager() -> JobQueueManager:
    """The one manager of this process, made at the first call."""
    global _manager  # noqa: PLW0603 - the original's interface is a singleton
    with _lock:
        if _manager is None:
            _manager = JobQueueManager()
        return _manager
