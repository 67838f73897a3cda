"""What has ended since some time: ``stats --since``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.charts import Glyphs, sparkline
from junmai_jobs.commands.output import moment, print_table, say
from junmai_jobs.job import Status
from junmai_jobs.schedule import length_of

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue

_WIDTH = 40
_STEP = {"minute": 60, "hour": 3600}
_A = {"minute": "A MINUTE", "hour": "AN HOUR"}
_BY_MINUTE = timedelta(days=1)
"""For so long there is a row for each minute, and then one for each hour."""
_KEPT = timedelta(days=90)
OUTCOMES = tuple(str(status) for status in Status if status.finished)


def begin_of(given: str, now: datetime) -> datetime:
    """The time that was given, or so long before now.

    Raises:
        UsageError: it is neither, or not yet, or longer ago than anything is known of.
    """
    try:
        if (length := length_of(given.lower())) is not None:
            time = now - timedelta(seconds=length)
        else:
            time = datetime.fromisoformat(given.strip())
            time = time if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        time = datetime.min.replace(tzinfo=UTC)
    except ValueError:
        raise click.UsageError(
            f"--since {given!r} is no time: give as in 30m, 24h, 7d or 2026-11-24T03:00:00Z"
        ) from None
    if now - time > _KEPT:
        raise click.UsageError(f"--since {given!r}: what ended is counted for {_KEPT.days} days")
    if time > now:
        raise click.UsageError(f"--since {given!r} is not over yet: it is {now:%Y-%m-%dT%H:%M:%SZ} now")
    return time


def ended_since(jobs: JobQueue, given: str) -> dict[str, Any]:
    """What ended since then, as the document of ``--json``.

    The rows that workers have not written yet are counted here, so that nothing that has ended just now is
    missing.

    Raises:
        UsageError: ``given`` is no time, or not yet.
    """
    now = jobs.inspector.now()
    end = datetime.fromtimestamp(now, UTC)
    begin = begin_of(given, end)
    resolution = "minute" if end - begin <= _BY_MINUTE else "hour"
    step = _STEP[resolution]
    first = int(begin.timestamp()) // step * step
    kept = [_only(row) for row in jobs.history(resolution, datetime.fromtimestamp(first, UTC))]
    counted = _seconds(kept[-1]["at"]) + step if kept else first
    edges = [*range(counted, int(now) + 1, step), now]
    fresh = jobs.inspector.ended_between(edges) if counted < now else []
    rows = [*kept, *({"at": _iso(at)} | row for at, row in zip(edges, fresh, strict=False))]
    totals = {name: sum(row[name] for row in rows) for name in OUTCOMES}
    peak = max(rows, key=_all_of, default=None)
    return {
        "namespace": jobs.namespace,
        "since": _iso(first),
        "until": _iso(int(now)),
        "resolution": resolution,
        "totals": totals,
        "rate_per_s": round(sum(totals.values()) / max(1.0, now - first), 6),
        "peak": {"at": peak["at"], "ended": _all_of(peak)} if peak and _all_of(peak) else None,
        "rows": rows,
    }


def show_since(found: Mapping[str, Any]) -> None:
    """The same for a person."""
    rows, resolution, glyphs = found["rows"], found["resolution"], Glyphs.of(sys.stdout)
    span = _seconds(found["until"]) - _seconds(found["since"])
    units = max(1.0, span / _STEP[resolution])
    curves = _filled(rows, _seconds(found["since"]), _STEP[resolution])
    table = []
    for name in OUTCOMES:
        total = found["totals"][name]
        top = max(rows, key=lambda row: row[name]) if total else None
        most = f"{top[name]:,} at {moment(top['at'])[:16]}Z" if top else ""
        curve = sparkline([row[name] for row in curves], _WIDTH, glyphs) if total else ""
        table.append((name, total, round(total / units, 1), most, curve))
    say(
        f"namespace {found['namespace']}: ended since {moment(found['since'])}, till {moment(found['until'])}"
    )
    print_table(("", "JOBS", _A[resolution], "MOST", ""), table)


def _filled(rows: Sequence[dict[str, Any]], begin: int, step: int) -> list[dict[str, Any]]:
    """The rows with those between that nobody has counted, as a curve has them."""
    known = {_seconds(row["at"]): row for row in rows}
    nothing = dict.fromkeys(OUTCOMES, 0)
    return [known.get(at, nothing) for at in range(begin, max(known, default=begin) + 1, step)]


def _only(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": row["at"]} | {name: row[name] or 0 for name in OUTCOMES}


def _all_of(row: Mapping[str, Any]) -> int:
    return sum(row[name] for name in OUTCOMES)


def _seconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp())


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
