"""What a catalog has of a photo and of its jobs, written and read."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs.catalog import Catalog, JobRow
from junmai_jobs.job import Job, Status, iso
from junmai_jobs.ledger import WORK

if TYPE_CHECKING:
    pass


EXIF: dict[str, Any] = {
    "camera": {"make": "Canon", "model": "EOS R5", "lens": "RF 50mm", "serial_number": "1"},
    "settings": {
        "iso": 100,
        "focal_length": 50.0,
        "aperture": 1.8,
        "shutter_speed": "1/250",
        "exposure_compensation": 0.0,
        "white_balance": "Auto",
        "metering_mode": "Spot",
    },
    "location": {"latitude": 35.0, "longitude": 139.0, "location_type": "outdoor", "has_gps": True},
    "datetime": {
        "capture_time": "2024-05-01T12:00:00",
        "time_of_day": "midday",
        "datetime_string": "2024:05:01 12:00:00",
    },
    "context_hints": {"subject_type": "standard", "lighting": "good_light"},
}
QUALITY: dict[str, Any] = {
    "overall_score": 4.2,
    "quality": {"focus_score": 4.5, "exposure_score": 5.0, "composition_score": 3.0},
    "recommendation": "approve",
    "metrics": {},
}


def raw_query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


LOST = {"type": "WorkerLost", "message": "its worker died while running it (SIGKILL)", "traceback": ""}


def row_of(catalog: Catalog, job_id: str = "a") -> JobRow:
    row = catalog.job_row(job_id)
    assert row is not None
    return row


def state_of(catalog: Catalog, photo: int) -> tuple[str, str | None]:
    row = catalog.photo_row(photo)
    assert row is not None
    return row.status, row.error


def in_queue(status: Status, job_id: str = "a", **known: Any) -> Job:
    """A job as the queue tells of it, now."""
    moment = iso(time.time())
    job = Job(
        id=job_id, task=WORK, queue="medium_priority", priority=5, status=status, args=(), kwargs={},
        attempt=1, max_retries=3, retry_count=0, created_at=moment, started_at=moment,
        finished_at=moment if status.finished else None, run_at=None, worker="host/1", progress=None,
        result=None, reason=None, error=None, history=(),
    )  # fmt: skip
    return replace(job, **known)


def record(catalog: Catalog, photo_id: int, *, faces: bool, score: float | None = None) -> None:
    quality: dict[str, Any] = QUALITY | {"quality": QUALITY["quality"] | {"faces_detected": int(faces)}}
    quality["overall_score"] = 3.0 + photo_id % 7 / 10 if score is None else score
    catalog.record_result(photo_id, exif=EXIF, quality=quality, context="landscape")
