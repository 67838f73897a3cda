"""Snapshots as rows and lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from junmai_jobs.commands.charts import Column, Glyphs, bar, span, sparkline
from junmai_jobs.commands.jobs import RUNS, facts, run_rows, told_of_runs, why_failed
from junmai_jobs.commands.output import table
from junmai_jobs.commands.queue_table import NARROW, WIDE, queue_row
from junmai_jobs.commands.top.pane import Row
from junmai_jobs.commands.top.snapshot import SECONDS, Snapshot
from junmai_jobs.commands.why import reasons
from junmai_jobs.job import Job, Status
from junmai_jobs.why import Why
from junmai_jobs.wording import clean, count

_BAR = 10
_CURVE = 40
_QUEUE = Column("QUEUE", least=10)
_ID = Column("ID", rank=9)
_COUNT = {"right": True}
QUEUES = {
    narrow: [
        _QUEUE,
        *(Column(title.removesuffix(" (s)"), right=True) for title in titles[1:-1]),
        Column(titles[-1]),
    ]
    for narrow, titles in ((False, WIDE), (True, NARROW))
}
RUNNING = (
    Column("TASK", least=12), Column("PROGRESS"), Column("TIME", **_COUNT),
    Column("MESSAGE", rank=1, least=20), Column("WORKER", rank=2, least=12), Column("QUEUE", rank=3), _ID,
)  # fmt: skip
WAITING = (
    Column("TASK", least=12), Column("QUEUE", rank=3, least=10), Column("PRIORITY", rank=4, **_COUNT),
    Column("STATUS"), Column("WHY", least=12), _ID,
)  # fmt: skip
FAILED = (
    Column("TASK", least=12), Column("AGO", **_COUNT), Column("ERROR", least=16),
    Column("QUEUE", rank=3), _ID,
)  # fmt: skip


def queue_rows(snapshot: Snapshot, *, narrow: bool) -> list[Row]:
    """A row for each queue."""
    rows = []
    for name, queue in snapshot.counts["queues"].items():
        _, *counts, waits, paused = queue_row(name, queue, narrow=narrow)
        cells = [name, *(f"{each:,}" for each in counts), "" if waits is None else span(waits), paused]
        rows.append(Row(name, cells, "yellow" if paused else ""))
    return rows


def running_rows(snapshot: Snapshot, glyphs: Glyphs) -> Iterator[Row]:
    """A row for each job that runs."""
    for job, seconds in snapshot.running:
        part, message = _how_far(job.progress or {})
        shown = "" if part is None else f"{bar(part, _BAR, glyphs)} {part:4.0%}"
        worker = (job.worker or "").rpartition("/")[0]
        yield Row(job.id, [job.task, shown, span(seconds), message, worker, job.queue, job.id])


def waiting_rows(snapshot: Snapshot) -> Iterator[Row]:
    """A row for each job that waits."""
    for job in snapshot.waiting:
        cells = [
            job.task,
            job.queue,
            str(job.priority),
            str(job.status),
            _waits_for(job, snapshot.now),
            job.id,
        ]
        yield Row(job.id, cells)


def failed_rows(snapshot: Snapshot) -> Iterator[Row]:
    """A row for each job that has failed."""
    for job in snapshot.failed:
        ago = "" if job.finished_at is None else span(snapshot.now - _time(job.finished_at))
        yield Row(job.id, [job.task, ago, why_failed(job), job.queue, job.id])


def summary(snapshot: Snapshot) -> str:
    """Everything in a line."""
    statuses, workers = snapshot.counts["jobs_by_status"], snapshot.counts["workers"]
    told = ", ".join(f"{statuses[name]:,} {name}" for name in Status if name.finished)
    time = snapshot.counts["timestamp"][11:19]
    return f"{snapshot.counts['namespace']}: {count(workers, 'worker')}, {told}, {time}Z"


def throughput(snapshot: Snapshot, width: int, glyphs: Glyphs) -> str:
    """How much ends, now and in the last minutes."""
    rate = f"{snapshot.rate:,.1f}" if snapshot.rate < 100 else f"{snapshot.rate:,.0f}"
    said = f"{rate} jobs/s, {SECONDS // 60} min: "
    return said + sparkline(snapshot.ended, min(_CURVE, width - len(said)), glyphs)


def hardware(found: Mapping[str, Any]) -> str:
    """How busy this computer is."""
    parts = [f"CPU {found['cpu_percent']:.0f} %", f"memory {found['memory_percent']:.0f} %"]
    if "gpu_load" in found:
        memory = f"{found['gpu_memory_used'] / 1024:.1f} of {found['gpu_memory_total'] / 1024:.1f} GB"
        parts.append(f"GPU {found['gpu_load']} %, {memory}, {found['gpu_temperature']} C")
    if "battery_percent" in found:
        parts.append(f"battery {found['battery_percent']:.0f} %")
    return "  ".join(parts)


def _how_far(note: Mapping[str, Any]) -> tuple[float | None, str]:
    """The part that is done, and what the job says."""
    match note:
        case {"done": int() | float() as done, "total": int() | float() as total} if total > 0:
            return done / total, str(note.get("message", ""))
        case {"done": int() | float() as done}:
            return None, " ".join(filter(None, (f"{done:g} done", str(note.get("message", "")))))
    return None, ""


def _waits_for(job: Job, now: float) -> str:
    if job.run_at is not None:
        return f"in {span(_time(job.run_at) - now)}" + (f" after {why_failed(job)}" if job.error else "")
    if job.status is Status.BLOCKED:
        return job.reason or "it waits for other jobs"
    return "" if job.created_at is None else f"for {span(now - _time(job.created_at))}"


def _time(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def details(job: Job, why: Why | None) -> RenderableType:
    """One job, whole: what ``junmai-jobs show`` tells, and ``why`` before it."""
    parts: list[RenderableType] = [_text([*reasons(why), ""])] if why else []
    parts.append(_text(facts(job)))
    if job.history:
        parts += [Text(), table(RUNS, run_rows(job))]
    return Group(*parts, _text(told_of_runs(job)))


def _text(told: Iterable[str]) -> Text:
    return Text("\n".join(clean(line) for lines in told for line in lines.split("\n")))
