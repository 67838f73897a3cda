"""Commands on jobs: ``list``, ``failed``, ``show``, ``retry`` and ``cancel``."""

from __future__ import annotations

from functools import partial
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, confirm, pass_app
from junmai_jobs.commands.output import as_text, clean, count, moment, note, print_table, say
from junmai_jobs.endings import STOPPED
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.job import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from junmai_jobs.handle import StoredJob


@click.command("list", cls=Command)
@click.option(
    "--status",
    type=click.Choice([status.value for status in Status], case_sensitive=False),
    help="Only of this status.",
)
@click.option("--queue", metavar="Q", help="Only of this queue.")
@click.option("--task", metavar="T", help="Only of this task.")
@click.option("--limit", type=int, default=50, show_default=True, metavar="N", help="At most so many.")
@pass_app
def list_jobs(app: App, /, **wanted: Any) -> None:
    """Show jobs, newest first."""
    _list(app, **wanted)


@click.command("failed", cls=Command)
@click.option("--queue", metavar="Q", help="Only of this queue.")
@click.option("--task", metavar="T", help="Only of this task.")
@click.option("--limit", type=int, default=50, show_default=True, metavar="N", help="At most so many.")
@pass_app
def list_failed(app: App, /, **wanted: Any) -> None:
    """Show failed jobs and why they failed, newest first."""
    _list(app, status=Status.FAILED, **wanted)


def _list(app: App, /, **wanted: Any) -> None:
    found = app.jobs.jobs(**wanted)
    app.answer({"jobs": [job.as_dict() for job in found]}, _print_list, found)


def _print_list(jobs: Sequence[StoredJob]) -> None:
    if not jobs:
        say("no such jobs")
        return
    print_table(
        ("ID", "TASK", "QUEUE", "PRIORITY", "STATUS", "ATTEMPT", "CREATED", "WHY"),
        [
            (
                job.id,
                job.task,
                job.queue,
                job.priority,
                job.status,
                job.attempt,
                moment(job.created_at),
                _why(job),
            )
            for job in jobs
        ],
    )


def _why(job: StoredJob) -> str:
    if job.error is None:
        return job.reason or ""
    return f"{job.error['type'].rpartition('.')[2]}: {job.error['message']}"


@click.command(cls=Command)
@click.argument("job_id", metavar="ID")
@pass_app
def show(app: App, job_id: str) -> None:
    """Show one job, whole: every attempt, its error and traceback, what the task has logged."""
    job = app.jobs.job(job_id)
    app.answer(job.as_dict(), _print_job, job)


def _print_job(job: StoredJob) -> None:
    told = {name: value for name, value in job.as_dict().items() if name not in {"history", "error", "log"}}
    for name, value in told.items():
        if value not in (None, (), {}, []):
            say(f"{name:<12} {clean(as_text(value))}")
    if job.history:
        say("")
        print_table(
            ("ATTEMPT", "EVENT", "STARTED", "FINISHED", "WORKER", "WHY"),
            [
                (run["attempt"], run["event"], moment(run["started_at"]), moment(run["finished_at"]),
                 run["worker"], _why_ended(run))
                for run in job.history
            ],
        )  # fmt: skip
    for run in job.history:
        if run["error"]:
            say(f"\nAttempt {run['attempt']}:\n{indent(run['error']['traceback'], '  ')}".rstrip())
    if job.error and not job.error["traceback"]:
        say(f"\n{_why(job)}")
    if job.log:
        say("")
    for line in job.log:
        say(clean(line))


def _why_ended(run: Mapping[str, Any]) -> str:
    if run["how"] or run["reason"]:
        return str(STOPPED.get(run["how"]) or run["reason"] or "")
    if run["error"]:
        return f"{run['error']['type'].rpartition('.')[2]}: {run['error']['message']}"
    return run["signal"] or ("" if run["exit_code"] is None else f"exit code {run['exit_code']}")


@click.command(cls=Command)
@click.argument("job_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="Every failed job.")
@click.option("--task", metavar="T", help="With --all: only of this task.")
@click.option("--force", is_flag=True, help="Also try inputs that are in quarantine.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def retry(
    app: App, job_ids: tuple[str, ...], *, every: bool, task: str | None, force: bool, yes: bool
) -> None:
    """Have failed or cancelled jobs wait again: the attempts start again, the history stays."""
    if bool(job_ids) == every:
        raise click.UsageError("name the jobs by their ids, or give --all for every failed one")
    if task and not every:
        raise click.UsageError("--task goes with --all")
    if every:
        confirm(f"Retry every failed job{f' of the task {task}' if task else ''}?", yes=yes)
        retried = app.jobs.retry_all(task=task, force=force)
    else:
        retried = _each(job_ids, partial(app.jobs.retry, force=force))
    _tell(app, "retried", retried, len(job_ids))


@click.command(cls=Command)
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@pass_app
def cancel(app: App, job_ids: tuple[str, ...]) -> None:
    """Cancel jobs: those that wait at once; a running one is told to stop, and killed after the grace."""
    cancelled = _each(job_ids, app.jobs.cancel)
    _tell(app, "cancelled", cancelled, len(job_ids))


def _each(job_ids: Sequence[str], act: Callable[[str], object]) -> list[str]:
    """Act on each job, and tell of those for which that is not possible."""
    done = []
    for job_id in job_ids:
        try:
            act(job_id)
        except (InvalidState, JobNotFound) as error:
            if len(job_ids) == 1:
                raise
            note(f"Error: {error}")
        else:
            done.append(job_id)
    return done


def _tell(app: App, key: str, done: list[str], asked: int) -> None:
    if asked and not done:
        raise Failure(f"none of the {asked} jobs could be {key}")
    app.answer({key: done}, say, f"{count(len(done), 'job')} {key}")
    if len(done) < asked:
        click.get_current_context().exit(FAILED)
