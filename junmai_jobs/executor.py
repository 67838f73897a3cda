"""Run one claimed job and say how it ended: decode, find the task, call it, and make its outcome one verb."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NamedTuple

from junmai_jobs import cache, codec, endings, ladder, quarantine
from junmai_jobs.broker import Broker, Suspicion
from junmai_jobs.broker_base import MAX_WAITING
from junmai_jobs.causes import behind
from junmai_jobs.context import MakingWay, RunningJob, running
from junmai_jobs.endings import Ending, How
from junmai_jobs.errors import (
    Abort,
    JobCancelled,
    PayloadError,
    Quarantined,
    RetryLater,
    StaleLease,
    StoreUnavailable,
    UnknownTask,
)
from junmai_jobs.hooks import hooks_around, tell_failure, tell_success
from junmai_jobs.interrupt import Interrupted, awaited, called
from junmai_jobs.job import Call, Claimed
from junmai_jobs.options import Options
from junmai_jobs.retry import LONGEST
from junmai_jobs.task import AsyncTask, Task, find_task
from junmai_jobs.timelimit import limited
from junmai_jobs.workflow import filled_in

log = logging.getLogger("junmai_jobs.worker")
_STORE_PAUSE = 5.0
TRACEBACK_LIMIT = 16 * 1024
_CALLERS = {__name__, called.__module__, limited.__module__, "asyncio.runners", "asyncio.base_events"}
UNKNOWN_TASK_PATIENCE = 600.0
"""Seconds for which a job of an unknown task is left to other workers before it fails."""


class Crash(BaseException):
    """In a test, the process is gone, here and now: that is no outcome, and nobody is told."""


class Assignment(NamedTuple):
    """A claimed job with the task that will run it."""

    job: Claimed
    call: Call
    task: Task[..., Any]
    options: Options

    @property
    def rung(self) -> int:
        """Of the ladder of memory, see ladder.py: from 1 on no other job of the worker may run meanwhile."""
        return ladder.rung_of(self.job.note)


def assign(job: Claimed) -> Assignment:
    """Read a job's body and find its task.

    Raises:
        UnknownTask: it is not registered here.
        ValueError: the body cannot be read.
    """
    call = Call.decode(job.body)
    task = find_task(call.task)
    return Assignment(job, call, task, task.options.overlaid(call.options))


def prepare(job: Claimed) -> Assignment | Ending:
    """``assign``, or say how the job ends because that cannot be done."""
    try:
        return assign(job)
    except UnknownTask as error:
        return _left_to_others(job, error)
    except ValueError as error:
        return endings.fail(describe(error), "corrupt_record")


def execute(
    assignment: Assignment,
    broker: Broker,
    cancel_asked: Callable[[], bool] = lambda: False,
    queues: Sequence[str] = (),
    max_waiting: int = MAX_WAITING,
    *,
    kept: cache.Bounds = cache.NOTHING,
    note_input: Callable[[str], object] = lambda _input_id: None,
    kind: type[RunningJob] = RunningJob,
) -> Ending | None:
    """Run the task. None when the job is no longer ours, so that its end is not ours to tell.

    Never raises but ``Crash``: whatever else the task does is an outcome.

    Args:
        assignment: the job and its task.
        broker: for what the task asks of its job.
        cancel_asked: whether somebody wants the run to stop.
        queues: those the worker serves, to which the job may make way.
        max_waiting: how many jobs may wait in a queue the task submits to.
        kept: how much is kept of values that were made before.
        note_input: told what the run works on, if its task has ``input``, see ``quarantine.input_id``.
        kind: what the task sees of its job.
    """
    job, options = assignment.job, assignment.options
    context = kind(
        job,
        broker,
        options.timeout,
        cancel_asked=cancel_asked,
        queues=queues,
        max_waiting=max_waiting,
        task=assignment.task,
        kept=kept,
    )
    hooks = hooks_around(assignment.task.hooks)
    with running(context):
        try:
            for hook in hooks:
                hook.before(context)
            call = filled_in(assignment.call, broker.inherit)
            if assignment.task.inputs or options.cache:
                value = _value(assignment, call, context, broker, kept=kept, note_input=note_input)
            else:
                value = _call(assignment, call, context)
            result = b"" if value is None else _packed(value)
        except Crash:
            raise
        except BaseException as error:  # noqa: BLE001 - a task may raise anything, and the worker must go on
            tell_failure(hooks, context, error)
            return _outcome(error, assignment, context)
        tell_success(hooks, context, value)
    return endings.succeed(result, options.result_ttl)


def _packed(result: Any) -> bytes:
    return codec.shrunk(codec.pack(result, limit=codec.RESULT_LIMIT, place="the result"))


def _value(
    assignment: Assignment,
    call: Call,
    context: RunningJob,
    broker: Broker,
    *,
    kept: cache.Bounds,
    note_input: Callable[[str], object],
) -> Any:
    """What a task gives that has an input, or whose results are kept: then perhaps without a run."""
    task, lasts = assignment.task, assignment.options.cache
    known: quarantine.Digests = {}

    def input_now() -> str:
        return quarantine.input_id(task, call, known) if task.inputs else ""

    input_id = input_now()

    def run() -> Any:
        with _on_input(assignment, call, input_id, broker, note_input):
            return _call(assignment, call, context)

    if lasts is None:
        return run()
    return cache.through(
        broker,
        cache.key_of_call(task, call, input_id),
        assignment.job.token,
        run,
        lasts=lasts,
        bounds=kept,
        # Not what was made with less memory, nor of a file that somebody wrote to meanwhile.
        worth_keeping=lambda _: context.scale == 1 and input_now() == input_id,
    )


@contextmanager
def _on_input(
    assignment: Assignment, call: Call, input_id: str, broker: Broker, note_input: Callable[[str], object]
) -> Iterator[None]:
    """While the task works on its input: refused in quarantine, and cleared when the run has ended well."""
    suspicion = broker.suspicion(input_id) if input_id else Suspicion([], quarantined=False)
    if suspicion.quarantined:
        raise quarantine.refusal(assignment.task, call, assignment.job.id, input_id, suspicion.deaths)
    note_input(input_id)
    yield
    if suspicion.deaths:
        with suppress(StoreUnavailable):
            broker.acquit(input_id)


def _call(assignment: Assignment, call: Call, context: RunningJob) -> Any:
    task, limit = assignment.task, assignment.options.soft_limit
    if isinstance(task, AsyncTask):
        return asyncio.run(awaited(task.function, call.args, call.kwargs, limit, context))
    return called(task.function, call.args, call.kwargs, limit, context)


def log_begin(assignment: Assignment) -> None:
    """A run begins, for who looks closely."""
    job, task = assignment.job, assignment.task.name
    if log.isEnabledFor(logging.DEBUG):
        fields = {"event": "job.started", **job.fields, "task": task}
        log.debug("job %s %s attempt %d begins", job.id, task, job.attempt, extra=fields)


def log_end(assignment: Assignment, ending: Ending | None, seconds: float) -> None:
    """A run has ended so; None: the job is no longer ours."""
    job, task = assignment.job, assignment.task.name
    if log.isEnabledFor(logging.INFO):
        fields = {
            "event": "job.ended",
            **job.fields,
            "task": task,
            "duration_s": round(seconds, 4),
            "outcome": ending.outcome if ending else "lost",
        }
        told = ending or "given to someone else"
        log.info(
            "job %s %s attempt %d after %.3f s: %s", job.id, task, job.attempt, seconds, told, extra=fields
        )


def delay_after_timeout(assignment: Assignment) -> float:
    """What follows if the run has to be killed: a retry in so many seconds, or, if negative, failure."""
    delay = assignment.options.retry.decide(assignment.job.attempt, TimeoutError())
    return -1.0 if delay is None else delay


def timed_out(timeout: float, retry_delay: float) -> Ending:
    """How a job ends whose run was killed, see ``delay_after_timeout``."""
    error = describe(TimeoutError(f"killed after its timeout of {timeout:g} s"))
    return endings.fail(error, "timeout") if retry_delay < 0 else endings.retry(retry_delay, error)


def _outcome(error: BaseException, assignment: Assignment, context: RunningJob) -> Ending | None:
    match error:
        case StaleLease():
            return None
        case _ if context.cancel_asked and (how := _cancelled(error)):
            return endings.confirm_cancel(how)
        case _ if any(isinstance(each, MakingWay) for each in behind(error)):
            return endings.step_aside()
        case RetryLater(seconds=seconds) if _is_delay(seconds):
            return endings.defer(seconds, reason=_reason(error))
        case StoreUnavailable():
            return endings.defer(_STORE_PAUSE, reason=_reason(error))
        case _:
            return _failure(error, assignment)


def _cancelled(error: BaseException) -> How | None:
    """How the run was stopped, if it ends for that: also where tidying up failed, or a library wraps it."""
    stops = [each for each in behind(error) if isinstance(each, JobCancelled)]
    if any(isinstance(each, Interrupted) for each in stops):
        return "interrupted"
    return "asked" if stops else None


def _failure(error: BaseException, assignment: Assignment) -> Ending:
    if isinstance(error, Quarantined):
        return endings.fail(describe(error), "quarantined", error.input_id)
    if isinstance(error, Abort):
        return endings.fail(describe(error), _reason(error))
    if ladder.is_want_of_memory(error):
        return _out_of_memory(error, assignment.rung)
    if isinstance(error, PayloadError):
        return endings.fail(describe(error), "payload")
    delay = assignment.options.retry.decide(assignment.job.attempt, error)
    return endings.fail(describe(error)) if delay is None else endings.retry(delay, describe(error))


def _out_of_memory(error: BaseException, rung: int) -> Ending:
    for each in behind(error):
        # What the task held gives room to say what has happened.
        traceback.clear_frames(each.__traceback__)
    return ladder.after(rung, describe(error))


@functools.lru_cache(100)
def _warn_of_unknown(text: str) -> None:
    """Once in this process."""
    log.warning("%s: its jobs wait for a worker that knows it", text, extra={"event": "task.unknown"})


def _left_to_others(job: Claimed, error: UnknownTask) -> Ending:
    """Another worker may know the task: come back in 5 to 60 s, and fail in the end."""
    _warn_of_unknown(str(error))
    noted = re.fullmatch(r"unknown:(\d+)", job.note)
    first_seen = int(noted[1] if noted else job.token)
    waited = (int(job.token) - first_seen) / 1e6
    if waited >= UNKNOWN_TASK_PATIENCE:
        return endings.fail(describe(error), "unknown_task")
    return endings.defer(min(60.0, max(5.0, waited)), f"unknown:{first_seen}", _reason(error))


def _is_delay(seconds: object) -> bool:
    return isinstance(seconds, (int, float)) and math.isfinite(seconds) and 0 <= seconds <= LONGEST


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as text: it is never rebuilt as an exception from what is stored."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    text = "".join(traceback.format_exception(kind, error, _of_task(error.__traceback__)))
    if len(text) > TRACEBACK_LIMIT:
        half = TRACEBACK_LIMIT // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    return {"type": name, "message": _clean(_message(error)), "traceback": _clean(text)}


def _of_task(frames: TracebackType | None) -> TracebackType | None:
    """Without the first frames, which are those that call the task."""
    while frames and frames.tb_frame.f_globals.get("__name__") in _CALLERS:
        frames = frames.tb_next
    return frames


def _message(error: BaseException) -> str:
    try:
        return str(error)[:TRACEBACK_LIMIT]
    except Exception:  # noqa: BLE001 - a broken __str__ is the task's, too
        return "(its message cannot be read)"


def _reason(error: BaseException) -> str:
    return _clean(_message(error))[:1000]


def _clean(text: str) -> str:
    """Without lone surrogates, which no encoding takes: an undecodable file name may be in a message."""
    return text.encode("utf-8", "backslashreplace").decode()
