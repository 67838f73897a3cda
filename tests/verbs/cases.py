"""A call of every verb, in every situation in which it does something else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from junmai_jobs import endings as verbs
from junmai_jobs.archive import StoredJob
from junmai_jobs.broker import Broker
from junmai_jobs.estimates import Like, Observation, lessons
from tests.verbs.scenarios import next_tick
from tests.verbs.scenarios import schedule as hourly
from tests.verbs.store import ERROR, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.endings import Ending
    from tests.verbs.store import Store

    Call = Callable[[Broker], object]
    Case = Callable[[Store], Call]
    """Prepares a store, and gives the call to be made on it."""

QUEUES = ["default"]
MOMENT = (time.time() // 3600 + 1) * 3600 + 90
"""Near which no minute turns: two stores that are filled one after the other tell of the same ones."""


def enqueue(store: Store) -> Call:
    return lambda broker: broker.enqueue([new_job("a", expires=9), new_job("b", after=("a",))])


def promote(store: Store) -> Call:
    store.add("a", "b", delay=5)
    store.ended("c", verbs.retry(5, ERROR))
    store.advance(60)
    return lambda broker: broker.promote(QUEUES)


def claim(store: Store) -> Call:
    store.add("a", "b")
    return lambda broker: broker.claim("w/1", "1.9", QUEUES, woken=True)


def claim_that_gives_back(store: Store) -> Call:
    store.running("a")
    store.add("b", priority=9)
    return lambda broker: broker.claim("w/1", "1.9", QUEUES)


def claim_of_nothing(store: Store) -> Call:
    return lambda broker: broker.claim("w/1", "1.9", QUEUES)


def step(store: Store) -> Call:
    ended = [(store.running("a"), verbs.succeed(b"\x01"))]
    store.add("b", "c")
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ended)


def step_to_nothing(store: Store) -> Call:
    ended = [(store.running("a"), verbs.retry(60, ERROR))]
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ended)


def step_of_a_lost_run(store: Store) -> Call:
    ended = [(store.running("a"), verbs.succeed(b""))]
    store.expire()
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ended)


def step_ahead(store: Store) -> Call:
    store.add("a", "b", "c", "d")
    done, failed = store.claim_ahead(2)
    ended = [(done, verbs.succeed(b"\x01")), (failed, verbs.retry(60, ERROR))]
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ended, ahead=2)


def step_ahead_that_gives_back(store: Store) -> Call:
    store.add("a", "b", "c", "d")
    store.claim_ahead(2)
    store.drain()
    store.add("e", "f", priority=9)
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ahead=3)


def extend(store: Store) -> Call:
    store.broker.register("w", {})
    store.add("a", "b")
    store.claim_ahead(2)
    return lambda broker: broker.extend("w", ["w/1", "w/2"])


def _end(store: Store, how: Ending) -> Call:
    job = store.running("a")
    store.add("child", after=("a",))
    return lambda broker: broker.end(job, how)


def succeed(store: Store) -> Call:
    return _end(store, verbs.succeed(b"\x01"))


def retry(store: Store) -> Call:
    return _end(store, verbs.retry(60, ERROR))


def fail(store: Store) -> Call:
    return _end(store, verbs.fail(ERROR, "no"))


def defer(store: Store) -> Call:
    return _end(store, verbs.defer(60, "later"))


def confirm_cancel(store: Store) -> Call:
    return _end(store, verbs.confirm_cancel())


def succeed_for_a_while(store: Store) -> Call:
    return _end(store, verbs.succeed(b"\x01", 60))


def step_aside(store: Store) -> Call:
    return _end(store, verbs.step_aside())


def step_that_makes_way(store: Store) -> Call:
    ended = [(store.running("a"), verbs.step_aside())]
    store.add("b", priority=9)
    return lambda broker: broker.step("w/1", "1.9", QUEUES, ended)


def retry_of_what_was_to_be_cancelled(store: Store) -> Call:
    call = _end(store, verbs.retry(60, ERROR))
    store.broker.cancel("a", "person.1")
    return call


def release(store: Store) -> Call:
    store.running("a")
    return lambda broker: broker.release("w/1", "1.end")


def release_of_the_others(store: Store) -> Call:
    store.add("a", "b", "c")
    _, goes_on, _ = store.claim_ahead(3)
    return lambda broker: broker.release("w/1", "", behind=int(goes_on.token))


def crash(store: Store) -> Call:
    store.running("a")
    return lambda broker: broker.crash("w/1", "1.end", {"signal": 9})


def crash_of_one_of_several(store: Store) -> Call:
    store.add("a", "b", "c")
    _, died, _ = store.claim_ahead(3)
    return lambda broker: broker.crash("w/1", "1.end", {"signal": 9}, token=int(died.token))


def crash_of_an_input(store: Store) -> Call:
    store.running("a")
    return lambda broker: broker.crash("w/1", "1.end", {"signal": "SIGSEGV", "input": "noop 1 2"})


def suspicion(store: Store) -> Call:
    for job_id in "abc":
        store.running(job_id)
        store.broker.crash("w/1", store.request(), {"signal": "SIGSEGV", "input": "noop 1 2"})
        store.broker.cancel(job_id, "person")
    return lambda broker: broker.suspicion("noop 1 2")


def acquit(store: Store) -> Call:
    suspicion(store)
    return lambda broker: broker.acquit("noop 1 2")


def revive_by_force(store: Store) -> Call:
    suspicion(store)
    return lambda broker: broker.revive("c", "person.1", force=True)


def reap(store: Store) -> Call:
    store.running("a")
    for _ in range(4):
        store.broker.reap(["other"])
        store.advance(10)
    return lambda broker: broker.reap(QUEUES)


def reap_too_late(store: Store) -> Call:
    store.running("a")
    store.advance(3600)
    return lambda broker: broker.reap(QUEUES)


def cancel(store: Store) -> Call:
    store.add("a")
    return lambda broker: broker.cancel("a", "person.1")


def cancel_of_a_run(store: Store) -> Call:
    store.running("a")
    return lambda broker: broker.cancel("a", "person.1")


def resolve(store: Store) -> Call:
    _end(store, verbs.succeed(b""))(store.broker)
    store.add("other", after=("a",), after_policy="continue", delay=5)
    return lambda broker: broker.resolve()


def revive(store: Store) -> Call:
    store.ended("a", verbs.fail(ERROR))
    return lambda broker: broker.revive("a", "person.1")


def reprioritize(store: Store) -> Call:
    store.add("a", "b")
    return lambda broker: broker.reprioritize("b", 9)


def boost(store: Store) -> Call:
    store.add("a", "b")
    store.add("c", delay=60)
    return lambda broker: broker.boost(["b", "c"])


def pause(store: Store) -> Call:
    store.add("a")
    return lambda broker: broker.pause(["default", "night"])


def resume(store: Store) -> Call:
    store.add("a")
    store.broker.pause()
    return lambda broker: broker.resume()


def purge(store: Store) -> Call:
    store.add("a", "b")
    store.add("c", delay=5)
    return lambda broker: broker.purge("default", ["ready", "scheduled"], "person.1")


def prune(store: Store) -> Call:
    for job_id in ("a", "b", "c"):
        store.advance(1000)
        store.ended(job_id, verbs.succeed(b"\x01"))
    return lambda broker: broker.prune("succeeded", max_age=900, keep=10)


def progress(store: Store) -> Call:
    job = store.running("a")
    return lambda broker: broker.progress(job, {"done": 1})


def checkpoint(store: Store) -> Call:
    job = store.running("a")
    return lambda broker: broker.checkpoint(job, b"\x07")


def log(store: Store) -> Call:
    job = store.running("a")
    return lambda broker: broker.log(job, 1, "sharp\nand well exposed")


def outranked(store: Store) -> Call:
    job = store.running("a")
    store.add("b", priority=9)
    return lambda broker: broker.outranked(job, QUEUES)


def inherit(store: Store) -> Call:
    store.ended("a", verbs.succeed(b"\x01"))
    return lambda broker: broker.inherit(["a", "b"])


def expire(store: Store) -> Call:
    for job_id, ttl in (("a", 5), ("b", 500)):
        store.ended(job_id, verbs.succeed(b"\x01", ttl))
    store.advance(60)
    return lambda broker: broker.expire()


def register(store: Store) -> Call:
    return lambda broker: broker.register("w", {"pid": 7})


def deregister(store: Store) -> Call:
    store.broker.register("w", {"pid": 7})
    store.add("a", "b")
    store.claim_ahead(2)
    return lambda broker: broker.deregister("w", ["w/1"], lost=True)


def dismiss(store: Store) -> Call:
    store.broker.register("w", {"pid": 7})
    return lambda broker: broker.dismiss("w")


def announce(store: Store) -> Call:
    store.broker.announce("w.1")
    store.ended("a", verbs.fail(ERROR))
    store.advance(1)
    return lambda broker: broker.announce("w.2")


def age(store: Store) -> Call:
    store.add("a", "b")
    store.broker.age(QUEUES, 60)
    store.advance(60)
    return lambda broker: broker.age(QUEUES, 60)


def sample(store: Store) -> Call:
    store.advance(MOMENT - store.broker.due().now)
    store.broker.sample()
    store.ended("a", verbs.fail(ERROR))
    store.add("b")
    store.advance(120)
    return lambda broker: broker.sample()


def listen(store: Store) -> Call:
    return lambda broker: bool(broker.listen())


def schedule(store: Store) -> Call:
    return lambda broker: broker.schedule(hourly())


def unschedule(store: Store) -> Call:
    store.broker.schedule(hourly())
    return lambda broker: broker.unschedule("hourly", "person.1")


def due(store: Store) -> Call:
    store.broker.schedule(hourly())
    store.advance(7200)
    return lambda broker: [name for name, *_ in broker.due().ticks]


def fire(store: Store) -> Call:
    store.broker.schedule(made := hourly())
    tick = next_tick(store)
    return lambda broker: broker.fire(made, made.encode(), tick, [tick, tick + 1], tick + 3600)


def survey(store: Store) -> Call:
    store.add("a", "b")
    return lambda broker: broker.survey(["night"])


def remember(store: Store) -> Call:
    token = store.running("a").token
    return lambda broker: broker.remember("noop 1 2", token, b"\x07", lasts=60, most=9, room=99)


def recall(store: Store) -> Call:
    remember(store)(store.broker)
    token = store.running("b", priority=9).token
    return lambda broker: broker.recall("noop 1 2", token)


def recall_of_a_submission(store: Store) -> Call:
    remember(store)(store.broker)
    return lambda broker: broker.recall_all(["noop 1 2", "noop 1 3"], "?123456")


def recall_too_late(store: Store) -> Call:
    call = recall(store)
    store.advance(60)
    return call


def forget(store: Store) -> Call:
    remember(store)(store.broker)
    return lambda broker: broker.forget([b"noop 1 2", b"noop 1 3"])


def learn(store: Store) -> Call:
    runs = {Like("noop", "24 MP", "CPU"): [Observation(0.5, 2**20), Observation(0.25)]}
    return lambda broker: broker.learn("r1", lessons(runs), most=200)


def extract(store: Store) -> Call:
    store.ended("a", verbs.succeed(b"\x01"))
    store.add("b", after=("a",))
    return lambda broker: [job.id for job in broker.extract([b"a", b"b", b"c"])]


def stage(store: Store) -> Call:
    store.broker.stage("one")
    return lambda broker: broker.stage("another")


def restore(store: Store) -> Call:
    store.broker.stage("one")
    body = new_job("a").body
    return lambda broker: broker.restore("one", "jobs", StoredJob(b"a", b"ready", b"default", b"5", body))


def adopt(store: Store) -> Call:
    restore(store)(store.broker)
    store.broker.restore("one", "meta", [b"sequence", b"5"])
    return lambda broker: broker.adopt("one")


def examine(store: Store) -> Call:
    store.add("a", "b")
    return lambda broker: broker.examine("jobs", ["", "a", "b"])


def examine_that_mends(store: Store) -> Call:
    """The second time there is nothing to mend."""
    store.add("a", "b")
    store.running("c", priority=9)
    store.admin.zadd(store.keys.queue("default", "scheduled"), {"a": 1})
    store.damage_state("c")
    return lambda broker: broker.examine("jobs", ["*", "a", "b", "c"], mends=True)[0]


CASES: list[Case] = [
    enqueue, promote, claim, claim_that_gives_back, claim_of_nothing, step, step_to_nothing,
    step_of_a_lost_run, step_ahead, step_ahead_that_gives_back, extend,
    succeed, retry, retry_of_what_was_to_be_cancelled, fail, defer,
    confirm_cancel, release, crash, reap, reap_too_late, cancel, cancel_of_a_run, resolve, revive,
    reprioritize, boost, pause, resume, purge, prune, progress, register, deregister, dismiss, announce,
    succeed_for_a_while, step_aside, step_that_makes_way, checkpoint, log, outranked, expire, inherit,
    age, sample, listen,
    schedule, unschedule, due, fire, survey,
    release_of_the_others, crash_of_one_of_several, crash_of_an_input, suspicion, acquit, revive_by_force,
    remember, recall, recall_of_a_submission, recall_too_late, forget, learn,
    extract, stage, restore, adopt, examine, examine_that_mends,
]  # fmt: skip
