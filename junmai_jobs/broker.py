"""The only writer: one method a verb, each one Lua function, its reply word made a value or an error.

Every method may be called twice with the same arguments (a reply may be lost), with the same outcome.
Times go in and out as seconds; only the server's clock is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from junmai_jobs.broker_base import MAX_WAITING, accepted
from junmai_jobs.broker_keeping import BrokerKeeping
from junmai_jobs.broker_steering import BrokerSteering
from junmai_jobs.broker_upkeep import LEASE, BrokerUpkeep
from junmai_jobs.broker_values import BrokerValues
from junmai_jobs.endings import Ending, json_text, milliseconds
from junmai_jobs.errors import NotDurable, StaleLease
from junmai_jobs.job import Claimed, NewJob
from junmai_jobs.replies import text_of
from junmai_jobs.scripts import Verb

if TYPE_CHECKING:
    from junmai_jobs.connection import Link

BATCH = 200
_OF_EXTRAS, _OF_A_PARENT = 9, 16  # as many plain jobs take as long
_CLAIMERS = 40


def pages(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    """What goes in one call: ``BATCH`` jobs; fewer where they have keys, limits, batches or parents.

    ``BATCH`` of them are made before the first of these goes, so that none does if one cannot be made.
    """
    made = iter(jobs)
    while batch := list(islice(made, BATCH)):
        page: list[NewJob] = []
        weight = 0
        for job in batch:
            added = 1 + _OF_EXTRAS * job.has_extras + _OF_A_PARENT * job.dependencies.count("=")
            if page and weight + added > BATCH:
                yield page
                page, weight = [], 0
            page.append(job)
            weight += added
        yield page


class Step(NamedTuple):
    """The answer to ``Broker.step``."""

    endings: list[str]
    """OK, CANCELLED or LOST for each job that was to be ended."""
    jobs: list[Claimed]
    """The first runs next, then the others in their order."""
    newer: str | None = None
    """A queue whose head was made by a newer version: nothing of it can be claimed by this one."""
    waits: bool = False
    """Whether there are jobs for machines that are taken now: nobody rings when they are free."""
    again: float | None = None
    """Seconds until a limit may have room."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is held against an input."""

    deaths: list[tuple[str, str]]
    """Of each run that died of it the job and the cause, oldest first."""
    quarantined: bool
    """Whether they are so many that nobody is to try it any more."""


class Broker(BrokerSteering, BrokerUpkeep, BrokerKeeping, BrokerValues):
    """The verbs on one namespace; for what it is made of see ``BrokerBase``."""

    def __init__(self, link: Link, namespace: str, *, moved_clock: bool = False) -> None:
        super().__init__(link, namespace, moved_clock=moved_clock)
        self._step = self._load("step")

    def enqueue(self, jobs: Sequence[NewJob], *, max_waiting: int = MAX_WAITING) -> list[str | None]:
        """Accept up to ``BATCH`` jobs, all or none.

        Returns:
            For each job None if it is new; else the id of the job that answers for it: its own, submitted
            before, or that of the job with its unique key.

        Raises:
            InvalidState: an id is taken by a job with other content.
            QueueFull: a queue would hold more than ``max_waiting`` jobs, or have more than 16 lanes; or the
                server is out of memory, and has no values left that were made before.
            JobNotFound: a parent in ``after`` is unknown.
            NotDurable: one of them is to be on the disk, and the server answers before that.
        """
        if not jobs:
            return []
        call = self.enqueue_call(jobs, max_waiting)
        if any(job.durable for job in jobs):
            return self._enqueue_to_disk(jobs, call, max_waiting)
        return accepted(jobs, self._in_need_of_room(partial(self.link.run, *call)), max_waiting)

    def _enqueue_to_disk(
        self, jobs: Sequence[NewJob], call: tuple[Verb, str, list[object]], max_waiting: int
    ) -> list[str | None]:
        from junmai_jobs.disk import run_to_disk  # noqa: PLC0415 - few jobs need it

        run = partial(run_to_disk, self.link, *call, self.keys.meta)  # type: ignore[arg-type]
        reply, wrong = self._in_need_of_room(run)
        known = accepted(jobs, reply, max_waiting)
        if wrong:
            raise NotDurable.of([old or job.id for job, old in zip(jobs, known, strict=True)], wrong)
        return known

    def enqueue_call(self, jobs: Sequence[NewJob], max_waiting: int) -> tuple[Verb, str, list[object]]:
        """``enqueue`` as a link takes it; ``accepted`` reads the reply."""
        arguments: list[object] = [max_waiting]
        for job in jobs:
            arguments += (job.id, -job.behind or milliseconds(job.delay), job.dependencies, job.body)
        return self._load("enqueue"), self.keys.prefix, arguments

    def claim(
        self,
        claimer: str,
        request: str,
        queues: Sequence[str],
        *,
        lease: float = LEASE,
        woken: bool = False,
        least: int = 0,
    ) -> Claimed | None:
        """Lease the first job of the highest priority in ``queues`` to a claimer, or None.

        Args:
            claimer: ``WORKER/SLOT``, who holds at most one lease: one it still has is given back.
            request: ``GENERATION.NUMBER``, the same if the same call is repeated.
            queues: a tie goes to the one named first.
            lease: seconds.
            woken: this call follows a ring of a queue's bell, which it passes on if work is left.
            least: no job of a lower priority is taken.
        """
        word, *reply = self._call(
            "claim",
            claimer=claimer,
            request=request,
            lease=milliseconds(lease),
            woken=int(woken),
            least=least,
            lanes=" ".join(queues),
        )
        return _claimed(*reply) if word == "JOB" else None

    def step(
        self,
        claimer: str,
        request: str,
        queues: Sequence[str],
        ended: Sequence[tuple[Claimed, Ending]] = (),
        *,
        lease: float = LEASE,
        woken: bool = False,
        least: int = 0,
        ahead: int = 1,
    ) -> Step:
        """End jobs and claim the next in one call, see ``claim``; no queues: claim nothing.

        ``ahead`` is how many to claim at most: more than the first are given only if they never ran, need no
        limit or machine, and come right after the first in its lane and priority.
        """
        arguments = [claimer, request, milliseconds(lease), int(woken), least, " ".join(queues), ahead]
        for job, how in ended:
            arguments += (how.verb, job.id, job.token, *how.arguments)
        words, kind, *reply = self.link.run(self._step, self.keys.prefix, arguments)
        endings = words.decode().split()
        if kind == b"JOB":
            each = iter(reply)
            return Step(endings, [_claimed(*given) for given in zip(each, each, each, each, strict=True)])
        if kind == b"NEWER":
            return Step(endings, [], text_of(reply[0]))
        again = int(reply[0]) / 1000 if reply and reply[0] else None
        return Step(endings, [], waits=kind == b"WAIT", again=again)

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

    def extend(self, worker: str, claimers: Sequence[str], *, lease: float = LEASE) -> dict[str, str] | None:
        """Renew what a worker's claimers hold: by token HELD, or CANCEL if it is asked to stop.

        None: the worker is not registered (any more).
        """
        found: dict[str, str] = {}
        for at in range(0, len(claimers) or 1, _CLAIMERS):
            page = claimers[at : at + _CLAIMERS]
            word, *reply = self._call("extend", *page, worker=worker, lease=milliseconds(lease))
            if word == "UNKNOWN":
                return None
            found |= zip(map(text_of, reply[::2]), map(text_of, reply[1::2]), strict=True)
        return found

    def release(self, claimer: str, request: str, *, behind: int = 0) -> tuple[str, str] | None:
        """A claimer gives back its jobs unfinished; no retry is spent. The first one's id and home, if any.

        Args:
            claimer: whose.
            request: the same if the same call is repeated.
            behind: the token of a run that goes on: what was claimed after it goes back, and nothing is told.
        """
        return _given_up(self._call("release", claimer=claimer, request=request, behind=behind or ""))

    def crash(
        self, claimer: str, request: str, detail: Mapping[str, Any], *, pause: float = 0.0, token: int = 0
    ) -> tuple[str, str] | None:
        """A claimer's process died. The job's id and home, if any.

        Args:
            claimer: whose.
            request: the same if the same call is repeated.
            detail: its ``signal`` or ``exit_code``; ``input``, what it worked on (``quarantine.input_id``).
            pause: the job does not come back sooner, in seconds.
            token: of the run in which it died, if that is known; what was claimed ahead is handed back.
        """
        named = {"detail": json_text(detail), "pause": milliseconds(pause), "token": token or ""}
        return _given_up(self._call("crash", claimer=claimer, request=request, **named))

    def register(self, worker: str, info: Mapping[str, Any], governed: str = "") -> None:
        """A worker shows that it is there, and tells in words if its governor lets it run more or less."""
        self._call("register", worker=worker, info=json_text(info), governed=governed)

    def deregister(self, worker: str, claimers: Sequence[str], *, lost: bool) -> None:
        """A worker is gone. What its claimers hold comes back, as lost (it died) or released (it stopped)."""
        event = "lost" if lost else "released"
        while self._call("deregister", *claimers, worker=worker, event=event)[0] == "MORE":
            pass

    def progress(self, job: Claimed, note: Mapping[str, Any] | None = None) -> bool:
        """Keep a running job's last word. True if it should stop, as somebody asked for.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("progress", id=job.id, token=job.token, note=json_text(note) if note else "")
        self._check_ours(word, job)
        return bool(word == "CANCEL")

    def checkpoint(self, job: Claimed, data: bytes = b"") -> bytes:
        """Keep what the next run of a job is to find; no data: what the last one left, empty if nothing.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *reply = self._call("checkpoint", id=job.id, token=job.token, data=data)
        self._check_ours(word, job)
        return bytes(reply[0])

    def log(self, job: Claimed, number: int, text: str) -> None:
        """Keep lines with a running job; ``number`` counts the calls of one run.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("log", id=job.id, token=job.token, number=number, text=text)
        self._check_ours(word, job)

    def outranked(self, job: Claimed, queues: Sequence[str]) -> bool:
        """Whether a job of a higher priority waits in ``queues`` that could run in this running one's place.

        Raises:
            StaleLease: the token is not the job's any more.
        """
        word, *_ = self._call("outranked", *queues, id=job.id, token=job.token)
        self._check_ours(word, job)
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

    def suspicion(self, input_id: str) -> Suspicion:
        """What is held against an input, see ``quarantine.input_id``."""
        word, *reply = self._call("suspicion", input_id=input_id)
        deaths = (text_of(line).split(" ", 2) for line in reply)
        return Suspicion([(job_id, cause) for _, job_id, cause in deaths], word == "QUARANTINED")

    def acquit(self, input_id: str) -> None:
        """A run on this input has ended well: nothing is held against it any more."""
        self._call("acquit", input_id=input_id)

    @staticmethod
    def _check_ours(word: str, job: Claimed) -> None:
        if word == "LOST":
            raise StaleLease(f"job {job.id} was given to someone else; stop, its outcome does not count")


def _claimed(job_id: bytes, token: bytes, body: bytes, left: bytes) -> Claimed:
    if not left:
        return Claimed(job_id.decode(), token.decode(), body)
    failures, holds, note = text_of(left).split("|", 2)
    return Claimed(job_id.decode(), token.decode(), body, int(failures), note, holds)


def _given_up(reply: Sequence[Any]) -> tuple[str, str] | None:
    return (text_of(reply[1]), text_of(reply[2])) if reply[0] == "OK" else None
