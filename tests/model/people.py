"""The rules by which people want it otherwise, or listen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from junmai_jobs.errors import InvalidState
from tests.model.frame import Frame
from tests.model.job import WAITING
from tests.model.refusal import refused_if
from tests.model.wishes import choices, lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class People(Frame):
    @rule(
        choice=choices,
        act=st.sampled_from(["cancel", "revive", "reprioritize"]),
        word=st.sampled_from(["running", "blocked", "cancelled", ""]),
    )
    @precondition(lambda self: self.model.jobs)
    def somebody_wants_a_job_otherwise(self, choice: int, act: str, word: str) -> None:
        self.tick()
        there = [job.id for job in self.model.jobs.values() if job.word == word]
        job_ids = there or list(self.model.jobs)
        self.do_as_wished(act, job_ids[choice % len(job_ids)], choice % 11)

    @rule(picked=st.lists(choices, min_size=1, max_size=3))
    @precondition(lambda self: self.model.jobs)
    def somebody_looks_at_jobs(self, picked: list[int]) -> None:
        self.tick()
        job_ids = list(self.model.jobs)
        looked_at = list(dict.fromkeys(job_ids[choice % len(job_ids)] for choice in picked))
        homes = self.model.boost(looked_at)
        for _ in range(2):
            assert self.broker.boost(looked_at) == homes

    @rule(choice=choices)
    @precondition(lambda self: any(job.word == "blocked" for job in self.model.jobs.values()))
    def somebody_regrets_a_cancel(self, choice: int) -> None:
        self.tick()
        blocked = [job.id for job in self.model.jobs.values() if job.word == "blocked"]
        for act in ("cancel", "revive"):
            self.do_as_wished(act, blocked[choice % len(blocked)])

    def do_as_wished(self, act: str, job_id: str, priority: int = 5) -> None:
        request = self.request()
        if act == "cancel":
            word = self.model.cancel(job_id, request)
            call: Callable[[], object] = partial(self.broker.cancel, job_id, request, "asked")
        elif act == "revive":
            after = " ".join(f"{policy}={parent}" for policy, parent in self.model.jobs[job_id].after)
            call = partial(self.broker.revive, job_id, request, after)
            word = self.model.revive(job_id, request)
        else:
            word = self.model.reprioritize(job_id, priority)
            call = partial(self.broker.reprioritize, job_id, priority)
        with refused_if(word in {"STATE", "DUPLICATE"}, InvalidState):
            for _ in range(2):
                assert call() == {"cancel": word == "OK"}.get(act)

    @rule(act=st.sampled_from(["pause", "resume", "resume"]), queues=st.sampled_from([(), ("a",), ("b",)]))
    def somebody_pauses_or_resumes(self, act: str, queues: Sequence[str]) -> None:
        self.tick()
        getattr(self.model, act)(queues)
        getattr(self.broker, act)(queues)

    @rule(queue=lanes, words=st.sets(st.sampled_from(WAITING), min_size=1))
    def somebody_purges(self, queue: str, words: set[str]) -> None:
        self.tick()
        request = self.request()
        expected = self.model.purge(queue, words)
        assert self.broker.purge(queue, sorted(words), request) == expected
        if expected < 20:  # more take several calls, of which the last one may come twice
            assert self.broker.purge(queue, sorted(words), request) == expected

    @rule()
    @precondition(lambda self: not self.model.heard_until or self.model.heard_until < self.model.now + 3000)
    def somebody_listens(self) -> None:
        self.listen()
