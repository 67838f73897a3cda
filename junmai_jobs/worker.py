"""The supervisor and its pool of processes.

It starts one child a slot, renews and returns leases by the slot's claimer, sees a child's death at once,
kills what runs too long or must stop, recycles children, does the namespace's chores, and stops in order.
It never runs a job, never waits for a child or for the server longer than a moment, and never believes a
child: what the store says of a claimer counts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

from junmai_jobs.broker import Broker
from junmai_jobs.child import ChildSetup
from junmai_jobs.connection import ClientLink, DedicatedLink
from junmai_jobs.errors import StaleLease, StoreUnavailable
from junmai_jobs.executor import timed_out
from junmai_jobs.guard import LeaseGuard
from junmai_jobs.host import describe_process, worker_name
from junmai_jobs.inspector import Inspector
from junmai_jobs.job import Claimed, Job, iso
from junmai_jobs.lanes import queue_of
from junmai_jobs.notify import jobs_failed, notify, receivers
from junmai_jobs.scheduler import Scheduler
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.slot import Slot, Turns, cause_of_death, start_method
from junmai_jobs.task import task_names

log = logging.getLogger("junmai_jobs.worker")

_TICK = 0.25
_LISTEN = 10
_PATIENCE = 0.3
_QUEUES_EVERY = 5.0
_SIGN_OF_LIFE_EVERY = 10.0
_BURST_EVERY = 0.1
_BURST_HORIZON = 600.0
"""Seconds: a burst worker waits for delayed jobs that are due within the longest backoff, not longer."""


class Worker:
    """A supervisor. ``run`` returns the exit code of the process; ``stop`` may be called from any thread."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.name = worker_name()
        self._context = start_method()
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
        self._slots = [Slot(f"{self.name}/{number}") for number in range(settings.concurrency)]
        self._turns = Turns()
        self._queues = settings.lanes(())
        self._queues_at = self._burst_at = 0.0
        self._guard = LeaseGuard(self._slots, settings.lease)
        self._renew_at = self._pause = 0.0
        self._registered = False
        self._away_since: float | None = None
        self._stop_asked = 0
        self._stop_at: float | None = None
        self._waker, self._wakened = socket.socketpair()
        for end in (self._waker, self._wakened):
            end.settimeout(0)

    def stop(self, *, now: bool = False) -> None:
        """Claim no more, let running jobs go on for the grace, or end them ``now``; then ``run`` returns."""
        self._stop_asked = 2 if now else max(1, self._stop_asked)
        with contextlib.suppress(OSError):
            self._waker.send(b"s")

    def run(self) -> int:
        """Work until told to stop."""
        log.info("worker %s: %d slots, queues %s", self.name, len(self._slots), ", ".join(self._queues))
        self._guard.start()
        try:
            while not self._has_stopped():
                self._sit()
                self._tick()
        finally:
            self._guard.stop()
            for slot in self._slots:
                if slot.process is not None:
                    slot.kill("release")
                    slot.process.join()
            self._leave()
            self._control.close()
            self._waker.close()
            self._wakened.close()
        log.info("worker %s has stopped", self.name)
        return 130 if self._stop_asked > 1 else 0

    def _has_stopped(self) -> bool:
        """What the dead held need not be returned by us: while the server is away, nobody waits for that."""
        if self._stop_at is None or any(slot.process and slot.process.is_alive() for slot in self._slots):
            return False
        return self._away_since is not None or all(slot.process is None for slot in self._slots)

    def _sit(self) -> None:
        """Until a child dies, the control list rings, somebody calls stop, or the next tick."""
        self._listen()
        # Not the dead that are still to be settled: they would end the wait at once.
        waited: list[Any] = [
            slot.process.sentinel for slot in self._slots if slot.process and slot.process.is_alive()
        ]
        waited.append(self._wakened)
        if self._listening:
            waited.append(self._control)
        ready: list[Any] = wait(waited, self._pause)
        if self._wakened in ready:
            with contextlib.suppress(BlockingIOError):
                self._wakened.recv(4096)
        if self._control in ready:
            self._hear()

    def _tick(self) -> None:
        """One round. While the server is away only what concerns the children is done; the rest stays due."""
        self._guard.round_at = time.monotonic()
        self._watch_children()
        self._heed_stop()
        self._pause = _TICK
        try:
            self._bury_children()
            self._keep_registered()
            self._refresh_queues()
            self._renew()
            self._start_children()
            self._pause = min(_TICK, self._scheduler.run_due())
            self._end_burst()
            self._back()
        except StoreUnavailable as error:
            self._away(error)

    def _away(self, error: StoreUnavailable) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("%s; waiting for it", error)
        self._guard.away = True
        self._control.close()
        self._listening, self._queues_at = False, 0.0
        with contextlib.suppress(StoreUnavailable):
            self.settings.endpoint.ensure()

    def _back(self) -> None:
        if self._away_since is not None:
            log.warning("the server is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since, self._guard.away = None, False

    # Ears: one list for this worker, one alarm for any supervisor.

    def _listen(self) -> None:
        if self._listening and time.monotonic() > self._answer_due:
            # The connection is dead, or this process slept; a ring may have been in the answer.
            self._control.close()
            self._listening, self._renew_at = False, 0.0
            self._scheduler.alarm()
        if self._listening or not self._registered:
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
            elif ring is not None:
                self._renew_at = 0.0

    # Children: started, watched, buried.

    def _start_children(self) -> None:
        for slot in self._slots:
            if slot.process is None and self._stop_at is None and slot.start_at <= time.monotonic():
                slot.generation += 1
                try:
                    slot.start(self._context, self._child_setup(slot))
                except (OSError, EOFError) as error:  # EOFError: the forkserver could not
                    log.error("no process can be started: %s", error)  # noqa: TRY400 - the text says it all
                    slot.start_at = time.monotonic() + 1.0

    def _child_setup(self, slot: Slot) -> ChildSetup:
        return ChildSetup(
            settings=self.settings,
            claimer=slot.claimer,
            generation=slot.generation,
            queues=self._queues,
            threads=max(1, (os.cpu_count() or 1) // self.settings.concurrency),
        )

    def _running(self) -> Iterator[Slot]:
        """The slots whose child lives and is not on its way out."""
        return (
            slot
            for slot in self._slots
            if slot.process is not None and slot.fate is None and slot.process.is_alive()
        )

    def _watch_children(self) -> None:
        """Kill runs past their timeout or past the grace after a cancel."""
        now = time.monotonic()
        for slot in self._running():
            if (token := slot.board.token) and slot.board.deadline < now:
                log.warning("job %s is killed: its timeout is over", slot.board.id.decode())
                slot.doomed = token
                slot.kill("timeout")
            elif (
                slot.cancel_at is not None and slot.board.token == slot.board.cancel and slot.cancel_at < now
            ):
                slot.kill("cancel")

    def _bury_children(self) -> None:
        """Return what the dead held. The slot stays empty until the store knows, so no claimer acts twice."""
        for slot in self._slots:
            if slot.process is not None and not slot.process.is_alive():
                self._settle(slot)
                code = slot.bury()
                if code != 0 and slot.fate is None:
                    log.warning("child %s died: %s", slot.claimer, _shown(code))

    def _settle(self, slot: Slot) -> None:
        code, request = slot.process.exitcode, f"{slot.generation}.end"
        # The run that was doomed may have ended just before, and another begun.
        if slot.fate == "timeout" and slot.board.token == slot.doomed:
            job = Claimed(slot.board.id.decode(), str(slot.board.token), b"", 0, "")
            with contextlib.suppress(StaleLease):
                self._broker.end(job, timed_out(slot.board.timeout, slot.board.retry_delay))
        elif slot.fate is not None:
            self._broker.release(slot.claimer, request)
        elif code != 0 or slot.board.token:
            if slot.turn is None:  # while the server is away this is tried again and again, for one death
                slot.turn = self._turns.take(time.monotonic()) if slot.board.token else 0.0
            returned = self._broker.crash(slot.claimer, request, slot.cause_of_death(), pause=slot.turn)
            if returned is not None:
                log.warning("job %s lost its process (%s): %s", returned[0], _shown(code), returned[1])

    # The store: registration, queues, leases.

    def _keep_registered(self) -> None:
        if self._registered:
            return
        info = {
            **describe_process(),
            "started_at": iso(time.time()),
            "queues": list(self.settings.queues) if self.settings.queues else None,
            "offers": list(self.settings.offers),
            "concurrency": len(self._slots),
            "tasks": task_names(),
            "claimers": [slot.claimer for slot in self._slots],
        }
        self._broker.register(self.name, info)
        self._registered = True

    def _refresh_queues(self) -> None:
        """Serve queues and lanes as they come; chores are done for all of them in any case."""
        if self._queues_at > time.monotonic():
            return
        self._queues_at = time.monotonic() + _QUEUES_EVERY
        self._inspector.tell_odd_names()
        wanted = self.settings.lanes(known := self._inspector.lanes())
        self._scheduler.queues = sound = self._inspector.sound((*wanted, *known))
        served = tuple(lane for lane in wanted if lane in sound)
        if served != self._queues:
            self._queues = served
            for slot in self._running():
                slot.order(served)

    def _renew(self) -> None:
        """Renew every lease in one call, and act on what that tells of the runs on the boards."""
        now = time.monotonic()
        if self._renew_at > now:
            return
        before = [slot.board.token if slot.process is not None else 0 for slot in self._slots]
        renewals = self._broker.extend(
            self.name, [slot.claimer for slot in self._slots], lease=self.settings.lease
        )
        if renewals is None:
            self._registered = False
            return
        self._guard.renewed_at, self._renew_at = now, now + min(self.settings.lease / 3, _SIGN_OF_LIFE_EVERY)
        for slot, token, renewal in zip(self._slots, before, renewals, strict=True):
            # A child clears its board before it ends a run, so the same token before and after means it runs.
            if slot.process is None or not token or slot.board.token != token:
                continue
            if renewal.token != str(token) or renewal.word in {"LOST", "IDLE"}:
                log.warning("job %s is stopped: its lease was lost", slot.board.id.decode())
                slot.kill("lost")
            elif renewal.word == "CANCEL" and slot.board.cancel != token:
                slot.board.cancel = token
                slot.cancel_at = now + self.settings.grace

    def _tell(self, count: int, failed: list[Job]) -> None:
        """In a thread: a command may take its time."""
        told = receivers(self.settings.notify_command)
        threading.Thread(target=notify, args=(jobs_failed(count, failed), told), name="notify").start()

    # The end.

    def _heed_stop(self) -> None:
        now = time.monotonic()
        if self._stop_asked and self._stop_at is None:
            self._stop_at = now + self.settings.grace
            for slot in self._running():
                slot.board.stop = True
                slot.order(self._queues)
            log.info("stopping: running jobs have %g s", self.settings.grace)
        if self._stop_at is not None and (self._stop_asked > 1 or self._stop_at < now):
            for slot in self._running():
                slot.kill("release")

    def _end_burst(self) -> None:
        if not self.settings.burst or self._stop_asked or self._burst_at > time.monotonic():
            return
        self._burst_at = time.monotonic() + _BURST_EVERY
        paused = self._inspector.paused()
        lanes = [lane for lane in self._queues if queue_of(lane) not in paused]
        if self._inspector.unfinished(lanes, within=_BURST_HORIZON) == 0:
            self.stop()

    def _leave(self) -> None:
        """Sign off. If the server is away others will see that this process is gone."""
        with contextlib.suppress(StoreUnavailable):
            self._scheduler.announce()
            self._broker.deregister(self.name, [slot.claimer for slot in self._slots], lost=False)


def _shown(code: int) -> str:
    cause = cause_of_death(code)
    return str(cause.get("signal") or f"exit code {code}")
