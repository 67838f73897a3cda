"""The command ``why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from junmai_jobs.commands.app import App, Command, pass_app
from junmai_jobs.commands.output import as_typed_here, moment, note_next, say
from junmai_jobs.job import Status
from junmai_jobs.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.why import Why


@click.command(cls=Command)
@click.argument("job_id", metavar="ID")
@pass_app
def why(app: App, job_id: str) -> None:
    """Tell why a job does not run, and when it will."""
    told = app.jobs.why(job_id)
    app.answer(told.as_dict(), _print, told)


def _print(told: Why) -> None:
    for line in reasons(told):
        say(as_typed_here(line))
    if told.status is Status.FAILED:
        note_next(told.id)


def reasons(told: Why) -> Iterator[str]:
    """What is told, a line each, whatever lines an error or a name has."""
    yield clean(f"{told.id} is {told.status}: {told.reason}")
    end = "" if told.detail.endswith((".", "!", "?")) else "."
    yield clean(f"{told.detail[0].upper()}{told.detail[1:]}{end}")
    if told.position is not None:
        yield f"Before it in line: {told.position:,}"
    if told.expected_start is not None:
        yield f"Expected to start: {moment(told.expected_start)}"
