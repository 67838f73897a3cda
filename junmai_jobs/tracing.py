"""Runs of jobs as spans of OpenTelemetry. Needs the extra ``otel``, and a provider of yours.

Nothing imports this module but one of yours, and a job that ``traced`` has not seen is stored as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any, ParamSpec, TypeVar

from junmai_jobs.context import MakingWay, RunningJob, current_job
from junmai_jobs.errors import InvalidState, JobCancelled, RetryLater, StaleLease
from junmai_jobs.hints import extra
from junmai_jobs.hooks import Hook
from junmai_jobs.task import Task

with extra("otel"):
    from opentelemetry import context, trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

P = ParamSpec("P")
R = TypeVar("R")
_HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()
_FLUSH_WITHIN = 2_000
"""ms for which the end of a process waits for what it has not sent yet."""
_NO_ERRORS: Mapping[type[BaseException], str] = {
    RetryLater: "deferred",
    MakingWay: "released",
    JobCancelled: "cancelled",
    StaleLease: "lost",
}


class Tracing(Hook):
    """A span around each run; ``use(Tracing())`` in a module of tasks, before any other hook.

    The span is the child of the one in which the job was submitted, if it was submitted ``traced``. It is
    current while the task runs. It ends before the store knows of the end, and a run that is killed has none.

    Args:
        provider: where spans are made; None: OpenTelemetry's global one.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._open: ContextVar[tuple[Span, Token[Context]] | None] = ContextVar(
            "junmai_jobs_span", default=None
        )

    def before(self, job: RunningJob) -> None:
        """Begin the span."""
        fields = job.fields
        span = trace.get_tracer("junmai_jobs", tracer_provider=self._provider).start_span(
            f"run {fields['task']}",
            context=_W3C.extract({_HEADER: _carried(job.tags)}, Context()),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "junmai_jobs",
                "messaging.operation.type": "process",
                "messaging.destination.name": str(fields["queue"]),
                "messaging.message.id": job.id,
                "junmai_jobs.task": str(fields["task"]),
                "junmai_jobs.attempt": job.attempt,
                "junmai_jobs.token": job.token,
            },
        )
        self._open.set((span, context.attach(trace.set_span_in_context(span))))

    def after(self, job: RunningJob, result: Any) -> None:  # noqa: ARG002 - as a hook is called
        """End it."""
        self._end("succeeded")

    def failure(self, job: RunningJob, error: BaseException) -> None:  # noqa: ARG002 - as a hook is called
        """End it, with the error; that a run makes way, is put off or was cancelled is none."""
        outcomes = (word for kind, word in _NO_ERRORS.items() if isinstance(error, kind))
        self._end(next(outcomes, "failed"), error)

    def _end(self, outcome: str, error: BaseException | None = None) -> None:
        opened = self._open.get()
        if opened is None:  # another hook has kept the run from coming so far
            return
        self._open.set(None)
        span, before = opened
        context.detach(before)
        span.set_attribute("junmai_jobs.outcome", outcome)
        if error is not None and outcome == "failed":
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()

    def close(self) -> None:
        """Send what is left."""
        flush = getattr(self._provider or trace.get_tracer_provider(), "force_flush", None)
        if flush is not None:  # the API's own provider makes nothing
            flush(_FLUSH_WITHIN)


def traced(task: Task[P, R]) -> Task[P, R]:
    """The same task; a job submitted of it carries the current span: ``submit(traced(develop), ...)``.

    As a tag of 67 characters, so that workers of any version take it. The task is given back as it is where
    there is no span; and where the id is given, or in a job, since the same is submitted there by every run
    and would differ.
    """
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    if not carrier or task.options.id is not None or _in_a_job():
        return task
    return task.with_options(tags=(*task.options.tags, f"{_HEADER}:{carrier[_HEADER]}"))


def _carried(tags: tuple[str, ...]) -> str:
    found = [value for name, _, value in (tag.partition(":") for tag in tags) if name == _HEADER]
    return found[-1] if found else ""


def _in_a_job() -> bool:
    try:
        current_job()
    except InvalidState:
        return False
    return True
