"""What makes a worker a good guest: while there is work it looks at the machine, and keeps it awake.

What others use of the machine counts, never what we do. While there is nothing to do it rests, and holds
nothing back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from junmai_jobs.awake import Awake
from junmai_jobs.resources import Governor, Allowance
from junmai_jobs.sensors import Sensors
from junmai_jobs.settings import WorkerSettings

LOOK_EVERY = 5.0
_SETTLE, _REST_AFTER = 2.0, 5.0
"""Seconds: of work before it first looks, since most of what interrupts a rest is over by then; without work
before it rests."""
_NOTABLE = 256
"""MB by which the free memory of a card has to change before other amounts are offered."""


class Guest:
    """The governor with its sensors, and what keeps the computer awake; for the supervisor's thread alone."""

    def __init__(self, settings: WorkerSettings) -> None:
        limits = settings.thresholds
        self._governor = None if limits is None else Governor(limits)
        self._sensors = Sensors()
        self._awake = Awake() if settings.keep_awake else None
        self._found = settings.offers
        self._look_at = 0.0
        self._worked_at = float("-inf")
        self._is_working = False
        self.allowance = Allowance()
        """How much may run now."""
        self.offers: Sequence[Mapping[str, Any]] = settings.offers
        """What this machine has for jobs that need it: of a card's memory what is free."""

    def look(self, *, is_busy: bool, ours: Callable[[], Iterable[int]]) -> None:
        """Look at the machine if it is time to.

        Args:
            is_busy: whether a job runs or waits.
            ours: gives the processes that work for us beside this one and those below it.
        """
        now = time.monotonic()
        if is_busy:
            self._worked_at = now
            if not self._is_working:
                self._is_working, self._look_at = True, now + _SETTLE
        if now - self._worked_at > _REST_AFTER:
            self._rest()
        elif is_busy and now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            if self._awake is not None:
                self._awake.hold()
            if self._governor is not None:
                reading = self._sensors.read(ours())
                self.allowance = self._governor.judge(now, reading)
                self._offer(reading.cards)

    def _rest(self) -> None:
        if not self._is_working:
            return
        self._is_working = False
        if self._awake is not None:
            self._awake.release()
        if self._governor is not None:
            self._governor.rest()
        self.allowance, self.offers = Allowance(), self._found

    def _offer(self, free: Mapping[str, int]) -> None:
        """Of each card what can be had of its memory now; small changes are not worth telling."""
        offers = [
            {**pool, "vram_mb": min(pool["vram_mb"], free[pool["pool"]])} if pool["pool"] in free else pool
            for pool in self._found
        ]
        changes = (
            abs(new.get("vram_mb", 0) - old.get("vram_mb", 0))
            for new, old in zip(offers, self.offers, strict=True)
        )
        if any(change >= _NOTABLE for change in changes):
            self.offers = offers

    def close(self) -> None:
        """Let the computer sleep, and the driver go."""
        if self._awake is not None:
            self._awake.release()
        self._sensors.close()
