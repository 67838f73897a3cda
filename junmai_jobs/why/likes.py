"""What a job is by its body, and how long jobs like it take, where their tasks tell which are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs.errors import UnknownTask
from junmai_jobs.estimates import Estimates, Like, Window
from junmai_jobs.task import find_task
from junmai_jobs.why.limits import specs_in

if TYPE_CHECKING:
    from junmai_jobs.inspector.base import InspectorBase
    from junmai_jobs.job import Body


class Call(NamedTuple):
    """What is known of a job by its body."""

    task: str
    limits: tuple[str, ...]
    """Specs."""
    is_plain: bool
    """Whether it waits for nothing but its turn."""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}

    @classmethod
    def of(cls, body: Body) -> Call:
        """Read it off a body."""
        limits = specs_in(body.extras)
        is_plain = not (limits or body.needs or body.options.get("after"))
        return cls(body.task, limits, is_plain, body.args, body.kwargs)

    @property
    def like(self) -> Like:
        """What it is like, if its task is known here."""
        try:
            return Like(self.task, find_task(self.task).kind_of(self.args, self.kwargs))
        except UnknownTask:
            return Like(self.task)


class Likes:
    """What was learnt of jobs like those that are looked at."""

    def __init__(self, reader: InspectorBase) -> None:
        self._estimates = Estimates(reader)
        self._likes: dict[str, Like] = {}
        self._windows: dict[Like, Window | None] = {}

    def learn(self, calls: Mapping[str, Call]) -> None:
        """Read it of these jobs."""
        self._likes |= {job_id: call.like for job_id, call in calls.items()}
        fresh = [like for like in dict.fromkeys(self._likes.values()) if like not in self._windows]
        self._windows |= dict(zip(fresh, self._estimates.windows(fresh), strict=True))

    def seconds(self, job_id: str, of_task: Sequence[float] | None) -> tuple[float, ...]:
        """How long jobs like one took: by their kind, else as those of its task that ended last.

        Args:
            job_id: which.
            of_task: how long these took, if any has ended.
        """
        like = self._likes.get(job_id)
        window = self._windows.get(like) if like else None
        by_kind, by_task = (window.seconds if window else ()), tuple(of_task or ())
        return by_kind or by_task if like and like.kind else by_task or by_kind
