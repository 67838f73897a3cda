"""What may be wished of the queue, as Hypothesis chooses it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hypothesis import strategies as st

from junmai_jobs import endings as verbs
from junmai_jobs.job import NewJob
from junmai_jobs.lanes import needs_of, queue_of
from junmai_jobs.schedule import Schedule, Timetable
from tests.model.job import LANES, Content, Job, Unique
from tests.model.schedules import Plan
from tests.verbs.store import ERROR, new_job

CLAIMERS = ("w/1", "w/2", "v/1")
RETRY_DELAY, DEFER_DELAY, TTL, MAX_AGE, EXPIRES = 13, 7, 44, 108, 304
"""Seconds. The machine's steps are multiples of ten, and no delay is one."""
ENDINGS = {
    "succeed": verbs.succeed(b"\x01"),
    "succeed for a while": verbs.succeed(b"\x01", TTL),
    "retry": verbs.retry(RETRY_DELAY, ERROR),
    "fail": verbs.fail(ERROR, "reason"),
    "defer": verbs.defer(DEFER_DELAY, "note"),
    "step_aside": verbs.step_aside(),
    "confirm_cancel": verbs.confirm_cancel(),
}
DELAYS = {"retry": RETRY_DELAY, "defer": DEFER_DELAY, "succeed for a while": TTL}
claimers = st.sampled_from(CLAIMERS)
endings = st.sampled_from(list(ENDINGS))
choices = st.integers(0, 30)
"""Which of the jobs there are, in the order of their submission."""
lanes = st.sampled_from(("a", "a", "a", "b", "b", *LANES))
orders = st.sampled_from([LANES, LANES[3:] + LANES[:3], ("a", "b"), ("b",)])


@dataclass(frozen=True)
class Wish:
    """A job to be submitted."""

    queue: str
    priority: int
    delay: int
    parents: list[int]
    policy: str
    content: Content


uniques = st.sampled_from(
    [
        Unique("k", "alive", 0, "first"),
        Unique("l", "alive", 0, "last"),
        Unique("m", "waiting", 0, "first"),
        Unique("n", "alive", 53, "last"),
    ]
)
contents = st.builds(
    Content,
    number=st.integers(0, 99),
    expires=st.sampled_from([None, None, None, EXPIRES]),
    unique=st.one_of(st.none(), st.none(), uniques),
    limits=st.sampled_from([(), ("x",), ("x",), ("y",), ("z:rate",), ("y", "z:rate")]),
)
wishes = st.builds(
    Wish,
    queue=lanes,
    priority=st.sampled_from([5, 9, 0]),
    delay=st.sampled_from([0, 0, 0, 0, 21, 102]),
    parents=st.one_of(st.just([]), st.just([]), st.lists(choices, max_size=3)),
    policy=st.sampled_from(["cancel", "continue", "failure", "cancel+", "continue+", "mixed"]),
    content=contents,
)
plans = st.builds(
    Plan,
    name=st.sampled_from(["s", "s", "s", "t"]),
    every=st.sampled_from([60, 110, 200]),
    catch_up=st.sampled_from(["skip", "once", "all"]),
    queue=lanes,
    priority=st.sampled_from([5, 9]),
    delay=st.sampled_from([0, 0, 21]),
    content=contents,
)


def edges(wish: Wish, known: list[str]) -> tuple[tuple[str, str], ...]:
    """Policy and parent of each of the job's edges."""
    parents = dict.fromkeys(known[number % len(known)] for number in wish.parents if known)
    policies = ("cancel", "continue+", "failure") if wish.policy == "mixed" else (wish.policy,) * 3
    return tuple(zip(policies, parents, strict=False))


def as_sent(job: Job, delay: int) -> NewJob:
    """A submission, as the broker takes it."""
    return new_job(
        job.id,
        queue=queue_of(job.queue),
        needs=needs_of(job.queue),
        priority=job.priority,
        args=[job.content.number],
        expires=job.content.expires,
        extras=job.content.extras,
        delay=delay,
        after=[f"{policy}={parent}" for policy, parent in job.after],
    )


@lru_cache
def as_schedule(plan: Plan) -> Schedule:
    """A schedule, as the broker takes it."""
    body = as_sent(plan.job(0), 0).body
    timetable = Timetable.of(every=plan.every, catch_up=plan.catch_up)
    return Schedule(name=plan.name, timetable=timetable, body=body, delay=plan.delay)
