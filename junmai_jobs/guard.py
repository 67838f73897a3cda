"""The thread that keeps the worker's word: a run whose lease cannot be renewed is over before the lease is.

The supervisor may be waiting just then: for a server that swallows all it is sent, or for the address of a
name, as long as it takes. So this thread asks nobody anything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from junmai_jobs.slot import Slot

log = logging.getLogger("junmai_jobs.worker")
_MARGIN = 5.0
"""Seconds before the end of a lease; a quarter of one that is short."""
_STEP, _IDLE_STEP = 0.25, 5.0
"""Seconds from one look to the next: while something runs, and else."""
_LONGEST_ROUND = 1.0
"""Seconds that the supervisor may take for a round without being taken for stuck."""


class LeaseGuard(threading.Thread):
    """Stops what runs when no renewal has come through for most of a lease.

    While the server is known to be away every second counts. Else the supervisor must be stuck, too, and the
    seconds count since the whole process last slept: who wakes up asks first whether the runs are lost.
    """

    def __init__(self, slots: Sequence[Slot], lease: float) -> None:
        super().__init__(name="lease-guard", daemon=True)
        self._slots = slots
        self._patience = lease - min(_MARGIN, lease / 4)
        self._step, self._idle_step = min(_STEP, lease / 20), min(_IDLE_STEP, lease / 8)
        self._lateness = lease / 8
        """Seconds by which a look may be late; after more than that this process has slept."""
        self._over = threading.Event()
        self.renewed_at = 0.0
        """When the last call began that has renewed the leases, of ``time.monotonic``."""
        self.round_at = 0.0
        """When the supervisor began its last round."""
        self.away = False
        """Whether the server does not answer."""

    def run(self) -> None:
        """Watch, until told to stop."""
        awake_since = looked_at = time.monotonic()
        step = self._step
        while not self._over.wait(step):
            now = time.monotonic()
            if now - looked_at > step + self._lateness:
                awake_since = now
            looked_at = now
            step = self._step if any(slot.token for slot in self._slots) else self._idle_step
            since = self.renewed_at if self.away else max(self.renewed_at, awake_since)
            stuck = now - self.round_at > _LONGEST_ROUND
            if now - since > self._patience and (self.away or stuck):
                self._stop_runs(now - self._patience)

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()

    def _stop_runs(self, begun_before: float) -> None:
        for slot in self._slots:
            if job_id := slot.stop_run(begun_before):
                text = "job %s is stopped: its lease cannot be renewed"
                fields = {"event": "job.stopped", "slot": slot.claimer, "job": job_id}
                log.warning(text, job_id, extra=fields)
