"""Any sequence of calls leaves the real store as it leaves the model. The store is on the embedded server."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
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
from hypothesis.stateful import run_state_machine_as_test as run_machine

from junmai_jobs import endings as verbs
from junmai_jobs.broker import Broker, Renewal, Step
from junmai_jobs.endings import Ending
from junmai_jobs.errors import InvalidState, StaleLease
from junmai_jobs.job import Claimed
from junmai_jobs.keys import FINISHED_HOMES, Keys
from tests.model.model import LEASE, QUEUES, WAITING, Job, Model
from tests.verbs.store import BAND, ERROR, new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from junmai_jobs.scripts import Script
    from tests.backends import Backend, Backends

EPOCH = 1_795_000_000_000
"""Milliseconds; the model's time 0. Its steps are multiples of ten seconds, and no delay is one."""
CLAIMERS = ("w/1", "w/2", "v/1")
RETRY_DELAY, DEFER_DELAY, EXPIRES, MAX_AGE = 13, 7, 304, 108
SET_CLOCK = """
local time = redis.call('TIME')
local real = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'clock_offset', string.format('%.0f', ARGV[1] - real))
"""
ENDINGS = {
    "succeed": verbs.succeed(b"\x01"),
    "retry": verbs.retry(RETRY_DELAY, ERROR),
    "fail": verbs.fail(ERROR, "reason"),
    "defer": verbs.defer(DEFER_DELAY, "note"),
    "step_aside": verbs.step_aside(),
    "confirm_cancel": verbs.confirm_cancel(),
}
DELAYS = {"retry": RETRY_DELAY, "defer": DEFER_DELAY}
claimers = st.sampled_from(CLAIMERS)
endings = st.sampled_from(list(ENDINGS))
orders = st.sampled_from([("a", "b"), ("b", "a"), ("a", "b"), ("b",)])
choices = st.integers(0, 30)
"""Which of the jobs there are, in the order of their submission."""


@dataclass(frozen=True)
class Wish:
    """A job to be submitted."""

    queue: str
    priority: int
    delay: int
    expires: int | None
    parents: list[int]
    policy: str


wishes = st.builds(
    Wish,
    queue=st.sampled_from(QUEUES),
    priority=st.sampled_from([5, 9, 0]),
    delay=st.sampled_from([0, 0, 0, 0, 21, 102]),
    expires=st.sampled_from([None, None, None, EXPIRES]),
    parents=st.one_of(st.just([]), st.just([]), st.lists(choices, max_size=3)),
    policy=st.sampled_from(["cancel", "continue"]),
)


@dataclass(frozen=True)
class TimedLink:
    """Runs scripts at the time that the model has: the clock is set in the same transaction."""

    admin: Any
    model: Model
    meta: str

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[object]) -> Any:
        with self.admin.pipeline(transaction=True) as pipeline:
            pipeline.eval(SET_CLOCK, 1, self.meta, EPOCH + self.model.now * 1000)
            pipeline.eval(script.text, len(keys), *keys, *arguments)
            return pipeline.execute()[1]


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
        self.last_calls: dict[str, tuple[Any, ...]] = {}
        self.last_token = 0
        self.broker.register("w", {})

    def teardown(self) -> None:
        self.stack.close()

    def tick(self, seconds: int = 10) -> None:
        """Go to a time that never was before."""
        self.model.now += seconds
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
        sent = []
        for wish in batch:
            known = list(self.model.jobs)
            after = tuple(dict.fromkeys(known[number % len(known)] for number in wish.parents if known))
            self.requests += 1
            job = Job(f"j{self.requests:03}", wish.queue, wish.priority, "ready", wish.expires)
            sent.append(
                new_job(
                    job.id,
                    queue=wish.queue,
                    priority=wish.priority,
                    expires=wish.expires,
                    delay=wish.delay,
                    after=after,
                    after_policy=wish.policy,
                )
            )
            self.model.enqueue(job, wish.delay, after, wish.policy)
        assert self.broker.enqueue(sent) == [None] * len(sent)
        assert self.broker.enqueue(sent) == [job.id for job in sent]

    # Running.

    @rule(target=runs, claimer=claimers, queues=orders)
    def claim(self, claimer: str, queues: Sequence[str]) -> Any:
        self.tick()
        request = self.request(claimer)
        self.last_calls[claimer] = (request, queues, None)
        given = self.broker.claim(claimer, request, queues, lease=LEASE)
        self.model.give_back_held(claimer)
        return self.check_claim(given, self.model.claim(claimer, request, queues))

    @rule(target=runs, queues=orders, verb=endings)
    def step(self, queues: Sequence[str], verb: str) -> Any:
        """Somebody who runs a job, if anybody does, ends it and claims the next."""
        self.tick()
        claimer = self.somebody_who_runs_a_job()
        job = self.model.held(claimer)
        ended = (Claimed(job.id, job.token, b"", 0, ""), ENDINGS[verb]) if job else None
        request = self.request(claimer)
        self.last_calls[claimer] = (request, queues, ended)
        given = self.broker.step(claimer, request, queues, ended, lease=LEASE)
        return self.check_step(given, claimer, request, queues, ended)

    @rule(target=runs, claimer=claimers)
    def the_last_call_again(self, claimer: str) -> Any:
        if claimer not in self.last_calls:
            return multiple()
        self.tick()
        request, queues, ended = self.last_calls[claimer]
        given = self.broker.step(claimer, request, queues, ended, lease=LEASE)
        held = self.model.replay(claimer, request)
        if held is None:
            return self.check_step(given, claimer, request, queues, ended)
        assert given.job is not None
        assert (given.ending, given.job.id) == (self.model.records[claimer].answer, held.id)
        assert (given.job.token, given.job.failures, given.job.note) == (held.token, held.failures, held.note)
        return multiple()

    def check_step(
        self,
        given: Step,
        claimer: str,
        request: str,
        queues: Sequence[str],
        ended: tuple[Claimed, Ending] | None,
    ) -> Any:
        word = ""
        if ended is not None:
            run, how = ended
            word = self.model.end(run.id, run.token, how.verb, DELAYS.get(how.verb, 0))
        self.model.give_back_held(claimer)
        assert given.ending == word
        return self.check_claim(given.job, self.model.claim(claimer, request, queues, word))

    def check_claim(self, given: Claimed | None, expected: Job | None) -> Any:
        assert (given.id if given else None) == (expected.id if expected else None)
        if given is None or expected is None:
            return multiple()
        assert int(given.token) > self.last_token
        self.last_token = int(given.token)
        self.model.given(expected, given.token)
        assert (given.failures, given.note) == (expected.failures, expected.note)
        return given

    @rule(run=runs, verb=st.sampled_from([*ENDINGS, "progress"]))
    def any_run_speaks(self, run: Claimed, verb: str) -> None:
        """Of all runs there ever were: most are stale."""
        self.tick()
        if verb == "progress":
            job = self.model.jobs.get(run.id)
            held = job is not None and (job.word, job.token) == ("running", run.token)
            with refused_if(not held, StaleLease):
                assert self.broker.progress(run) == (job is not None and job.note == "cancel")
        else:
            word = self.model.end(run.id, run.token, verb, DELAYS.get(verb, 0))
            with refused_if(word == "LOST", StaleLease):
                self.broker.end(run, ENDINGS[verb])

    @rule(claimer=claimers, times=st.integers(2, 5))
    def a_job_kills_its_process(self, claimer: str, times: int) -> None:
        for _ in range(times):
            self.claim(claimer, QUEUES)
            self.a_process_ends(crashes=True, late=0)
            self.tick()
            self.model.promote()
            self.broker.promote(QUEUES)

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
            self.broker.reap(QUEUES, lease=LEASE)
            self.model.promote()
            self.broker.promote(QUEUES)
            self.resolve()

    def resolve(self) -> None:
        more = True
        while more:
            self.tick()
            order = [parent.decode() for parent in self.admin.zrange(self.keys.ended, 0, -1)]
            assert set(order) == self.model.ended
            self.model.resolve(order)
            more = self.broker._call("resolve") == ["MORE"]
            assert more == bool(self.model.ended)

    # People.

    @rule(choice=choices, act=st.sampled_from(["cancel", "revive", "reprioritize"]), a_run=st.booleans())
    @precondition(lambda self: self.model.jobs)
    def somebody_wants_a_job_otherwise(self, choice: int, act: str, a_run: bool) -> None:
        self.tick()
        running = [job.id for job in self.model.jobs.values() if job.word == "running"]
        job_ids = running if a_run and running else list(self.model.jobs)
        job_id, request = job_ids[choice % len(job_ids)], self.request()
        if act == "cancel":
            word = self.model.cancel(job_id, request)
            call: Callable[[], object] = partial(self.broker.cancel, job_id, request, "asked")
        elif act == "revive":
            word = self.model.revive(job_id, request)
            call = partial(self.broker.revive, job_id, request)
        else:
            word = self.model.reprioritize(job_id, choice % 11)
            call = partial(self.broker.reprioritize, job_id, choice % 11)
        with refused_if(word == "STATE", InvalidState):
            for _ in range(2):
                assert call() == {"cancel": word == "OK"}.get(act)

    @rule(act=st.sampled_from(["pause", "resume", "resume"]), queues=st.sampled_from([(), ("a",), ("b",)]))
    def somebody_pauses_or_resumes(self, act: str, queues: Sequence[str]) -> None:
        self.tick()
        getattr(self.model, act)(queues)
        getattr(self.broker, act)(queues)

    @rule(queue=st.sampled_from(QUEUES), words=st.sets(st.sampled_from(WAITING), min_size=1))
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
        stored, expected = self.stored(), expected_store(self.model)
        for part in expected:
            assert stored[part] == expected[part], part

    def stored(self) -> dict[str, Any]:
        """Everything but times and sequences, in the shape of ``expected_store``."""
        homes = {f"{queue}:{kind}": self.keys.queue(queue, kind) for queue in QUEUES for kind in _KINDS}
        homes |= {word: getattr(self.keys, word) for word in FINISHED_HOMES}
        pipeline = self.admin.pipeline(transaction=False)
        for key in homes.values():
            pipeline.zrange(key, 0, -1, withscores=True)
        for name in ("parents", "children", "ended"):
            pipeline.zrange(getattr(self.keys, name), 0, -1)
        for name in ("states", "claimers", "histories", "paused"):
            pipeline.hgetall(getattr(self.keys, name))
        pipeline.hkeys(self.keys.bodies)
        *sets, parents, children, ended, states, claimers, histories, paused, bodies = pipeline.execute()
        return {
            name: {member.decode(): _home_score(name, score) for member, score in members}
            for name, members in zip(homes, sets, strict=True)
        } | {
            "edges": sorted(edge.decode() for edge in parents),
            "edges from the parents": sorted(" ".join(edge.decode().split()[1::-1]) for edge in children),
            "ended": {parent.decode() for parent in ended},
            "states": _decoded(states),
            "claimers": _decoded(claimers),
            "events": {
                job_id: [json.loads(line)["event"] for line in lines.splitlines()]
                for job_id, lines in _decoded(histories).items()
            },
            "paused": _decoded(paused),
            "jobs": {job_id.decode() for job_id in bodies},
        }


_KINDS = ("ready", "scheduled", "retrying", "leases", "blocked")


def _decoded(hash_fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in hash_fields.items()}


def _home_score(name: str, score: float) -> int:
    """The exact score of what is ready, else the model's time."""
    if name.endswith(":ready"):
        return int(score)
    return 0 if name.endswith(":blocked") else int(score - EPOCH) // 1000


def expected_store(model: Model) -> dict[str, Any]:
    """What the store should hold, by the model."""
    homes: dict[str, Any] = {f"{queue}:{kind}": {} for queue in QUEUES for kind in _KINDS}
    homes |= {word: {} for word in FINISHED_HOMES}
    for job in model.jobs.values():
        if job.word in FINISHED_HOMES:
            homes[job.word][job.id] = job.finished
        elif job.word == "running":
            homes[f"{job.queue}:leases"][job.id] = job.lease
        elif job.word == "ready":
            homes[f"{job.queue}:ready"][job.id] = _ready_score(job, job.place)
        else:
            homes[f"{job.queue}:{job.word}"][job.id] = 0 if job.word == "blocked" else job.due
    edges = sorted(f"{child} {parent}" for child, parent in model.edges)
    return homes | {
        "edges": edges,
        "edges from the parents": edges,
        "ended": model.ended,
        "states": {job.id: _state(job) for job in model.jobs.values() if job.has_state},
        "claimers": {
            claimer: f"{record.request}|{record.id}|{record.token}|{record.answer}"
            for claimer, record in model.records.items()
        },
        "events": {job.id: job.events for job in model.jobs.values() if job.events},
        "paused": {queue: str(int(flag)) for queue, flag in model.paused.items()},
        "jobs": set(model.jobs),
    }


def _ready_score(job: Job, place: int) -> int:
    return (10 - job.priority) * BAND + place


def _state(job: Job) -> str:
    score = _ready_score(job, job.kept_place) if job.claimed else ""
    return (
        f"{job.word}|{job.queue}|{score}|{job.token}|{job.failures}|{job.crashes}|"
        f"{job.claimer}|{job.request}|{job.note}"
    )


@contextmanager
def refused_if(refused: bool, error: type[Exception]) -> Iterator[None]:
    """The call in this block is refused with this error, or it is not."""
    if refused:
        with pytest.raises(error):
            yield
    else:
        yield


def machine_on(backend: Backend) -> type[Machine]:
    """The machine, which Hypothesis makes anew for every example."""

    class MachineOnBackend(Machine):
        def __init__(self) -> None:
            super().__init__(backend)

    return MachineOnBackend


@pytest.mark.timeout(600)
def test_the_store_does_as_the_model_does(backends: Backends) -> None:
    few = settings(max_examples=150, stateful_step_count=50)
    run_machine(machine_on(backends.get("valkey")), settings=few)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_store_does_as_the_model_does_at_length(backends: Backends) -> None:
    many = settings(max_examples=3000, stateful_step_count=80, derandomize=False)
    run_machine(machine_on(backends.get("valkey")), settings=many)
