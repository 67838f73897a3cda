from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junmai_jobs import Abort, OptionError, RetryPolicy
from junmai_jobs.retry import LONGEST

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


# ---- what the exception says ---------------------------------------------------------------------


class BusyError(Exception):
    def __init__(self, retry_after: object) -> None:
        self.retry_after = retry_after


class BrokenError(Exception):
    @property
    def retry_after(self) -> float:
        raise LookupError("of the task's own")


@pytest.mark.parametrize("asked", [0, 7, 1.5])
def test_an_exception_may_say_how_long_to_wait(asked: float) -> None:
    assert EXACT.decide(1, BusyError(asked)) == asked


def test_it_spends_a_retry_all_the_same() -> None:
    assert EXACT.decide(4, BusyError(7)) is None


@pytest.mark.parametrize("asked", [LONGEST * 2, float("inf")])
def test_at_most_ten_years(asked: float) -> None:
    assert EXACT.decide(1, BusyError(asked)) == LONGEST


@pytest.mark.parametrize("asked", [-1, float("nan"), "7", None, True])
def test_what_is_no_delay_is_not_heeded(asked: object) -> None:
    assert EXACT.decide(1, BusyError(asked)) == 2
    assert EXACT.decide(1, BrokenError()) == 2


# ---- another policy for some exceptions ----------------------------------------------------------

PER_CLASS = RetryPolicy(
    jitter=0.0,
    never=(PermissionError,),
    on={
        OSError: RetryPolicy(max_retries=1, base=10.0, jitter=0.0),
        ConnectionError: RetryPolicy(max_retries=10, base=1.0, jitter=0.0),
    },
)


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (ConnectionResetError(), [1, 2, 4, 8, 16]),
        (FileNotFoundError(), [10, None, None, None, None]),
        (ValueError(), [2, 4, 8, None, None]),
        (PermissionError(), [None] * 5),
    ],
    ids=lambda case: type(case).__name__,
)
def test_the_nearest_class_counts(error: BaseException, delays: list[float | None]) -> None:
    assert [PER_CLASS.decide(attempt, error) for attempt in (1, 2, 3, 4, 5)] == delays


@given(policies)
def test_the_stored_form_comes_back(policy: RetryPolicy) -> None:
    assert RetryPolicy.decode(policy.encode()) == policy


def test_exception_classes_stay_with_the_code() -> None:
    assert len(PER_CLASS.encode()) == 5
    assert RetryPolicy.decode(PER_CLASS.encode(), code=PER_CLASS) == PER_CLASS
    assert RetryPolicy.decode(PER_CLASS.encode()) == EXACT


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
        {"never": [OSError]},
        {"on": [OSError]},
        {"on": {str: RetryPolicy()}},
        {"on": {OSError: 3}},
        {"on": {OSError: RetryPolicy(never=(ValueError,))}},
        {"on": {OSError: RetryPolicy(on={ValueError: RetryPolicy()})}},
    ],
    ids=str,
)
def test_an_impossible_value_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        RetryPolicy(**wrong)
