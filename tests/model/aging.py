"""How long jobs have been in line; see ``Model``, which it is a part of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.model.looks import Looks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.model.job import Job

BOUND = 47


@dataclass
class Aging(Looks):
    aged: list[int] = field(default_factory=list)
    """The times of all rounds there were."""
    ages: dict[int, int] = field(default_factory=dict)
    """A place in line -> when it was found to be the last that was given."""

    def oldest(self, lane: str) -> Job | None:
        in_line = [job for job in self.in_home(lane, "ready") if job.place > 0]
        return min(in_line, key=lambda job: job.place, default=None)

    def age(self, lanes: Iterable[str]) -> list[Job]:
        """Raise whoever has waited longest in each lane, if that is long enough. Those that were raised."""
        self.aged.append(self.now)
        self.ages[self.sequence] = min(self.now, self.ages.get(self.sequence, self.now))
        past = sorted((time, place) for place, time in self.ages.items() if time <= self.now - BOUND)
        for _, place in past[:-1]:
            del self.ages[place]
        heads = [head for lane in lanes if (head := self.oldest(lane))]
        raised = [head for head in heads if past and head.place <= past[-1][1] and head.priority < 10]
        for head in raised:
            head.priority = 10
            self.look_away(head)
        return raised
