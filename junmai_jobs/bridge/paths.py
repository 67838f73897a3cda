"""Which files and folders a request may name: those below ``photo.roots``, and nothing else.

On the command line a person names a folder, and so allows it. Over HTTP it is whoever has the token, be it a
program or a page in a browser: there only what ``config.json`` names counts. A photograph's number in the
catalog names no path, and is always taken: it is opened only where its sessions are.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.config import Config
from junmai_jobs.photo.pictures.opening import Roots
from junmai_jobs.submission import Submission
from junmai_jobs.task import Task

_PHOTO_TASKS = "junmai_jobs.tasks."
NOT_ALLOWED = "path_not_allowed"


def roots_of(config: Config) -> Roots:
    """Where the files are that a request may name.

    Raises:
        Refusal: nowhere.
    """
    if not config.photo_roots:
        raise Refusal(
            400, "no path can be named here until photo.roots in config.json names folders", NOT_ALLOWED
        )
    return Roots(tuple(folder.resolve() for folder in config.photo_roots))


def check_paths(submission: Submission, config: Config) -> None:
    """Look at the paths among a submission's arguments.

    What a task declares as its ``input`` files may be named, below the roots. Of our own tasks every other
    path is refused: where a file is to be written, or which catalog is meant, is for ``config.json`` to say.

    Raises:
        Refusal, PhotoRefused: one is not allowed.
    """
    task, named = submission.task, paths_of(submission.task)
    for name, value in task.arguments(submission.args, submission.kwargs).items():
        if name not in named or value is None:
            continue
        if name not in task.inputs:
            raise Refusal(400, f"{name} is not taken here: config.json says where", NOT_ALLOWED)
        if not isinstance(value, str):
            raise Refusal(400, f"{name} must be the path of a file", NOT_ALLOWED)
        roots_of(config).resolved(Path(value))


def paths_of(task: Task[..., object]) -> set[str]:
    """The parameters of a task that are paths, as far as it says so: its inputs; of our own, all of them."""
    if not task.function.__module__.startswith(_PHOTO_TASKS):
        return set(task.inputs)
    hints = get_type_hints(task.function)
    return {
        *task.inputs,
        *(name for name, kind in hints.items() if name != "return" and Path in get_args(kind)),
    }
