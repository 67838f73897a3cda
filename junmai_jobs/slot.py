"""One place in a worker's pool, and how its processes are started, told, killed and buried."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Literal

from junmai_jobs.child import ChildSetup, child_main, new_board

_LONGEST_TEMPORARY = 103 - len("/pymp-12345678/listener-12345678")  # bytes; 103 is what macOS allows a socket
Fate = Literal["timeout", "release", "cancel", "lost"]
"""Why the supervisor killed a child; without one, the child died by itself."""


class Slot:
    """One place in the pool: a claimer, and the process that acts for it now."""

    def __init__(self, claimer: str) -> None:
        self.claimer = claimer
        self.generation = 0
        self.process: Any = None
        self.board: Any = None
        self.fate: Fate | None = None
        self.doomed = 0
        """Token of the run that is killed for its timeout."""
        self.cancel_at: float | None = None
        """When a run that was asked to stop is killed."""
        self.start_at = 0.0
        self._orders: Connection | None = None
        self._pause = 0.0

    def start(self, context: Any, setup: ChildSetup) -> None:
        """Start the next generation."""
        self.board, self.fate, self.cancel_at = new_board(), None, None
        reader, self._orders = context.Pipe(duplex=False)
        process = context.Process(
            target=child_main,
            args=(setup, self.board, reader),
            name=f"junmai-jobs {self.claimer}",
            daemon=False,
        )
        self._started = time.monotonic()
        process.start()
        self.process = process
        reader.close()

    def order(self, queues: Sequence[str]) -> None:
        """Tell the child which queues to serve; also wakes it, to see what stands on the board."""
        with contextlib.suppress(OSError, AttributeError):
            self._orders.send(tuple(queues))  # type: ignore[union-attr]
            self.board.orders += 1

    def kill(self, fate: Fate) -> None:
        """End the child now; what happens to its job is decided when its death is seen."""
        self.fate = self.fate or fate
        with contextlib.suppress(OSError, AttributeError):
            # What the task has started goes with it; the child leads a process group of its own.
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()

    def bury(self) -> int:
        """Clear up after the child's death. Its exit code, negative for a signal."""
        self.process.join()
        code = int(self.process.exitcode)
        if self._orders is not None:
            self._orders.close()
        # A child that dies at once, again and again, is started ever more slowly.
        died = code != 0 or self.board.token
        short_lived = died and self.fate is None and time.monotonic() - self._started < 1.0
        self._pause = min(30.0, max(0.05, self._pause * 2)) if short_lived else 0.0
        self.start_at = time.monotonic() + self._pause
        self.process = None
        return code


def start_method() -> Any:
    """The context for children; never a bare fork, which copies locks, sockets and threads.

    A forkserver is asked through a socket in the temporary folder, whose path may be too long for one.
    """
    room = len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_TEMPORARY
    if not room or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["junmai_jobs.child"])
    return context


def cause_of_death(code: int) -> dict[str, Any]:
    """An exit code as the history keeps it: ``signal`` or ``exit_code``."""
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:
        return {"signal": f"signal {-code}"}
