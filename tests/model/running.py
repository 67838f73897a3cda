"""The rules by which jobs are submitted and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

from junmai_jobs.broker import Step
from junmai_jobs.errors import StaleLease
from junmai_jobs.job import Body, Claimed
from tests.model.frame import Frame
from tests.model.job import LANES, LIMITS, Content, Job
from tests.model.model import LEASE
from tests.model.refusal import refused_if
from tests.model.store_view import without_mark
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
        self.last_calls[claimer] = (request, queues, [], 1)
        given = self.broker.claim(claimer, request, queues, lease=LEASE)
        self.model.give_back_held(claimer)
        return self.check_claim([given] if given else [], self.model.claim(claimer, request, queues))

    @rule(queues=orders)
    def everybody_claims(self, queues: Sequence[str]) -> None:
        for claimer in CLAIMERS:
            if not self.model.held(claimer):
                self.claim(claimer, queues)

    @rule(target=runs, queues=orders, verb=endings, ahead=st.sampled_from([1, 1, 2, 4]))
    def step(self, queues: Sequence[str], verb: str, ahead: int) -> Any:
        """Somebody who runs jobs, if anybody does, ends them, the first one so, and claims the next."""
        self.tick()
        claimer = self.somebody_who_runs_a_job()
        held = [Claimed(job.id, job.token, b"", 0, "") for job in self.model.held(claimer)]
        ended = list(zip(held, (verb, "succeed", "step_aside", "succeed"), strict=False))
        self.last_calls[claimer] = (self.request(claimer), queues, ended, ahead)
        return self.check_step(claimer, self.make_last_call(claimer))

    @rule(target=runs, claimer=claimers, queue=st.sampled_from(["a", "b"]), count=st.integers(1, 4))
    def a_row_is_claimed(self, claimer: str, queue: str, count: int) -> Any:
        """Of plain jobs, before all others; what the claimer held is forgotten."""
        self.submit([Wish(queue, 10, 0, [], "cancel", Content(number)) for number in range(count)])
        self.tick()
        self.last_calls[claimer] = (self.request(claimer), ("a", "b"), [], 3)
        return self.check_step(claimer, self.make_last_call(claimer))

    @rule(target=runs, claimer=claimers)
    def the_last_call_again(self, claimer: str) -> Any:
        if claimer not in self.last_calls:
            return multiple()
        self.tick()
        given = self.make_last_call(claimer)
        held = self.model.replay(claimer, self.last_calls[claimer][0])
        if not held:
            return self.check_step(claimer, given)
        assert given.endings == self.model.records[claimer].answer.split()
        told = [(job.id, job.token, job.failures, job.note) for job in given.jobs]
        assert told == [(job.id, job.token, job.failures, _told(job.note)) for job in held]
        return multiple()

    def make_last_call(self, claimer: str) -> Step:
        request, queues, ended, ahead = self.last_calls[claimer]
        endings = [(run, ENDINGS[verb]) for run, verb in ended]
        return self.broker.step(claimer, request, queues, endings, lease=LEASE, ahead=ahead)

    def check_step(self, claimer: str, given: Step) -> Any:
        request, queues, ended, ahead = self.last_calls[claimer]
        words = [self.model.end(run.id, run.token, verb, DELAYS.get(verb, 0)) for run, verb in ended]
        assert given.endings == words
        if self.model.is_late(claimer, request):
            assert not given.jobs
            assert not given.waits
            return multiple()
        self.model.give_back_held(claimer)
        runs = self.check_claim(
            given.jobs, self.model.claim(claimer, request, queues, " ".join(words), ahead)
        )
        assert given.waits == self.model.waits
        return runs

    def check_claim(self, given: Sequence[Claimed], expected: list[Job]) -> Any:
        assert [run.id for run in given] == [job.id for job in expected]
        for run, job in zip(given, expected, strict=True):
            assert int(run.token) > self.last_token
            self.last_token = int(run.token)
            assert (run.failures, run.note) == (job.failures, _told(job.note))
            assert without_mark(run.holds) == job.holds
            assert Body.decode(run.body).args == [job.content.number]
            for key in job.content.limits:
                if LIMITS[key].span:
                    self.starts.setdefault(key, []).append(self.model.now)
        if given:
            self.model.given(expected, [run.token for run in given])
        return multiple(*given)

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

    @rule(crashes=st.booleans(), late=st.sampled_from([0, 0, 0, 1]), place=st.sampled_from([-1, 0, 1]))
    def a_process_ends(self, crashes: bool, late: int, place: int = 0) -> None:
        """It stops or crashes; what is said of an earlier process of the slot does not count.

        ``place`` is that of the run in which it died, among those that were claimed together; -1: not known.
        """
        self.tick()
        claimer = self.somebody_who_runs_a_job()
        request = f"{self.generations[claimer] - late}.end"
        how = (lambda job: self.model.lose(job, "crashed")) if crashes else self.model.hand_back
        held = self.model.held(claimer)
        token = held[place].token if crashes and 0 <= place < len(held) else ""
        expected = self.model.give_up(claimer, request, how, token)
        for _ in range(2):
            if crashes:
                died = {"token": int(token or 0)}
                assert self.broker.crash(claimer, request, {"signal": 9}, **died) == expected
            else:
                assert self.broker.release(claimer, request) == expected
        self.generations[claimer] += 1

    @rule(claimer=claimers, place=st.integers(0, 2))
    def what_waits_behind_a_run_goes_back(self, claimer: str, place: int) -> None:
        self.a_row_is_claimed(claimer, "b", 3)
        self.tick()
        if place < len(held := self.model.held(claimer)):
            token = held[place].token
            self.model.release_behind(claimer, token)
            for _ in range(2):
                assert self.broker.release(claimer, "", behind=int(token)) is None


def _told(note: str) -> str:
    """What the next run is told of a note."""
    return "" if note == "ahead" else note
