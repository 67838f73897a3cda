from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs import Abort, OptionError, RetryPolicy

EXACT = RetryPolicy(jitter=0.0)
policies = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 1000),
    base=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    cap=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)


def test_the_delay_doubles_up_to_the_cap() -> None:
    assert [EXACT.delay(retry) for retry in range(1, 11)] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]


def test_jitter_takes_and_gives_its_share() -> None:
    policy = RetryPolicy(base=100.0, jitter=0.25)
    assert [policy.delay(1, chance) for chance in (0.0, 0.5, 1.0)] == [75, 100, 125]


def test_jitter_does_not_lift_the_cap() -> None:
    assert RetryPolicy(base=600.0).delay(5, chance=1.0) == 600


@given(policies, st.integers(1, 10**9))
def test_any_delay_is_within_bounds(policy: RetryPolicy, retry: int) -> None:
    assert 0 <= policy.delay(retry) <= policy.cap


def test_delays_are_not_all_the_same() -> None:
    policy = RetryPolicy()
    assert len({policy.delay(3) for _ in range(20)}) > 1


def test_an_attempt_is_followed_by_another_until_the_retries_are_spent() -> None:
    error = ValueError()
    assert [EXACT.decide(attempt, error) for attempt in (1, 2, 3, 4, 5)] == [2, 4, 8, None, None]
    assert RetryPolicy(max_retries=0).decide(1, error) is None


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [(OSError(), True), (KeyError("x"), False), (IndexError(), False), (Abort("no use"), False)],
    ids=lambda case: type(case).__name__,
)
def test_some_errors_are_never_retried(error: BaseException, is_retried: bool) -> None:
    decision = RetryPolicy(never=(LookupError,)).decide(1, error)
    assert (decision is not None) == is_retried


@given(policies)
def test_the_stored_form_comes_back(policy: RetryPolicy) -> None:
    assert RetryPolicy.decode(policy.encode()) == policy


def test_exception_classes_stay_with_the_code() -> None:
    policy = RetryPolicy(never=(OSError,))
    assert len(policy.encode()) == 5
    assert RetryPolicy.decode(policy.encode(), (OSError,)) == policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"max_retries": 1001},
        {"max_retries": True},
        {"max_retries": 3.0},
        {"base": -1.0},
        {"base": float("nan")},
        {"base": "2"},
        {"base": True},
        {"factor": 0.5},
        {"factor": 101},
        {"cap": float("inf")},
        {"jitter": 1.5},
        {"never": (1,)},
        {"never": (str,)},
    ],
    ids=str,
)
def test_an_impossible_value_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        RetryPolicy(**wrong)
