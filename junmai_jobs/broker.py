"""The only writer: one method a verb, each one Lua script, its reply word made a value or an error.

Every method may be called twice with the same arguments (a reply may be lost), with the same outcome.
Times go in and out as seconds; only the server's clock is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from junmai_jobs import scripts
from junmai_jobs.connection import Link
from junmai_jobs.endings import Ending, json_text, milliseconds
from junmai_jobs.errors import InvalidState, JobNotFound, JunmaiJobsError, QueueFull, StaleLease
from junmai_jobs.job import Claimed, NewJob
from junmai_jobs.keys import Keys
from junmai_jobs.scripts import Script

BATCH = 200
MAX_WAITING = 1_000_000
LEASE = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to ``Broker.step``."""

    ending: str
    """OK, CANCELLED or LOST; empty if nothing was to be ended."""
    job: Claimed | None
    newer: str | None = None
    """A queue whose head was made by a newer version: nothing of it can be claimed by this one."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What ``Broker.extend`` found of one claimer."""

    word: str
    """HELD, CANCEL (held, and asked to stop), IDLE or LOST."""
    token: str
    """Of the lease that is held or lost."""


class Broker:
    """The verbs on one namespace.

    Args:
        link: how scripts reach the server.
        namespace: which jobs; other namespaces on the same server are never touched.
        shebang: see ``scripts.load``.
        moved_clock: see ``scripts.load``.
    """

    def __init__(
        self, link: Link, namespace: str, *, shebang: bool = True, moved_clock: bool = False
    ) -> None:
        self.link = link
        self.keys = Keys.of(namespace)
        self._load = partial(scripts.load, shebang=shebang, moved_clock=moved_clock)
        self._step = self._load("step")
        self._step_keys = self._keys_of(self._step)

    def enqueue(self, jobs: Sequence[NewJob], *, max_waiting: int = MAX_WAITING) -> list[bool]:
        """Accept up to ``BATCH`` jobs, all or none.

        Returns:
            For each whether it existed already, with the same content.

        Raises:
            InvalidState: an id is taken by a job with other content.
            QueueFull: a queue would hold more than ``max_waiting`` jobs.
            JobNotFound: a parent in ``after`` is unknown.
        """
        if not jobs:
            return []
        rest: list[object] = []
        for job in jobs:
            dependencies = " ".join((job.after_policy, *job.after)) if job.after else ""
            rest += (job.id, milliseconds(job.delay), dependencies, job.body)
        word, *reply = self._call("enqueue", *rest, max_waiting=max_waiting)
        if word == "OK":
            return [answer == b"EXISTING" for answer in reply]
        index, detail = int(reply[0]), _text(reply[1])
        place = f"job {index + 1} of {len(jobs)}: " if len(jobs) > 1 else ""
        raise _refusal(word, detail, place, max_waiting)

    def promote(self, queues: Sequence[str]) -> float | None:
        """Move what is due to ready. Seconds until the next is due, None if nothing is."""
        while (reply := self._call("promote", *queues))[0] == "MORE":
            pass
        return int(reply[1]) / 1000 if reply[1] else None

    def claim(
        self, claimer: str, request: str, queues: Sequence[str], *, lease: float = LEASE, woken: bool = False
    ) -> Claimed | None:
        """Lease the first job of the highest priority in ``queues`` to a claimer, or None.

        Args:
            claimer: ``WORKER/SLOT``, who holds at most one lease: one it still has is given back.
            request: ``GENERATION.NUMBER``, the same if the same call is repeated.
            queues: a tie goes to the one named first.
            lease: seconds.
            woken: this call follows a ring of a queue's bell, which it passes on if work is left.
        """
        word, *reply = self._call(
            "claim", *queues, claimer=claimer, request=request, lease=milliseconds(lease), woken=int(woken)
        )
        return _claimed(reply) if word == "JOB" else None

    def step(
        self,
        claimer: str,
        request: str,
        queues: Sequence[str],
        ended: tuple[Claimed, Ending] | None = None,
        *,
        lease: float = LEASE,
        woken: bool = False,
    ) -> Step:
        """End one job and claim the next in one call, see ``claim``; no queues: claim nothing."""
        ending: tuple[Any, ...] = ()
        if ended is not None:
            job, how = ended
            ending = (how.verb, job.id, job.token, *how.arguments)
        arguments = (claimer, request, milliseconds(lease), int(woken), len(queues), *queues, *ending)
        word, kind, *reply = self.link.run(self._step, self._step_keys, arguments)
        if kind == b"JOB":
            return Step(_text(word), _claimed(reply))
        return Step(_text(word), None, _text(reply[0]) if kind == b"NEWER" else None)

    def end(self, job: Claimed, how: Ending) -> None:
        """End a run: ``succeed``, ``retry``, ``fail``, ``defer`` or ``confirm_cancel``.

        Raises:
            StaleLease: the token is not the job's any more; nothing has changed.
        """
        names = self._load(how.verb).parameters[2:]
        named = dict(zip(names, how.arguments, strict=True))
        word, *_ = self._call(how.verb, id=job.id, token=job.token, **named)
        if word == "LOST":
            raise StaleLease(f"job {job.id} was given to someone else; this run's outcome does not count")

    def extend(self, worker: str, claimers: Sequence[str], *, lease: float = LEASE) -> list[Renewal] | None:
        """Renew what a worker's claimers hold. None: the worker is not registered (any more)."""
        word, *reply = self._call("extend", *claimers, worker=worker, lease=milliseconds(lease))
        if word == "UNKNOWN":
            return None
        return [Renewal(_text(reply[at]), _text(reply[at + 1])) for at in range(0, len(reply), 2)]

    def release(self, claimer: str, request: str) -> tuple[str, str] | None:
        """A claimer gives back its job unfinished; no retry is spent. The job's id and home, if any."""
        return _given_up(self._call("release", claimer=claimer, request=request))

    def crash(self, claimer: str, request: str, detail: Mapping[str, Any]) -> tuple[str, str] | None:
        """A claimer's process died; ``detail`` has its signal or exit_code. The job's id and home, if any."""
        return _given_up(self._call("crash", claimer=claimer, request=request, detail=json_text(detail)))

    def reap(self, queues: Sequence[str], *, lease: float = LEASE) -> None:
        """Take back the jobs whose lease is over."""
        while self._call("reap", *queues, lease=milliseconds(lease))[0] == "MORE":
            pass

    def register(self, worker: str, info: Mapping[str, Any]) -> None:
        """A worker shows that it is there."""
        self._call("register", worker=worker, info=json_text(info))

    def deregister(self, worker: str, claimers: Sequence[str], *, lost: bool) -> None:
        """A worker is gone. What its claimers hold comes back, as lost (it died) or released (it stopped)."""
        self._call("deregister", *claimers, worker=worker, event="lost" if lost else "released")

    def progress(self, job: Claimed, note: Mapping[str, Any] | None = None) -> bool:
        """Keep a running job's last word. True if it should stop, as somebody asked for.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("progress", id=job.id, token=job.token, note=json_text(note) if note else "")
        if word == "LOST":
            raise StaleLease(f"job {job.id} was given to someone else; stop, its outcome does not count")
        return bool(word == "CANCEL")

    def cancel(self, job_id: str, request: str, reason: str = "cancelled") -> bool:
        """Cancel a job. True: done; False: it is running and was told.

        Raises:
            JobNotFound, InvalidState: there is none, or it has finished.
        """
        word, *reply = self._call("cancel", id=job_id, request=request, reason=reason)
        if word not in {"OK", "CANCELLING"}:
            raise _person_error(word, reply, job_id, "only a job that has not finished can be cancelled")
        return bool(word == "OK")

    def revive(self, job_id: str, request: str) -> None:
        """A failed or cancelled job waits again; its counts start again, its history stays.

        Raises:
            JobNotFound, InvalidState: there is none, or it is neither failed nor cancelled.
        """
        word, *reply = self._call("revive", id=job_id, request=request)
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

    def resolve(self) -> None:
        """Tell blocked jobs of their parents' ends."""
        while self._call("resolve")[0] == "MORE":
            pass

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

    def prune(self, home: str, *, max_age: float, keep: int) -> None:
        """Forget finished jobs that are older than ``max_age`` seconds or beyond the newest ``keep``."""
        while self._call("prune", word=home, max_age=milliseconds(max_age), keep=keep)[0] == "MORE":
            pass

    def announce(self, request: str) -> tuple[int, list[str]]:
        """The jobs that have failed since the last call, whoever made it: how many, and the ids of 100."""
        _, count, *ids = self._call("announce", request=request)
        return count, [_text(job_id) for job_id in ids]

    def _call(self, verb: str, *rest: object, **named: object) -> list[Any]:
        script = self._load(verb)
        word, *reply = self.link.run(script, self._keys_of(script), script.arguments(*rest, **named))
        return [_text(word), *reply]

    def _keys_of(self, script: Script) -> tuple[str, ...]:
        return tuple(getattr(self.keys, field) for field in script.keys)


def _text(value: bytes) -> str:
    return value.decode()


def _claimed(reply: Sequence[Any]) -> Claimed:
    job_id, token, body, failures, note = reply
    return Claimed(job_id.decode(), token.decode(), body, int(failures), note.decode())


def _given_up(reply: Sequence[Any]) -> tuple[str, str] | None:
    return (_text(reply[1]), _text(reply[2])) if reply[0] == "OK" else None


def _refusal(word: str, detail: str, place: str, max_waiting: int) -> JunmaiJobsError:
    if word == "CONFLICT":
        return InvalidState(f"{place}the id {detail} belongs to a job with other content: choose another id")
    if word == "FULL":
        return QueueFull(
            f"{place}queue {detail} may hold {max_waiting:,} waiting jobs and has no room: purge it"
        )
    return JobNotFound(f"{place}no job {detail} to wait for: submit the parent first")


def _person_error(word: str, reply: Sequence[Any], job_id: str, rule: str) -> JunmaiJobsError:
    if word == "NOTFOUND":
        return JobNotFound(f"no job {job_id}: `junmai-jobs list` shows those there are")
    status = "queued" if reply[0] == b"ready" else _text(reply[0])
    return InvalidState(f"job {job_id} is {status}; {rule}")
