"""What has become of each job, as rows of the catalog.

The queue is the truth, these rows are what is left when it has forgotten. Tasks write when they begin and
end; ``sync`` puts right what was missed, for a worker that died has written nothing.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from junmai_jobs.job import Job, Status, iso
from junmai_jobs.schema import CatalogError, CatalogFile, printable

WORK = "process_photo"
"""The task that makes a photo's result. What becomes of its job becomes of the photo."""
NOT_KEPT = "not kept by the queue any more"

# A record from ``before`` on stands. All that was found out by looking at the picture is forgotten.
FAIL_PHOTO = """
    UPDATE photos SET
        status = 'failed', error_message = coalesce(:error, error_message), recorded_at = :now,
        ai_score = NULL, focus_score = NULL, exposure_score = NULL, composition_score = NULL,
        noise_score = NULL, compression_score = NULL, detected_faces = NULL,
        context_tag = NULL, selected_preset = NULL, phash = NULL, sha256 = NULL, file_size = NULL
    WHERE id = :photo_id AND coalesce(recorded_at, '') < :before
"""
_START_PHOTO = """
    UPDATE photos SET status = 'processing'
    WHERE status IN ('imported', 'failed') AND id = (
        SELECT photo_id FROM jobs WHERE id = :id AND task = :work
    )
"""
_STOP_PHOTO = """
    UPDATE photos SET status = CASE WHEN error_message IS NULL THEN 'imported' ELSE 'failed' END
    WHERE status = 'processing' AND id = :photo_id
"""
_ADD = """
    INSERT INTO jobs (id, task, photo_id, session_id, priority, config, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING
"""
_BEGIN = """
    INSERT INTO jobs
        (id, task, photo_id, session_id, config, status, attempt, retry_count, created_at, started_at)
    VALUES
        (:id, :task, :photo_id, :session_id, :config, 'running', :attempt, max(:attempt - 1, 0), :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        status = 'running', attempt = excluded.attempt, retry_count = excluded.retry_count,
        photo_id = coalesce(excluded.photo_id, photo_id),
        session_id = coalesce(excluded.session_id, session_id),
        config = coalesce(excluded.config, config),
        started_at = excluded.started_at, finished_at = NULL, error_message = NULL
    WHERE attempt <= excluded.attempt OR status IN ('failed', 'cancelled')
"""
_END = """
    UPDATE jobs SET
        status = :status, error_message = :error, attempt = coalesce(:attempt, attempt),
        finished_at = CASE WHEN :finished THEN coalesce(finished_at, :now) END
    WHERE id = :id AND attempt <= coalesce(:attempt, attempt)
"""
_SYNC = """
    UPDATE jobs SET
        status = :status, attempt = :attempt, retry_count = :retry_count, priority = :priority,
        started_at = :started_at, finished_at = :finished_at, error_message = :error
    WHERE id = :id
"""
_FORGOTTEN = """
    UPDATE jobs SET status = 'cancelled', error_message = ?, finished_at = ?
    WHERE id = ? AND status NOT IN ('succeeded', 'failed', 'cancelled')
"""
_FORGET = "DELETE FROM jobs WHERE status = ? AND finished_at < ?"
_SECONDS = """
    SELECT (julianday(finished_at) - julianday(started_at)) * 86400 FROM jobs
    WHERE task = ? AND status = 'succeeded' AND started_at <= finished_at
    ORDER BY created_at DESC LIMIT 100
"""
_FIRST_STARTS = """
    SELECT (julianday(min(started_at)) - julianday(min(created_at))) * 86400 FROM jobs
    WHERE session_id IS NOT NULL AND status = 'succeeded' AND created_at <= started_at
    GROUP BY session_id ORDER BY max(created_at) DESC LIMIT 5
"""
_LOST_WORK = """
    SELECT status, photo_id, error_message, finished_at FROM jobs
    WHERE id = ? AND task = ? AND photo_id IS NOT NULL AND status IN ('failed', 'cancelled')
"""
_ROWS = """
    SELECT id, task, photo_id, session_id, priority, status, attempt, retry_count, created_at, started_at,
           finished_at, error_message, config
    FROM jobs WHERE
"""  # and the conditions, and
_NEWEST = " ORDER BY created_at DESC, rowid DESC LIMIT :limit"
_ANSWERED = '{"reused": true}'
"""The config of what was recorded at once, and so has no job."""
_ANSWER = """
    INSERT INTO jobs (id, task, photo_id, session_id, priority, status, config, created_at, finished_at)
    VALUES (:id, :task, :photo_id, :session_id, :priority, 'succeeded', :config, :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        status = 'succeeded', config = excluded.config, finished_at = excluded.finished_at,
        error_message = NULL
"""
_IS_ANSWERED = """
    SELECT jobs.id FROM jobs JOIN photos ON photos.id = photo_id JOIN looks USING (sha256)
    WHERE session_id = :session_id AND config = :config
      AND jobs.status = 'succeeded' AND photos.status = 'completed'
"""
_UNFINISHED = "SELECT id FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled')"
_UNFINISHED_OF_SESSION = _UNFINISHED + " AND session_id = :session_id"
_UNFINISHED_OF_PHOTO = _UNFINISHED + " AND photo_id = :photo_id ORDER BY rowid"


class PlannedJob(NamedTuple):
    """A job that is about to be submitted."""

    id: str
    task: str
    photo_id: int | None = None
    session_id: int | None = None
    priority: int = 5
    """0 to 10, larger runs first."""
    config: Mapping[str, Any] | None = None
    """JSON, as its task wants it."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as the catalog knows it. Times are ISO 8601, UTC."""

    id: str
    task: str
    photo_id: int | None
    session_id: int | None
    priority: int
    status: Status
    attempt: int
    retry_count: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    """Why it is not well: of a failed or retrying job its error, of a cancelled one the reason."""
    config: dict[str, Any] | None


class Ledger(CatalogFile):
    """The jobs in an open catalog."""

    def add_jobs(self, rows: Iterable[PlannedJob]) -> None:
        """Note jobs before they are submitted, all of them or none; those already known are left alone.

        Raises:
            CatalogError: a photo or session is not in the catalog.
        """
        now = iso(time.time())
        values = [(*row[:5], _stored_config(row.config), now) for row in map(PlannedJob._make, rows)]
        with self._writing() as db:
            db.executemany(_ADD, values)

    def add_answered(self, rows: Iterable[PlannedJob]) -> None:
        """Note jobs that need not be submitted: what they would find out is recorded already.

        Raises:
            CatalogError: a photo or session is not in the catalog.
        """
        now = iso(time.time())
        values = [row._asdict() | {"config": _ANSWERED, "now": now} for row in rows]
        with self._writing() as db:
            db.executemany(_ANSWER, values)

    def answered_jobs(self, session_id: int) -> set[str]:
        """The ids of a session's jobs that were not needed, see ``add_answered``; as far as that holds."""
        found = self._rows(_IS_ANSWERED, {"session_id": session_id, "config": _ANSWERED})
        return {job_id for (job_id,) in found}

    def begin_job(
        self,
        job_id: str,
        task: str,
        attempt: int,
        photo_id: int | None = None,
        session_id: int | None = None,
        *,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Note that a job runs, and with which ``config`` if one is given; one that is not known is added.

        A later attempt that is known stands. The same one may begin again, for a crash spends none; and the
        first once more of a job that was lost and revived.

        Raises:
            CatalogError: the photo or session is not in the catalog.
        """
        values = {"id": job_id, "task": task, "photo_id": photo_id, "session_id": session_id}
        values |= {
            "config": _stored_config(config),
            "attempt": attempt,
            "now": iso(time.time()),
            "work": WORK,
        }
        with self._writing() as db:
            if db.execute(_BEGIN, values).rowcount:
                db.execute(_START_PHOTO, values)

    def end_job(
        self, job_id: str, status: Status, error: str | None = None, attempt: int | None = None
    ) -> None:
        """Note how a run has ended, in any status but running. A later attempt that is known stands.

        The photo of ``WORK`` that has failed for good has failed too.

        Raises:
            CatalogError: there is no such job.
        """
        values: dict[str, Any] = {"id": job_id, "status": Status(status), "finished": Status(status).finished}
        values |= {"error": error and printable(error), "attempt": attempt, "now": iso(time.time())}
        with self._writing() as db:
            if db.execute(_END, values).rowcount:
                _tell_photo(db, job_id)
            elif not db.execute("SELECT 1 FROM jobs WHERE id = ?", (job_id,)).fetchone():
                raise CatalogError(f"there is no job {job_id} in the catalog: add it with add_jobs()")

    def sync(self, found: Mapping[str, Job | None]) -> None:
        """Make the rows of these jobs say what the queue says; None: it does not know the job any more.

        A photo whose ``WORK`` has failed for good fails with it, unless something was recorded of it since.
        What a task writes between the look at the queue and this is put right by the next sync.
        """
        with self._writing() as db:
            for job_id, job in found.items():
                if job is None:
                    db.execute(_FORGOTTEN, (NOT_KEPT, iso(time.time()), job_id))
                else:
                    db.execute(_SYNC, _as_queued(job))
                if job is None or job.status in {Status.FAILED, Status.CANCELLED}:
                    _tell_photo(db, job_id)

    def sync_with(self, load: Callable[[list[str]], Iterable[Job]], session_id: int | None = None) -> None:
        """``sync`` the unfinished jobs of a session, or of all; ``load`` gives those the queue knows."""
        ids = self.unfinished_jobs(session_id)
        if ids:
            self.sync(dict.fromkeys(ids) | {job.id: job for job in load(ids)})

    def forget_jobs(self, status: Status | str, *, before: str) -> int:
        """Drop the jobs that ended so before a time (ISO 8601, UTC), and tell how many they were."""
        with self._writing() as db:
            return db.execute(_FORGET, (status, before)).rowcount

    def job_row(self, job_id: str) -> JobRow | None:
        """What is known of a job; of an id that is no UTF-8, nothing."""
        return next(iter(self._job_rows(1, id=printable(job_id))), None)

    def job_rows(
        self,
        status: Status | None = None,
        session_id: int | None = None,
        photo_id: int | None = None,
        limit: int = 50,
    ) -> list[JobRow]:
        """The jobs that match, newest first."""
        return self._job_rows(limit, status=status, session_id=session_id, photo_id=photo_id)

    def unfinished_jobs(self, session_id: int | None = None, *, photo_id: int | None = None) -> list[str]:
        """The ids of the jobs, of a session, a photo or of all, that may still run, as far as is known.

        Those of a photo are in the order in which they were planned.
        """
        statement = _UNFINISHED if session_id is None else _UNFINISHED_OF_SESSION
        if photo_id is not None:
            statement = _UNFINISHED_OF_PHOTO
        found = self._rows(statement, {"session_id": session_id, "photo_id": photo_id})
        return [job_id for (job_id,) in found]

    def recent_seconds(self, task: str) -> tuple[float, ...]:
        """How long the last runs of this task took that succeeded, in ascending order; 100 at most."""
        return tuple(sorted(seconds for (seconds,) in self._rows(_SECONDS, (task,))))

    def usual_start(self) -> float:
        """Seconds from the submission of a session's jobs to the first start, of the last few; or 0."""
        starts = [seconds for (seconds,) in self._rows(_FIRST_STARTS)]
        return statistics.median(starts) if starts else 0.0

    def _job_rows(self, limit: int, **matching: object) -> list[JobRow]:
        conditions = [f"{column} = :{column}" for column, value in matching.items() if value is not None]
        statement = _ROWS + " AND ".join(conditions or ["TRUE"]) + _NEWEST
        return [_as_row(*row) for row in self._rows(statement, matching | {"limit": limit})]


def _stored_config(config: Mapping[str, Any] | None) -> str | None:
    return None if config is None else json.dumps(config)


def _tell_photo(db: sqlite3.Connection, job_id: str) -> None:
    """Let the photo follow its ``WORK``, if that was lost."""
    for status, photo_id, error, finished_at in db.execute(_LOST_WORK, (job_id, WORK)).fetchall():
        if status == Status.CANCELLED:
            db.execute(_STOP_PHOTO, {"photo_id": photo_id})
        else:
            values = {"photo_id": photo_id, "error": error, "now": finished_at, "before": finished_at}
            db.execute(FAIL_PHOTO, values)


def _as_queued(job: Job) -> dict[str, Any]:
    """The columns of a job as the queue has it."""
    error = why(job)
    return {
        "id": job.id,
        "status": job.status,
        "attempt": job.attempt,
        "retry_count": job.retry_count,
        "priority": job.priority,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": error and printable(error),
    }


def _as_row(*columns: Any) -> JobRow:
    row = JobRow(*columns)
    config = None if row.config is None else json.loads(str(row.config))
    return replace(row, status=Status(row.status), config=config)


def why(job: Job) -> str | None:
    """Why a job is not well, for a photographer: its error, or the reason of its cancellation."""
    if job.error is None:
        return job.reason if job.status is Status.CANCELLED else None
    kind, message = job.error["type"], str(job.error["message"])
    is_ours = kind.startswith("junmai_jobs.") or ("." not in kind and bool(message))
    return message if is_ours else f"{kind.rpartition('.')[2]}: {message}"
