"""The command line: parse, call, print. ``main`` is what ``junmai-jobs`` runs."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import stat
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, TextIO, cast

import click

from junmai_jobs.commands.app import FAILED, Group
from junmai_jobs.commands.output import note

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDERR = 2

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


class _Output(io.FileIO):
    """A standard stream that ends no command because there is nobody left to tell something.

    What a terminal that is gone would show is lost, and what stderr does not take. Else the first failure to
    write is raised, and kept; what is left in the buffer then is lost when it is tried once more.
    """

    failure: ClassVar[OSError | None] = None

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream.fileno(), "wb", closefd=False)
        self._original = stream  # it would close the file when it is forgotten

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            size = memoryview(data).nbytes
            if _Output.failure or self.fileno() == _STDERR or self._is_gone_terminal(error):
                return size
            if size:  # click writes nothing first, to see what kind of a stream it is
                _Output.failure = error
            raise

    def _is_gone_terminal(self, error: OSError) -> bool:
        # By then it does not say any more that it is one.
        return error.errno == errno.EIO and stat.S_ISCHR(os.fstat(self.fileno()).st_mode)


def _guarded(stream: TextIO) -> TextIO:
    """The same stream; a character that its terminal lacks becomes an escape of it, not an error."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):  # a console of Windows
        stream.reconfigure(errors="backslashreplace")
        return stream
    raw = _Output(stream)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def main() -> None:
    """Run the command that ``sys.argv`` asks for, and exit."""
    # What is left at the end goes with the process: to look through it for cycles first would take 0.1 s.
    atexit.register(gc.freeze)
    _fill_standard_streams()
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)
    code: str | int | None = None
    try:
        try:
            junmai_jobs(prog_name="junmai-jobs")
        except SystemExit as end:  # which is how it always ends
            code = end.code
            if sys.stdout is not None and not sys.stdout.closed:
                sys.stdout.flush()
    except OSError as error:
        if error is not _Output.failure:
            raise
    if (failure := _Output.failure) and failure.errno != errno.EPIPE and not code:
        why = "its disk is full" if failure.errno == errno.ENOSPC else failure.strerror
        note(f"Error: the output cannot be written: {why}")
        code = FAILED
    sys.exit(code)


if __name__ == "__main__":
    main()
