"""What the store says of one job, and of who is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from junmai_jobs.job import Job, Status
from junmai_jobs.record import State
from junmai_jobs.template import Header
from junmai_jobs.why.limits import specs_in


@dataclass(frozen=True, slots=True)
class Look:
    """What one job's own records say, and who is there."""

    now: float
    job: Job
    header: Header | None
    is_legible: bool
    """Whether its body is one, as far as this version can tell."""
    state: State | None
    due: float | None
    score: float | None
    """Of its place in line."""
    lanes: Sequence[str]
    flags: Mapping[bytes, bytes]
    """Of what is paused, see ``Keys.paused``."""
    infos: Mapping[str, Mapping[str, Any]]
    """What each worker says of itself that lives."""

    @property
    def lane(self) -> str:
        """The one whose sets hold it."""
        if self.state is not None:
            return self.state.queue
        return self.header.lane if self.header else self.job.queue

    @property
    def specs(self) -> tuple[str, ...]:
        """Its limits, see ``Candidate``."""
        return specs_in(self.header.extras) if self.header else ()

    @property
    def parked_for(self) -> str:
        """The key of the limit that it waits for out of line."""
        return self.state.holds.lstrip("#") if self.state and self.job.status is Status.BLOCKED else ""

    @property
    def band(self) -> int:
        """See ``Line``."""
        return 10 - self.job.priority

    @property
    def place(self) -> float | None:
        """Its place in line, also where it has left that for want of room in a limit."""
        if self.parked_for and self.state and self.state.score:
            return float(self.state.score)
        return self.score
