"""Commands on jobs: ``list``, ``failed``, ``show``, ``retry`` and ``cancel``."""

from __future__ import annotations

from functools import partial
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import FAILED, App, Command, Failure, confirm, pass_app
from junmai_jobs.commands.output import as_text, moment, note, note_next, print_table, say
from junmai_jobs.endings import STOPPED
from junmai_jobs.errors import InvalidState, JobNotFound
from junmai_jobs.job import Status
from junmai_jobs.wording import clean, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from junmai_jobs.handle import StoredJob
    from junmai_jobs.job import Job


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
    app.answer({"jobs": [job.as_dict() for job in found]}, _print_list, found, wanted.get("status"))


def _print_list(jobs: Sequence[StoredJob], status: str | None = None) -> None:
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
                why_failed(job),
            )
            for job in jobs
        ],
    )
    if status == Status.FAILED:
        note_next(jobs[0].id if len(jobs) == 1 else "ID")


def why_failed(job: Job) -> str:
    """The error of a job in a line, or else the reason for what it is."""
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
    for line in facts(job):
        say(line)
    if job.history:
        say("")
        print_table(RUNS, run_rows(job))
    for line in told_of_runs(job):
        say(line)
    if job.status is Status.FAILED:
        note_next(job.id)


def facts(job: Job) -> Iterator[str]:
    """What is known of a job but for its runs, a line each."""
    for name, value in job.as_dict().items():
        if name not in {"history", "error", "log"} and value not in (None, (), {}, []):
            yield f"{name:<12} {clean(as_text(value))}"


RUNS = ("ATTEMPT", "EVENT", "STARTED", "FINISHED", "WORKER", "WHY")


def run_rows(job: Job) -> list[tuple[object, ...]]:
    """A row of ``RUNS`` for each run of a job."""
    return [
        (run["attempt"], run["event"], moment(run["started_at"]), moment(run["finished_at"]),
         run["worker"], why_ended(run))
        for run in job.history
    ]  # fmt: skip


def told_of_runs(job: Job) -> Iterator[str]:
    """Texts on a job's runs, each of one line or more: their tracebacks, and what was logged."""
    for run in job.history:
        if run["error"]:
            yield f"\nAttempt {run['attempt']}:\n{indent(run['error']['traceback'], '  ')}".rstrip()
    if job.error and not job.error["traceback"]:
        yield f"\n{why_failed(job)}"
    if job.log:
        yield ""
    yield from map(clean, job.log)


def why_ended(run: Mapping[str, Any]) -> str:
    """Why a run has ended, in a few words."""
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
        raise Failure(f"none of {count(asked, 'job')} could be {key}")
    app.answer({key: done}, say, f"{count(len(done), 'job')} {key}")
    if len(done) < asked:
        click.get_current_context().exit(FAILED)
