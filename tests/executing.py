"""A run without a worker and without a server."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

from junmai_jobs import (
    RetryPolicy,
    task,
)
from junmai_jobs.executor import Assignment, execute, prepare
from junmai_jobs.job import Claimed

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.endings import Ending

EXACT = RetryPolicy(max_retries=1, jitter=0.0)
MODULE = importlib.import_module("junmai_jobs.task")  # the package's attribute of that name is the decorator
NOBODY: Any = Mock()  # no task here asks the server for anything


def run(
    function: Callable[[], Any],
    *,
    attempt: int = 1,
    cancelled: Callable[[], bool] = lambda: False,
    note: str = "",
    **options: Any,
) -> Ending | None:
    """How the job ends that runs this function."""
    MODULE._registry.clear()
    made = task(name="probe", **({"retry": EXACT} | options))(function)
    body = made.new_job((), {}).body
    assignment = prepare(Claimed("a", "1764000000000000", body, failures=attempt - 1, note=note))
    assert isinstance(assignment, Assignment)
    return execute(assignment, NOBODY, cancelled)


def raising(error: BaseException) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it
