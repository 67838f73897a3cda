"""Tasks in spans, which are kept in the memory of the process that runs them, and told by a task."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from junmai_jobs import Abort, Hook, RetryLater, RetryPolicy, RunningJob, current_job, task, use
from junmai_jobs.tracing import Tracing, traced

KEPT = InMemorySpanExporter()
LEFT = "JUNMAI_TEST_SPANS"


class ToFile(SpanExporter):
    """Names of spans, as far as they were sent."""

    def export(self, spans: Any) -> SpanExportResult:
        if LEFT in os.environ:
            with Path(os.environ[LEFT]).open("a", encoding="utf-8") as file:
                file.writelines(f"{span.name}\n" for span in spans)
        return SpanExportResult.SUCCESS


class Refuse(Hook):
    """Comes after the one that traces."""

    def before(self, job: RunningJob) -> None:
        if "refused" in job.tags:
            raise LookupError("refused")


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(KEPT))
provider.add_span_processor(BatchSpanProcessor(ToFile(), schedule_delay_millis=3_600_000))
use(Tracing(provider))
use(Refuse())


@task(retry=RetryPolicy(max_retries=1, base=0.01, jitter=0.0))
def expose(failures: int = 0) -> str:
    with trace.get_tracer("studio", tracer_provider=provider).start_as_current_span("decode"):
        if current_job().attempt <= failures:
            raise ValueError("it cannot be read")
    return current_job().token


@task
async def expose_async() -> None:
    await asyncio.sleep(0)
    with trace.get_tracer("studio", tracer_provider=provider).start_as_current_span("decode"):
        pass


@task
def give_up() -> None:
    raise Abort("there is no such photo")


@task
def later() -> None:
    if not current_job().saved:
        current_job().checkpoint("once")
        raise RetryLater(0.01, "not yet")


@task(retry=RetryPolicy(max_retries=1, base=0.01, jitter=0.0))
def parent() -> str:
    """Submits another, in each of its runs."""
    child = current_job().submit(traced(expose))
    if current_job().attempt == 1:
        raise ValueError("once more")
    return child


@task
def spans() -> list[dict[str, Any]]:
    """Those that have ended in this process."""
    return [json.loads(span.to_json()) for span in KEPT.get_finished_spans()]
