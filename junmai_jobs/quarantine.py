"""Inputs that kill the process that works on them: what stands for one, and what is said of one refused.

Only of tasks with ``input``; for other tasks nothing here is called, nor any file read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from junmai_jobs.errors import Quarantined
from junmai_jobs.files import open_regular
from junmai_jobs.job import Call
from junmai_jobs.task import Task


def input_id(task: Task[..., Any], call: Call) -> str:
    """``TASK VERSION DIGEST``, of the code and of what the files hold; empty if one cannot be opened or read.

    Then there is nothing to look up, and the task itself will tell what is wrong.
    """
    try:
        given = task.arguments(call.args, call.kwargs)
        digests = [_digest(task, file, given) for file in _files(task, given)]
    except Exception:  # noqa: BLE001 - an opener, and what it is given, are a user's
        return ""
    if not digests:
        return ""
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return f"{task.name} {code_version(task.function.__module__)} {digest}"


def refusal(
    task: Task[..., Any], call: Call, job_id: str, input_id: str, deaths: Sequence[tuple[str, str]]
) -> Quarantined:
    """What a person is told of an input that is not tried any more: the jobs and causes of its deaths."""
    files = _files(task, task.arguments(call.args, call.kwargs))
    names = " with ".join(file.name for file in files)
    causes = ", ".join(dict.fromkeys(cause for _, cause in deaths))
    jobs = ", ".join(dict.fromkeys(job for job, _ in deaths))
    message = (
        f"{names} is in quarantine: {task.name} has died of it {len(deaths)} times ({causes}; job {jobs}); "
        f"replace the file, update, or try it once more: junmai-jobs retry --force {job_id}"
    )
    return Quarantined(message, input_id)


def _files(task: Task[..., Any], given: Mapping[str, Any]) -> list[Path]:
    """None where the first is left out: what is known then is not what the run works on, or not all of it."""
    if given.get(task.inputs[0]) is None:
        return []
    return [Path(given[name]) for name in task.inputs if given.get(name) is not None]


@functools.cache
def code_version(module: str) -> str:
    """Of the code that a process runs: the source of a task's module, Python, and what is installed."""
    digest = hashlib.sha256(sys.version.encode())
    if source := getattr(sys.modules.get(module), "__file__", None):  # None: it was typed in
        with contextlib.suppress(OSError):  # it may stand in an archive
            digest.update(Path(source).read_bytes())
    digest.update("|".join(sorted(_installed())).encode(errors="replace"))
    return digest.hexdigest()[:16]


def _installed() -> Iterator[str]:
    """Names and versions, as the folders of distributions have them.

    ``importlib.metadata`` takes a hundred times as long, since it reads a file in each.
    """
    for folder in map(Path, sys.path):
        with contextlib.suppress(OSError):  # it is not there, is an archive, or may not be read
            yield from (each.name for each in folder.iterdir() if each.suffix in {".dist-info", ".egg-info"})


def _digest(task: Task[..., Any], file: Path, given: Mapping[str, Any]) -> str:
    with task.opener(file, given) if task.opener else open_regular(file) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # it has readinto
