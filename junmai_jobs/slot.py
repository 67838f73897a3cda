"""One place in a worker's pool, and how its processes are started, told, killed and buried."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from junmai_jobs.board import new_board
from junmai_jobs.child import child_main
from junmai_jobs.child_process import ChildSetup
from junmai_jobs.forked import CHILD_NAME

_MOST_UNREAD = 4
"""Orders. A line holds 8 KB at least."""
Fate = Literal["timeout", "release", "cancel", "lost"]
"""Why the supervisor killed a child; without one, the child died by itself."""


class Turns:
    """When jobs whose processes died come back: where many die in a row, one a second, behind the others.

    Each death costs the time in which a process starts, and that is taken from all other work.
    """

    _at_once, _longest = 3, 60.0

    def __init__(self) -> None:
        self._free = 0.0

    def take(self, now: float) -> float:
        """Seconds until the turn of what has died now."""
        self._free = max(self._free, now) + 1.0
        return min(self._longest, max(0.0, self._free - now - self._at_once))


class Slot:
    """One place in the pool: a claimer, and the process that acts for it now."""

    def __init__(self, claimer: str) -> None:
        self.claimer = claimer
        self.generation = 0
        self.process: Any = None
        self.board: Any = None
        self.fate: Fate | None = None
        self.doomed = 0
        """Token of the run that is killed for its timeout, or because it did not heed a cancel."""
        self.interrupt_at = self.cancel_at = math.inf
        """When a run that was asked to stop is interrupted, and when it is killed."""
        self.recalled = 0
        """Token of the run since which what was claimed ahead is not the child's any more."""
        self.turn: float | None = None
        """Seconds until the job of the dead child comes back, see ``Turns``; one for each death."""
        self.ran_out: bool | None = None
        """Whether the child died for want of memory; None before that is known."""
        self.has_ended = False
        """Whether the child's end was seen; to ask the system each time costs more than all else."""
        self.start_at = self.idle_since = 0.0
        self._jobs_seen = 0
        self._wanted: tuple[str, ...] = ()
        self._is_behind = False
        self._line: Connection | None = None
        """To the child: orders one way, and the other way that it has begun to work."""
        self._pause = 0.0
        self._burial = threading.Lock()

    def start(self, context: Any, setup: ChildSetup, least: int) -> None:
        """Start the next generation, which may claim jobs of the priority ``least`` and above."""
        self.prepare(new_board(), least)
        self._line, theirs = context.Pipe()
        process = context.Process(
            target=child_main,
            args=(setup, self.board, theirs),
            name=f"{CHILD_NAME}{self.claimer}",
            daemon=False,
        )
        process.start()
        self.process = process
        theirs.close()

    def prepare(self, board: Any, least: int) -> None:
        """Forget the last generation."""
        self.board, self.fate, self.doomed, self._jobs_seen = board, None, 0, 0
        self._is_behind = False
        self.board.least, self.has_ended = least, False
        self.interrupt_at = self.cancel_at = math.inf
        self.idle_since = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether there is a child whose end was not seen yet."""
        return self.process is not None and not self.has_ended

    @property
    def token(self) -> int:
        """Of the run on the board; 0 between jobs."""
        return int(self.board.token) if self.process is not None else 0

    @property
    def job(self) -> str:
        """The id of the job that is on the board, or was last."""
        return str(self.board.id.decode())

    @property
    def fields(self) -> dict[str, object]:
        """What the log says of the run on the board, see docs/logs.md."""
        return {"slot": self.claimer, "job": self.job, "token": str(self.board.token)}

    def idle_for(self, now: float) -> float:
        """Seconds since the child was last seen to run something, or to have done so since the last look."""
        if self.board.token or self.board.jobs != self._jobs_seen:
            self.idle_since, self._jobs_seen = now, self.board.jobs
        return now - self.idle_since

    def order(self, queues: Sequence[str]) -> None:
        """Tell the child which queues to serve; also wakes it, to see what stands on the board.

        One that runs a job reads no orders meanwhile, and a full line would stop the supervisor: beyond a few
        that are not read yet the last is told when they are.
        """
        self._wanted = tuple(queues)
        if self._line is None or self.board.orders - self.board.orders_read >= _MOST_UNREAD:
            self._is_behind = True
            return
        self._is_behind = False
        with contextlib.suppress(OSError):
            self._line.send(self._wanted)
            self.board.orders += 1

    def catch_up(self) -> None:
        """Tell what could not be told before."""
        if self._is_behind:
            self.order(self._wanted)

    @property
    def line(self) -> Connection | None:
        """What is ready when the child has begun to work after a rest; None when it is cut."""
        return self._line if self.is_alive else None

    def hear(self) -> None:
        """The line was ready: that is all there is to be told."""
        try:
            self._line.recv_bytes()  # type: ignore[union-attr]
            self.board.told = False
        except (OSError, EOFError):  # it has died, or its task has closed whatever was open
            self._line = None

    def ask_to_stop(self, token: int, now: float, grace: float) -> None:
        """Ask a run to end itself; it is interrupted after half of the grace, and killed after it."""
        self.board.cancel = token
        self.interrupt_at, self.cancel_at = now + grace / 2, now + grace

    def interrupt(self) -> None:
        """Have ``JobCancelled`` raised in the run that was asked to stop, where there is a signal for it.

        To be repeated: one that comes just before a call that blocks does not end that call.
        """
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.kill(self.process.pid, signal.SIGTERM)

    def kill_run(self, token: int, fate: Fate) -> None:
        """End the child for what this run of it has done; another one that has begun by then goes back."""
        self.doomed = token
        self.kill(fate)

    def kill(self, fate: Fate) -> None:
        """End the child now; what happens to its job is decided when its death is seen."""
        self.fate = self.fate or fate
        if os.name == "posix":
            with contextlib.suppress(OSError):
                # What the task has started goes with it; the child leads a process group of its own.
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def stop_run(self, begun_before: float) -> str | None:
        """Kill the child and release the job that it runs, from whatever thread; the id, if there is one.

        A run that has begun later has its lease from its claim.
        """
        with self._burial:
            process, board = self.process, self.board
            if process is None or self.fate is not None or not board.token:
                return None
            begun = board.deadline - board.timeout if board.deadline < math.inf else 0.0
            if begun > begun_before or wait([process.sentinel], 0):
                return None
            self.kill("release")
            return str(board.id.decode())

    def bury(self) -> int:
        """Clear up after the child's death. Its exit code, negative for a signal."""
        self.process.join()
        code = int(self.process.exitcode)
        if self._line is not None:
            self._line.close()
        # Children that die before they have claimed a job, again and again, are started ever more slowly. Who
        # dies of a job is followed at once: that are three for each job, and the others wait behind it.
        fruitless = code != 0 and self.fate is None and not (self.board.token or self.board.jobs)
        self._pause = min(30.0, max(0.05, self._pause * 2)) if fruitless else 0.0
        self.start_at = time.monotonic() + self._pause
        self.turn = self.ran_out = None
        with self._burial:
            self.process = None
        return code

    def cause_of_death(self) -> dict[str, Any]:
        """What the history is to keep of the child's death, and on which input, if it worked on one."""
        board, cause = self.board, cause_of_death(int(self.process.exitcode))
        known = board.token and board.input_token == board.token and board.input_id
        return cause | {"input": board.input_id.decode()} if known else cause


def cause_of_death(code: int) -> dict[str, Any]:
    """An exit code as the history keeps it: ``signal`` or ``exit_code``."""
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": f"signal {-code}"}
