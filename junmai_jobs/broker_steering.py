"""The verbs of people: what somebody wants otherwise. Each may be called twice with the same arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from junmai_jobs.broker_base import BrokerBase
from junmai_jobs.errors import InvalidState, JobNotFound, JunmaiJobsError
from junmai_jobs.replies import text_of

_LOOKS = 50
"""How many jobs are looked at in one call."""


class BrokerSteering(BrokerBase):
    """The part of ``Broker`` that acts on what people ask for."""

    def cancel(self, job_id: str, request: str, reason: str = "cancelled") -> bool:
        """Cancel a job. True: done; False: it is running and was told.

        Raises:
            JobNotFound, InvalidState: there is none, or it has finished.
        """
        word, *reply = self._call("cancel", id=job_id, request=request, reason=reason)
        if word not in {"OK", "CANCELLING"}:
            raise _person_error(word, reply, job_id, "only a job that has not finished can be cancelled")
        return bool(word == "OK")

    def revive(self, job_id: str, request: str, dependencies: str = "", *, force: bool = False) -> None:
        """A failed or cancelled job waits again; its counts start again, its history stays.

        Args:
            job_id: which.
            request: the same if the same call is repeated.
            dependencies: those it was submitted with (``NewJob.dependencies``).
            force: nothing is held any more against the input it has last worked on.

        Raises:
            JobNotFound, InvalidState: there is none, or it is neither failed nor cancelled, or another
                job has its unique key.
        """
        word, *reply = self._call(
            "revive", id=job_id, request=request, dependencies=dependencies, force=int(force)
        )
        if word == "DUPLICATE":
            raise InvalidState(
                f"job {job_id} cannot be retried: job {text_of(reply[0])} has its unique key now"
            )
        if word != "OK":
            raise _person_error(word, reply, job_id, "only a failed or cancelled job can be retried")

    def reprioritize(self, job_id: str, priority: int) -> None:
        """Give a job that has not finished another priority; it keeps its place among its new equals.

        Raises:
            JobNotFound, InvalidState: there is none, or it has finished.
        """
        word, *reply = self._call("reprioritize", id=job_id, priority=priority)
        if word != "OK":
            raise _person_error(word, reply, job_id, "only a job that has not finished has a priority")

    def boost(self, job_ids: Sequence[str]) -> list[str]:
        """Have jobs come first of all, in this order, at the highest priority: somebody looks at them.

        The last hundred stand so; who was looked at before them goes back to where it was.

        Returns:
            For each the home it is in; empty: there is no such job. What has finished is left alone.
        """
        homes: list[str] = []
        # What is looked at last is first: so the last are told first.
        for at in reversed(range(0, len(job_ids), _LOOKS)):
            homes[:0] = map(text_of, self._call("boost", *job_ids[at : at + _LOOKS])[1:])
        return homes

    def pause(self, queues: Sequence[str] = ()) -> None:
        """When this returns no job of these queues starts; none named: of no queue, also of those to come."""
        self._call("pause", *queues)

    def resume(self, queues: Sequence[str] = ()) -> None:
        """Undo ``pause``; none named: for all queues."""
        self._call("resume", *queues)

    def purge(self, queue: str, homes: Sequence[str], request: str) -> int:
        """Cancel what waits in some homes of one queue. How many jobs."""
        total = batch = 0
        while True:
            word, count = self._call("purge", *homes, request=f"{request}.{batch}", queue=queue)
            total, batch = total + int(count), batch + 1
            if word == "OK":
                return total

    def dismiss(self, worker: str) -> bool:
        """Have a worker stop in order. False: there is none of that name."""
        return bool(self._call("dismiss", worker=worker)[0] == "OK")

    def listen(self) -> str:
        """Have changes noted for an hour from now on; the cursor of the newest event there is."""
        return text_of(self._call("listen")[1])


def _person_error(word: str, reply: Sequence[Any], job_id: str, rule: str) -> JunmaiJobsError:
    if word == "NOTFOUND":
        return JobNotFound.of(job_id)
    status = "queued" if reply[0] == b"ready" else text_of(reply[0])
    return InvalidState(f"job {job_id} is {status}; {rule}")
