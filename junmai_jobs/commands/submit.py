"""``submit``: one job from the command line, or many from the lines of stdin."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.codec import from_json
from junmai_jobs.commands.app import FAILED, App, Command, pass_app
from junmai_jobs.commands.output import as_text, note, note_next, say
from junmai_jobs.errors import JunmaiJobsError, OptionError
from junmai_jobs.job import Status
from junmai_jobs.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from junmai_jobs.handle import JobHandle
    from junmai_jobs.job import NewJob
    from junmai_jobs.jobqueue import JobQueue

_PATIENCE = 5.0
"""Seconds for which a job may wait before it is told why: meanwhile a worker starts again."""


def argument(text: str) -> Any:
    """What an ARG stands for: JSON, or else a plain text."""
    try:
        return from_json(text)
    except ValueError:
        return text


def json_object(text: str | bytes, what: str) -> dict[str, Any]:
    """A JSON object that a person gives.

    Raises:
        OptionError: it is none.
    """
    try:
        found = from_json(text)
    except ValueError as error:
        quoted = """; in a shell: --kwargs '{"columns": 4}'""" if what == "--kwargs" else ""
        raise OptionError(f"{what} is not JSON: {error}{quoted}") from None
    if not isinstance(found, dict):
        example = '{"columns": 4}' if what == "--kwargs" else '{"args": ["a.jpg"]}'
        raise OptionError(f"{what} must be a JSON object, as in {example}")
    return found


@click.command(cls=Command, options_metavar="[OPTIONS]")
@click.argument("task", required=False)
@click.argument("args", nargs=-1, metavar="[ARG]...")
@click.option("--kwargs", metavar="JSON", help="Keyword arguments, as a JSON object.")
@click.option("--queue", metavar="Q", help="Another queue than the task's own.")
@click.option("--priority", metavar="P", help="0 to 10, larger runs first; or high (9), medium (5), low (1).")
@click.option("--delay", type=float, metavar="S", help="Not before so many seconds have passed.")
@click.option(
    "--unique", metavar="KEY", help="At most one job of this key waits or runs; another gives its id."
)
@click.option("--durable", is_flag=True, default=None, help="Return only when the server has it on its disk.")
@click.option(
    "--reuse", is_flag=True, default=None, help="Where its result is kept already, answer with that: no job."
)
@click.option("--wait", is_flag=True, help="Wait for the end; print the result, or exit 1.")
@click.option("--plan", "only_plan", is_flag=True, help="Submit nothing; tell what it would take.")
@click.option("--stdin", "lines", is_flag=True, help="Submit a job for each line of stdin.")
@pass_app
def submit(
    app: App,
    /,
    task: str | None,
    args: tuple[str, ...],
    kwargs: str | None,
    *,
    wait: bool,
    lines: bool,
    only_plan: bool,
    **given: Any,
) -> None:
    """Have a worker run TASK, and print the id of the job.

    Each ARG is JSON, or else a plain text; put -- before arguments that begin with a dash.

    With --stdin each line is a JSON object: "args" (a list), "kwargs" (an object), "task" where it is not
    TASK, and options by their names, such as "id", "queue", "priority", "delay" and "after".
    """
    row = {name: value for name, value in given.items() if value is not None} | {"task": task}
    if lines and (args or kwargs):
        raise click.UsageError("with --stdin the arguments stand in its lines: leave out ARG and --kwargs")
    if task is None and not lines:
        raise click.UsageError("Missing argument 'TASK'.")
    if lines and sys.stdin is None:
        raise click.UsageError("there is nothing to read with --stdin: it is closed")
    if only_plan and wait:
        raise click.UsageError("--plan submits nothing: leave out --wait")
    app.register_tasks()
    if not lines:
        keywords = json_object(kwargs, "--kwargs") if kwargs else {}
        row |= {"args": [argument(arg) for arg in args], "kwargs": keywords}
    if only_plan:
        read = [each for each, _ in _read_lines(sys.stdin.buffer, row)] if lines else [Submission.of(row)]
        _plan(app, read)
        return
    if lines:
        handles = _submit_lines(app.jobs, sys.stdin.buffer, row)
    else:
        handles = app.jobs.enqueue([Submission.of(row).new_job()])
    outcomes = _await(app.jobs, handles) if wait else _as_submitted(app.jobs, handles)
    try:
        app.answer({"submitted": outcomes} if lines else outcomes[0], _show, outcomes, wait=wait)
    except OSError:  # the output's
        _note_unprinted(handles)
        raise
    if any("error" in outcome for outcome in outcomes):
        click.get_current_context().exit(FAILED)


def _note_unprinted(handles: list[JobHandle[Any]]) -> None:
    """Tell in a few words which jobs these are, as the answer cannot be printed."""
    if handles:
        several = f"{len(handles):,} jobs, {handles[0].id} to {handles[-1].id}"
        which = several if len(handles) > 1 else handles[0].id
        note(f"submitted, although that cannot be printed: {which}")


def _submit_lines(jobs: JobQueue, lines: Iterable[bytes], common: dict[str, Any]) -> list[JobHandle[Any]]:
    """Submit a job for each line that is not empty; a call takes up to ``BATCH`` of them, all or none."""
    from junmai_jobs.broker import pages  # noqa: PLC0415 - --help does without it

    handles: list[JobHandle[Any]] = []
    try:
        for page in pages(jobs.admitted(job for _, job in _read_lines(lines, common))):
            handles += jobs.enqueue_admitted(page)
    except (JunmaiJobsError, KeyboardInterrupt) as error:
        if handles:
            told = f"the {len(handles):,} jobs of the lines before are submitted"
            if isinstance(error, KeyboardInterrupt):
                note(f"Stopped: {told}; `junmai-jobs list` shows them.")
            else:
                error.add_note(told)
        raise
    return handles


def _read_lines(lines: Iterable[bytes], common: dict[str, Any]) -> Iterator[tuple[Submission, NewJob]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                submission = Submission.of(common | json_object(line, "it"))
                yield submission, submission.new_job()
            except JunmaiJobsError as error:
                raise type(error)(f"line {number}: {error}") from None


def _plan(app: App, submissions: list[Submission]) -> None:
    from junmai_jobs.commands.plans import show_outlook  # noqa: PLC0415 - only --plan needs it

    outlook = app.jobs.outlook(submissions)
    app.answer({"plan": outlook.as_dict()}, show_outlook, outlook)


def _as_submitted(jobs: JobQueue, handles: list[JobHandle[Any]]) -> list[dict[str, Any]]:
    statuses = jobs.inspector.statuses([handle.id for handle in handles if not handle.reused])
    statuses |= {handle.id: handle.status for handle in handles if handle.reused}
    return [_row(handle, statuses.get(handle.id, Status.QUEUED)) for handle in handles]


def _row(handle: JobHandle[Any], status: Status) -> dict[str, Any]:
    common = {"id": handle.id, "status": status, "existing": handle.existing}
    if handle.reused:
        return common | {"reused": True, "result": handle.result()}
    return common


def _await(jobs: JobQueue, handles: list[JobHandle[Any]]) -> list[dict[str, Any]]:
    awaited = [handle for handle in handles if not handle.reused]
    try:
        return list(_outcomes(jobs, handles))
    except KeyboardInterrupt:
        note(f"Not waiting any more; `junmai-jobs show {awaited[0].id}` tells what has become of it.")
        raise


def _outcomes(jobs: JobQueue, handles: list[JobHandle[Any]]) -> Iterator[dict[str, Any]]:
    is_told = False
    for handle in handles:
        is_told = is_told or (not handle.reused and _tell_why(jobs, handle))
        yield _outcome(jobs, handle)


def _tell_why(jobs: JobQueue, handle: JobHandle[Any]) -> bool:
    """Wait for the end, a few seconds at most; whether it was told then why the job does not run."""
    from junmai_jobs.waiting import deadline_in, wait_until_finished  # noqa: PLC0415 - --help does without it

    status = wait_until_finished(jobs.inspector, handle.id, deadline_in(_PATIENCE))
    if status.finished or status is Status.RUNNING:
        return False
    with suppress(JunmaiJobsError):  # who submits may not be allowed to read all that it takes
        why = jobs.why(handle.id)
        if not why.status.finished and why.status is not Status.RUNNING:
            note(f"job {why.id} is {why.status}: {why.detail}")
            return True
    return False


def _outcome(jobs: JobQueue, handle: JobHandle[Any]) -> dict[str, Any]:
    from junmai_jobs.waiting import wait_until_finished  # noqa: PLC0415 - --help does without it

    if handle.reused:
        return _row(handle, handle.status)
    status = wait_until_finished(jobs.inspector, handle.id)
    job = handle.job()
    if status is Status.SUCCEEDED:
        return _row(handle, status) | {"result": job.result}
    cancelled = {"type": "JobCancelled", "message": f"it was cancelled: {job.reason}", "traceback": ""}
    return _row(handle, status) | {"error": job.error or cancelled}


def _show(outcomes: list[dict[str, Any]], *, wait: bool) -> None:
    for outcome in outcomes:
        if error := outcome.get("error"):
            note(f"job {outcome['id']} {outcome['status']}: {error['type']}: {error['message']}")
            if outcome["status"] == Status.FAILED:
                note_next(outcome["id"])
        else:
            say(as_text(outcome["result"]) if wait else outcome["id"])
    if existing := sum(outcome["existing"] for outcome in outcomes):
        which = f"{existing:,} of {len(outcomes):,} jobs" if len(outcomes) > 1 else f"job {outcomes[0]['id']}"
        note(f"{which} had been submitted before")
    if reused := sum("reused" in outcome for outcome in outcomes):
        which = f"{reused:,} of {len(outcomes):,} were" if len(outcomes) > 1 else "it was"
        note(f"{which} answered with a result that is kept, without a job")
