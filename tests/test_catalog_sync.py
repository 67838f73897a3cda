"""The queue's word on jobs, and what follows from it for their photos."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.catalog import Catalog, PlannedJob
from junmai_jobs.job import Job, Status, iso
from junmai_jobs.ledger import NOT_KEPT, WORK
from tests.cataloged import EXIF, LOST, QUALITY, in_queue, row_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog(tmp_path / "catalog.db")) as catalog:
        yield catalog


@pytest.fixture
def photo(catalog: Catalog, tmp_path: Path) -> int:
    """The one photo of session 1; its ``WORK`` is job a."""
    photo = catalog.photo_id(catalog.session("s", tmp_path), tmp_path / "a.jpg")
    catalog.add_jobs([PlannedJob("a", WORK, photo, 1)])
    return photo


def test_the_queue_is_believed(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("a", WORK, 1)
    catalog.end_job("a", Status.FAILED, "written by a run that lost its lease", 3)
    job = in_queue(Status.RUNNING, attempt=2, retry_count=1, priority=9)
    catalog.sync({"a": job, "unknown": in_queue(Status.QUEUED, "unknown"), "unknown too": None})
    row = row_of(catalog)
    assert (row.status, row.attempt, row.retry_count, row.priority) == (Status.RUNNING, 2, 1, 9)
    assert (row.started_at, row.finished_at, row.error) == (job.started_at, None, None)
    assert catalog.job_row("unknown") is None
    revived = in_queue(Status.QUEUED, attempt=0, started_at=None)
    catalog.sync({"a": revived})
    assert (row_of(catalog).status, row_of(catalog).attempt) == (Status.QUEUED, 0)
    catalog.begin_job("a", WORK, 1)
    assert row_of(catalog).status is Status.RUNNING


def test_a_job_that_the_queue_does_not_know_any_more_is_cancelled(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("a", WORK, 1)
    for status in Status:
        catalog.add_jobs([PlannedJob(status, WORK)])
        catalog.end_job(status, status, "why")
    catalog.sync(dict.fromkeys(["a", *Status]))
    for status in Status:
        row = row_of(catalog, status)
        expected = (status, "why") if status.finished else (Status.CANCELLED, NOT_KEPT)
        assert (row.status, row.error) == expected
        assert row.finished_at is not None
    assert state_of(catalog, photo) == ("imported", None), "nobody works on it any more"
    assert catalog.unfinished_jobs() == []


def test_the_photo_of_a_job_that_failed_for_good_has_failed(catalog: Catalog, photo: int) -> None:
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    time_of_failure = iso(time.time() + 60)
    catalog.sync({"a": in_queue(Status.FAILED, error=LOST, finished_at=time_of_failure)})
    assert state_of(catalog, photo) == ("failed", LOST["message"])
    assert row_of(catalog).error == LOST["message"]
    assert catalog.results(1) == []
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    assert state_of(catalog, photo) == ("completed", None)


def test_what_was_recorded_after_a_job_failed_stands(catalog: Catalog, photo: int) -> None:
    failed = in_queue(Status.FAILED, error=LOST, finished_at=iso(time.time() - 60))
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    catalog.sync({"a": failed})
    assert row_of(catalog).status is Status.FAILED
    assert state_of(catalog, photo) == ("completed", None)
    catalog.record_failure(photo, "is cut off")
    catalog.sync({"a": failed})
    assert state_of(catalog, photo) == ("failed", "is cut off")


def test_a_photo_is_no_worse_for_an_export_that_fails(catalog: Catalog, photo: int) -> None:
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    catalog.add_jobs([PlannedJob("b", "export_photo", photo)])
    catalog.sync({"b": in_queue(Status.FAILED, "b", error=LOST, finished_at=iso(time.time() + 60))})
    assert row_of(catalog, "b").status is Status.FAILED
    assert state_of(catalog, photo) == ("completed", None)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAILED])
def test_a_photo_does_not_fail_with_a_job_that_has_not(catalog: Catalog, photo: int, status: Status) -> None:
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    error = LOST if status is Status.RETRYING else None
    catalog.sync({"a": in_queue(status, error=error, reason="on request")})
    assert state_of(catalog, photo) == ("completed", None)
    reasons = {Status.RETRYING: LOST["message"], Status.CANCELLED: "on request"}
    assert row_of(catalog).error == reasons.get(status)


@pytest.mark.parametrize(
    ("kind", "message", "told"),
    [
        ("junmai_jobs.photo.errors.UnreadablePhoto", "a.jpg is cut off", "a.jpg is cut off"),
        ("WorkerLost", "its worker died", "its worker died"),
        ("builtins.ValueError", "bad \udce9", "ValueError: bad \\udce9"),
        ("Timeout", "", "Timeout: "),
    ],
)
def test_why_a_job_failed_is_told_to_a_photographer(
    catalog: Catalog, photo: int, kind: str, message: str, told: str
) -> None:
    error = {"type": kind, "message": message, "traceback": ""}
    catalog.sync({"a": in_queue(Status.FAILED, error=error, finished_at=iso(time.time() + 60))})
    assert row_of(catalog).error == told
    assert state_of(catalog, photo) == ("failed", told)


def test_all_that_is_unfinished_is_looked_up_in_the_queue(catalog: Catalog, photo: int) -> None:
    catalog.add_jobs([PlannedJob("b", WORK, None, 1), PlannedJob("c", WORK, None, 1), PlannedJob("d", WORK)])
    catalog.end_job("b", Status.SUCCEEDED)
    asked: list[list[str]] = []

    def load(ids: list[str]) -> list[Job]:
        asked.append(sorted(ids))
        return [in_queue(Status.RUNNING, "c")] if "c" in ids else []

    catalog.sync_with(load, 1)
    catalog.sync_with(load)
    assert asked == [["a", "c"], ["c", "d"]]
    found = {row.id: row.status for row in catalog.job_rows()}
    assert found == {
        "a": Status.CANCELLED, "b": Status.SUCCEEDED, "c": Status.RUNNING, "d": Status.CANCELLED
    }  # fmt: skip
    catalog.sync({"c": in_queue(Status.SUCCEEDED, "c")})
    catalog.sync_with(load)
    assert len(asked) == 2, "nothing is asked where nothing is unfinished"
