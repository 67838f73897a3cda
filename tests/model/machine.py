"""The state machine: each call is made on the store and on the model, and the outcomes are compared."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from junmai_jobs.broker import Broker, Renewal, Step
from junmai_jobs.errors import InvalidState, StaleLease
from junmai_jobs.job import Body, Claimed
from junmai_jobs.keys import FINISHED_HOMES, Keys
from tests.model import laws
from tests.model.job import LANES, LIMITS, OFFERS, WAITING, Job
from tests.model.model import LEASE, Model
from tests.model.refusal import refused_if
from tests.model.store_view import expected, stored
from tests.model.timed_link import TimedLink
from tests.model.wishes import (
    CLAIMERS,
    DELAYS,
    ENDINGS,
    MAX_AGE,
    Wish,
    as_sent,
    choices,
    claimers,
    edges,
    endings,
    lanes,
    orders,
    wishes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.backends import Backend


class Machine(RuleBasedStateMachine):
    """Makes each call on the store and on the model, and compares answers and outcomes.

    Few rules with much choice inside: the choice among rules is not an even one.
    """

    runs = Bundle("runs")

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.namespace = self.stack.enter_context(backend.namespace())
        self.admin = backend.admin
        self.keys = Keys.of(self.namespace)
        self.model = Model()
        link = TimedLink(self.admin, self.model, self.keys.meta)
        self.broker = Broker(link, self.namespace, moved_clock=True)
        self.times = {0}
        self.requests = 0
        self.generations = dict.fromkeys(CLAIMERS, 1)
        self.last_calls: dict[str, tuple[str, Sequence[str], tuple[Claimed, str] | None]] = {}
        self.last_token = 0
        self.broker.register("w", {"offers": OFFERS["w"]})
        self.broker.register("v", {"offers": OFFERS["v"]})
        self.starts: dict[str, list[int]] = {}
        self.finished: dict[str, str] = {}

    def teardown(self) -> None:
        self.stack.close()

    def tick(self, seconds: int = 10) -> None:
        """Go to a time that never was before."""
        self.model.now += seconds
        if seconds < 0:
            self.starts.clear()
        while self.model.now in self.times:
            self.model.now += 10
        self.times.add(self.model.now)

    def request(self, claimer: str = "") -> str:
        self.requests += 1
        return f"{self.generations.get(claimer, 0)}.{self.requests}"

    def somebody_who_runs_a_job(self) -> str:
        return next((claimer for claimer in CLAIMERS if self.model.held(claimer)), CLAIMERS[0])

    # Submitting.

    @initialize(batch=st.lists(wishes, min_size=2, max_size=6))
    def begin(self, batch: list[Wish]) -> None:
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
        self.model.give_back_held(claimer)
        assert given.ending == word
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

    # Time and chores.

    @rule(seconds=st.sampled_from([10, 30, 60, 120, 300, -200, -3600]))
    def time_passes(self, seconds: int) -> None:
        self.tick(seconds)

    @rule(times=st.integers(1, 6), renew=st.booleans())
    def chores(self, times: int, renew: bool) -> None:
        """What a worker does all the time; without renewal the leases run out."""
        for _ in range(times):
            self.tick()
            if renew:
                expected = [Renewal(*self.model.extend(claimer)) for claimer in CLAIMERS]
                assert self.broker.extend("w", CLAIMERS, lease=LEASE) == expected
            self.model.reap()
            self.broker.reap(LANES, lease=LEASE)
            self.model.promote()
            self.broker.promote(LANES)
            self.model.expire()
            self.broker.expire()
            self.resolve()

    def resolve(self) -> None:
        more = True
        while more:
            self.tick()
            order = [parent.decode() for parent in self.admin.zrange(self.keys.ended, 0, -1)]
            assert set(order) == self.model.ended
            more = self.broker._call("resolve") == ["MORE"]
            assert more == self.model.resolve(order)

    # People.

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
        for _ in range(2):
            assert self.broker.purge(queue, sorted(words), request) == expected

    @rule(
        word=st.sampled_from(FINISHED_HOMES),
        max_age=st.sampled_from([MAX_AGE, 10_008]),
        keep=st.sampled_from([0, 1, 100]),
    )
    def old_jobs_are_forgotten(self, word: str, max_age: int, keep: int) -> None:
        self.tick()
        self.model.prune(word, max_age, keep)
        self.broker.prune(word, max_age=max_age, keep=keep)

    # The outcome.

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        found, should_be = stored(self.admin, self.keys, self.model), expected(self.model)
        for part in should_be:
            assert found[part] == should_be[part], part

    @invariant()
    def the_laws_hold(self) -> None:
        laws.no_limit_is_passed(self.model)
        laws.no_rate_is_passed(self.starts)
        laws.no_pool_gives_more_than_it_has(self.model)
        laws.whoever_waits_for_a_limit_is_looked_at_again(self.model)
        self.finished = laws.what_has_finished_stays(self.model, self.finished)
