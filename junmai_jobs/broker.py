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
from junmai_jobs.errors import (
    InvalidState,
    JobNotFound,
    JunmaiJobsError,
    QueueFull,
    ScheduleNotFound,
    StaleLease,
)
from junmai_jobs.job import Claimed, NewJob
from junmai_jobs.keys import Keys
from junmai_jobs.lanes import queue_of
from junmai_jobs.schedule import Schedule
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
    waits: bool = False
    """Whether there are jobs for machines that are taken now: nobody rings when they are free."""
    again: float | None = None
    """Seconds until a limit may have room."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What ``Broker.extend`` found of one claimer."""

    word: str
    """HELD, CANCEL (held, and asked to stop), IDLE or LOST."""
    token: str
    """Of the lease that is held or lost."""


@dataclass(frozen=True, slots=True)
class Due:
    """The answer to ``Broker.due``."""

    now: float
    """Server time, in seconds since 1970."""
    wait: float | None
    """Seconds until the next tick that is not due yet; None: there is none."""
    ticks: list[tuple[str, int, bytes]]
    """Name, oldest tick that is due, stored form."""


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

    def enqueue(self, jobs: Sequence[NewJob], *, max_waiting: int = MAX_WAITING) -> list[str | None]:
        """Accept up to ``BATCH`` jobs, all or none.

        Returns:
            For each None, or the id of the job that was there already: the same one, or that with its unique key.

        Raises:
            InvalidState: an id is taken by a job with other content.
            QueueFull: a queue would hold more than ``max_waiting`` jobs, or have more than 16 lanes.
            JobNotFound: a parent in ``after`` is unknown.
        """
        if not jobs:
            return []
        rest: list[object] = []
        for job in jobs:
            rest += (job.id, milliseconds(job.delay), job.dependencies, job.body)
        word, *reply = self._call("enqueue", *rest, max_waiting=max_waiting)
        if word == "OK":
            return [
                None if answer == b"NEW" else _text(answer).partition(" ")[2] or job.id
                for job, answer in zip(jobs, reply, strict=True)
            ]
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
        if kind == b"NEWER":
            return Step(_text(word), None, _text(reply[0]))
        again = int(reply[0]) / 1000 if reply and reply[0] else None
        return Step(_text(word), None, waits=kind == b"WAIT", again=again)

    def end(self, job: Claimed, how: Ending) -> None:
        """End a run, see ``endings``.

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
        self._insist(word, job)
        return bool(word == "CANCEL")

    def checkpoint(self, job: Claimed, data: bytes = b"") -> bytes:
        """Keep what the next run of a job is to find; no data: what the last one left, empty if nothing.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *reply = self._call("checkpoint", id=job.id, token=job.token, data=data)
        self._insist(word, job)
        return bytes(reply[0])

    def log(self, job: Claimed, number: int, text: str) -> None:
        """Keep lines with a running job; ``number`` counts the calls of one run.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("log", id=job.id, token=job.token, number=number, text=text)
        self._insist(word, job)

    def outranked(self, job: Claimed, queues: Sequence[str]) -> bool:
        """Whether a job of a higher priority waits in ``queues`` that could run in this running one's place.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("outranked", *queues, id=job.id, token=job.token)
        self._insist(word, job)
        return bool(word == "YES")

    def inherit(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The stored results of finished jobs, empty for None and of a job that did not succeed.

        Those whose result is not kept any more are left out.
        """
        found: dict[str, bytes] = {}
        for at in range(0, len(ids), 100):
            _, *reply = self._call("inherit", *(page := ids[at : at + 100]))
            rows = zip(page, reply[::2], reply[1::2], strict=True)
            found |= {job_id: bytes(data) for job_id, word, data in rows if word not in {b"", b"expired"}}
        return found

    def expire(self) -> None:
        """Forget the results whose time is over."""
        while self._call("expire")[0] == "MORE":
            pass

    def cancel(self, job_id: str, request: str, reason: str = "cancelled") -> bool:
        """Cancel a job. True: done; False: it is running and was told.

        Raises:
            JobNotFound, InvalidState: there is none, or it has finished.
        """
        word, *reply = self._call("cancel", id=job_id, request=request, reason=reason)
        if word not in {"OK", "CANCELLING"}:
            raise _person_error(word, reply, job_id, "only a job that has not finished can be cancelled")
        return bool(word == "OK")

    def revive(self, job_id: str, request: str, dependencies: str = "") -> None:
        """A failed or cancelled job waits again; its counts start again, its history stays.

        Args:
            job_id: which.
            request: the same if the same call is repeated.
            dependencies: those it was submitted with (``NewJob.dependencies``).

        Raises:
            JobNotFound, InvalidState: there is none, or it is neither failed nor cancelled, or another job has
                its unique key.
        """
        word, *reply = self._call("revive", id=job_id, request=request, dependencies=dependencies)
        if word == "DUPLICATE":
            raise InvalidState(f"job {job_id} cannot be retried: job {_text(reply[0])} has its unique key now")
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
        after = 0
        while reply := self._call("prune", word=home, max_age=milliseconds(max_age), keep=keep, after=after)[1:]:
            after = int(reply[0])

    def announce(self, request: str) -> tuple[int, list[str]]:
        """The jobs that have failed since the last call, whoever made it: how many, and the ids of 100."""
        _, count, *ids = self._call("announce", request=request)
        return count, [_text(job_id) for job_id in ids]

    def schedule(self, schedule: Schedule) -> None:
        """Store a schedule under its name; if it is there already, its next tick stays.

        Raises:
            OptionError: this machine does not know its time zone.
        """
        first = schedule.timetable.after(self.due().now)
        self._call("schedule", name=schedule.name, spec=schedule.encode(), first=first * 1000)

    def unschedule(self, name: str, request: str) -> None:
        """Remove a schedule; the jobs of its ticks stay.

        Raises:
            ScheduleNotFound: there is none.
        """
        if self._call("unschedule", name=name, request=request)[0] != "OK":
            raise ScheduleNotFound.of(name)

    def due(self) -> Due:
        """Whose ticks are due, the oldest first, at most 100 schedules."""
        _, now, wait, *rest = self._call("due")
        triples = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        ticks = [(_text(name), int(tick) // 1000, bytes(spec)) for name, tick, spec in triples]
        return Due(int(now) / 1000, int(wait) / 1000 if wait else None, ticks)

    def fire(
        self,
        schedule: Schedule,
        spec: bytes,
        tick: int,
        ticks: Sequence[int],
        following: int,
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """Submit the jobs of ``ticks``, and make ``following`` the next; unless somebody else has.

        Args:
            schedule: which.
            spec: its stored form, as ``due`` gave it.
            tick: its next tick, as ``due`` gave it.
            ticks: at most ``BATCH``.
            following: the tick after them.
            max_waiting: see ``enqueue``.

        Raises:
            QueueFull: a queue would hold too many jobs; the tick stays due.
        """
        word, *reply = self._call(
            "fire",
            *(schedule.job_id(each) for each in ticks),
            name=schedule.name,
            spec=spec,
            tick=tick * 1000,
            following=following * 1000,
            max_waiting=max_waiting,
            delay=milliseconds(schedule.delay),
            body=schedule.body,
        )
        if word in {"FULL", "LANES"}:
            raise _refusal(word, _text(reply[1]), "", max_waiting)

    def age(self, queues: Sequence[str], bound: float) -> None:
        """Raise the job of each queue that waits longest, once it has for ``bound`` seconds."""
        self._call("age", *queues, bound=milliseconds(bound))

    def sample(self) -> None:
        """Write the rows of history that are due."""
        while self._call("sample")[0] == "MORE":
            pass

    def listen(self) -> str:
        """Have changes noted for an hour from now on; the cursor of the newest event there is."""
        return _text(self._call("listen")[1])

    def _call(self, verb: str, *rest: object, **named: object) -> list[Any]:
        script = self._load(verb)
        word, *reply = self.link.run(script, self._keys_of(script), script.arguments(*rest, **named))
        return [_text(word), *reply]

    @staticmethod
    def _insist(word: str, job: Claimed) -> None:
        if word == "LOST":
            raise StaleLease(f"job {job.id} was given to someone else; stop, its outcome does not count")

    def _keys_of(self, script: Script) -> tuple[str, ...]:
        return tuple(getattr(self.keys, field) for field in script.keys)


def _text(value: bytes) -> str:
    return value.decode()


def _claimed(reply: Sequence[Any]) -> Claimed:
    job_id, token, body, failures, note, holds = reply
    return Claimed(job_id.decode(), token.decode(), body, int(failures), note.decode(), holds.decode())


def _given_up(reply: Sequence[Any]) -> tuple[str, str] | None:
    return (_text(reply[1]), _text(reply[2])) if reply[0] == "OK" else None


def _refusal(word: str, detail: str, place: str, max_waiting: int) -> JunmaiJobsError:
    if word == "CONFLICT":
        return InvalidState(f"{place}the id {detail} belongs to a job with other content: choose another id")
    if word == "LANES":
        return QueueFull(
            f"{place}queue {queue_of(detail)} has jobs of 16 different needs and takes no more: use fewer sizes"
        )
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
