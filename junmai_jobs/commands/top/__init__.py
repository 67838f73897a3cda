"""``top``: a live view of queues, jobs and the machine, in a terminal."""

from __future__ import annotations

import os
import sys

import click

from junmai_jobs.commands.app import App, Command, pass_app


@click.command(cls=Command)
@pass_app
def top(app: App) -> None:
    """Watch queues, jobs and the machine, and steer them by keys; ? tells which."""
    if app.as_json or not is_terminal():
        raise click.UsageError("top is for a person at a terminal; for a program there is: stats --json")
    from junmai_jobs.commands.top.app import Top  # noqa: PLC0415 - slow to import, and only needed here

    view = Top(app.jobs)
    view.run(mouse=False)
    if view.error:
        raise view.error
    click.get_current_context().exit(view.return_code or 0)


def is_terminal() -> bool:
    """Whether there is a screen that can be drawn on, at all that may be used for it, and a keyboard."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(each is not None and each.isatty() for each in streams) and os.environ.get("TERM") != "dumb"
