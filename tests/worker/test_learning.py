"""What the runs of a worker took is known afterwards."""

from __future__ import annotations

import sys

from junmai_jobs import JobQueue
from junmai_jobs.estimates import Estimates
from junmai_jobs.learning import device
from tests.worker import tasks
from tests.worker.conftest import StartWorker

MEGABYTE = 2**20


def test_runs_teach_how_long_the_next_one_takes(jobs: JobQueue, start_worker: StartWorker) -> None:
    jobs.submit_many(tasks.occupy, [(megabytes,) for megabytes in (64, 1) for _ in range(6)])
    jobs.submit_many(tasks.quick, [(number,) for number in range(7)])
    jobs.submit_many(tasks.close_streams, [()])  # the last of its process, which tells before it ends
    assert start_worker("--burst", slots=1).wait(60) == 0

    known = Estimates(jobs.inspector)
    large, small = (known.of(tasks.occupy, (megabytes,), device=device()) for megabytes in (64, 1))
    assert large
    assert small
    assert (large.runs, small.runs) == (6, 6)
    assert 0.1 <= large.seconds.half <= large.seconds.most < 30
    assert large.memory
    assert large.memory.half >= 64 * MEGABYTE
    if sys.platform == "linux":  # elsewhere the peak is that of all runs before
        assert small.memory
        assert large.memory.half - small.memory.half > 32 * MEGABYTE
    quick = jobs.estimate(tasks.quick)
    assert quick
    assert (quick.runs, quick.memory) == (7, None), "too short to look at its memory"
