"""The pytest plugin: the fixture ``junmai``. It is loaded by every pytest where the package is installed."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.testing.in_process import InProcessQueue


@pytest.fixture
def junmai() -> Iterator[InProcessQueue]:
    """A queue in this process with nothing in it; see docs/guide/testing.md."""
    from junmai_jobs.testing.in_process import InProcessQueue  # noqa: PLC0415 - slow, and only for who asks

    with closing(InProcessQueue()) as jobs, _local_tasks():
        yield jobs


@contextmanager
def _local_tasks() -> Iterator[None]:
    """What is made a task within the test itself is none after it: another test may have one of that name."""
    from junmai_jobs.task import find_task, forget_task, task_names  # noqa: PLC0415 - see above

    before = set(task_names())
    yield
    for name in set(task_names()) - before:
        if "<locals>" in find_task(name).function.__qualname__:
            forget_task(name)
