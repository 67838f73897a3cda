"""The command line: parse, call, print. ``main`` is what ``junmai-jobs`` runs."""

from __future__ import annotations

import errno
import io
import os
import sys

import click

from junmai_jobs.commands.app import Group
from junmai_jobs.commands.batch import batch
from junmai_jobs.commands.jobs import cancel, list_failed, list_jobs, retry, show
from junmai_jobs.commands.process import process
from junmai_jobs.commands.queues import pause, purge, resume, stats
from junmai_jobs.commands.schedule import schedule
from junmai_jobs.commands.server import config, server
from junmai_jobs.commands.submit import submit
from junmai_jobs.commands.undo import undo
from junmai_jobs.commands.worker import worker, workers

COMMANDS: tuple[click.Command, ...] = (
    process, undo, submit, stats, list_jobs, list_failed, show, retry, cancel, batch, pause, resume, purge,
    worker, workers, schedule, server, config,
)  # fmt: skip


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="junmai-jobs")
def junmai_jobs() -> None:
    """Jobs for a photographer's night of work.

    Exit codes: 0 done; 1 a job failed, or what was asked for is not there; 2 wrong usage, an unknown task
    among it; 69 the server cannot be reached.
    """


for command in COMMANDS:
    junmai_jobs.add_command(command)


def _fill_standard_streams() -> None:
    """Where one is closed a socket would get its number, and with it whatever a library in C prints."""
    while (opened := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(opened, True)  # noqa: FBT003 - it takes no name
    os.close(opened)


def main() -> None:
    """Run the command that ``sys.argv`` asks for, and exit."""
    _fill_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character gets an escape of it, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        junmai_jobs(prog_name="junmai-jobs")
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        print("Error: the output cannot be written: its disk is full", file=sys.stderr, flush=True)
        os._exit(1)  # at a usual exit the same output would be tried once more


if __name__ == "__main__":
    main()
