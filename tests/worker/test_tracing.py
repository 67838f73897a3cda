"""Runs as spans, in the processes of a real worker."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from junmai_jobs import JobFailed, RetryPolicy
from junmai_jobs.tracing import traced
from tests.waiting import wait_until
from tests.worker import traced_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace import Tracer

    from junmai_jobs import JobHandle, JobQueue
    from tests.worker.conftest import StartWorker

Spans = list[dict[str, Any]]


@pytest.fixture
def _worker(start_worker: StartWorker) -> None:
    start_worker("--tasks", traced_tasks.__name__, slots=1)


@pytest.fixture
def tracer() -> Tracer:
    """Of the program that submits."""
    return TracerProvider().get_tracer("tests")


def spans_of(jobs: JobQueue, handle: JobHandle[Any] | str) -> Spans:
    """Those of a job's runs, in their order."""
    job_id = handle if isinstance(handle, str) else handle.id
    found: Spans = jobs.submit(traced_tasks.spans).result(timeout=60)
    return [span for span in found if span["attributes"].get("messaging.message.id") == job_id]


def outcomes(spans: Spans) -> list[str]:
    return [span["attributes"]["junmai_jobs.outcome"] for span in spans]


@pytest.mark.usefixtures("_worker")
def test_each_run_is_a_span(jobs: JobQueue) -> None:
    handle = jobs.submit(traced_tasks.expose.with_options(queue="night"), failures=1)
    token = handle.result(timeout=60)
    first, second = spans_of(jobs, handle)
    assert outcomes([first, second]) == ["failed", "succeeded"]
    assert (first["name"], first["kind"]) == ("run expose", "SpanKind.CONSUMER")
    assert first["status"] == {"status_code": "ERROR", "description": "ValueError"}
    [event] = first["events"]
    assert event["attributes"]["exception.message"] == "it cannot be read"
    assert second["attributes"] == {
        "messaging.system": "junmai_jobs",
        "messaging.operation.type": "process",
        "messaging.destination.name": "night",
        "messaging.message.id": handle.id,
        "junmai_jobs.task": "expose",
        "junmai_jobs.attempt": 2,
        "junmai_jobs.token": token,
        "junmai_jobs.outcome": "succeeded",
    }
    assert (second["status"]["status_code"], second["events"], second["parent_id"]) == ("UNSET", [], None)
    assert first["context"]["trace_id"] != second["context"]["trace_id"]


@pytest.mark.usefixtures("_worker")
@pytest.mark.parametrize("name", ["expose", "expose_async"])
def test_what_the_task_does_is_inside(jobs: JobQueue, name: str) -> None:
    handle = jobs.submit(getattr(traced_tasks, name))
    handle.result(timeout=60)
    found: Spans = jobs.submit(traced_tasks.spans).result(timeout=60)
    decode, run = found[-2:]
    assert (decode["name"], run["name"]) == ("decode", f"run {name}")
    assert decode["parent_id"] == run["context"]["span_id"]
    assert decode["context"]["trace_id"] == run["context"]["trace_id"]


@pytest.mark.usefixtures("_worker")
def test_all_runs_are_children_of_the_span_that_has_submitted_the_job(jobs: JobQueue, tracer: Tracer) -> None:
    with tracer.start_as_current_span("request") as request:
        handle = jobs.submit(traced(traced_tasks.expose.with_options(tags=["wedding"])), failures=1)
        plain = jobs.submit(traced_tasks.expose)
    for each in (handle, plain):
        each.result(timeout=60)
    context = request.get_span_context()
    runs = spans_of(jobs, handle)
    assert outcomes(runs) == ["failed", "succeeded"]
    for run in runs:
        assert int(run["parent_id"], 16) == context.span_id
        assert int(run["context"]["trace_id"], 16) == context.trace_id
    assert handle.job().tags == ["wedding", f"traceparent:{_header(context)}"]
    assert spans_of(jobs, plain)[0]["parent_id"] is None
    assert plain.job().tags == ()


def _header(context: trace.SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


@pytest.mark.usefixtures("_worker")
def test_what_is_no_error_is_none(jobs: JobQueue) -> None:
    later = jobs.submit(traced_tasks.later)
    later.result(timeout=60)
    gone = jobs.submit(traced_tasks.give_up)
    refused = jobs.submit(
        traced_tasks.expose.with_options(tags=["refused"], retry=RetryPolicy(max_retries=0))
    )
    for each in (gone, refused):
        with pytest.raises(JobFailed):
            each.result(timeout=60)
    deferred, done = spans_of(jobs, later)
    assert outcomes([deferred, done]) == ["deferred", "succeeded"]
    assert (deferred["status"]["status_code"], deferred["events"]) == ("UNSET", [])
    for each, kind in ((gone, "Abort"), (refused, "LookupError")):
        [run] = spans_of(jobs, each)
        assert run["status"] == {"status_code": "ERROR", "description": kind}


@pytest.mark.usefixtures("_worker")
def test_what_every_run_submits_stays_the_same(jobs: JobQueue) -> None:
    handle = jobs.submit(traced_tasks.parent)
    child = handle.result(timeout=60)
    assert child == f"{handle.id}/1"
    assert jobs.job(child).tags == ()


def test_a_job_with_an_id_and_one_without_a_span_are_stored_as_ever(tracer: Tracer) -> None:
    assert traced(traced_tasks.expose) is traced_tasks.expose
    named = traced_tasks.expose.with_options(id="a")
    with tracer.start_as_current_span("request"):
        assert traced(named) is named
        assert traced(traced_tasks.expose) is not traced_tasks.expose


def test_a_process_that_ends_in_order_sends_what_is_left(
    jobs: JobQueue, start_worker: StartWorker, tmp_path: Path
) -> None:
    sent = tmp_path / "sent"
    worker = start_worker("--tasks", traced_tasks.__name__, slots=1, **{traced_tasks.LEFT: str(sent)})
    jobs.submit(traced_tasks.expose).result(timeout=60)
    assert not sent.exists(), "its processor waits for more"
    worker.stop()
    wait_until(sent.exists, what="the spans")
    assert sent.read_text("utf-8").splitlines() == ["decode", "run expose"]


def test_nothing_imports_it_but_who_uses_it() -> None:
    code = (
        "import sys, junmai_jobs.worker, junmai_jobs.child, junmai_jobs.cli; "
        "print('junmai_jobs.tracing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
