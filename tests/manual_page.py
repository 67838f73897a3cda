"""junmai-jobs(1), in roff, made of what the commands say of themselves.

``python -m tests.manual_page``, which ``make man`` runs, writes it anew. It is kept in ``contrib``, so that
neither a build nor an installation has to run the commands; a test tells when it is behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import click

from junmai_jobs.cli import junmai_jobs
from junmai_jobs.commands.app import Command

PAGE = Path(__file__).parents[1] / "contrib" / "man" / "junmai-jobs.1"
_AFTER = r"""
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
A job failed, or what was asked for is not there.
.TP
.B 2
Wrong usage, an unknown task among it.
.TP
.B 69
The server cannot be reached.
.TP
.B 130
Interrupted.
.SH ENVIRONMENT
.TP
.B JUNMAI_HOME
The data folder: embedded server, catalog, config.json, contact sheets, logs.
.TP
.B JUNMAI_CONFIG
The configuration's file, in place of config.json in the data folder.
.TP
.B JUNMAI_REDIS_URL
The server, in place of the embedded one.
.TP
.B JUNMAI_NAMESPACE
Keeps these jobs apart from others on the server.
.TP
.B JUNMAI_TASKS
Modules whose tasks to know.
.TP
.B JUNMAI_CONCURRENCY, JUNMAI_LOGLEVEL
Of a worker.
.TP
.B JUNMAI_TOKEN
The token of the bridge, in place of that in its file.
.SH FILES
.TP
.I JUNMAI_HOME/config.json
The configuration. Environment and options win over it.
.TP
.I JUNMAI_HOME/server/server.log
What the embedded server has to say.
.SH EXAMPLES
.EX
junmai\-jobs demo
junmai\-jobs process \(ti/Pictures/wedding \-\-export \(ti/Pictures/picks
junmai\-jobs \-\-tasks studio submit make_contact_sheet /shoot \-\-priority high
junmai\-jobs failed \-\-json
.EE
"""


def text() -> str:
    """The whole page; the same for the same version and commands."""
    root = click.Context(junmai_jobs, info_name="junmai-jobs")
    lines = [
        f'.TH JUNMAI-JOBS 1 "" "junmai-jobs {version("junmai-jobs")}" "User Commands"',
        ".SH NAME",
        r"junmai\-jobs \- jobs for a photographer's night of work",
        ".SH SYNOPSIS",
        r".B junmai\-jobs",
        r"[\fIOPTION\fR ...] \fICOMMAND\fR [\fIARGUMENT\fR ...]",
        ".SH DESCRIPTION",
        *_prose(
            "A job queue on Redis or Valkey for work that must not be lost, and what it was made for: "
            "judging a night's photographs, grouping them and choosing the picks.\n\n"
            "No server is needed to begin: one that comes along is started when it is wanted."
        ),
        ".SH OPTIONS",
        "These may stand before or after the name of any command.",
        *_options(root, junmai_jobs.shared),
        ".SH COMMANDS",
        *_commands(root),
    ]
    return "\n".join(lines) + _AFTER


def _commands(parent: click.Context) -> Iterator[str]:
    """Each command of a group, and what it has."""
    assert isinstance(parent.command, click.Group)
    for name in sorted(parent.command.list_commands(parent)):
        command = parent.command.get_command(parent, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=parent)
        shared = command.shared if isinstance(command, Command) else []
        own = [param for param in command.get_params(context) if param not in shared]
        usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
        path = context.command_path.removeprefix("junmai-jobs ")
        yield f".SS {_escaped(path)} {_escaped(usage)}".rstrip()
        yield from _prose(command.help or "")
        yield from _options(context, own)
        if isinstance(command, click.Group):
            yield from _commands(context)


def _options(context: click.Context, params: Iterable[click.Parameter]) -> Iterator[str]:
    for param in params:
        record = param.get_help_record(context)
        if isinstance(param, click.Option) and record is not None and "--help" not in param.opts:
            names, told = record
            yield from (".TP", rf"\fB{_escaped(names)}\fR", _escaped(" ".join(told.split())))


def _prose(said: str) -> Iterator[str]:
    """Paragraphs: what click has wrapped is put together again."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", said.strip())):
        if number:
            yield ".PP"
        if paragraph.lstrip().startswith("\b"):  # click's mark of lines to be left as they are
            yield from (".EX", *map(_escaped, paragraph.replace("\b", "").strip("\n").split("\n")), ".EE")
        else:
            yield _escaped(" ".join(paragraph.split()))


def _escaped(said: str) -> str:
    """Text as roff reads it: a backslash, a hyphen to be copied, a leading dot or quote are its own signs."""
    said = said.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
    return rf"\&{said}" if said.startswith((".", "'")) else said


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
