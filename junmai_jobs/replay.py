"""Run what a job has to do once more, in this process, for whoever wants to look: the job stays as it is.

The run is the executor's own, with a broker behind it that only reads.
"""

from __future__ import annotations

import time
from bdb import BdbQuit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junmai_jobs import cache, codec
from junmai_jobs.broker import Broker, Suspicion
from junmai_jobs.broker_base import MAX_WAITING
from junmai_jobs.context import RunningJob
from junmai_jobs.errors import Abort, InvalidState, ResultExpired
from junmai_jobs.executor import Assignment, assign, describe, execute
from junmai_jobs.hooks import Hook
from junmai_jobs.inspector import Inspector
from junmai_jobs.inspector.replay import InspectorReplay
from junmai_jobs.job import Call, Claimed, Job, NewJob
from junmai_jobs.template import VERSIONS, Header
from junmai_jobs.workflow import filled_in, results_in

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink, Link
    from junmai_jobs.debugger import Debugger
    from junmai_jobs.scripts import Verb
    from junmai_jobs.task import Task

Tell = Callable[[str], object]
"""Is told in a line what a worker would have told the store."""
TOKEN = "0"  # noqa: S105 - no secret
"""The fencing token of a replay: older than any that was ever given."""
_UNHURRIED = 30 * 86_400.0
"""Seconds that a run may take under a debugger: as long as every system's timers can wait."""


class _ReadOnly:
    """A way to call the one verb that a run needs and that only reads; no other comes through."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def run(self, verb: Verb, prefix: str, arguments: Sequence[object]) -> Any:
        """Call it."""
        if verb.name != "inherit":
            raise RuntimeError(f"a replay may not call {verb.name}")
        return self._link.run(verb, prefix, arguments)


class ReplayBroker(Broker):
    """What a run asks of the store is read; what it would write there is told, and stays in this process."""

    def __init__(self, link: ClientLink, namespace: str, tell: Tell) -> None:
        super().__init__(_ReadOnly(link), namespace)
        self._reader = InspectorReplay(link, namespace)
        self.tell = tell
        self._left = b""

    def enqueue(self, jobs: Sequence[NewJob], *, max_waiting: int = MAX_WAITING) -> list[str | None]:  # noqa: ARG002
        """As if each was new."""
        for job in jobs:
            self.tell(f"not submitted: {Call.decode(job.body).task} {job.id}")
        return [None] * len(jobs)

    def progress(self, job: Claimed, note: Mapping[str, Any] | None = None) -> bool:  # noqa: ARG002 - as a verb
        """Nobody has the run stop."""
        if note:
            of = "" if note["total"] is None else f" of {note['total']}"
            self.tell(f"progress: {note['done']}{of} {note['message']}".rstrip())
        return False

    def checkpoint(self, job: Claimed, data: bytes = b"") -> bytes:
        """What this run has kept, else what the job has left."""
        if not data:
            return self._left or self._reader.checkpoint(job.id)
        self._left = data
        return b""

    def log(self, job: Claimed, number: int, text: str) -> None:  # noqa: ARG002 - as a verb
        """Line by line."""
        for line in text.splitlines():
            self.tell(f"log: {line}")

    def outranked(self, job: Claimed, queues: Sequence[str]) -> bool:  # noqa: ARG002 - as a verb
        """Nothing is more urgent."""
        return False

    def suspicion(self, input_id: str) -> Suspicion:  # noqa: ARG002 - as a verb
        """Nothing is held against an input: it may be just what somebody wants to look at."""
        return Suspicion([], quarantined=False)

    def recall(self, key: str, token: str) -> bytes | None:  # noqa: ARG002 - as a verb
        """It does not count as a use."""
        return self._reader.cached(key)

    def remember(self, key: str, token: str, value: bytes, *, lasts: float, most: int, room: int) -> None:
        """Nothing is kept."""


class ReplayedJob(RunningJob):
    """The job as its task sees it in a replay."""

    replayed = True
    _broker: ReplayBroker

    def publish(self, temporary: str | Path, final: str | Path) -> str:
        """Leave the finished file where it is, and what is in its place, too."""
        Path(temporary).stat()  # one that was never made is an error here, too
        self._broker.tell(f"not published: {temporary} as {final}")
        return str(final)


class _Witness(Hook):
    """Keeps what the task has raised itself, which is more than its text."""

    error: BaseException | None = None

    def failure(self, job: RunningJob, error: BaseException) -> None:  # noqa: ARG002 - as a hook is called
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What has become of a replay, beside what is recorded of the job."""

    id: str
    task: str
    outcome: str
    """``succeeded``, ``failed``, ``deferred``, ``cancelled`` or ``lost``, as the history has it."""
    result: Any = None
    error: Mapping[str, str] | None = None
    """``type``, ``message`` and ``traceback``, unless it has succeeded."""
    seconds: float
    recorded: Mapping[str, Any]
    """``status`` and ``attempt`` of the job; of its last run ``outcome``, ``error`` and ``finished_at``, None
    before the first has ended; its ``result``."""
    raised: BaseException | None = field(default=None, repr=False)
    """The error itself."""

    @property
    def differs(self) -> bool:
        """Whether the job's last run has ended otherwise; a job that never ran has nothing to differ from."""
        then = self.recorded
        if then["outcome"] is None:
            return False
        kinds = ((each or {}).get("type") for each in (self.error, then["error"]))
        return self.outcome != then["outcome"] or (self.outcome == "failed" and len(set(kinds)) > 1)

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        end = {"result": self.result} if self.outcome == "succeeded" else {"error": self.error}
        return {
            "id": self.id, "task": self.task, "outcome": self.outcome, **end,
            "seconds": self.seconds, "differs": self.differs, "recorded": dict(self.recorded),
        }  # fmt: skip


class Replay:
    """A job that is ready to be run here.

    Raises:
        JobNotFound: there is no such job.
        UnknownTask: its task is not registered here.
        InvalidState: its body is of a newer version, or damaged; a job whose result it reads has not ended.
        ResultExpired: such a result is not kept any more.
    """

    def __init__(
        self, link: ClientLink, namespace: str, job_id: str, attempt: int | None = None, tell: Tell = print
    ) -> None:
        body = InspectorReplay(link, namespace).body(job_id)
        self._inspector = Inspector(link, namespace)
        self._new_broker = partial(ReplayBroker, link, namespace, tell)
        self.job: Job = self._inspector.job(job_id)
        claimed = Claimed(job_id, TOKEN, body, failures=(attempt or self.job.attempt or 1) - 1)
        assigned = self._assigned(claimed)
        self._assignment = assigned._replace(call=self._with_results(assigned.call))

    @property
    def task(self) -> Task[..., Any]:
        """Its task."""
        return self._assignment.task

    def _assigned(self, claimed: Claimed) -> Assignment:
        try:
            return assign(claimed)
        except ValueError:
            header = Header.read(claimed.body)
            if header is not None and header.version.encode() not in VERSIONS:
                what = "was submitted by a newer version of junmai-jobs: update this one"
            else:
                what = "has a damaged body, so nobody knows what it was to do"
            raise InvalidState(f"job {claimed.id} {what}") from None

    def _with_results(self, call: Call) -> Call:
        """The call with its parents' results: without them there is nothing to run."""
        parents = [each.id for each in results_in(call.args, call.kwargs)]
        for parent, status in self._inspector.statuses(parents).items():
            if not status.finished:
                raise InvalidState(f"job {self.job.id} reads the result of job {parent}, which is {status}")
        try:
            return filled_in(call, self._new_broker().inherit)
        except Abort as error:
            raise ResultExpired(str(error)) from None

    def run(self, debugger: Debugger | None = None) -> Replayed:
        """Run it in the calling thread: hooks around it, and its soft timeout, as in a worker.

        The task itself runs whatever is kept of its results. Under a debugger it has all the time there is,
        and makes what it would find ``cached``, so that there is something to look at.

        Raises:
            KeyboardInterrupt: the person who watches has had enough.
        """
        witness = _Witness()
        assignment = self._watched_by(witness, unhurried=debugger is not None)
        kept = cache.Bounds() if debugger is None else cache.NOTHING
        once_more = partial(execute, assignment, self._new_broker(), kept=kept, kind=ReplayedJob)
        begin = time.monotonic()
        ending = once_more() if debugger is None else debugger.runcall(once_more)
        seconds = round(time.monotonic() - begin, 3)
        raised = witness.error
        if isinstance(raised, (KeyboardInterrupt, BdbQuit)):
            raise KeyboardInterrupt from None
        outcome = "lost" if ending is None else {"retrying": "failed"}.get(ending.outcome, ending.outcome)
        result = ending.arguments[0] if ending is not None and outcome == "succeeded" else b""
        return Replayed(
            id=self.job.id,
            task=assignment.task.name,
            outcome=outcome,
            result=codec.unpack(result) if result else None,
            error=describe(raised) if raised is not None else None,
            seconds=seconds,
            recorded=recorded(self.job),
            raised=raised,
        )

    def _watched_by(self, witness: _Witness, *, unhurried: bool) -> Assignment:
        assignment = self._assignment
        task, options = assignment.task.with_options(), replace(assignment.options, cache=None, reuse=False)
        task.hooks = (witness, *task.hooks)  # the first: what others raise in between is known to it, too
        if unhurried:
            options = replace(options, timeout=_UNHURRIED, soft_timeout=_UNHURRIED)
        return assignment._replace(task=task, options=options)


def recorded(job: Job) -> dict[str, Any]:
    """What is known of a job's last run, see ``Replayed.recorded``."""
    last = job.history[-1] if job.history else {}
    return {
        "status": job.status,
        "attempt": job.attempt,
        "outcome": last.get("event"),
        "error": last.get("error"),
        "result": job.result,
        "finished_at": last.get("finished_at"),
    }
