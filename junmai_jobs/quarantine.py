"""Inputs that kill the process that works on them: what stands for one, and what is said of one refused.

Only of tasks with ``input``; for other tasks nothing here is called, nor any file read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from junmai_jobs.errors import Quarantined
from junmai_jobs.job import Call
from junmai_jobs.task import Task


def key_of(task: Task[..., Any], call: Call) -> str:
    """``TASK VERSION DIGEST``, of the code and of what the files hold; empty if one cannot be read.

    Then there is nothing to look up, and the task itself will tell what is wrong.
    """
    try:
        digests = [_digest(file) for file in _files(task, call)]
    except (OSError, TypeError, ValueError):
        return ""
    if not digests:
        return ""
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return f"{task.name} {code_version(task.function.__module__)} {digest}"


def refusal(
    task: Task[..., Any], call: Call, job_id: str, key: str, deaths: Sequence[tuple[str, str]]
) -> Quarantined:
    """What a person is told of an input that is not tried any more: the jobs and causes of its deaths."""
    names = " with ".join(file.name for file in _files(task, call))
    causes = ", ".join(dict.fromkeys(cause for _, cause in deaths))
    jobs = ", ".join(dict.fromkeys(job for job, _ in deaths))
    message = (
        f"{names} is in quarantine: {task.name} has died of it {len(deaths)} times ({causes}; job {jobs}); "
        f"replace the file, update, or try it once more: junmai-jobs retry --force {job_id}"
    )
    return Quarantined(message, key)


def _files(task: Task[..., Any], call: Call) -> list[Path]:
    given = task.arguments(call.args, call.kwargs)
    return [Path(given[name]) for name in task.inputs if given.get(name) is not None]


@functools.cache
def code_version(module: str) -> str:
    """Of the code that a process runs: the source of a task's module, Python, and what is installed."""
    digest = hashlib.sha256(sys.version.encode())
    with contextlib.suppress(OSError):  # it may have been typed in, or stand in an archive
        digest.update(Path(str(getattr(sys.modules.get(module), "__file__", ""))).read_bytes())
    digest.update("|".join(sorted(_installed())).encode(errors="replace"))
    return digest.hexdigest()[:16]


def _installed() -> Iterator[str]:
    """Names and versions, as the folders of distributions have them.

    ``importlib.metadata`` takes a hundred times as long, since it reads a file in each.
    """
    for folder in map(Path, sys.path):
        if folder.is_dir():
            yield from (each.name for each in folder.iterdir() if each.suffix in {".dist-info", ".egg-info"})


def _digest(file: Path) -> str:
    """The SHA-256 of what a file holds.

    Raises:
        OSError: it cannot be read, or is no regular file: a pipe may have nothing to read, for ever.
    """
    with open(file, "rb", opener=_open_at_once) as content:
        if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
            raise OSError(f"{file} is no regular file")
        return hashlib.file_digest(content, "sha256").hexdigest()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
