"""The command on a workflow: ``batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import App, Command, confirm, pass_app
from junmai_jobs.commands.output import say
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from junmai_jobs.batch import BatchProgress


@click.command(cls=Command)
@click.argument("batch_id", metavar="ID")
@click.option("--cancel", is_flag=True, help="Cancel every job of it that has not ended.")
@click.option("--retry", is_flag=True, help="Have those that failed or were cancelled wait again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def batch(app: App, batch_id: str, *, cancel: bool, retry: bool, yes: bool) -> None:
    """Show how far a workflow is."""
    if cancel and retry:
        raise click.UsageError("give --cancel or --retry, not both")
    found = app.jobs.batch(batch_id)
    changed: dict[str, list[str]] = {}
    if cancel:
        confirm(f"Cancel all of the batch {batch_id} that has not ended?", yes=yes)
        changed["cancelled"] = found.cancel()
    elif retry:
        changed["retried"] = found.retry()
    progress = found.progress()
    shown = {"id": batch_id, "done": progress.done, "total": progress.total, "counts": progress.counts}
    app.answer(shown | changed, _show, progress, changed)


def _show(progress: BatchProgress, changed: dict[str, list[str]]) -> None:
    for word, ids in changed.items():
        say(f"{count(len(ids), 'job')} {word}")
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(progress.counts.items()))
    say(f"{progress.done:,} of {count(progress.total, 'job')} done: {statuses}")
