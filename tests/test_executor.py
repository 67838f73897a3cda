"""What a run becomes: the task's outcome made an ending, without a worker and without a server."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import (
    Abort,
    Hook,
    JobCancelled,
    RetryLater,
    RetryPolicy,
    RunningJob,
    SoftTimeout,
    StaleLease,
    StoreUnavailable,
    current_job,
    hooks,
    use,
)
from junmai_jobs.context import MakingWay
from junmai_jobs.endings import confirm_cancel
from tests.executing import MODULE, raising, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from junmai_jobs.endings import Ending


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})
    monkeypatch.setattr(hooks, "_for_every_task", [])


class BusyError(Exception):
    retry_after = 7


@pytest.mark.parametrize(
    ("error", "verb"),
    [
        (ValueError("dark"), "retry"),
        (Abort("no use"), "fail"),
        (RetryLater(5), "defer"),
        (RetryLater(-5), "retry"),
        (StoreUnavailable("away"), "defer"),
        (MakingWay(), "step_aside"),
        (BaseExceptionGroup("of an asyncio.TaskGroup", [MakingWay()]), "step_aside"),
        (JobCancelled("asked"), "retry"),
        (SystemExit(3), "retry"),
        (asyncio.CancelledError(), "retry"),
    ],
    ids=lambda case: case if isinstance(case, str) else repr(case),
)
def test_what_a_task_raises_is_an_ending(error: BaseException, verb: str) -> None:
    ending = run(raising(error))
    assert ending is not None
    assert ending.verb == verb


def test_what_becomes_of_a_lost_job_is_not_ours_to_tell() -> None:
    assert run(raising(StaleLease("given away"))) is None


def test_a_run_that_was_to_be_cancelled_before_its_task_began_does_not_begin() -> None:
    ran: list[int] = []
    assert run(lambda: ran.append(1), cancelled=lambda: True) == confirm_cancel("asked")
    assert ran == []


def wrapped(error: BaseException) -> None:
    raise LookupError("as a library would") from error


def hidden(_error: BaseException) -> None:
    raise LookupError("while tidying up") from None


def grouped(error: BaseException) -> None:
    raise BaseExceptionGroup("several", [ValueError(), error])


@pytest.mark.parametrize("consequence", [None, wrapped, hidden, grouped])
def test_a_cancelled_run_is_cancelled_whatever_its_task_makes_of_it(
    consequence: Callable[[BaseException], None] | None,
) -> None:
    asked: list[bool] = []

    def work() -> None:
        asked.append(True)
        try:
            current_job().check_cancelled()
        except JobCancelled as error:
            if consequence:
                consequence(error)
            raise

    assert run(work, cancelled=lambda: bool(asked)) == confirm_cancel("asked")


def test_a_run_that_ends_in_another_way_is_not_cancelled_though_that_was_asked_for() -> None:
    asked: list[bool] = []

    def work() -> int:
        asked.append(True)
        return 7

    ending = run(work, cancelled=lambda: bool(asked))
    assert ending is not None
    assert ending.verb == "succeed"


def test_the_exception_decides_the_delay_of_its_retry() -> None:
    first, last = run(raising(BusyError())), run(raising(BusyError()), attempt=2)
    assert first is not None
    assert last is not None
    assert (first.verb, first.arguments[0], last.verb) == ("retry", 7000, "fail")


def test_a_policy_for_some_exceptions() -> None:
    policy = RetryPolicy(max_retries=0, on={LookupError: RetryPolicy(max_retries=9, base=3.0, jitter=0.0)})
    retried, failed = (run(raising(error), retry=policy) for error in (KeyError("x"), ValueError()))
    assert retried is not None
    assert failed is not None
    assert (retried.verb, retried.arguments[0], failed.verb) == ("retry", 3000, "fail")


@pytest.mark.parametrize(("ttl", "sent"), [(None, ""), (1.5, 1500)])
def test_a_result_goes_with_the_time_it_is_kept(ttl: float | None, sent: object) -> None:
    ending = run(lambda: 7, result_ttl=ttl)
    assert ending is not None
    assert (ending.verb, ending.arguments) == ("succeed", (b"\x07", sent))


# ---- async ---------------------------------------------------------------------------------------


def test_a_coroutine_is_awaited_and_knows_its_job() -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return current_job().id

    ending = run(name)
    assert ending is not None
    assert (ending.verb, ending.arguments[0]) == ("succeed", b"\xa1a")


def failure_of(ending: Ending | None) -> dict[str, str]:
    assert ending is not None
    error: dict[str, str] = json.loads(ending.arguments[-1])["error"]
    return error


def test_its_soft_timeout_is_a_soft_timeout() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    assert failure_of(run(wait, soft_timeout=0.05))["type"] == f"junmai_jobs.errors.{SoftTimeout.__name__}"


def test_a_timeout_of_its_own_is_none() -> None:
    async def wait() -> None:
        raise TimeoutError("of its own")

    assert failure_of(run(wait, soft_timeout=0.05))["type"] == "TimeoutError"


@pytest.mark.parametrize("is_async", [True, False])
def test_the_traceback_begins_in_the_task(*, is_async: bool) -> None:
    async def fail_async() -> None:
        raise ValueError("dark")

    def fail() -> None:
        raise ValueError("dark")

    traceback = failure_of(run(fail_async if is_async else fail))["traceback"]
    assert traceback.count('File "') == 1
    assert __file__ in traceback


# ---- hooks ---------------------------------------------------------------------------------------


class Told(Hook):
    """Remembers what it is told; fails at the word given."""

    def __init__(self, fails_at: str = "") -> None:
        self.words: list[str] = []
        self._fails_at = fails_at

    def _told(self, word: str) -> None:
        self.words.append(word)
        if word == self._fails_at:
            raise LookupError(word)

    def before(self, _job: RunningJob) -> None:
        self._told("before")

    def after(self, _job: RunningJob, result: Any) -> None:
        self._told(f"after {result}")

    def failure(self, _job: RunningJob, error: BaseException) -> None:
        self._told(f"failure {type(error).__name__}")


def test_each_run_is_told_of_twice() -> None:
    everywhere, own = Told(), Told()
    use(everywhere)
    run(lambda: 7, hooks=[own])
    run(raising(RetryLater(5)), hooks=[own])
    run(lambda: {7}, hooks=[own])
    words = ["before", "after 7", "before", "failure RetryLater", "before", "failure PayloadError"]
    assert (everywhere.words, own.words) == (words, words)


def test_what_a_hook_raises_before_the_task_keeps_it_from_running() -> None:
    ran: list[int] = []
    hook = Told(fails_at="before")
    assert failure_of(run(lambda: ran.append(1), hooks=[hook]))["type"] == "LookupError"
    assert (ran, hook.words) == ([], ["before", "failure LookupError"])


@pytest.mark.parametrize(
    ("function", "fails_at", "verb"),
    [(lambda: 7, "after 7", "succeed"), (raising(ValueError()), "failure ValueError", "retry")],
)
def test_what_a_hook_raises_after_the_task_is_only_logged(
    caplog: pytest.LogCaptureFixture, function: Callable[[], Any], fails_at: str, verb: str
) -> None:
    with caplog.at_level(logging.ERROR, logger="junmai_jobs.worker"):
        ending = run(function, hooks=[Told(fails_at)])
    assert ending is not None
    assert ending.verb == verb
    assert "LookupError" in caplog.text
