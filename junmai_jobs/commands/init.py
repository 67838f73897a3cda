"""``init``: a folder to begin with: a task, its test, and a configuration by which commands find it."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import click

from junmai_jobs.commands.app import App, Command, Failure, pass_app
from junmai_jobs.commands.output import say

FILES = {"tasks.py": "tasks.py.txt", "test_tasks.py": "test_tasks.py.txt", "config.json": "config.json"}
"""What is written, and what it is called in ``starter``."""
_ELSEWHERE = "name another folder, as in `junmai-jobs init DIR`"
_REMARKS = {
    "pytest": 'pip install "junmai-jobs[testing]" brings it',
    "junmai-jobs worker --reload": "it starts again when you save tasks.py; leave it running",
}


@click.command(cls=Command)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@pass_app
def init(app: App, folder: Path) -> None:
    """Write a task, its test and a config.json into DIR, to begin with.

    DIR is the current folder, or is made. No file is written over.
    """
    folder = folder.expanduser()
    written = _write(folder)
    here, there = _next_steps(folder)
    document = {"written": [str(path) for path in written], "next": here, "in_another_terminal": there}
    app.answer(document, _show, written, here, there)


def _write(folder: Path) -> list[Path]:
    paths = [folder / name for name in FILES]
    if there := [path.name for path in paths if os.path.lexists(path)]:
        raise Failure(f"{folder} has {', '.join(there)} already, so nothing was written: {_ELSEWHERE}")
    if os.path.lexists(folder / "tasks" / "__init__.py"):
        raise Failure(
            f"{folder} has a package tasks/, which Python imports in place of tasks.py, so nothing was "
            f"written: {_ELSEWHERE}"
        )
    starter, place, made = files("junmai_jobs.commands") / "starter", folder, list[Path]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in paths:
            with place.open("x", encoding="utf-8") as file:
                made.append(place)
                file.write((starter / FILES[place.name]).read_text("utf-8"))
    except OSError as error:
        for each in made:
            with suppress(OSError):
                each.unlink()
        raise Failure(
            f"{error.filename or place} cannot be written: {error.strerror}; {_ELSEWHERE}"
        ) from None
    return paths


def _next_steps(folder: Path) -> tuple[list[str], list[str]]:
    """What to type in one terminal, and then in another one."""
    whole = str(folder.absolute())
    if os.name == "nt":
        enter = "cd -LiteralPath '" + whole.replace("'", "''") + "'"
        known = '$env:JUNMAI_CONFIG = "$PWD\\config.json"'
    else:
        enter, known = f"cd {shlex.quote(whole)}", 'export JUNMAI_CONFIG="$PWD/config.json"'
    here = [] if folder == Path() else [enter]
    return (
        [*here, known, "pytest", "junmai-jobs worker --reload"],
        [enter, known, "junmai-jobs submit write_checksums FOLDER --wait", "junmai-jobs failed"],
    )


def _show(written: list[Path], here: list[str], there: list[str]) -> None:
    say(f"Written: {', '.join(map(str, written))}. Next, type:")
    for command in here:
        remark = _REMARKS.get(command)
        say(f"  {command}" + (f"    # {remark}" if remark else ""))
    say("In another terminal, type:")
    for command in there:
        say(f"  {command}")
