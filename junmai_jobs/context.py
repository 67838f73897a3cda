"""What a running task sees of its own job."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from junmai_jobs import cache, codec, ladder
from junmai_jobs.broker import Broker
from junmai_jobs.broker_base import MAX_WAITING
from junmai_jobs.errors import InvalidState, JobCancelled, StoreUnavailable
from junmai_jobs.files import put_in_place
from junmai_jobs.job import Call, Claimed
from junmai_jobs.options import check_lasting
from junmai_jobs.task import Task, as_task

P = ParamSpec("P")
V = TypeVar("V")
LOG_LIMIT = 16 * 1024
"""The most bytes that one call of ``RunningJob.log`` keeps."""
_INTERVAL = 0.25
_LOOK_EVERY = 0.1  # s
_UNREAD = object()


class MakingWay(BaseException):
    """Ends a run for more urgent work; not an ``Exception``, so that ``except Exception`` lets it pass."""


class RunningJob:
    """The job that is running here; ``current_job()`` gives it to the task."""

    replayed = False
    """Whether somebody looks at the job again, and no worker runs it: for what must not be done twice."""
    # On the class, not in __init__: a run that changes none of these pays for none.
    _told_to_cancel = False
    _next_progress = _next_look = 0.0
    _saved: Any = _UNREAD
    _submitted = 0
    _logged = 0
    _logging = threading.Lock()

    def __init__(
        self,
        job: Claimed,
        broker: Broker,
        timeout: float,
        *,
        cancel_asked: Callable[[], bool] = lambda: False,
        queues: Sequence[str] = (),
        max_waiting: int = MAX_WAITING,
        task: Task[..., Any] | None = None,
        kept: cache.Bounds = cache.NOTHING,
    ) -> None:
        self.id = job.id
        self.attempt = job.attempt
        self.token = job.token
        """Fencing token: digits that grow with every claim, for whatever must refuse a stale writer."""
        self.deadline = time.time() + timeout
        """When the run will be killed, in seconds since 1970."""
        self._job = job
        self._broker = broker
        self._cancel_asked = cancel_asked
        self._queues = queues
        self._max_waiting = max_waiting
        self._task = task
        self._kept = kept

    @property
    def fields(self) -> dict[str, object]:
        """What the log says of it, see docs/logs.md."""
        return {**self._job.fields, "task": self._task and self._task.name}

    @property
    def tags(self) -> tuple[str, ...]:
        """The words that were kept with it when it was submitted."""
        own = Call.decode(self._job.body).options.get("tags")
        return tuple(own or ()) if own is not None or self._task is None else self._task.options.tags

    @property
    def card(self) -> str | None:
        """The card this run has, or its share of one: NVIDIA's name of it, for ``CUDA_VISIBLE_DEVICES``."""
        held = (hold.split(",") for hold in self._job.holds.split(";"))
        return next(
            (pool[1:] for pool, *amounts in held if any(each.startswith("gpu=") for each in amounts)), None
        )

    @property
    def scale(self) -> float:
        """The share of its usual working size that this run should take: 1.0; less after a lack of memory.

        A job that has run out of memory runs again alone, then alone at 0.5, then at 0.25. Use it for what
        costs memory and may be smaller: tiles, batches, the size at which something is looked at.
        """
        return ladder.scale_of(ladder.rung_of(self._job.note))

    def check_cancelled(self) -> None:
        """Stop here if somebody asked for it. Cheap: call it as often as you like.

        Raises:
            JobCancelled: let it pass, so that the job is recorded as cancelled.
        """
        if self._told_to_cancel or self._cancel_asked():
            self._told_to_cancel = True
            raise JobCancelled(f"job {self.id} was cancelled")

    @property
    def cancel_asked(self) -> bool:
        """Whether ``check_cancelled`` would raise."""
        return self._told_to_cancel or self._cancel_asked()

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Show how far the job is; at most four times a second, the last step always.

        Raises:
            StaleLease: the job was given to someone else; let it pass.
        """
        now = time.monotonic()
        if now < self._next_progress and done != total:
            return
        self._next_progress = now + _INTERVAL
        # For display only: while the server is away there is nobody to show it to.
        with contextlib.suppress(StoreUnavailable):
            self._told_to_cancel |= self._broker.progress(
                self._job, {"done": done, "total": total, "message": message}
            )

    def log(self, text: str) -> None:
        """Keep lines of text with the job, each with the time. A call goes to the server each time.

        Of one call the last 16 KiB are kept, of a job the newest 64 KiB; nothing while the server is away.

        Raises:
            StaleLease: the job was given to someone else; let it pass.
        """
        kept = str(text).encode("utf-8", "backslashreplace")[-LOG_LIMIT:].decode("utf-8", "ignore")
        lines = "\n".join(kept.splitlines())
        with self._logging, contextlib.suppress(StoreUnavailable):
            # Numbered in the order in which they are sent: a call that comes twice is known by its number.
            self._logged += 1
            self._broker.log(self._job, self._logged, lines)

    def checkpoint(self, data: Any) -> None:
        """Keep ``data``, at most 256 KiB, for the next run of this job, whatever ends this one.

        When this has returned it is stored. It is forgotten when the job has succeeded. Now that nothing is
        lost by it the run makes way, if it has to, see ``make_way``: keep what is done, not what will be.

        Raises:
            StaleLease: the job was given to someone else; let it pass.
            PayloadError: ``data`` cannot be stored.
            StoreUnavailable: the server is away; let it pass, and the job runs again later.
        """
        self._broker.checkpoint(self._job, codec.pack(data, place="the checkpoint"))
        self._saved = _UNREAD
        if _current.get() is self:  # not in a thread of the task's own, which it would end instead of the run
            self.make_way()

    @property
    def saved(self) -> Any:
        """What the last ``checkpoint`` has kept, in this run or an earlier one; None if there was none.

        Raises:
            StaleLease, StoreUnavailable: as for ``checkpoint``.
        """
        if self._saved is _UNREAD:
            data = self._broker.checkpoint(self._job)
            self._saved = codec.unpack(data) if data else None
        return self._saved

    def cached(
        self,
        parts: Any,
        make: Callable[[], V],
        *,
        lasts: float = math.inf,
        code: str | Iterable[str] = (),
        again: bool = False,
        worth_keeping: Callable[[V], bool] = lambda _value: True,
    ) -> V:
        """What ``make`` gives; or has given before in a job of this task, of the same ``parts``.

        It comes as a result does: a tuple is a list. What ``make`` raises passes, and nothing is kept; nor
        is what takes more than 256 KiB, or anything while the server is away.

        Args:
            parts: all that the value depends on, as the digest of a file and settings: anything that can be
                an argument. The task, its module's source and what is installed count anyway.
            make: makes it.
            lasts: seconds for which it is kept, at most ten years; infinite: until others push it out.
            code: modules and packages on whose source it depends, too.
            again: make it whatever is kept.
            worth_keeping: asked about what was made; what is not worth it is made again the next time.

        Raises:
            PayloadError: the parts, or the value, cannot be stored.
            OptionError: there is no module of a name in ``code``, or ``lasts`` is no time.
        """
        check_lasting("lasts", lasts)
        names = (code,) if isinstance(code, str) else code
        key = cache.key_of(self._task, "part", parts, code=names) if self._task else ""
        made: V = cache.through(
            self._broker,
            key,
            self.token,
            make,
            lasts=lasts,
            bounds=self._kept,
            again=again,
            worth_keeping=worth_keeping,
        )
        return made

    def make_way(self) -> None:
        """Let a job of a higher priority go first, if one waits in a queue that this worker serves.

        The run ends here then; the job is the first to run again in its priority, and begins anew: with
        what ``checkpoint`` has kept. It spends no retry. Cheap: it looks at most ten times a second.

        Raises:
            StaleLease: the job was given to someone else; let it pass.
        """
        now = time.monotonic()
        if now < self._next_look or not self._queues:
            return
        self._next_look = now + _LOOK_EVERY
        with contextlib.suppress(StoreUnavailable):
            if self._broker.outranked(self._job, self._queues):
                raise MakingWay

    def submit(self, task: Task[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> str:
        """Submit a job from inside this one: once, however often this one is run.

        The nth job so submitted by a run has the id ``PARENT/n``, unless the task was given an id
        (``with_options(id=...)``); where that is known already with the same content, nothing is added. So
        every run has to submit the same in the same order; one that goes on from a checkpoint gives ids.

        Returns:
            The job's id.

        Raises:
            InvalidState: an earlier run has submitted something else under that id.
            PayloadError, QueueFull: as for ``JobQueue.submit``.
        """
        chosen = as_task(task)
        if chosen.options.id is None:
            self._submitted += 1
            chosen = chosen.with_options(id=f"{self.id}/{self._submitted}")
        new = chosen.new_job(args, kwargs)
        try:
            [existing] = self._broker.enqueue([new], max_waiting=self._max_waiting)
        except InvalidState as error:
            raise InvalidState(
                f"job {new.id} was submitted with other content by an earlier run: submit the same in the "
                "same order in every run, or give each an id of its own: task.with_options(id=...)"
            ) from error
        return existing or new.id

    def publish(self, temporary: str | Path, final: str | Path) -> str:
        """Put a finished file in its place: durable, atomic, and not at all if the job is no longer ours.

        Both paths must be on one file system. A worker that stalls between the check and the rename, both
        within microseconds, for longer than its lease can still replace the file: with the same content if
        the task is deterministic.

        Returns:
            The final path.

        Raises:
            StaleLease: the job was given to someone else; nothing was replaced.
        """
        put_in_place(Path(temporary), Path(final), last_look=self._insist_that_it_is_ours)
        return str(final)

    def _insist_that_it_is_ours(self) -> None:
        """Ask until the server answers; if it stays away, the supervisor ends this run in time."""
        while True:
            try:
                self._broker.progress(self._job)
            except StoreUnavailable:
                time.sleep(_INTERVAL)
            else:
                return


_current: ContextVar[RunningJob | None] = ContextVar("junmai_jobs_current", default=None)


def current_job() -> RunningJob:
    """The job this code runs in.

    Raises:
        InvalidState: it does not run in a job.
    """
    job = _current.get()
    if job is None:
        raise InvalidState(
            "current_job() is for code that a worker runs; here no job is running: submit the task, "
            "in a test to the fixture `junmai`"
        )
    return job


def job_fields() -> dict[str, object]:
    """What the log is to say of the job this code runs in, if it runs in one."""
    job = _current.get()
    return {} if job is None else job.fields


class running:  # noqa: N801 - it reads as a word: with running(job)
    """While a job's task runs."""

    def __init__(self, job: RunningJob) -> None:
        self._job = job

    def __enter__(self) -> None:
        self._token = _current.set(self._job)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
