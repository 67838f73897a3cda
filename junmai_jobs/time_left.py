"""How long the jobs of a session will still take, by what was learnt of jobs like them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from junmai_jobs.estimates import Like

if TYPE_CHECKING:
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.plan import Work

_SAMPLED = 50
"""Of each task so many jobs stand for all: to tell what one is like a file may have to be opened."""


class TimeLeft:
    """Adds up what is expected of a session's jobs.

    Args:
        jobs: where they are.
        works: what each job is, by its id; more may come.
    """

    def __init__(self, jobs: JobQueue, works: Mapping[str, Work]) -> None:
        self._jobs = jobs
        self._works = works
        self._samples: dict[str, list[Like]] = {}

    def of(self, pending: Collection[str]) -> float | None:
        """Seconds until these have ended, on the slots there are; None: of some task too little is known."""
        works = [self._works[job_id] for job_id in pending if job_id in self._works]
        seconds = 0.0
        for task, count in Counter(work.task.name for work in works).items():
            if task not in self._samples:
                self._samples[task] = _sample([work for work in works if work.task.name == task])
            windows = self._jobs.estimates.windows(self._samples[task])
            means = [statistics.fmean(window.seconds) for window in windows if window is not None]
            if not means:
                return None
            seconds += count * statistics.fmean(means)
        return seconds / self._slots()

    def _slots(self) -> int:
        """How many run at once; where no worker is alive yet, as many as one of ours would."""
        alive = [worker for worker in self._jobs.workers() if worker["alive"]]
        allowed = (worker["governor"] or {"slots": worker["concurrency"]} for worker in alive)
        return max(1, sum(int(each["slots"]) for each in allowed) or self._jobs.config.max_concurrent_jobs)


def _sample(works: Sequence[Work]) -> list[Like]:
    """What some of them are like, from all over the session."""
    step = max(1, len(works) // _SAMPLED)
    return [Like(work.task.name, work.task.kind_of((), work.arguments)) for work in works[::step]]
