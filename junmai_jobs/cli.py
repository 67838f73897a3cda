"""The command line: parse, call, print. ``main`` is what ``junmai-jobs`` runs."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import cast

import click

from junmai_jobs.commands.app import Group

_PLACES = {
    "approve": "taste", "reject": "taste", "taste": "taste",
    "process": "process", "watch": "watch",
    "undo": "undo", "submit": "submit", "stats": "queues", "top": "top", "list": "jobs.list_jobs",
    "failed": "jobs.list_failed", "replay": "replay", "trace": "trace", "show": "jobs", "why": "why",
    "retry": "jobs", "cancel": "jobs", "boost": "boost",
    "batch": "batch",
    "pause": "queues", "resume": "queues", "purge": "queues", "worker": "worker", "workers": "worker",
    "schedule": "schedule", "cache": "cache", "metrics": "metrics", "notify": "notify", "serve": "serve",
    "export": "keeping", "import": "keeping.import_file", "server": "server", "config": "server",
    "doctor": "doctor", "demo": "demo", "init": "init",
}  # fmt: skip
"""In which module of ``commands`` each is, and under which name there, if it is another."""


class _Commands(Mapping[str, click.Command]):
    """All there are; the module of one is imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, _, there = _PLACES[name].partition(".")
        command: click.Command = getattr(import_module(f"junmai_jobs.commands.{module}"), there or name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


# click never writes to it: that is for who adds commands.
_commands = cast("MutableMapping[str, click.Command]", _Commands())


@click.group(cls=Group, commands=_commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="junmai-jobs")
def junmai_jobs() -> None:
    """Jobs for a photographer's night of work.

    Exit codes: 0 done; 1 a job failed, or what was asked for is not there; 2 wrong usage, an unknown task
    among it; 69 the server cannot be reached.
    """


def _fill_standard_streams() -> None:
    """Where one is closed a socket would get its number, and with it whatever a library in C prints."""
    while (opened := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(opened, True)  # noqa: FBT003 - it takes no name
    os.close(opened)


def _give_up_what_nobody_reads() -> None:
    """What a gone terminal or reader has not taken: tried once more at the exit, it would end in code 120."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> None:
    """Run the command that ``sys.argv`` asks for, and exit."""
    # What is left at the end goes with the process: to look through it for cycles first would take 0.1 s.
    atexit.register(gc.freeze)
    atexit.register(_give_up_what_nobody_reads)
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
