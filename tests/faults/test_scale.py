"""No call does work without a bound: what is much is done in several, see benchmarks/blocking.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.tasks import noop
from junmai_jobs.broker import BATCH, pages
from junmai_jobs.limits import Unique

if TYPE_CHECKING:
    from junmai_jobs.task import Task

LARGE = tuple(f"parent-{number}" for number in range(300))


@pytest.mark.parametrize(
    ("task", "size"),
    [
        (noop, BATCH),
        (noop.with_options(delay=60), BATCH),
        (noop.with_options(unique=Unique("photo:{photo_id}")), 20),
        (noop.with_options(after="parent"), 11),
        (noop.with_options(after="parent", batch="shoot"), 7),
        (noop.with_options(after=LARGE), 1),
    ],
    ids=["plain", "delayed", "unique", "child", "member", "wide"],
)
def test_a_page_has_fewer_jobs_where_each_takes_longer(task: Task[..., None], size: int) -> None:
    jobs = [task.new_job((number, ""), {}) for number in range(2 * BATCH)]
    cut = list(pages(jobs))
    assert {len(page) for page in cut} == {size, BATCH % size or size}
    assert [job for page in cut for job in page] == jobs
