"""Keeps a computer on mains power awake while it has work to do; on battery it sleeps when it likes.

Each system has a program or a call for that, and whichever it is, its effect ends with this process, even
when that is killed. On Linux a fork of this process that runs no program of its own holds it as well.
"""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
import time

from junmai_jobs.host import battery

log = logging.getLogger("junmai_jobs.worker")

_WHY = "photographs are being processed"
_SOON = 30.0  # seconds: a program that ends by itself within them would do so again
_MOMENT = 1.0  # seconds for it to end
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x8000_0000, 0x1


class Awake:
    """Whether the computer is kept awake. Neither method raises, or takes longer than a moment.

    For one thread: Windows keeps awake for the thread that asks, and is to be told by the same.
    """

    def __init__(self) -> None:
        self._held: _Program | _Request | None = None
        self._works = True

    def hold(self) -> None:
        """Keep it awake, unless it runs on battery; call it again from time to time while it should be."""
        self._look_after()
        if _on_battery():
            self.release()
        elif self._held is None and self._works:
            try:
                self._held = _Request() if sys.platform == "win32" else _Program(_command())
            except OSError as error:
                self._give_up(str(error))

    def release(self) -> None:
        """Let it sleep."""
        self._look_after()
        held, self._held = self._held, None
        if held is not None:
            held.end()

    def _look_after(self) -> None:
        """See whether it has ended by itself: if it was soon, it is of no use here."""
        if self._held is not None and (reason := self._held.ended()) is not None:
            if self._held.age < _SOON:
                self._give_up(reason)
            self._held = None

    def _give_up(self, reason: str) -> None:
        self._works = False
        log.info("the computer is not kept awake: %s", reason, extra={"event": "machine.may_sleep"})


class _Program:
    """One that keeps awake as long as it runs, in a session of its own: a terminal's Ctrl-C is not for it."""

    def __init__(self, command: list[str]) -> None:
        self._name, self._begun = command[0], time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def age(self) -> float:
        return time.monotonic() - self._begun

    def ended(self) -> str | None:
        """What it said, if it has ended."""
        if (code := self._process.poll()) is None:
            return None
        return f"{self._name}: {self._clear_up().decode(errors='replace').strip() or f'exit code {code}'}"

    def end(self) -> None:
        self._process.terminate()
        self._clear_up()

    def _clear_up(self) -> bytes:
        """Close the pipes, by which what it has started ends, too, and bury it. What it said."""
        for _ in range(2):
            try:
                return self._process.communicate(timeout=_MOMENT)[1]
            except subprocess.TimeoutExpired:
                self._process.kill()
        return b""


class _Request:
    """The same on Windows, which forgets it when the thread ends."""

    age = 0.0

    def __init__(self) -> None:
        if not _tell_windows(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED):
            raise OSError("Windows refused")

    def ended(self) -> str | None:
        return None

    def end(self) -> None:
        _tell_windows(_ES_CONTINUOUS)


def _tell_windows(state: int) -> bool:
    if sys.platform == "win32":
        return bool(ctypes.windll.kernel32.SetThreadExecutionState(state))
    return False


def _command() -> list[str]:
    if sys.platform == "darwin":
        return ["caffeinate", "-i", "-w", str(os.getpid())]
    # cat ends when nobody is left to write to it, which is when this process has ended.
    what = ["--what=sleep:idle", "--mode=block", "--who=junmai-jobs", f"--why={_WHY}"]
    return ["systemd-inhibit", *what, "cat"]


def _on_battery() -> bool:
    """False where nobody knows: most computers without a battery do not say more."""
    found = battery()
    return found is not None and found.power_plugged is False
