"""What the catalog knows of jobs: what tasks have written, and what the queue says of it."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.catalog import Catalog, CatalogError, JobRow, PlannedJob
from junmai_jobs.job import Status
from junmai_jobs.ledger import WORK
from tests.cataloged import EXIF, LOST, QUALITY, in_queue, raw_query, row_of, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

UNFINISHED = [status for status in Status if not status.finished]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with closing(Catalog(path)) as catalog:
        yield catalog


@pytest.fixture
def photo(catalog: Catalog, tmp_path: Path) -> int:
    """The one photo of session 1; its ``WORK`` is job a."""
    photo = catalog.photo_id(catalog.session("s", tmp_path), tmp_path / "a.jpg")
    catalog.add_jobs([PlannedJob("a", WORK, photo, 1)])
    return photo


def test_a_job_is_queued_until_it_begins(catalog: Catalog, photo: int) -> None:
    catalog.add_jobs(PlannedJob(name, "export_photo", photo, None, 9, {"preset": "Web"}) for name in "bc")
    row = row_of(catalog, "b")
    assert row == JobRow(
        "b",
        "export_photo",
        photo,
        None,
        9,
        Status.QUEUED,
        0,
        0,
        row.created_at,
        None,
        None,
        None,
        {"preset": "Web"},
    )
    assert row.status is Status.QUEUED
    assert row.created_at.endswith("Z")
    assert row_of(catalog).config is None
    assert catalog.job_row("d") is None


def test_jobs_that_are_known_are_left_alone(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("a", WORK, 1)
    before = row_of(catalog)
    catalog.add_jobs([PlannedJob("a", "other", None, None, 9), PlannedJob("b", WORK)])
    assert row_of(catalog) == before
    assert row_of(catalog, "b").status is Status.QUEUED


@pytest.mark.parametrize("priority", range(11))
def test_every_priority_of_the_queue_can_be_written(catalog: Catalog, priority: int) -> None:
    catalog.add_jobs([PlannedJob("a", WORK, priority=priority)])
    assert row_of(catalog).priority == priority


@pytest.mark.parametrize("status", Status)
def test_every_status_of_the_queue_can_be_written(catalog: Catalog, photo: int, status: Status) -> None:
    catalog.sync({"a": in_queue(status)})
    assert row_of(catalog).status is status
    catalog.end_job("a", status)
    assert (row_of(catalog).finished_at is not None) is status.finished


def test_all_jobs_are_added_or_none(catalog: Catalog, photo: int) -> None:
    with pytest.raises(CatalogError, match="does not have the photo or session"):
        catalog.add_jobs([PlannedJob("b", WORK), PlannedJob("c", WORK, photo_id=99)])
    assert catalog.job_row("b") is None


def test_a_job_begins_and_ends(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("a", WORK, 1)
    running = row_of(catalog)
    assert (running.status, running.attempt, running.retry_count) == (Status.RUNNING, 1, 0)
    assert running.started_at is not None
    catalog.end_job("a", Status.RETRYING, "a.jpg is not there", 1)
    retrying = row_of(catalog)
    assert (retrying.status, retrying.error, retrying.finished_at) == ("retrying", "a.jpg is not there", None)
    catalog.begin_job("a", WORK, 2)
    assert (row_of(catalog).attempt, row_of(catalog).retry_count, row_of(catalog).error) == (2, 1, None)
    catalog.end_job("a", Status.SUCCEEDED, attempt=2)
    ended = row_of(catalog)
    assert (ended.status, ended.photo_id, ended.session_id) == (Status.SUCCEEDED, photo, 1)
    assert ended.finished_at is not None
    catalog.sync({"a": in_queue(Status.SUCCEEDED, attempt=2, finished_at="2026-01-01T00:00:00.000Z")})
    ended = row_of(catalog)
    catalog.end_job("a", Status.SUCCEEDED, attempt=2)
    assert row_of(catalog) == ended, "ending twice is ending once"


def test_a_job_that_nobody_has_noted_begins_all_the_same(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("b", "export_photo", 3, photo, 1)
    row = row_of(catalog, "b")
    assert (row.task, row.photo_id, row.session_id, row.attempt) == ("export_photo", photo, 1, 3)
    with pytest.raises(CatalogError, match="there is no job c in the catalog: add it"):
        catalog.end_job("c", Status.SUCCEEDED)


def test_what_an_earlier_attempt_says_late_changes_nothing(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("a", WORK, 2)
    catalog.end_job("a", Status.SUCCEEDED, attempt=2)
    ended = row_of(catalog)
    catalog.begin_job("a", WORK, 1)
    catalog.end_job("a", Status.FAILED, "too late", attempt=1)
    assert row_of(catalog) == ended
    assert state_of(catalog, photo) == ("processing", None)
    catalog.begin_job("a", WORK, 2)
    assert row_of(catalog).status is Status.RUNNING, "after a crash the same attempt begins again"


def test_a_photo_is_processing_while_its_work_runs(catalog: Catalog, photo: int) -> None:
    catalog.begin_job("b", "export_photo", 1, photo)
    assert state_of(catalog, photo) == ("imported", None)
    catalog.begin_job("a", WORK, 1)
    assert state_of(catalog, photo) == ("processing", None)
    catalog.record_result(photo, exif=EXIF, quality=QUALITY)
    catalog.begin_job("a", WORK, 1)
    assert state_of(catalog, photo) == ("completed", None), "what is known stays until there is more"


def test_jobs_are_listed_newest_first(catalog: Catalog, photo: int) -> None:
    catalog.add_jobs([PlannedJob(name, "export_photo", photo) for name in "bcd"])
    catalog.begin_job("c", "export_photo", 1)
    assert [row.id for row in catalog.job_rows()] == ["d", "c", "b", "a"]
    assert [row.id for row in catalog.job_rows(limit=2)] == ["d", "c"]
    assert [row.id for row in catalog.job_rows(Status.QUEUED)] == ["d", "b", "a"]
    assert [row.id for row in catalog.job_rows(session_id=1)] == ["a"]
    assert [row.id for row in catalog.job_rows(Status.QUEUED, photo_id=photo, limit=1)] == ["d"]
    assert catalog.job_rows(photo_id=99) == []


def test_what_is_unfinished_is_found_by_an_index(catalog: Catalog, photo: int) -> None:
    for status in Status:
        catalog.add_jobs([PlannedJob(status, WORK, None, 1)])
        catalog.end_job(status, status)
    catalog.add_jobs([PlannedJob("b", WORK)])
    assert sorted(catalog.unfinished_jobs(1)) == sorted(["a", *UNFINISHED])
    assert sorted(catalog.unfinished_jobs()) == sorted(["a", "b", *UNFINISHED])
    asked: list[str] = []
    catalog._db.set_trace_callback(asked.append)
    catalog.unfinished_jobs(1), catalog.unfinished_jobs()
    catalog._db.set_trace_callback(None)
    for statement in asked:
        plan = catalog._rows(f"EXPLAIN QUERY PLAN {statement}")
        assert "INDEX unfinished_jobs" in str(plan)


def test_a_photo_whose_work_was_cancelled_is_not_processing_any_more(catalog: Catalog, photo: int) -> None:
    catalog.record_failure(photo, "is cut off")
    catalog.begin_job("a", WORK, 1)
    assert state_of(catalog, photo) == ("processing", "is cut off")
    catalog.end_job("a", Status.CANCELLED, "on request", 1)
    assert state_of(catalog, photo) == ("failed", "is cut off")


def test_jobs_that_ended_long_ago_can_be_forgotten(catalog: Catalog, photo: int) -> None:
    old, young = "2026-01-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"
    catalog.add_jobs([PlannedJob(name, WORK) for name in "bcd"])
    catalog.sync(
        {
            name: in_queue(Status.SUCCEEDED, name, finished_at=at)
            for name, at in zip("bc", (old, young), strict=True)
        }
    )
    catalog.sync({"d": in_queue(Status.CANCELLED, "d", finished_at=old)})
    assert catalog.forget_jobs("succeeded", before="2026-02-01T00:00:00.000Z") == 1
    assert {row.id for row in catalog.job_rows()} == {"a", "c", "d"}


def test_how_long_a_task_takes_is_known_from_its_last_runs(catalog: Catalog, photo: int) -> None:
    assert catalog.recent_seconds(WORK) == ()
    catalog.add_jobs([PlannedJob(name, WORK) for name in "bcd"])
    for name, second in (("a", "01.500"), ("b", "02.000"), ("c", "59.000")):
        moments = {"started_at": "2026-01-01T00:00:00.000Z", "finished_at": f"2026-01-01T00:00:{second}Z"}
        catalog.sync({name: in_queue(Status.SUCCEEDED, name, **moments)})
    catalog.sync({"d": in_queue(Status.FAILED, "d", error=LOST)})
    assert catalog.recent_seconds(WORK) == pytest.approx((1.5, 2.0, 59.0), abs=0.001)
    assert catalog.recent_seconds("export_photo") == ()


def test_five_thousand_jobs_are_noted_in_no_time(catalog: Catalog, tmp_path: Path) -> None:
    session = catalog.session("s", tmp_path)
    ids = catalog.photo_ids(session, [tmp_path / f"{number}.jpg" for number in range(5000)]).values()
    rows = [PlannedJob(f"photo:{photo:032}", WORK, photo, session, 5, {"raw": True}) for photo in ids]
    found = {row.id: in_queue(Status.FAILED, row.id, error=LOST) for row in rows}
    for call in (
        partial(catalog.add_jobs, rows),
        partial(catalog.add_jobs, rows),
        partial(catalog.sync, found),
    ):
        start = time.perf_counter()
        call()
        assert time.perf_counter() - start < 1.0
    assert {row.status for row in catalog.photos(session)} == {"failed"}


def run_attempt(path: Path, attempt: int) -> None:
    """Run in a process of its own, beside other attempts."""
    end = Status.SUCCEEDED if attempt == 3 else Status.RETRYING
    for number in range(20):
        with Catalog(path) as catalog:
            catalog.add_jobs([PlannedJob(f"{number}", WORK), PlannedJob(f"{number} by {attempt}", WORK)])
            catalog.begin_job(f"{number}", WORK, attempt)
            catalog.end_job(f"{number}", end, None, attempt)


def test_of_processes_that_write_at_once_the_latest_attempt_stands(catalog: Catalog, path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(run_attempt, [path] * 3, (3, 1, 2)))
    assert {
        (row_of(catalog, f"{number}").status, row_of(catalog, f"{number}").attempt) for number in range(20)
    } == {(Status.SUCCEEDED, 3)}
    assert raw_query(path, "SELECT count(*) FROM jobs") == [(20 * 4,)]
