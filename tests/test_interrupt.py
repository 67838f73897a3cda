"""A task is interrupted from outside: inside the task, and nowhere else."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import Hook, JobCancelled, RunningJob, SoftTimeout, hooks, interrupt, timelimit
from junmai_jobs.endings import confirm_cancel
from junmai_jobs.interrupt import called, strike
from junmai_jobs.timelimit import SignalLimit, ThreadLimit
from tests.executing import MODULE, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from junmai_jobs.endings import Ending

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such signals")


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_registry", {})
    monkeypatch.setattr(hooks, "_for_every_task", [])


@pytest.fixture(autouse=True)
def _the_alarm_is_lent() -> Iterator[None]:
    """It is the one by which pytest ends a test that hangs."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, *timer)


class Person:
    """Who asks a run to stop."""

    def __init__(self) -> None:
        self.asked = False

    def asks(self) -> bool:
        return self.asked

    def ending_of(self, function: Callable[[], Any], **options: Any) -> Ending | None:
        return run(function, cancelled=self.asks, **options)


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def interrupting(person: Person) -> Iterator[Callable[[], None]]:
    """Has the cancel asked for, and SIGTERM sent to this process, again and again as a supervisor does."""
    before = signal.signal(signal.SIGTERM, lambda *_: strike())
    ready, over = threading.Event(), threading.Event()

    def send() -> None:
        ready.wait(60)
        person.asked = True
        while not over.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            over.wait(0.05)

    thread = threading.Thread(target=send)
    thread.start()
    yield ready.set
    over.set()
    ready.set()
    thread.join()
    signal.signal(signal.SIGTERM, before)


@posix
def test_a_task_that_blocks_is_interrupted(person: Person, interrupting: Callable[[], None]) -> None:
    def block() -> None:
        interrupting()
        time.sleep(60)

    assert person.ending_of(block) == confirm_cancel("interrupted")


@posix
def test_what_tidying_up_raises_is_no_failure(person: Person, interrupting: Callable[[], None]) -> None:
    def block() -> None:
        try:
            interrupting()
            time.sleep(60)
        finally:
            raise ValueError("the file is gone")

    assert person.ending_of(block) == confirm_cancel("interrupted")


def test_only_a_run_that_was_asked_to_stop_is_struck(person: Person) -> None:
    strike()
    ending = person.ending_of(lambda: strike() or 7)  # type: ignore[func-returns-value]
    assert ending is not None
    assert ending.verb == "succeed"


def test_one_that_swallows_it_goes_on_and_is_struck_once(person: Person) -> None:
    def swallow() -> int:
        person.asked = True
        with pytest.raises(JobCancelled):
            strike()
        strike()
        return 7

    ending = person.ending_of(swallow)
    assert ending is not None
    assert (ending.verb, ending.arguments[0]) == ("succeed", b"\x07")


def test_one_that_stops_itself_later_was_asked(person: Person) -> None:
    def swallow() -> None:
        person.asked = True
        with pytest.raises(JobCancelled):
            strike()
        raise JobCancelled("so be it")

    assert person.ending_of(swallow) == confirm_cancel("asked")


class Striking(Hook):
    """Asks the run to stop, and interrupts, where no task runs."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def after(self, _job: RunningJob, _result: Any) -> None:
        self._person.asked = True
        strike()


def test_a_hook_is_not_struck(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    ending = person.ending_of(lambda: 7, hooks=[Striking(person)])
    assert ending is not None
    assert (ending.verb, person.asked, caplog.records) == ("succeed", True, [])


def test_a_task_in_another_thread_is_not_struck(person: Person) -> None:
    def work() -> int:
        person.asked = True
        strike()
        return 7

    endings: list[Ending | None] = []
    thread = threading.Thread(target=lambda: endings.append(person.ending_of(work)))
    thread.start()
    thread.join()
    assert endings[0] is not None
    assert endings[0].verb == "succeed"


# ---- async ---------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("error", [None, ValueError("the file is gone")], ids=["tidy", "untidy"])
def test_a_coroutine_is_cancelled_and_may_tidy_up(
    person: Person, interrupting: Callable[[], None], error: Exception | None
) -> None:
    done: list[str] = []

    async def wait() -> None:
        try:
            interrupting()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            done.append("tidied up")
            if error:
                raise error

    assert person.ending_of(wait) == confirm_cancel("interrupted")
    assert done == ["tidied up"]


def test_a_coroutine_that_swallows_it_goes_on(person: Person) -> None:
    async def wait() -> int:
        person.asked = True
        strike()
        strike()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        return 7

    ending = person.ending_of(wait)
    assert ending is not None
    assert ending.verb == "succeed"


def test_a_coroutine_that_ends_first_has_succeeded(person: Person) -> None:
    async def end() -> int:
        person.asked = True
        strike()
        return 7

    ending = person.ending_of(end)
    assert ending is not None
    assert ending.verb == "succeed"


def test_a_coroutine_that_cancels_itself_has_failed() -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    ending = run(cancel)
    assert ending is not None
    assert ending.verb == "retry"


# ---- at every moment -----------------------------------------------------------------------------

OURS = {interrupt.__file__, timelimit.__file__}


class Job:
    """As much of a running job as a call needs."""

    id = "a"
    cancel_asked = True

    def check_cancelled(self) -> None: ...


def raised_at(moment: int, hit: Callable[[], None], later: int | None = None) -> bool:
    """Call a task, with a strike at the nth step of our own code around it; False if there is no such step.

    ``later``: the other kind of strike comes so many calls and returns after it.
    """
    steps, calls = itertools.count(), itertools.count()
    struck = False

    def at_a_step(frame: Any, event: str, _argument: object) -> Any:
        nonlocal struck
        frame.f_trace_opcodes = frame.f_code.co_filename in OURS
        if event == "opcode" and frame.f_code.co_filename in OURS and next(steps) == moment:
            struck = True
            hit()
        return at_a_step

    def at_a_call(frame: Any, _event: str, _argument: object) -> None:
        ours = frame.f_code.co_filename in OURS
        if struck and later is not None and ours and next(calls) == later:
            (strike if hit is time_is_over else time_is_over)()

    before = sys.gettrace(), sys.getprofile()
    try:
        sys.settrace(at_a_step)
        sys.setprofile(at_a_call)
        called(lambda: None, (), {}, 60, Job())  # type: ignore[arg-type]
    except (JobCancelled, SoftTimeout):
        pass
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return struck


def time_is_over() -> None:
    """As the signal's handler does it."""
    if timelimit._in_force.ends < math.inf:
        timelimit._in_force.ends = 0.0
    timelimit._strike(signal.SIGALRM, None)


@posix
@pytest.mark.parametrize("hit", [strike, time_is_over], ids=["cancel", "time"])
def test_after_a_call_nothing_is_raised_any_more_whenever_it_was_struck(hit: Callable[[], None]) -> None:
    moment = 0
    while raised_at(moment, hit):
        assert (interrupt._in_reach.of_now, timelimit._in_force.ends) == (None, math.inf), moment
        moment += 1
    assert moment > 100, "every step of the code was struck"


@posix
@pytest.mark.parametrize("hit", [strike, time_is_over], ids=["cancel first", "time first"])
def test_nor_when_both_come_together(hit: Callable[[], None]) -> None:
    for later in range(8):
        moment = 0
        while raised_at(moment, hit, later):
            assert (interrupt._in_reach.of_now, timelimit._in_force.ends) == (None, math.inf), (moment, later)
            moment += 1
        assert moment > 100


@posix
def test_a_signal_of_an_earlier_limit_is_none_of_this_one() -> None:
    with timelimit.time_limit(60):
        signal.raise_signal(signal.SIGALRM)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
    signal.raise_signal(signal.SIGALRM)
    assert 50 < left <= 60


@posix
def test_a_task_may_have_used_the_alarm_for_itself() -> None:
    def take_alarm() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    called(take_alarm, (), {}, 60, Job())  # type: ignore[arg-type]
    with pytest.raises(SoftTimeout):
        called(time.sleep, (60,), {}, 0.05, Job())  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [pytest.param(SignalLimit, marks=posix), ThreadLimit])
def test_time_is_over_inside_the_task(limit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "time_limit", limit)

    def spin() -> None:
        while True:
            threading.Event().wait(0.001)

    with pytest.raises(SoftTimeout):
        called(spin, (), {}, 0.05, Job())  # type: ignore[arg-type]
    assert (interrupt._in_reach.of_now, timelimit._in_force.ends) == (None, math.inf)
