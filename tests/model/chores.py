"""Time, and the rules by which any supervisor does its chores."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from junmai_jobs.keys import FINISHED_HOMES
from tests.model import laws
from tests.model.aging import BOUND
from tests.model.job import LANES
from tests.model.model import LEASE
from tests.model.ticking import Ticking
from tests.model.wishes import CLAIMERS, MAX_AGE


class Chores(Ticking):
    @rule(seconds=st.sampled_from([10, 30, 60, 120, 300, 3700, -200, -3600]))
    def time_passes(self, seconds: int) -> None:
        self.tick(seconds)

    @rule(times=st.integers(1, 6), renew=st.booleans(), aging=st.booleans(), firing=st.booleans())
    def chores(self, times: int, renew: bool, aging: bool, firing: bool) -> None:
        """What a worker does all the time; without renewal the leases run out."""
        for _ in range(times):
            self.tick()
            if renew:
                assert self.broker.extend("w", CLAIMERS, lease=LEASE) == self.model.extend(CLAIMERS)
            self.model.reap()
            self.broker.reap(LANES, lease=LEASE)
            self.model.promote()
            self.broker.promote(LANES)
            self.model.expire()
            self.broker.expire()
            if firing:
                self.fire_what_is_due()
            if aging:
                self.age()
            self.resolve()

    def age(self) -> None:
        """The second call comes within a second of the first, and raises nobody."""
        raised = self.model.age(LANES)
        if not self.clock_ran_back:
            laws.who_has_waited_for_the_bound_is_raised(self.model, raised)
        for _ in range(2):
            self.broker.age(LANES, BOUND)

    def resolve(self) -> None:
        more = True
        while more:
            self.tick()
            order = [parent.decode() for parent in self.admin.zrange(self.keys.ended, 0, -1)]
            assert set(order) == self.model.ended
            more = self.broker._call("resolve") == ["MORE"]
            assert more == self.model.resolve(order)

    @rule(
        word=st.sampled_from(FINISHED_HOMES),
        max_age=st.sampled_from([MAX_AGE, 10_008]),
        keep=st.sampled_from([0, 1, 100]),
    )
    def old_jobs_are_forgotten(self, word: str, max_age: int, keep: int) -> None:
        self.tick()
        self.model.prune(word, max_age, keep)
        self.broker.prune(word, max_age=max_age, keep=keep)
