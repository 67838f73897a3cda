"""The guard of leases by itself; the tests of partitions and of sleep have it at work."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from junmai_jobs.guard import LeaseGuard
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASE = 1.0


class Runs:
    """A slot whose run has begun long ago."""

    token = 7
    claimer = "w/0"
    stopped_at = 0.0

    def stop_run(self, begun_before: float) -> str | None:
        self.begun_before = begun_before
        self.stopped_at = self.stopped_at or time.monotonic()
        return "a"


@contextmanager
def guarded(runs: Runs, **state: Any) -> Iterator[LeaseGuard]:
    guard = LeaseGuard([cast("Any", runs)], LEASE)
    for name, value in state.items():
        setattr(guard, name, value)
    guard.start()
    yield guard
    guard.stop()
    guard.join()


def test_runs_are_stopped_though_the_supervisor_waits_for_something() -> None:
    runs, now = Runs(), time.monotonic()
    with guarded(runs, renewed_at=now, round_at=now):
        wait_until(lambda: runs.stopped_at, what="the end of the run")
    assert runs.stopped_at - now >= LEASE * 3 / 4
    assert runs.begun_before <= runs.stopped_at - LEASE * 3 / 4


def test_runs_go_on_while_the_supervisor_does() -> None:
    """It may be late with a renewal, as after a sleep; then it asks before anything is stopped."""
    runs, now = Runs(), time.monotonic()
    pause = threading.Event()
    with guarded(runs, renewed_at=now - 9, round_at=now) as guard:
        while time.monotonic() < now + LEASE:
            guard.round_at = time.monotonic()
            pause.wait(0.01)
    assert not runs.stopped_at


def test_while_the_server_is_away_every_second_counts() -> None:
    runs, now = Runs(), time.monotonic()
    with guarded(runs, renewed_at=now - LEASE, round_at=now + 60, away=True):
        wait_until(lambda: runs.stopped_at, what="the end of the run")
