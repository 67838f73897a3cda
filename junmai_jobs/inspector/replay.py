"""The part of the read side that a replay is made of: what a run asks the store for, and nothing is noted."""

from __future__ import annotations

from junmai_jobs.errors import JobNotFound
from junmai_jobs.inspector.base import InspectorBase
from junmai_jobs.job import stored_id
from junmai_jobs.replies import seconds, text_of, whole


class InspectorReplay(InspectorBase):
    """Reads what one job is made of."""

    def body(self, job_id: str) -> bytes:
        """A job's body as it is stored.

        Raises:
            JobNotFound: there is none.
        """
        body = self._read("HGET", self.keys.bodies, stored_id(job_id))
        if body is None:
            raise JobNotFound.of(job_id)
        return bytes(body)

    def checkpoint(self, job_id: str) -> bytes:
        """What a job has left for its next run; empty if nothing."""
        return bytes(self._read("HGET", self.keys.checkpoints, job_id) or b"")

    def cached(self, key: str) -> bytes | None:
        """The value that is kept under a key, see ``cache.key_of``; None if there is none."""
        clock, kept = self._pipeline([("TIME",), ("HGET", self.keys.cached, key)])
        till, _, value = (kept or b"").partition(b" ")
        until = whole(text_of(till))
        is_over = until is not None and until <= seconds(clock) * 1000
        return None if kept is None or is_over else bytes(value)
