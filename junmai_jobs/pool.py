"""The slots of one worker and the processes in them: how many there are, what each may claim, how each ends.

The supervisor looks after it between two waits. Nothing here waits for a child or believes one: what the
store says of a claimer counts.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from junmai_jobs import endings, ladder
from junmai_jobs.broker import Broker
from junmai_jobs.child_process import ChildSetup
from junmai_jobs.endings import Ending
from junmai_jobs.errors import ConfigError, StaleLease
from junmai_jobs.executor import timed_out
from junmai_jobs.forkserver import children_context
from junmai_jobs.host import current_folder
from junmai_jobs.job import Claimed
from junmai_jobs.resources import NOTHING, Allowance, Grade
from junmai_jobs.settings import WorkerSettings
from junmai_jobs.slot import Slot, Turns, cause_of_death

log = logging.getLogger("junmai_jobs.worker")
_MOMENT = 0.1
_LONG_RUN = 0.25
"""Seconds that a run may take before what was claimed ahead in its process goes back."""
_KILLS_EVERY = 5.0
_IDLE_BEFORE_RETIRING = 5.0
"""Seconds without a job after which an elastic pool lets a process go."""


class Pool:
    """The slots of one worker.

    Args:
        name: the worker's.
        settings: how it works.
        broker: to return what the dead held.

    Raises:
        ConfigError: the current folder is gone, from which no process can be started.
    """

    def __init__(self, name: str, settings: WorkerSettings, broker: Broker) -> None:
        current_folder()
        self.slots = [Slot(f"{name}/{number}") for number in range(settings.concurrency)]
        self.size = settings.fewest_slots
        """How many slots are to have a process."""
        self.allowance = Allowance()
        """How much the governor lets run."""
        self.lanes: Sequence[str] = ()
        """What the children serve."""
        self._settings = settings
        self._broker = broker
        self._context = children_context()
        self._turns = Turns()
        self._loner: Slot | None = None
        self._was_restricted = False
        self._cancelled: frozenset[str] = frozenset()
        """Tokens of the runs that are to stop, also of those that have not begun yet."""
        self._kernel_kills = (ladder.kernel_kills(),) * 2
        """How many processes the kernel had killed at the last two looks, the older first."""
        self._kills_read_at = -math.inf

    @property
    def claimers(self) -> list[str]:
        """The slots by name."""
        return [slot.claimer for slot in self.slots]

    @property
    def is_busy(self) -> bool:
        """Whether a job runs, as far as the boards tell."""
        return any(slot.token for slot in self.slots)

    @property
    def is_short(self) -> bool:
        """Whether it could grow, and nobody in it is idle."""
        return self.size < len(self.slots) and all(slot.token for slot in self.running())

    @property
    def is_incomplete(self) -> bool:
        """Whether a slot that should have a process has none."""
        return sum(slot.process is not None for slot in self.slots) < self.size

    @property
    def is_empty(self) -> bool:
        """Whether all children have died and are buried."""
        return all(slot.process is None for slot in self.slots)

    @property
    def sentinels(self) -> list[Any]:
        """What to wait for: the ends of those that live. The dead would end a wait at once."""
        return [slot.process.sentinel for slot in self.slots if slot.is_alive]

    @property
    def lines(self) -> list[Any]:
        """What else to wait for: children who tell that they work."""
        return [line for slot in self.slots if (line := slot.line) is not None]

    def note(self, ready: Sequence[Any]) -> None:
        """These of the sentinels and lines were ready."""
        for slot in self.slots:
            if slot.line in ready:
                slot.hear()
            if slot.is_alive and slot.process.sentinel in ready:
                slot.process.join(_MOMENT)  # one that was spawned lets go of its sentinel just before its end
                slot.has_ended = slot.process.exitcode is not None

    def running(self) -> Iterator[Slot]:
        """The slots whose child lives and is not on its way out."""
        return (slot for slot in self.slots if slot.fate is None and slot.is_alive)

    # How many processes, and what they may claim.

    def serve(self, lanes: Sequence[str]) -> None:
        """Have the children serve these lanes from now on."""
        if lanes != self.lanes:
            self.lanes = lanes
            for slot in self.running():
                slot.order(lanes)

    def fit(self, waiting: int) -> None:
        """Grow by what waits, as far as the governor lets it run; let go who has been idle for a while."""
        fewest, most = self._settings.fewest_slots, len(self.slots)
        if fewest == most:
            return
        now = time.monotonic()
        staying = [slot for slot in self.running() if not slot.board.retire]
        idle = [slot for slot in staying if slot.idle_for(now) > _IDLE_BEFORE_RETIRING]
        # Where some are idle and jobs wait, more would not get them either.
        if self._loner is None and not idle:
            wanted = sum(bool(slot.token) for slot in staying) + waiting
            urgent = self.allowance.grade is not Grade.NONE  # there is always one more for what is urgent
            self.size = max(self.size, min(wanted, most, self.allowance.slots(most) + urgent))
        for slot in idle[::-1][: min(self.size - fewest, len(idle) - bool(waiting))]:
            self.size -= 1
            slot.board.retire = True
            slot.order(self.lanes)

    def start(self) -> None:
        """Give slots a process until there are as many as there should be."""
        missing = self.size - sum(slot.process is not None and not slot.board.retire for slot in self.slots)
        for slot in self.slots[:]:
            if missing > 0 and slot.process is not None and slot.board.retire and slot.is_alive:
                slot.board.retire = False  # before a new one is started; if it goes all the same, one is
                missing -= 1
        empty = (slot for slot in self.slots if slot.process is None and slot.start_at <= time.monotonic())
        for slot, _ in zip(empty, range(missing), strict=False):
            slot.generation += 1
            try:
                current_folder()
                slot.start(self._context, self._setup(slot), self._least(slot, len(self.slots) - 1))
            # EOFError: the forkserver could not; RuntimeError: Python is at its end, as where a host is.
            except (ConfigError, OSError, EOFError, RuntimeError) as error:
                fields = {"event": "child.unstartable", "slot": slot.claimer}
                log.error("no process can be started: %s", error, extra=fields)  # noqa: TRY400 - it says it all
                slot.start_at = time.monotonic() + 1.0

    def _setup(self, slot: Slot) -> ChildSetup:
        return ChildSetup(
            settings=self._settings,
            claimer=slot.claimer,
            generation=slot.generation,
            queues=tuple(self.lanes),
            threads=max(1, (os.cpu_count() or 1) // self._settings.concurrency),
        )

    def restrict(self) -> None:
        """Have each child claim what the governor leaves it, and nothing while a run is to be alone."""
        is_restricted = self._loner is not None or self.allowance.grade is not Grade.FULL
        if not is_restricted and not self._was_restricted:
            return
        self._was_restricted = is_restricted
        # Who runs a job has the first places, so that those who begin one do not come on top.
        ranked = sorted(self.slots, key=lambda slot: (not slot.token, not slot.is_alive))
        for place, slot in enumerate(ranked):
            least = self._least(slot, place)
            if slot.is_alive and slot.board.least != least:
                slot.board.least = least
                if not slot.token:  # who runs a job reads it after that
                    slot.order(self.lanes)

    def _least(self, slot: Slot, place: int) -> int:
        if self._loner is not None and slot is not self._loner:
            return NOTHING
        return self.allowance.least(place, len(self.slots))

    def nudge(self) -> None:
        """Have the idle look for jobs: a ring may have died with a child that had heard it."""
        for slot in self.running():
            if not slot.token:
                slot.order(self.lanes)

    # What becomes of runs.

    def watch(self) -> None:
        """See to runs that take too long, that do not heed a cancel, or that are to be alone."""
        now = time.monotonic()
        for slot in self.running():
            slot.catch_up()
            token = slot.token
            if token and slot.board.deadline < now:
                slot.kill_run(token, "timeout")
                text = "job %s is killed: its timeout is over"
                log.warning(text, slot.job, extra={"event": "job.timeout", **slot.fields})
            elif token and token == slot.board.cancel and slot.cancel_at < now:
                slot.kill_run(token, "cancel")
                text = "job %s is killed: it does not heed its cancel"
                log.warning(text, slot.job, extra={"event": "job.unheeding", **slot.fields})
            elif token and token == slot.board.cancel and slot.interrupt_at < now:
                slot.interrupt()
            elif token and token != slot.board.cancel and str(token) in self._cancelled:
                slot.ask_to_stop(token, now, self._settings.grace)
        self._choose_loner()
        self.restrict()
        self._let_loner_begin()
        self._count_kernel_kills(now)

    def _count_kernel_kills(self, now: float) -> None:
        """While jobs run; what the kernel has killed long ago counts for nobody."""
        if not self.is_busy:
            self._kills_read_at = -math.inf
        elif now >= self._kills_read_at + _KILLS_EVERY:
            before, count = self._kernel_kills[1], ladder.kernel_kills()
            self._kernel_kills = (before if self._kills_read_at > 0 else count, count)
            self._kills_read_at = now

    def _choose_loner(self) -> None:
        """One of the runs that are to be alone: it begins when no other runs, and nobody claims meanwhile."""
        lonely = [slot for slot in self.running() if slot.token and slot.board.alone]
        if self._loner not in lonely:
            self._loner = lonely[0] if lonely else None

    def _let_loner_begin(self) -> None:
        # A child says that it claims before it reads what it may: who does not by now will get nothing.
        working = (slot for slot in self.slots if slot.token or (slot.is_alive and slot.board.claiming))
        if self._loner is not None and all(slot.token and slot.board.alone for slot in working):
            self._loner.board.granted = self._loner.token

    def tokens(self) -> list[int]:
        """The run of each slot, 0 where there is none."""
        return [slot.token for slot in self.slots]

    def recall_ahead(self) -> None:
        """Return what waits in a child behind a run that takes its time: others may run it."""
        long_ago = time.monotonic() - _LONG_RUN
        for slot in self.running():
            token, board = slot.token, slot.board
            if token and board.ahead and slot.recalled != token and board.deadline - board.timeout < long_ago:
                board.recalled = token
                if slot.token == token:  # else the child may have begun the next one: it has the rest for now
                    self._broker.release(slot.claimer, "", behind=token)
                slot.recalled = token

    def heed(self, renewals: Mapping[str, str], before: Sequence[int]) -> None:
        """Act on what the store says of the runs that were on the boards ``before`` it was asked."""
        now = time.monotonic()
        self._cancelled = frozenset(token for token, word in renewals.items() if word == "CANCEL")
        for slot, token in zip(self.slots, before, strict=True):
            # A child clears its board before it ends a run, so the same token before and after means it runs.
            if not token or slot.token != token:
                continue
            word = renewals.get(str(token))
            if word is None:
                text = "job %s is stopped: its lease was lost"
                log.warning(text, slot.job, extra={"event": "job.stopped", **slot.fields})
                slot.kill("lost")
            elif word == "CANCEL" and slot.board.cancel != token:
                slot.ask_to_stop(token, now, self._settings.grace)

    # The end.

    def tell_to_stop(self) -> None:
        """Have the children claim no more, and leave after the job they run."""
        for slot in self.running():
            slot.board.stop = True
            slot.order(self.lanes)

    def kill(self) -> None:
        """End every child; what it ran goes back."""
        for slot in self.running():
            slot.kill("release")

    def bury(self) -> None:
        """Return what the dead held. The slot stays empty until the store knows, so no claimer acts twice."""
        for slot in self.slots:
            if slot.process is not None and not slot.is_alive:
                self._settle(slot)
                code = slot.bury()
                if code != 0 and slot.fate is None:
                    fields = {"event": "child.died", "slot": slot.claimer, **cause_of_death(code)}
                    log.warning("child %s died: %s", slot.claimer, _shown(code), extra=fields)

    def _settle(self, slot: Slot) -> None:
        code, request, board = slot.process.exitcode, f"{slot.generation}.end", slot.board
        # The run that was doomed may have ended just before, and another begun.
        doomed = slot.fate if board.token and board.token == slot.doomed else None
        if doomed == "timeout":
            self._end(slot, timed_out(board.timeout, board.retry_delay))
        elif doomed == "cancel":
            self._end(slot, endings.confirm_cancel("killed"))
        elif slot.fate is not None:
            self._broker.release(slot.claimer, request)
        elif board.token and self._has_run_out(slot, code):
            self._end(slot, ladder.after_death(board.rung, slot.cause_of_death()))
        elif code != 0 or board.token:
            if slot.turn is None:  # while the server is away this is tried again and again, for one death
                slot.turn = self._turns.take(time.monotonic()) if board.token else 0.0
            cause, token = slot.cause_of_death(), board.token
            returned = self._broker.crash(slot.claimer, request, cause, pause=slot.turn, token=token)
            if returned is not None:
                job_id, becomes = returned
                fields = {"event": "job.crashed", **slot.fields, "job": job_id, **cause, "becomes": becomes}
                log.warning("job %s lost its process (%s): %s", job_id, _shown(code), becomes, extra=fields)

    def _end(self, slot: Slot, how: Ending) -> None:
        job_id = slot.job
        with contextlib.suppress(StaleLease):
            self._broker.end(Claimed(job_id, str(slot.board.token), b"", 0, ""), how)
            fields = {"event": "job.killed", **slot.fields, "outcome": how.outcome}
            log.warning("job %s %s", job_id, how, extra=fields)
        # Also what had ended before in the same process, and was not told.
        self._broker.release(slot.claimer, f"{slot.generation}.end")

    def _has_run_out(self, slot: Slot, code: int) -> bool:
        """Whether a child died for want of memory, by its own word or the kernel's; asked once a death."""
        if slot.ran_out is None:
            slot.ran_out = code == ladder.OUT_OF_MEMORY
            if os.name == "posix" and code == -signal.SIGKILL:
                slot.ran_out = (ladder.kernel_kills() or 0) > (self._kernel_kills[0] or 0)
        return slot.ran_out


def _shown(code: int) -> str:
    cause = cause_of_death(code)
    return str(cause.get("signal") or f"exit code {code}")
