"""``stats --since``: what has ended, by the minute or the hour, counted by now or not yet."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import pytest

from junmai_jobs import JobQueue
from junmai_jobs.commands.since import begin_of, ended_since
from tests.in_process import typed

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
MINUTE, HOUR = 60, 3600


def keep(jobs: JobQueue, home: str, at: int, counts: tuple[int, int, int]) -> None:
    keys, client = jobs.inspector.keys, jobs.inspector._link.client
    client.zadd(keys._asdict()[home], {f"{at}|{'|'.join(map(str, counts))}||": at})


def end(jobs: JobQueue, outcome: str, at: float, count: int) -> None:
    """As many ends as a home tells: its members need no bodies to be counted."""
    key = getattr(jobs.inspector.keys, outcome)
    jobs.inspector._link.client.zadd(key, {f"{outcome}-{at}-{number}": at * 1000 for number in range(count)})


@pytest.mark.parametrize(
    ("given", "begin"),
    [
        ("90s", "2026-11-29T11:59:00"), ("30m", "2026-11-29T11:30:30"), ("1h30m", "2026-11-29T10:30:30"),
        (" 24 H ", "2026-11-28T12:00:30"), ("7d", "2026-11-22T12:00:30"), ("1w", "2026-11-22T12:00:30"),
        ("2026-11-24T03:00:00Z", "2026-11-24T03:00:00"), ("2026-11-24T03:00", "2026-11-24T03:00:00"),
        ("2026-11-24T05:00:00+02:00", "2026-11-24T03:00:00"), ("2026-11-24", "2026-11-24T00:00:00"),
    ],
)  # fmt: skip
def test_a_time_or_a_length_of_time(given: str, begin: str) -> None:
    assert begin_of(given, NOW) == datetime.fromisoformat(begin).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("1x", "is no time: give as in 30m, 24h, 7d or 2026-11-24T03:00:00Z"), ("", "is no time"),
        ("yesterday", "is no time"), ("-1h", "is no time"), ("nan", "is no time"), ("1e9h", "is no time"),
        ("2026-11-30", "is not over yet: it is 2026-11-29T12:00:30Z now"),
        ("9999-12-31T23:59:59-12:00", "is not over yet"),
        ("91d", "what ended is counted for 90 days"), ("0001-01-01T00:00:00+14:00", "90 days"),
        ("999999999w", "90 days"),
    ],
)  # fmt: skip
def test_what_is_none(given: str, why: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(why)):
        begin_of(given, NOW)


def test_what_was_counted_and_what_was_not_yet(jobs: JobQueue) -> None:
    now = jobs.inspector.now()
    minute = int(now) // MINUTE * MINUTE
    keep(jobs, "minutes", minute - 3 * MINUTE, (5, 1, 0))
    end(jobs, "succeeded", minute - 3 * MINUTE + 1, 50)  # those that are counted are not counted twice
    end(jobs, "succeeded", minute - 2 * MINUTE + 1, 3)
    end(jobs, "cancelled", minute - MINUTE + 1, 2)
    end(jobs, "failed", now - 0.001, 1)
    found = ended_since(jobs, "10m")
    assert (found["resolution"], found["totals"]) == ("minute", {"succeeded": 8, "failed": 2, "cancelled": 2})
    counts = [(row["succeeded"], row["failed"], row["cancelled"]) for row in found["rows"]]
    assert counts[:3] == [(5, 1, 0), (3, 0, 0), (0, 0, 2)]
    assert found["peak"]["ended"] == 6
    assert found["rate_per_s"] == pytest.approx(12 / 630, rel=0.06)
    assert ended_since(jobs, "0s")["totals"]["succeeded"] == 0


def test_longer_than_a_day_is_told_by_the_hour(jobs: JobQueue) -> None:
    hour = int(jobs.inspector.now()) // HOUR * HOUR
    keep(jobs, "hours", hour - 30 * HOUR, (1000, 0, 0))
    keep(jobs, "hours", hour - 2 * HOUR, (100, 0, 0))
    end(jobs, "succeeded", hour - HOUR + 1, 7)
    found = ended_since(jobs, "2d")
    assert (found["resolution"], found["totals"]["succeeded"]) == ("hour", 1107)
    assert ended_since(jobs, "24h")["resolution"] == "minute"


def test_where_no_worker_has_counted_anything(jobs: JobQueue) -> None:
    end(jobs, "succeeded", jobs.inspector.now() - 5 * MINUTE, 4)
    assert ended_since(jobs, "1h")["totals"]["succeeded"] == 4
    assert ended_since(jobs, "3m")["peak"] is None


def test_the_command(jobs: JobQueue, tmp_path: Path) -> None:
    end(jobs, "succeeded", jobs.inspector.now() - 5 * MINUTE, 4000)
    at = ("stats", "--redis", jobs.server.describe(), "--since", "1h")
    found = json.loads(typed(tmp_path, *at, "--json").stdout)
    assert found.keys() == {
        "namespace",
        "since",
        "until",
        "resolution",
        "totals",
        "rate_per_s",
        "peak",
        "rows",
    }
    assert found["totals"]["succeeded"] == 4000
    shown = typed(tmp_path, *at)
    assert re.search(r"succeeded +4000 +\d+\.\d +4,000 at .*Z +[▁█]+\n", shown.stdout)
    wrong = typed(tmp_path, *at[:-1], "soon")
    assert (wrong.exit_code, "is no time" in wrong.stderr) == (2, True)
    both = typed(tmp_path, *at, "--watch")
    assert (both.exit_code, "give one of them" in both.stderr) == (2, True)
