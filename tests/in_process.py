"""The command line without a process of its own, where many commands are to be looked at quickly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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
    app = App()
    # What is set here, or by the command for its children, is as before at the end.
    ours = dict.fromkeys(["JUNMAI_CONFIG", *(name for name in os.environ if name.startswith(_OURS))])
    runner = CliRunner(env=ours | in_home(home) | environment)
    done = runner.invoke(junmai_jobs, arguments, obj=app)
    if "jobs" in vars(app):
        app.jobs.close()
    if isinstance(done.exception, Exception):
        raise done.exception
    return done
