"""What makes a worker a good guest: while there is work it looks at the machine, and keeps it awake.

What others use of the machine counts, never what we do. While there is nothing to do it rests, and holds
nothing back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from junmai_jobs.awake import Awake
from junmai_jobs.resources import Allowance, Governor, Grade
from junmai_jobs.sensors import Sensors
from junmai_jobs.settings import WorkerSettings

LOOK_EVERY = 5.0
_SETTLE = 2.0
"""Seconds of work before it first looks: most of what interrupts a rest is over by then."""
_REST_AFTER = 12.0
"""Seconds without work before it rests: more than two surveys of the supervisor. While nothing runs only they
tell whether anything waits, and one may come between two jobs."""
_NOTABLE = 256
"""MB by which the free memory of a card has to change before other amounts are offered."""

log = logging.getLogger("junmai_jobs.worker")


class Guest:
    """The governor with its sensors, and what keeps the computer awake; for the supervisor's thread alone."""

    def __init__(self, settings: WorkerSettings) -> None:
        thresholds = settings.thresholds
        self._governor = None if thresholds is None else Governor(thresholds)
        self._sensors = Sensors()
        self._awake = Awake() if settings.keep_awake else None
        self._found = settings.offers
        self._look_at = 0.0
        self._worked_at = float("-inf")
        self._is_working = False
        self._is_blind = False  # and the log says so
        self.allowance = Allowance()
        """How much may run now."""
        self.offers: Sequence[Mapping[str, Any]] = settings.offers
        """What this machine has for jobs that need it: of a card's memory what is free."""

    def look(self, *, is_busy: bool, ours: Callable[[], Iterable[int]], is_running: bool) -> None:
        """Look at the machine if it is time to.

        Args:
            is_busy: whether a job runs or waits.
            is_running: whether a job runs.
            ours: gives the processes that work for us beside this one and those below it; what it raises
                is raised.
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
            self._keep_awake(needed=is_running or self.allowance.grade is not Grade.NONE)
            if self._governor is not None:
                self._judge(self._governor, now, ours())

    def _judge(self, governor: Governor, now: float, ours: Iterable[int]) -> None:
        """See how much may run now: as much as before, where the machine cannot be looked at."""
        try:
            reading = self._sensors.read(ours)
        except Exception as error:  # noqa: BLE001 - psutil lets through what a system short of files raises
            if not self._is_blind:
                log.warning("the machine cannot be looked at: %s", error, extra={"event": "machine.unseen"})
            self._is_blind = True
            return
        self._is_blind = False
        self.allowance = governor.judge(now, reading)
        self._offer(reading.cards)

    def _keep_awake(self, *, needed: bool) -> None:
        if self._awake is not None and needed:
            self._awake.hold()
        elif self._awake is not None:
            self._awake.release()

    def _rest(self) -> None:
        if not self._is_working:
            return
        self._is_working = False
        self._keep_awake(needed=False)
        self._sensors.forget()
        if self._governor is not None:
            self._governor.rest()
        self.allowance, self.offers = Allowance(), self._found

    def _offer(self, free: Mapping[str, int]) -> None:
        """Of each card what can be had of its memory now; small changes are not worth telling.

        A card that is not among them keeps its last offer: it was made before our jobs took a share of it.
        """
        offers = [
            {**found, "vram_mb": min(found["vram_mb"], free[found["pool"]])}
            if "vram_mb" in found and found["pool"] in free
            else offered
            for found, offered in zip(self._found, self.offers, strict=True)
        ]
        changes = (
            abs(new.get("vram_mb", 0) - old.get("vram_mb", 0))
            for new, old in zip(offers, self.offers, strict=True)
        )
        if any(change >= _NOTABLE for change in changes):
            self.offers = offers

    def close(self) -> None:
        """Let the computer sleep, and the driver go."""
        self._keep_awake(needed=False)
        self._sensors.close()
