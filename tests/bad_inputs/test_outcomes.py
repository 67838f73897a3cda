"""Whatever a task raises or returns is an outcome that can be stored and read, and its worker goes on."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import RetryPolicy
from junmai_jobs.codec import RESULT_LIMIT, unpack
from junmai_jobs.executor import TRACEBACK_LIMIT
from tests.executing import MODULE, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.endings import Ending

NO_RETRY = RetryPolicy(max_retries=0)


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class PropertyError(Exception):
    @property
    def retry_after(self) -> float:
        raise RuntimeError("no")


def ended(function: Callable[[], Any]) -> Ending:
    ending = run(function, retry=NO_RETRY)
    assert ending is not None
    return ending


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def too_deep() -> None:
    too_deep()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raising(ValueError("x" * 10**7)), "x" * 1000),
        (raising(ValueError(threading.Lock(), lambda: 1)), "unlocked"),
        (raising(UnspeakableError()), "(its message cannot be read)"),
        (raising(PropertyError("fine")), "fine"),
        (raising(ValueError("a\0b\ud800\x1b")), "a\0b\\ud800\x1b"),
        (raising(KeyboardInterrupt()), ""),
        (raising(GeneratorExit()), ""),
        (raising(BaseException("base")), "base"),
        (raising(SystemExit(0)), "0"),
        (raising(BaseExceptionGroup("group", [KeyboardInterrupt(), ValueError("x" * 10**6)])), "group"),
        (raising(StopIteration(7)), "7"),
        (too_deep, "maximum recursion depth exceeded"),
    ],
    ids=range(12),
)
def test_what_is_raised(function: Callable[[], Any], message: str) -> None:
    ending = ended(function)
    assert ending.verb == "fail"
    error = json.loads(ending.arguments[1])["error"]
    assert message in error["message"]
    assert len(error["message"]) <= TRACEBACK_LIMIT
    assert len(error["traceback"]) <= TRACEBACK_LIMIT + 100
    ending.arguments[1].encode()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, "the result is a set, which cannot be stored"),
        (threading.Lock(), "the result is a lock"),
        ((number for number in range(3)), "the result is a generator"),
        ([object()], r"the result[0] is an object"),
        (b"x" * RESULT_LIMIT, "the result takes 1,048,581 bytes, the limit is 1,048,576"),
        (2**64, "the result is an integer of more than 64 bits"),
        ("\ud800", "the result has a lone surrogate"),
        ([[]] * 300_000, "there are more than 262,144 lists"),
        (type, "the result is a type"),
    ],
    ids=range(9),
)
def test_what_is_returned(value: object, said: str) -> None:
    ending = ended(lambda: value)
    assert (ending.verb, ending.arguments[0]) == ("fail", "payload")
    error = json.loads(ending.arguments[1])["error"]
    assert error["type"] == "junmai_jobs.errors.PayloadError"
    assert said in error["message"]


def test_a_coroutine_that_a_plain_task_returns_is_no_result() -> None:
    async def later() -> int:
        return 1

    waiting = later()
    ending = ended(lambda: waiting)
    waiting.close()
    assert "the result is a coroutine" in ending.arguments[1]


def test_a_tuple_and_nothing_are_results() -> None:
    assert ended(lambda: None).arguments[0] == b""
    assert unpack(ended(lambda: (1, (2,))).arguments[0]) == [1, [2]]
