"""The rules by which jobs are submitted and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

from junmai_jobs.broker import Step
from junmai_jobs.errors import StaleLease
from junmai_jobs.job import Body, Claimed
from tests.model.frame import Frame
from tests.model.job import LANES, LIMITS, Job
from tests.model.model import LEASE
from tests.model.refusal import refused_if
from tests.model.wishes import (
    CLAIMERS,
    DELAYS,
    ENDINGS,
    Wish,
    as_sent,
    claimers,
    edges,
    endings,
    orders,
    wishes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

runs = Bundle("runs")


class Running(Frame):
    # Submitting.

    @initialize(batch=st.lists(wishes, min_size=2, max_size=6), listening=st.booleans())
    def begin(self, batch: list[Wish], listening: bool) -> None:
        if listening:
            self.listen()
        self.submit(batch)

    @rule(batch=st.lists(wishes, min_size=1, max_size=4))
    def submit(self, batch: list[Wish]) -> None:
        self.tick()
        jobs, known = [], list(self.model.jobs)
        for wish in batch:
            self.requests += 1
            job = Job(f"j{self.requests:03}", wish.queue, wish.priority, wish.content, edges(wish, known))
            jobs.append((job, wish.delay))
            if wish.content.unique is None:
                known.append(job.id)
        sent = [as_sent(job, delay) for job, delay in jobs]
        expected = self.model.enqueue(jobs)
        assert self.broker.enqueue(sent) == expected
        again = [owner or job.id for owner, (job, _) in zip(expected, jobs, strict=True)]
        assert self.broker.enqueue(sent) == again

    # Running.

    @rule(target=runs, claimer=claimers, queues=orders)
    def claim(self, claimer: str, queues: Sequence[str]) -> Any:
        self.tick()
        request = self.request(claimer)
        self.last_calls[claimer] = (request, queues, None)
        given = self.broker.claim(claimer, request, queues, lease=LEASE)
        self.model.give_back_held(claimer)
        return self.check_claim(given, self.model.claim(claimer, request, queues))

    @rule(queues=orders)
    def everybody_claims(self, queues: Sequence[str]) -> None:
        for claimer in CLAIMERS:
            if self.model.held(claimer) is None:
                self.claim(claimer, queues)

    @rule(target=runs, queues=orders, verb=endings)
    def step(self, queues: Sequence[str], verb: str) -> Any:
        """Somebody who runs a job, if anybody does, ends it and claims the next."""
        self.tick()
        claimer = self.somebody_who_runs_a_job()
        job = self.model.held(claimer)
        ended = (Claimed(job.id, job.token, b"", 0, ""), verb) if job else None
        self.last_calls[claimer] = (self.request(claimer), queues, ended)
        return self.check_step(claimer, self.make_last_call(claimer))

    @rule(target=runs, claimer=claimers)
    def the_last_call_again(self, claimer: str) -> Any:
        if claimer not in self.last_calls:
            return multiple()
        self.tick()
        given = self.make_last_call(claimer)
        held = self.model.replay(claimer, self.last_calls[claimer][0])
        if held is None:
            return self.check_step(claimer, given)
        assert given.job is not None
        assert (given.ending, given.job.id) == (self.model.records[claimer].answer, held.id)
        assert (given.job.token, given.job.failures, given.job.note) == (held.token, held.failures, held.note)
        return multiple()

    def make_last_call(self, claimer: str) -> Step:
        request, queues, ended = self.last_calls[claimer]
        ending = (ended[0], ENDINGS[ended[1]]) if ended else None
        return self.broker.step(claimer, request, queues, ending, lease=LEASE)

    def check_step(self, claimer: str, given: Step) -> Any:
        request, queues, ended = self.last_calls[claimer]
        word = ""
        if ended:
            run, verb = ended
            word = self.model.end(run.id, run.token, verb, DELAYS.get(verb, 0))
        assert given.ending == word
        if self.model.is_late(claimer, request):
            assert not given.job
            assert not given.waits
            return multiple()
        self.model.give_back_held(claimer)
        run = self.check_claim(given.job, self.model.claim(claimer, request, queues, word))
        assert given.waits == self.model.waits
        return run

    def check_claim(self, given: Claimed | None, expected: Job | None) -> Any:
        assert (given.id if given else None) == (expected.id if expected else None)
        if given is None or expected is None:
            return multiple()
        assert int(given.token) > self.last_token
        self.last_token = int(given.token)
        self.model.given(expected, given.token)
        assert (given.failures, given.note) == (expected.failures, expected.note)
        assert given.holds == expected.holds
        assert Body.decode(given.body).args == [expected.content.number]
        for key in expected.content.limits:
            if LIMITS[key].span:
                self.starts.setdefault(key, []).append(self.model.now)
        return given

    @rule(run=runs, verb=st.sampled_from([*ENDINGS, "progress", "checkpoint"]))
    def any_run_speaks(self, run: Claimed, verb: str) -> None:
        """Of all runs there ever were: most are stale."""
        self.tick()
        job = self.model.jobs.get(run.id)
        held = job if job is not None and (job.word, job.token) == ("running", run.token) else None
        if verb == "progress":
            with refused_if(held is None, StaleLease):
                assert self.broker.progress(run) == (held is not None and held.note == "cancel")
        elif verb == "checkpoint":
            with refused_if(held is None, StaleLease):
                assert self.broker.checkpoint(run) == (b"\x01" if held and held.saved else b"")
                self.broker.checkpoint(run, b"\x01")
            if held:
                held.saved = True
        else:
            word = self.model.end(run.id, run.token, verb, DELAYS.get(verb, 0))
            with refused_if(word == "LOST", StaleLease):
                self.broker.end(run, ENDINGS[verb])

    @rule(claimer=claimers, times=st.integers(2, 3))
    def a_job_kills_its_process(self, claimer: str, times: int) -> None:
        for _ in range(times):
            self.claim(claimer, LANES)
            self.a_process_ends(crashes=True, late=0)
            self.tick()
            self.model.promote()
            self.broker.promote(LANES)

    @rule(crashes=st.booleans(), late=st.sampled_from([0, 0, 0, 1]))
    def a_process_ends(self, crashes: bool, late: int) -> None:
        """It stops or crashes; what is said of an earlier process of the slot does not count."""
        self.tick()
        claimer = self.somebody_who_runs_a_job()
        request = f"{self.generations[claimer] - late}.end"
        how = (lambda job: self.model.lose(job, "crashed")) if crashes else self.model.hand_back
        expected = self.model.give_up(claimer, request, how)
        for _ in range(2):
            if crashes:
                assert self.broker.crash(claimer, request, {"signal": 9}) == expected
            else:
                assert self.broker.release(claimer, request) == expected
        self.generations[claimer] += 1
