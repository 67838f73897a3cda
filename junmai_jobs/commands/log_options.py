"""What the commands that go on for long are told of their log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from junmai_jobs.commands.app import App, Failure
from junmai_jobs.logs import FORMATS, LogForm, log_others, start_logging

if TYPE_CHECKING:
    from collections.abc import Callable


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Have a command take ``--logfile``, as its ``log_file``, and for the settings how a log is written."""
    for option in (
        _setting("--logfile-keep", "logfile_keep", int, "N", "Keep so many of those moved aside."),
        _setting("--logfile-max-mb", "logfile_max_mb", float, "MB", "Move a larger file aside; 0: never."),
        click.option(
            "--logfile", "--log-file", "log_file", metavar="FILE", help="Log to this file instead of stderr."
        ),
        _setting(
            "--logformat", "logformat", click.Choice(FORMATS), None, "How a line looks; json for programs."
        ),
    ):
        command = option(command)
    return command


def _setting(option: str, name: str, kind: Any, metavar: str | None, text: str) -> Callable[..., Any]:
    """An option that stands for a setting of the configuration, where the value is checked."""

    def note(context: click.Context, _option: click.Parameter, value: object) -> None:
        if value is not None:
            context.ensure_object(App).settings[name] = value

    return click.option(option, type=kind, metavar=metavar, callback=note, expose_value=False, help=text)


def begin_log(app: App, level: str, file: str | None, **always: str) -> None:
    """Log as this command was told; see ``start_logging``."""
    try:
        start_logging(level, file, LogForm.of(app.config), always=always)
    except OSError as error:
        raise Failure(f"the log file {file} cannot be written: {error.strerror}") from None
    log_others()
