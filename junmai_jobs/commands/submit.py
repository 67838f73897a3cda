"""``submit``: one job from the command line, or many from the lines of stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.codec import from_json
from junmai_jobs.commands.app import FAILED, App, Command, pass_app
from junmai_jobs.commands.output import as_text, note, say
from junmai_jobs.errors import JunmaiJobsError, OptionError
from junmai_jobs.job import Status
from junmai_jobs.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from junmai_jobs.handle import JobHandle
    from junmai_jobs.job import NewJob
    from junmai_jobs.jobqueue import JobQueue


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
        raise OptionError(f"{what} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise OptionError(f'{what} must be a JSON object, as in {{"columns": 4}}')
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
@click.option("--wait", is_flag=True, help="Wait for the end; print the result, or exit 1.")
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
    app.register_tasks()
    if lines:
        handles = _submit_lines(app.jobs, sys.stdin.buffer, row)
    else:
        keywords = json_object(kwargs, "--kwargs") if kwargs else {}
        row |= {"args": [argument(arg) for arg in args], "kwargs": keywords}
        handles = app.jobs.enqueue([Submission.of(row).new_job()])
    outcomes = _await(app.jobs, handles) if wait else _as_submitted(app.jobs, handles)
    try:
        app.answer({"submitted": outcomes} if lines else outcomes[0], _show, outcomes, wait=wait)
    except OSError:  # the output's
        note(f"submitted, although that cannot be printed: {_named(handles)}")
        raise
    if any("error" in outcome for outcome in outcomes):
        click.get_current_context().exit(FAILED)


def _named(handles: list[JobHandle[Any]]) -> str:
    """Which jobs these are, in a few words."""
    if len(handles) == 1:
        return handles[0].id
    return f"{len(handles):,} jobs, {handles[0].id} to {handles[-1].id}"


def _submit_lines(jobs: JobQueue, lines: Iterable[bytes], common: dict[str, Any]) -> list[JobHandle[Any]]:
    """Submit a job for each line that is not empty; a call takes up to ``BATCH`` of them, all or none."""
    from junmai_jobs.broker import pages  # noqa: PLC0415 - --help does without it

    handles: list[JobHandle[Any]] = []
    try:
        for page in pages(_read_lines(lines, common)):
            handles += jobs.enqueue(page)
    except JunmaiJobsError as error:
        if handles:
            error.add_note(f"the {len(handles):,} jobs of the lines before are submitted")
        raise
    return handles


def _read_lines(lines: Iterable[bytes], common: dict[str, Any]) -> Iterator[NewJob]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Submission.of(common | json_object(line, "it")).new_job()
            except JunmaiJobsError as error:
                raise type(error)(f"line {number}: {error}") from None


def _as_submitted(jobs: JobQueue, handles: list[JobHandle[Any]]) -> list[dict[str, Any]]:
    statuses = jobs.inspector.statuses([handle.id for handle in handles])
    return [_row(handle, statuses.get(handle.id, Status.QUEUED)) for handle in handles]


def _row(handle: JobHandle[Any], status: Status) -> dict[str, Any]:
    return {"id": handle.id, "status": status, "existing": handle.existing}


def _await(jobs: JobQueue, handles: list[JobHandle[Any]]) -> list[dict[str, Any]]:
    if not any(worker["alive"] for worker in jobs.workers()):
        note("No worker is running: `junmai-jobs worker` starts one.")
    for queue in sorted({handle.job().queue for handle in handles} & set(jobs.inspector.paused())):
        note(f"The queue {queue} is paused: `junmai-jobs resume {queue}` lets it go on.")
    try:
        return [_outcome(jobs, handle) for handle in handles]
    except KeyboardInterrupt:
        note(f"Not waiting any more; `junmai-jobs show {handles[0].id}` tells what has become of it.")
        raise


def _outcome(jobs: JobQueue, handle: JobHandle[Any]) -> dict[str, Any]:
    from junmai_jobs.waiting import wait_until_finished  # noqa: PLC0415 - --help does without it

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
        else:
            say(as_text(outcome["result"]) if wait else outcome["id"])
    if existing := sum(outcome["existing"] for outcome in outcomes):
        which = f"{existing:,} of {len(outcomes):,} jobs" if len(outcomes) > 1 else f"job {outcomes[0]['id']}"
        note(f"{which} had been submitted before")
