"""History as a chart reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.errors import OptionError
from tests.waiting import wait_until
from tests.worker.tasks import quick

MINUTE, HOUR = 60, 3600
START = 1_795_500_000


@pytest.fixture(autouse=True)
def _rows(jobs: JobQueue) -> None:
    """Three minutes and an hour that were counted."""
    keys, client = jobs.inspector.keys, jobs.inspector._link.client
    for number in range(3):
        at = START + number * MINUTE
        client.zadd(keys.minutes, {f"{at}|{number}|1|0|" + ("7|2" if number == 2 else "|"): at})
    client.zadd(keys.hours, {f"{START}|3|3|0|7|2": START})


def test_the_rows_of_the_minutes(jobs: JobQueue) -> None:
    rows = jobs.history()
    assert rows[0] == {
        "at": "2026-11-24T06:00:00Z",
        "succeeded": 0, "failed": 1, "cancelled": 0, "queued": None, "running": None,
    }  # fmt: skip
    assert [row["succeeded"] for row in rows] == [0, 1, 2]
    assert (rows[2]["queued"], rows[2]["running"]) == (7, 2)


def test_the_rows_of_the_hours(jobs: JobQueue) -> None:
    (row,) = jobs.history("hour")
    assert (row["at"], row["succeeded"], row["queued"]) == ("2026-11-24T06:00:00Z", 3, 7)


@pytest.mark.parametrize(
    "since",
    ["2026-11-24T06:01:00Z", "2026-11-24T06:01:00", "2026-11-24T08:01:00+02:00"],
)
def test_only_what_is_new(jobs: JobQueue, since: str) -> None:
    assert [row["succeeded"] for row in jobs.history(since=since)] == [1, 2]
    assert len(jobs.history(since=datetime.fromisoformat(since))) == 2
    assert jobs.history("hour", since=datetime(2027, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize("since", ["yesterday", 7, ""])
def test_what_is_no_time(jobs: JobQueue, since: str) -> None:
    with pytest.raises(OptionError, match=r"since is .*; give a time as in 2026-11-24T03:00:00Z"):
        jobs.history(since=since)


def test_what_is_no_resolution(jobs: JobQueue) -> None:
    with pytest.raises(OptionError, match="resolution is 'day'; give 'minute' or 'hour'"):
        jobs.history("day")


def test_a_worker_keeps_the_history(jobs: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("junmai_jobs.scheduler.SAMPLE_EVERY", 0.5)
    client, keys = jobs.inspector._link.client, jobs.inspector.keys
    client.delete(keys.minutes)
    jobs.submit(quick)
    with jobs.worker(concurrency=1, moved_clock=True, schedules=False):
        wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] == 1)
        client.hset(keys.meta, "clock_offset", MINUTE * 1000)
        rows = wait_until(lambda: [row for row in jobs.history() if row["succeeded"]])
    assert [row["succeeded"] for row in rows] == [1]
