"""The command line without a process of its own, where many commands are to be looked at quickly."""

from __future__ import annotations

import os
from multiprocessing.forkserver import _forkserver
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from junmai_jobs.cli import junmai_jobs
from junmai_jobs.commands.app import App
from tests.homes import in_home

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

_OURS = ("JUNMAI_", "REDIS_", "CELERY_")


def typed(home: Path, *arguments: str, **environment: str) -> Result:
    """What a command does and shows; a bug is raised."""
    return piped(home, None, *arguments, **environment)


def piped(home: Path, stdin: bytes | None, *arguments: str, **environment: str) -> Result:
    """The same for a command that reads."""
    app = App()
    # What is set here, or by the command for its children, is as before at the end.
    ours = dict.fromkeys(["JUNMAI_CONFIG", *(name for name in os.environ if name.startswith(_OURS))])
    runner = CliRunner(env=ours | in_home(home) | environment)
    children: Any = _forkserver
    had_children = children._forkserver_pid is not None
    done = runner.invoke(junmai_jobs, arguments, input=stdin, obj=app)
    if not had_children:
        children._stop()  # the children of later workers would have the environment of this command
    if "jobs" in vars(app):
        app.jobs.close()
    if isinstance(done.exception, Exception):
        raise done.exception
    return done
