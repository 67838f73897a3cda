"""``replay``: what a job has to do, once more and in this process."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from junmai_jobs.commands.app import FAILED, App, Command, confirm, pass_app
from junmai_jobs.commands.jobs import why_ended
from junmai_jobs.commands.output import as_text, moment, note, say
from junmai_jobs.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from junmai_jobs.job import Job
    from junmai_jobs.replay import Replay, Replayed

_ONCE_MORE = {
    "apply_preset": "writes the photo's develop settings once more",
    "finish_session": "tells once more that its session is finished",
    "deliver_webhook": "posts its notice once more",
}
"""Of our own tasks those that do something which no copy of the catalog keeps from you."""


@click.command(cls=Command)
@click.argument("job_id", metavar="ID")
@click.option("--debug", "--pdb", is_flag=True, help="Under pdb, from the task's first line on.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="Which the task takes it for; else the last."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def replay(app: App, job_id: str, *, debug: bool, attempt: int | None, yes: bool) -> None:
    """Run what a job has to do once more, in this process, and say whether it ends as it did.

    The job, which may have finished, stays as it is: nothing is claimed or recorded, and what the task
    submits or publishes is told and not done. What else it does, as writing a file, it does again. The photo
    tasks work on a copy of the catalog.
    """
    if debug and sys.stdin is None:
        raise click.UsageError("--debug is for somebody who types, and stdin is closed")
    app.register_tasks()
    if app.config.notify_webhook is not None:
        import junmai_jobs.notify.webhook  # noqa: F401, PLC0415 - which registers its task
    found = app.jobs.replay(job_id, attempt=attempt, tell=note)
    _warn(found.job)
    if found.task.is_ours and found.task.name in _ONCE_MORE:
        confirm(f"This {_ONCE_MORE[found.task.name]}. Go on?", yes=yes)
    with _streams_kept(for_document=app.as_json):
        ended = _run(found, debug=debug)
    app.answer(ended.as_dict(), _show, ended)
    if ended.outcome != "succeeded":
        click.get_current_context().exit(FAILED)


def _warn(job: Job) -> None:
    """Tell whoever runs it that its process has died of it, or of something else meanwhile."""
    died = [run for run in job.history if (run["event"] == "crashed" or run["signal"]) and not run["how"]]
    if died:
        cause = f"attempt {died[-1]['attempt']}, {why_ended(died[-1]) or 'nobody knows of what'}"
        note(f"Warning: a process has died of this job ({cause}); this one may, too")


@contextlib.contextmanager
def _streams_kept(*, for_document: bool) -> Iterator[None]:
    """For what is told afterwards: the task may close its streams, or put something else in their place.

    Args:
        for_document: what it prints, or a process that it starts, goes to stderr; stdout is for ours alone.
    """
    streams, kept = (sys.stdout, sys.stderr), os.dup(1)
    _flush(streams[0])
    if for_document:
        os.dup2(2, 1)
    try:
        yield
    finally:
        try:
            _flush(streams[0])
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            sys.stdout, sys.stderr = map(_opened, streams, (1, 2))


def _flush(stream: TextIO | None) -> None:
    if stream is not None and not stream.closed:
        stream.flush()


def _opened(stream: TextIO, number: int) -> TextIO:
    """One to the same file, if this one is closed."""
    if stream is None or not stream.closed:
        return stream
    return open(number, "w", encoding=stream.encoding, errors=stream.errors, closefd=False)


def _run(found: Replay, *, debug: bool) -> Replayed:
    from junmai_jobs.hooks import close_hooks  # noqa: PLC0415 - --help does without it

    try:
        if not debug:
            return found.run()
        from junmai_jobs.debugger import Debugger  # noqa: PLC0415 - slow to import

        debugger = Debugger(found.task.function)
        ended = found.run(debugger)
        if ended.outcome == "failed" and ended.raised is not None:
            debugger.look_at(ended.raised)
        return ended
    finally:
        close_hooks()


def _show(ended: Replayed) -> None:
    if ended.outcome == "succeeded":
        say(as_text(ended.result))
    elif ended.error is not None:
        for line in ended.error["traceback"].splitlines():
            note(line)
    note(_verdict(ended))


def _verdict(ended: Replayed) -> str:
    """How it has ended, and how that compares with what the history says."""
    then, now = ended.recorded, f"{_in_words(ended.outcome, ended.error)} after {ended.seconds:.3f} s"
    if then["outcome"] is None:
        return f"{now}; the job itself has not ended a run yet"
    when = moment(then["finished_at"])
    before = _in_words(then["outcome"], then["error"])
    return f"{now}, but {before} at {when}" if ended.differs else f"{now}, as at {when}"


def _in_words(outcome: str, error: Mapping[str, str] | None) -> str:
    if outcome == "succeeded" or error is None:
        return outcome
    return clean(f"{outcome} with {error['type'].rpartition('.')[2]}: {error['message']}")
