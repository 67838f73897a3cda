"""What was seen of a job that waits, and of who could run it: from this ``why`` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from junmai_jobs.job import Job, Status
from junmai_jobs.resources import URGENT, Grade
from junmai_jobs.settings import EXTERNAL_QUEUES


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A worker that lives, by what it says of itself and what its slots hold."""

    name: str
    queues: tuple[str, ...] | None
    """None: all but those that are served from outside."""
    lanes: tuple[str, ...] = ()
    """What it serves of what there is, in its order."""
    tasks: frozenset[str] | None = None
    """Those it knows; None: it did not say."""
    version: str = "2"
    """The newest of bodies it can read."""
    slots: int = 1
    busy: int = 0
    governor: Mapping[str, Any] | None = None
    has_machine: bool = True
    """Whether what it offers would do for the job."""

    def serves(self, queue: str) -> bool:
        """Whether it takes jobs from there."""
        return queue not in EXTERNAL_QUEUES if self.queues is None else queue in self.queues

    def allowed(self, priority: int) -> int:
        """In how many slots its governor lets a job of this priority begin."""
        if self.governor is None or self.governor["grade"] == Grade.FULL.word:
            return self.slots
        if priority >= URGENT:
            return 0 if self.governor["grade"] == Grade.NONE.word else self.slots
        return max(0, min(self.slots, int(self.governor["slots"])))


class Full(NamedTuple):
    """A limit in which a job needs room, and has none."""

    key: str
    most: int
    used: int
    span: float
    """Seconds; 0: it is of jobs that run."""
    before: int
    """How many wait for the same, and come first."""


class Parent(NamedTuple):
    """A job that another waits for."""

    id: str
    status: Status | None
    detail: str = ""
    """Why it has not ended itself; empty: nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen of a job that waits. Times are in seconds since 1970."""

    now: float
    job: Job
    lane: str
    version: str = "1"
    """Of its body; empty: it cannot be read."""
    expires: float | None = None
    due: float | None = None
    """Of one that is for later."""
    is_unknown: bool = False
    """Whether the last worker that had it did not know its task."""
    paused: str = ""
    """The queue that is paused, or ``*`` for all."""
    workers: Sequence[Seen] = ()
    head_version: str = "1"
    """Of the first in its lane, behind which it stands."""
    limit: Full | None = None
    parked_for: str = ""
    """The key of the limit for whose room it waits out of line, if it does."""
    parents: Sequence[Parent] = ()
    """Of those that it waits for, the nearest first."""
    awaited: int = 0
    """How many these are."""
    taken: str = ""
    """What it needs of a machine and others hold, in words."""
    position: int | None = None

    @property
    def is_astray(self) -> bool:
        """Whether it is not in the set in which its status should have it."""
        match self.job.status:
            case Status.QUEUED:
                return self.position is None
            case Status.SCHEDULED | Status.RETRYING:
                return self.due is None
        return False
