"""What all rules of the machine stand in: the store, the model, the clock, and how the two are compared."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from hypothesis.stateful import RuleBasedStateMachine, invariant

from junmai_jobs.broker import Broker
from junmai_jobs.inspector import Inspector
from junmai_jobs.keys import Keys
from junmai_jobs.laws import check_laws
from junmai_jobs.scripts import library
from tests.model import laws
from tests.model.job import OFFERS
from tests.model.model import Model
from tests.model.store_view import expected, stored
from tests.model.timed_link import TimedLink
from tests.model.wishes import CLAIMERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junmai_jobs.job import Claimed
    from tests.backends import Backend

LOOK_EVERY = 12
"""Steps: the laws of the store are read off the whole of it."""


class Frame(RuleBasedStateMachine):
    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.namespace = self.stack.enter_context(backend.namespace())
        self.admin = backend.admin
        self.keys = Keys.of(self.namespace)
        self.model = Model()
        self.admin.function_load(library(moved_clock=True), replace=True)
        link = TimedLink(self.admin, self.model, self.keys.meta)
        self.broker = Broker(link, self.namespace, moved_clock=True)
        self.times = {0}
        self.requests = 0
        self.generations = dict.fromkeys(CLAIMERS, 1)
        self.last_calls: dict[str, tuple[str, Sequence[str], list[tuple[Claimed, str]], int]] = {}
        """Of each claimer the request, the queues, what ended how, and how many it wanted."""
        self.last_token = 0
        self.broker.register("w", {"offers": OFFERS["w"]})
        self.broker.register("v", {"offers": OFFERS["v"]})
        self.starts: dict[str, list[int]] = {}
        self.finished: dict[str, str] = {}
        self.cursor = "0"
        self.told: dict[str, str] = {}
        self.clock_ran_back = False
        self.inspector = Inspector(backend.link, self.namespace)
        self.steps = 0

    def teardown(self) -> None:
        with self.stack:
            self.no_law_of_the_store_is_broken()

    def tick(self, seconds: int = 10) -> None:
        """Go to a time that never was before."""
        self.model.tell_changes()
        self.model.now += seconds
        if seconds < 0:
            self.starts.clear()
            self.clock_ran_back = True
        while self.model.now in self.times:
            self.model.now += 10
        self.times.add(self.model.now)

    def request(self, claimer: str = "") -> str:
        self.requests += 1
        return f"{self.generations.get(claimer, 0)}.{self.requests}"

    def somebody_who_runs_a_job(self) -> str:
        return next((claimer for claimer in CLAIMERS if self.model.held(claimer)), CLAIMERS[0])

    def listen(self) -> None:
        """Between the times of all other calls, so that none is made at the very end of the hour."""
        self.tick(14)
        self.model.listen()
        cursor = self.broker.listen()
        assert self.broker.listen() == cursor
        assert [cursor.encode()] == [key for key, _ in self.admin.xrevrange(self.keys.event_stream, count=1)]
        self.tick(6)

    @invariant()
    def the_outcome(self) -> None:
        self.the_store_is_as_the_model_says()
        self.the_laws_hold()
        self.steps += 1
        if self.steps % LOOK_EVERY == 0:
            self.no_law_of_the_store_is_broken()

    def no_law_of_the_store_is_broken(self) -> None:
        broken = list(check_laws(self.broker, self.inspector))
        assert not broken, broken

    def the_store_is_as_the_model_says(self) -> None:
        self.model.tell_changes()
        found, should_be = stored(self.admin, self.keys, self.model, self.cursor), expected(self.model)
        for part in should_be:
            assert found[part] == should_be[part], part
        self.cursor = found["cursor"]
        self.told |= {job_id: told[-1][0] for job_id, told in found["news"].items()}
        self.model.news.clear()

    def the_laws_hold(self) -> None:
        laws.no_limit_is_passed(self.model)
        laws.no_rate_is_passed(self.starts)
        laws.no_pool_gives_more_than_it_has(self.model)
        laws.whoever_waits_for_a_limit_is_looked_at_again(self.model)
        laws.each_tick_is_fired_once(self.model)
        if not self.model.is_heard:
            self.told.clear()
        laws.what_was_told_last_is_so(self.model, self.told)
        self.finished = laws.what_has_finished_stays(self.model, self.finished)
