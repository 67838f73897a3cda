"""A demo as a person runs it, and whether it has left anything."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.homes import UNGOVERNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
FOREIGN = {"REDIS_URL": "redis://127.0.0.1:1/0", "JUNMAI_CONFIG": "/nowhere", "JUNMAI_CONCURRENCY": "none"}
"""Settings of the user's own, none of which would do."""
# A terminal's keys reach those whose controlling terminal it is.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@dataclass(frozen=True)
class Demo:
    """Runs a demo, by what follows ``python``, as a user whose home is empty."""

    program: tuple[str, ...]
    home: Path
    temporary: Path
    environment: dict[str, str]

    @property
    def variables(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        ours = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "TERM": "xterm", "COLUMNS": "160"}
        return inherited | FOREIGN | ours | UNGOVERNED | self.environment

    def run(self) -> tuple[int, str, str]:
        """Run it to its end: exit code, stdout and stderr."""
        done = subprocess.run(
            [sys.executable, *self.program],
            cwd=ROOT, env=self.variables, check=False, capture_output=True, encoding="utf-8", timeout=90,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def in_terminal(
        self, after: str = "", act: Callable[[int, int], object] = lambda _terminal, _pid: None
    ) -> tuple[int, str]:
        """Run it in a terminal, and once it has shown ``after``, ``act`` on the terminal and its id."""
        parent, child = pty.openpty()
        demo = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *self.program],
            cwd=ROOT, env=self.variables, stdin=child, stdout=child, stderr=child, start_new_session=True,
        )  # fmt: skip
        os.close(child)
        shown, deadline, acted = b"", time.monotonic() + 90, not after
        try:
            while piece := self._read(parent, deadline):
                shown += piece
                if not acted and after.encode() in shown:
                    acted = True
                    act(parent, demo.pid)
            return demo.wait(60), shown.decode("utf-8")
        finally:
            demo.terminate()
            demo.wait(60)
            os.close(parent)

    @staticmethod
    def _read(terminal: int, deadline: float) -> bytes:
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert readable, "the demo, or something that it has left, still holds the terminal"
        try:
            return os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody is at the other end
            return b""

    def processes(self) -> list[psutil.Process]:
        """Those of the demo that run, by what they were told: nobody else has this folder."""
        return [process for process in psutil.process_iter() if str(self.temporary) in _told(process)]

    def has_left_nothing(self) -> bool:
        return not any(self.temporary.iterdir()) and not self.processes()


def _told(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        return "\0".join((*process.environ().values(), *process.cmdline()))
    return ""


@contextlib.contextmanager
def demo_of(folder: Path, *program: str) -> Iterator[Demo]:
    """A demo with a home and a place for temporary files in ``folder``; at the end nothing of it runs."""
    for name in ("home", "temporary"):
        (folder / name).mkdir()
    demo = Demo(program, folder / "home", folder / "temporary", {})
    yield demo
    for process in demo.processes():
        process.kill()
