"""Chores any supervisor does for the whole namespace: promote, fire, reap, resolve, prune, announce, age, ...

Each may be done by any number of workers at once. A chore says when it is due again; the alarm's ring makes
promote, fire and resolve due at once.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from junmai_jobs.broker import Broker
from junmai_jobs.broker_base import MAX_WAITING
from junmai_jobs.errors import (
    CallRefused,
    OptionError,
    PayloadError,
    QueueFull,
    ScheduleNotFound,
    UnknownTask,
)
from junmai_jobs.host import host_id, is_gone
from junmai_jobs.inspector import Inspector
from junmai_jobs.inspector.stats import ALIVE_WITHIN
from junmai_jobs.job import Body, Job, new_id
from junmai_jobs.schedule import Schedule
from junmai_jobs.task import find_task, task_names

log = logging.getLogger("junmai_jobs.worker")

REAP_EVERY = 1.0
PROMOTE_EVERY = 2.0
PRUNE_EVERY = 60.0
ANNOUNCE_EVERY = 5.0
AGE_EVERY = 1.0
SAMPLE_EVERY = 10.0
FIRE_EVERY = 2.0
QUIET_EVERY = 10.0
"""Seconds: of the chores that are done more often while anything waits or runs."""
_AGING_LEAD = 3.0
"""Seconds: who is to start within a bound is raised so long before; the looks at it are a second apart."""
_GONE_FOR_GOOD = 10 * ALIVE_WITHIN


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished jobs of a status are kept: seconds, and how many at most."""

    max_age: float
    keep: int


DEFAULT_RETENTION = {
    "succeeded": Retention(7 * 86400.0, 100_000),
    "failed": Retention(90 * 86400.0, 10_000),
    "cancelled": Retention(90 * 86400.0, 10_000),
}


@dataclass(slots=True)
class _Chore:
    do: Callable[[], float]
    """Does it; seconds until it is due again."""
    due: float = 0.0
    pause: float = 0.0
    """Seconds from its last refusal by the server to the next try; 0 while all is well."""


@dataclass(slots=True)
class Scheduler:
    """The chores of one namespace. ``queues`` is kept up to date by the supervisor."""

    broker: Broker
    inspector: Inspector
    worker: str
    lease: float
    retention: dict[str, Retention]
    on_failures: Callable[[int, list[Job]], object]
    """Told how many jobs have failed for good since the last time, and some of them; must not take long."""
    queues: Sequence[str] = ()
    aging: float | None = None
    """Seconds after which a job that waits in line gets the highest priority; None: never."""
    firing: bool = True
    """Whether it stores the schedules of its tasks and fires ticks."""
    is_test: bool = False
    """Whether this library's own tasks have no schedules here: they see to the user's catalog."""
    max_waiting: int = MAX_WAITING
    """How many jobs may wait in a queue to which a tick submits."""
    window: float = 0.0
    """Seconds that lie between two times that ``on_failures`` is told, whichever worker's it is."""
    quiet: bool = False
    """See ``hush``."""
    neighbours: tuple[int, ...] = ()
    """The processes of the other workers on this host."""
    _chores: dict[str, _Chore] = field(init=False)
    _complaints: dict[str, str] = field(default_factory=dict)
    _announcements: int = 0
    _silent_before: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._chores = {
            "reap": _Chore(self._reap),
            "bury": _Chore(self._bury),
            "promote": _Chore(self._promote),
            "declare": _Chore(self._declare),
            "fire": _Chore(self._fire),
            "resolve": _Chore(self._resolve),
            "prune": _Chore(self._prune),
            "announce": _Chore(self.announce),
            "age": _Chore(self._age),
            "sample": _Chore(self._sample),
        }

    def run_due(self, *, everything: bool = False) -> float:
        """Do what is due, or everything; seconds until something is again.

        A chore that the server refuses to do is tried again later and less often; the others go on.

        Raises:
            StoreUnavailable: the rest stays due, the chore that failed is due again in a second.
        """
        for name, chore in self._chores.items():
            if everything or chore.due <= time.monotonic():
                # Due later even if it fails, so that it does not keep the others from their turn.
                chore.due = time.monotonic() + REAP_EVERY
                chore.due = time.monotonic() + self._do(name, chore)
        return max(0.0, min(chore.due for chore in self._chores.values()) - time.monotonic())

    def _do(self, name: str, chore: _Chore) -> float:
        """Do a chore. That the server refuses it is told once, and once that it works again."""
        try:
            due = chore.do()
        except CallRefused as error:
            if not chore.pause:
                fields = {"event": "chore.refused", "chore": name}
                log.error("chore %s: %s", name, error, extra=fields)  # noqa: TRY400 - the text says it all
            chore.pause = min(max(REAP_EVERY, 2 * chore.pause), PRUNE_EVERY)
            return chore.pause
        if chore.pause:
            log.warning("chore %s works again", name, extra={"event": "chore.back", "chore": name})
            chore.pause = 0.0
        return due

    def hush(self, *, quiet: bool) -> None:
        """Whether nothing waits in line or runs anywhere: until that changes, chores are seldom done."""
        if self.quiet and not quiet:
            for name in (
                "reap",
                "bury",
                "promote",
                "fire",
                "resolve",
                "announce",
            ):  # those that _pace slows down
                chore = self._chores[name]
                if not chore.pause and chore.due < math.inf:
                    chore.due = 0.0
        self.quiet = quiet

    def alarm(self) -> None:
        """Something was postponed, or a parent has ended."""
        for name in ("promote", "fire", "resolve"):
            self._chores[name].due = 0.0

    def _reap(self) -> float:
        self.broker.reap(self.queues, lease=self.lease)
        # Who comes half a lease late is taken for one who slept.
        return min(self._pace(REAP_EVERY), self.lease / 4)

    def _pace(self, usual: float) -> float:
        """Seconds to the next time; while all is quiet that is seldom, and for all chores at once."""
        if not self.quiet:
            return usual
        return QUIET_EVERY - time.monotonic() % QUIET_EVERY

    def _bury(self) -> float:
        """Workers of this host whose process is gone give back what they hold at once."""
        neighbours, here = [], host_id()
        for name, info in self.inspector.worker_info().items():
            if name == self.worker or info.get("host_id") != here:
                continue
            if is_gone(info):
                self.broker.deregister(name, info.get("claimers", ()), lost=True)
                self.alarm()  # what it would have promoted in time
            elif type(pid := info.get("pid")) is int and pid > 0:
                neighbours.append(pid)
        self.neighbours = tuple(neighbours)
        return self._pace(REAP_EVERY)

    def _promote(self) -> float:
        next_due, pause = self.broker.promote(self.queues), self._pace(PROMOTE_EVERY)
        return pause if next_due is None else min(pause, max(0.001, next_due))

    def _declare(self) -> float:
        """Once: store the schedules of the tasks known here, remove those whose task has none any more."""
        if self.firing:
            stored = {
                name: Schedule.readable(name, spec) for name, (spec, _) in self.inspector.schedules().items()
            }
            tasks = [find_task(name) for name in task_names()]
            for task in (each for each in tasks if not (self.is_test and each.is_ours)):
                name, schedule = task.name, task.own_schedule()
                known = stored.get(name)
                if schedule is not None:
                    kept = replace(schedule, paused=known is not None and known.paused)
                    self._complaining(name, partial(self.broker.schedule, kept))
                elif known is not None and known.in_code:
                    with contextlib.suppress(ScheduleNotFound):  # another worker was faster
                        self.broker.unschedule(name, new_id())
        return math.inf

    def _fire(self) -> float:
        """One round of ticks: there may be many to catch up on, and the other chores wait meanwhile."""
        if not self.firing:
            return math.inf
        due = self.broker.due()
        fired = [
            self._complaining(name, partial(self._fire_schedule, name, tick, spec, due.now))
            for name, tick, spec in due.ticks
        ]
        if any(fired):
            return 0.0
        pause = self._pace(FIRE_EVERY)
        return pause if due.wait is None else min(pause, max(0.001, due.wait))

    def _fire_schedule(self, name: str, tick: int, spec: bytes, now: float) -> None:
        schedule = Schedule.decode(name, spec)
        ticks, following = schedule.due(tick, now)
        self.broker.fire(schedule, spec, tick, ticks, following, max_waiting=self.max_waiting)
        if ticks:
            self._check_known(schedule, Body.decode(schedule.body).task)

    def _check_known(self, schedule: Schedule, task: str) -> None:
        """Whether there is a worker to run what was submitted; it may still come."""
        if task in task_names():
            return
        if not any(task in (info.get("tasks") or ()) for info in self.inspector.worker_info().values()):
            # What stands in code was scheduled by a worker that knows it: of this one nothing is missing.
            start = "the worker in whose code it stands" if schedule.in_code else "one with --tasks"
            raise UnknownTask(
                f"no worker knows its task {task!r}; start {start}, or end it with "
                f"`junmai-jobs schedule remove {schedule.name}`"
            )

    def _complaining(self, name: str, do: Callable[[], object]) -> bool:
        """Whether it could be done; what is wrong with a schedule is logged once, and stops no other."""
        try:
            do()
        except (PayloadError, OptionError, QueueFull, UnknownTask) as error:
            if self._complaints.get(name) != str(error):
                fields = {"event": "schedule.wrong", "schedule": name}
                log.error("schedule %s: %s", name, error, extra=fields)  # noqa: TRY400 - the text says it all
            self._complaints[name] = str(error)
            return False
        self._complaints.pop(name, None)
        return True

    def _resolve(self) -> float:
        self.broker.resolve()
        return self._pace(PROMOTE_EVERY)

    def _prune(self) -> float:
        for home, limit in self.retention.items():
            self.broker.prune(home, max_age=limit.max_age, keep=limit.keep)
        self.broker.expire()
        self._forget_silent_workers()
        return PRUNE_EVERY

    def announce(self, *, window: float | None = None) -> float:
        """Each failure is told by one worker. If that is cut off, the same request is told the same again."""
        window = self.window if window is None else window
        count, ids = self.broker.announce(f"{self.worker}.{self._announcements}", window=window)
        if count:
            self.on_failures(count, self.inspector.load(ids))
        self._announcements += 1
        return self._pace(ANNOUNCE_EVERY)

    def _age(self) -> float:
        if self.aging is None:
            return math.inf
        self.broker.age(self.queues, self.aging - min(_AGING_LEAD, self.aging / 2))
        return AGE_EVERY

    def _sample(self) -> float:
        self.broker.sample()
        return SAMPLE_EVERY

    def _forget_silent_workers(self) -> None:
        """Of other hosts, whose end nobody saw: their leases have long been reaped.

        Only who was silent at two prunings in a row: after a sleep or a stepped clock all seem silent once.
        """
        silences = self.inspector.silences()
        silent = {name for name, seconds in silences.items() if seconds > _GONE_FOR_GOOD} - {self.worker}
        if gone := silent & self._silent_before:
            hosts = self.inspector.worker_info()
            for name in sorted(gone):
                self.broker.deregister(name, hosts.get(name, {}).get("claimers", ()), lost=True)
        self._silent_before = silent
