"""What may be wished of the queue, as Hypothesis chooses it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.model.job import LANES, Content, Unique

EXPIRES = 304
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
    limits=st.sampled_from([(), (), (), ("x",), ("y",), ("z:rate",), ("y", "z:rate")]),
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


def edges(wish: Wish, known: list[str]) -> tuple[tuple[str, str], ...]:
    """Policy and parent of each of the job's edges."""
    parents = dict.fromkeys(known[number % len(known)] for number in wish.parents if known)
    policies = ("cancel", "continue+", "failure") if wish.policy == "mixed" else (wish.policy,) * 3
    return tuple(zip(policies, parents, strict=False))
