"""Inputs that kill the process that works on them: what stands for one, and what is said of one refused.

Only of tasks with ``input``; for other tasks nothing here is called, nor any file read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from junmai_jobs.errors import Quarantined
from junmai_jobs.files import open_regular, state_of
from junmai_jobs.job import Call
from junmai_jobs.sources import code_version
from junmai_jobs.task import Task

Digests = dict[tuple[int, ...], str]
"""Of files, by what another content would change: see ``state_of``."""


def input_id(task: Task[..., Any], call: Call, known: Digests | None = None) -> str:
    """``TASK VERSION DIGEST``, of the code and of what the files hold; empty if one cannot be opened or read.

    Then there is nothing to look up, and the task itself will tell what is wrong. What is ``known`` of files
    is not read again, and more of them are known then.
    """
    try:
        given = task.arguments(call.args, call.kwargs)
        digests = [_digest(task, file, given, known) for file in _files(task, given)]
    except Exception:  # noqa: BLE001 - an opener, and what it is given, are a user's
        return ""
    if not digests:
        return ""
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return f"{task.name} {code_version(task.function.__module__).digest} {digest}"


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


def _digest(task: Task[..., Any], file: Path, given: Mapping[str, Any], known: Digests | None) -> str:
    with task.opener(file, given) if task.opener else open_regular(file) as content:
        if known is None:
            return _sha256(content)
        if (state := state_of(content)) not in known:
            known[state] = _sha256(content)
        return known[state]


def _sha256(content: BinaryIO) -> str:
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type] # it has readinto
