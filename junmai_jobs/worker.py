"""The supervisor of a pool of processes.

It renews and returns leases by the slot's claimer, hears what the store rings for, looks at the queues and at
the machine, does the namespace's chores, and stops in order; the pool does the rest. It never runs a job,
and never waits for a child or for the server longer than a moment.
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import time
from multiprocessing.connection import wait
from typing import Any

from junmai_jobs.broker import Broker
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.errors import InvalidState, StoreUnavailable
from junmai_jobs.guard import LeaseGuard
from junmai_jobs.guest import Guest
from junmai_jobs.host import describe_process, given_name, host_id, is_gone, worker_name
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Job, iso
from junmai_jobs.lanes import queue_of
from junmai_jobs.notify import jobs_failed, notify
from junmai_jobs.pool import Pool
from junmai_jobs.resources import in_words
from junmai_jobs.scheduler import Scheduler
from junmai_jobs.scripts import library, library_name
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.survey import Survey
from junmai_jobs.task import Task, task_names
from junmai_jobs.template import VERSIONS

log = logging.getLogger("junmai_jobs.worker")

_TICK = 0.25
"""Seconds from one round to the next at most, while a job runs or something else is under way."""
_LISTEN = 10
_PATIENCE = 0.3
_SURVEY_EVERY, _SURVEY_IN_NEED_EVERY = 5.0, 0.5
"""Seconds; the second while an elastic pool has no idle process."""
_SIGN_OF_LIFE_EVERY = 10.0
_BURST_EVERY = 0.1
_BURST_HORIZON = 600.0
"""Seconds: a burst worker waits for delayed jobs that are due within the longest backoff, not longer."""


class Worker:
    """A supervisor. ``run`` returns the exit code of the process; ``stop`` may be called from any thread."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.name = worker_name(settings.name)
        self._link = ClientLink(
            settings.endpoint, patience=_PATIENCE, client_name="junmai-jobs-worker", socket_timeout=2.0
        )
        self._broker = Broker(self._link, settings.namespace, moved_clock=settings.moved_clock)
        self._inspector = Inspector(self._link, settings.namespace)
        self._control = DedicatedLink(
            settings.endpoint, patience=_PATIENCE, client_name="junmai-jobs-control"
        )
        self._listening, self._answer_due = False, 0.0
        self._scheduler = Scheduler(
            self._broker, self._inspector, self.name, settings.lease, settings.retention, self._tell
        )
        self._scheduler.aging, self._scheduler.max_waiting = settings.aging, settings.max_waiting
        self._scheduler.firing = settings.schedules and not settings.burst
        self._scheduler.window = settings.notify.window
        self._survey = Survey(self._broker, settings)
        self._pool = Pool(self.name, settings, self._broker)
        self._pool.serve(self._survey.served)
        self._guest = Guest(settings)
        self._guard = LeaseGuard(self._pool.slots, settings.lease)
        self._burst_at = self._renew_at = self._pause = 0.0
        self._surveyed_at = -math.inf
        self._started_at = iso(time.time())
        self._said: dict[str, Any] | None = None
        """What the store has been told of this worker; None before it knows it."""
        self._away_since: float | None = None
        self._stop_asked = 0
        self._stop_at: float | None = None
        self._waker, self._wakened = socket.socketpair()
        for end in (self._waker, self._wakened):
            end.settimeout(0)

    @property
    def wakeup_fd(self) -> int:
        """What is written here ends the supervisor's wait; for ``signal.set_wakeup_fd``."""
        return self._waker.fileno()

    def stop(self, *, now: bool = False) -> None:
        """Claim no more, let running jobs go on for the grace, or end them ``now``; then ``run`` returns."""
        self._stop_asked = 2 if now else max(1, self._stop_asked)
        with contextlib.suppress(OSError):
            self._waker.send(b"s")

    def run(self) -> int:
        """Work until told to stop."""
        slots, queues = len(self._pool.slots), ", ".join(self._survey.served)
        fields = {"event": "worker.started", "worker": self.name, "slots": slots, "queues": queues}
        log.info("worker %s: %d slots, queues %s", self.name, slots, queues, extra=fields)
        self._guard.start()
        try:
            while not self._has_stopped():
                self._sit()
                self._tick()
        finally:
            self._guard.stop()
            for slot in self._pool.slots:
                if slot.process is not None:
                    slot.kill("release")
                    slot.process.join()
            self._guest.close()
            self._sign_off()
            self._control.close()
        log.info("worker %s has stopped", self.name, extra={"event": "worker.stopped", "worker": self.name})
        return 130 if self._stop_asked > 1 else 0

    def close(self) -> None:
        """Let go of what ``stop`` and ``wakeup_fd`` lead to; after ``run``, or in its place."""
        self._waker.close()
        self._wakened.close()

    def _has_stopped(self) -> bool:
        """What the dead held need not be returned by us: while the server is away, nobody waits for that."""
        if self._stop_at is None or any(slot.is_alive for slot in self._pool.slots):
            return False
        return self._away_since is not None or self._pool.is_empty

    def _sit(self) -> None:
        """Until a child dies or begins to work, the control list rings, somebody calls stop, or a tick."""
        self._listen()
        waited: list[Any] = [*self._pool.sentinels, *self._pool.lines, self._wakened]
        if self._listening:
            waited.append(self._control)
        ready: list[Any] = wait(waited, self._pause)
        self._pool.note(ready)
        if self._wakened in ready:
            with contextlib.suppress(BlockingIOError):
                self._wakened.recv(4096)
        if self._control in ready:
            self._hear()

    def _tick(self) -> None:
        """One round. While the server is away only what concerns the children is done; the rest stays due."""
        self._guard.round_at = time.monotonic()
        self._pool.watch()
        self._heed_stop()
        self._pause = _TICK
        try:
            self._pool.bury()
            self._pool.recall_ahead()
            self._introduce()
            self._renew()
            self._look_at_queues()
            self._look_at_machine()
            if self._stop_at is None:
                self._pool.start()
            self._pause = min(self._longest_pause(), self._scheduler.run_due())
            self._end_burst()
            self._back()
        except StoreUnavailable as error:
            self._away(error)

    def _longest_pause(self) -> float:
        """Seconds. The boards of those who work are looked at often; who begins to work tells so."""
        pool = self._pool
        is_watching = pool.is_busy or pool.is_short or pool.is_incomplete or self._survey.waiting > 0
        if is_watching or self._stop_asked or self.settings.burst:
            return _TICK
        return max(0.0, min(self._renew_at, self._surveyed_at + _SURVEY_EVERY) - time.monotonic())

    def _away(self, error: StoreUnavailable) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("%s; waiting for it", error, extra={"event": "server.away"})
        self._guard.away = True
        self._control.close()
        self._listening, self._surveyed_at = False, -math.inf
        with contextlib.suppress(StoreUnavailable):
            self.settings.endpoint.ensure()

    def _back(self) -> None:
        if self._away_since is not None:
            away = time.monotonic() - self._away_since
            fields = {"event": "server.back", "duration_s": round(away, 3)}
            log.warning("the server is back after %.1f s", away, extra=fields)
            self._away_since, self._guard.away = None, False

    # Ears: one list for this worker, one alarm for any supervisor.

    def _listen(self) -> None:
        if self._listening and time.monotonic() > self._answer_due:
            # The connection is dead, or this process slept; a ring may have been in the answer.
            self._control.close()
            self._listening, self._renew_at = False, 0.0
            self._scheduler.alarm()
        if self._listening or self._said is None:
            return
        keys = self._broker.keys
        with contextlib.suppress(StoreUnavailable):
            self._control.send("BLPOP", keys.control(self.name), keys.alarm, _LISTEN)
            self._listening, self._answer_due = True, time.monotonic() + _LISTEN + 5

    def _hear(self) -> None:
        self._listening = False
        with contextlib.suppress(StoreUnavailable):
            ring = self._control.receive()
            if ring is not None and ring[0].decode() == self._broker.keys.alarm:
                self._scheduler.alarm()
            elif ring is not None and ring[1] == b"stop":
                log.info("another worker takes the place of this one", extra={"event": "worker.dismissed"})
                self.stop()
                self._renew_at = 0.0  # the ring of a cancel may have had to give way to this one
            elif ring is not None:
                self._renew_at = 0.0

    # The store: who we are, queues, leases; and the machine.

    def _introduce(self) -> None:
        """Tell the store who works here, and again when something of it has changed."""
        slots, before = len(self._pool.slots), self._said
        said: dict[str, Any] = {
            "offers": list(self._guest.offers),
            "governor": self._guest.allowance.describe(slots),
        }
        if said == before:
            return
        info = {
            **describe_process(),
            "started_at": self._started_at,
            "queues": list(self.settings.queues) if self.settings.queues else None,
            "order": list(self.settings.order),
            "schema": VERSIONS[-1].decode(),
            "concurrency": slots,
            "tasks": task_names(),
            "claimers": self._pool.claimers,
            "library": library_name(library(moved_clock=self.settings.moved_clock)),
            **said,
        }
        change = ""
        if before is not None and before["governor"]["grade"] != said["governor"]["grade"]:
            change = in_words(said["governor"])
            log.info("%s", change, extra={"event": "worker.governed", "grade": said["governor"]["grade"]})
        self._broker.register(self.name, info, governed=change)
        if before is None and self.settings.name is not None:
            self._insist_on_being_alone(self.settings.name)
        self._said = said

    def _insist_on_being_alone(self, given: str) -> None:
        """Whoever has registered before this look is seen, so of two with one name at least one goes."""
        for name, info in self._inspector.worker_info().items():
            others = name != self.name and given_name(name) == given and info.get("host_id") == host_id()
            if others and not is_gone(info):
                raise InvalidState(
                    f"a worker named {given} works on this host already (process {info.get('pid')}): "
                    "stop it, or give this one another --name"
                )

    def _look_at_queues(self) -> None:
        """Serve queues and lanes as they come; chores are done for all of them in any case."""
        now = time.monotonic()
        if now < self._surveyed_at + (_SURVEY_IN_NEED_EVERY if self._pool.is_short else _SURVEY_EVERY):
            return
        self._survey.look()
        self._surveyed_at = now
        self._pool.serve(self._survey.served)
        if self._stop_at is None:
            self._pool.fit(self._survey.waiting)
            if self._survey.waiting:
                self._pool.nudge()
        self._scheduler.queues = self._survey.lanes
        self._scheduler.hush(quiet=self._survey.quiet and not self._pool.is_busy)

    def _look_at_machine(self) -> None:
        is_running = self._pool.is_busy
        is_busy = is_running or self._survey.waiting > 0
        self._guest.look(is_running=is_running, is_busy=is_busy, ours=self._processes_of_ours)
        self._pool.allowance = self._guest.allowance
        self._pool.restrict()

    def _processes_of_ours(self) -> list[int]:
        """Beside this one and those below it: other workers of this host, and the server if it is ours."""
        return [*self._scheduler.neighbours, *self.settings.endpoint.processes()]

    def _renew(self) -> None:
        """Renew every lease in one call, and act on what that tells of the runs on the boards."""
        now = time.monotonic()
        if self._renew_at > now:
            return
        before = self._pool.tokens()
        renewals = self._broker.extend(self.name, self._pool.claimers, lease=self.settings.lease)
        if renewals is None:
            self._said = None
            return
        self._guard.renewed_at, self._renew_at = now, now + min(self.settings.lease / 3, _SIGN_OF_LIFE_EVERY)
        self._pool.heed(renewals, before)

    def _tell(self, count: int, failed: list[Job]) -> None:
        if (notice := jobs_failed(count, failed)) is not None:
            notify(notice, self.settings.notify, self._submit)

    def _submit(self, task: Task[..., Any], **arguments: Any) -> None:
        self._broker.enqueue([task.new_job((), arguments)], max_waiting=self.settings.max_waiting)

    # The end.

    def _heed_stop(self) -> None:
        now = time.monotonic()
        if self._stop_asked and self._stop_at is None:
            self._stop_at = now + self.settings.grace
            self._pool.tell_to_stop()
            fields = {"event": "worker.stopping", "grace_s": self.settings.grace}
            log.info("stopping: running jobs have %g s", self.settings.grace, extra=fields)
        if self._stop_at is not None and (self._stop_asked > 1 or self._stop_at < now):
            self._pool.kill()

    def _end_burst(self) -> None:
        if not self.settings.burst or self._stop_asked or self._burst_at > time.monotonic():
            return
        self._burst_at = time.monotonic() + _BURST_EVERY
        paused = self._inspector.paused()
        lanes = [lane for lane in self._survey.served if queue_of(lane) not in paused]
        if self._inspector.unfinished(lanes, within=_BURST_HORIZON) == 0:
            self.stop()

    def _sign_off(self) -> None:
        """Sign off. If the server is away others will see that this process is gone."""
        with contextlib.suppress(StoreUnavailable):
            self._scheduler.announce(window=0.0)
            self._broker.deregister(self.name, self._pool.claimers, lost=False)
