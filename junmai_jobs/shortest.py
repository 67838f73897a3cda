"""Shortest first, where a queue wants it: what is expected to take long stands further back, within bounds.

A job's place in line is its number in the order of submission; here at most ``PATIENCE`` is added to that,
the more the longer it takes beside the others of its queue. So of its priority only those can pass it that
are submitted within the next ``PATIENCE``, and nothing starves. What nobody knows the time of is not moved.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection, Iterator, Sequence

from junmai_jobs.errors import PayloadError, UnknownTask
from junmai_jobs.estimates import Estimates, Like
from junmai_jobs.job import Call, NewJob
from junmai_jobs.lanes import queue_of
from junmai_jobs.task import find_task
from junmai_jobs.template import Header

PATIENCE = 1000
"""Places."""
_REMEMBERED = 1000
"""Of each queue so many jobs that were submitted last are what a job is compared with."""


class Others:
    """How long the jobs are expected to take that were submitted last to a queue."""

    def __init__(self) -> None:
        self._in_order: list[float] = []
        self._by_age: deque[float] = deque()

    def add(self, seconds: float) -> None:
        """One more was submitted."""
        insort(self._in_order, seconds)
        self._by_age.append(seconds)
        if len(self._by_age) > _REMEMBERED:
            del self._in_order[bisect_left(self._in_order, self._by_age.popleft())]

    def behind(self, seconds: float) -> int:
        """How many places further back one stands that takes so long: by how many of them are shorter."""
        return round(PATIENCE * bisect_left(self._in_order, seconds) / len(self._in_order))


class Shortest:
    """Gives jobs their places; threads may share it."""

    def __init__(self, estimates: Estimates, queues: Collection[str]) -> None:
        self._estimates = estimates
        self._others = {queue: Others() for queue in queues}
        self._lock = threading.Lock()

    def placed(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """The same jobs, some of them further back."""
        if not (found := dict(self._found(jobs))):
            return jobs
        behind = self.behind(list(found.values()))
        places = dict(zip(found, behind, strict=True))
        return [job._replace(behind=places.get(at, 0)) for at, job in enumerate(jobs)]

    def behind(self, jobs: Sequence[tuple[str, Like]]) -> list[int]:
        """How many places further back each of these stands, that are submitted now; queue and likeness."""
        windows = self._estimates.windows([like for _, like in jobs])
        seconds = [None if window is None else window.half for window in windows]
        expected = [(self._others[queue], each) for (queue, _), each in zip(jobs, seconds, strict=True)]
        with self._lock:
            for others, each in expected:
                if each is not None:
                    others.add(each)
            return [0 if each is None else others.behind(each) for others, each in expected]

    def _found(self, jobs: Sequence[NewJob]) -> Iterator[tuple[int, tuple[str, Like]]]:
        """Of those that may run at once, in a queue that wants it: place in the list, queue and likeness."""
        for at, job in enumerate(jobs):
            header = None if job.delay or job.dependencies else Header.read(job.body)
            if header is not None and (queue := queue_of(header.lane)) in self._others:
                try:
                    call = Call.decode(job.body)
                    yield at, (queue, Like(call.task, find_task(call.task).kind_of(call.args, call.kwargs)))
                except (PayloadError, UnknownTask):
                    continue
