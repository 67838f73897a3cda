"""Programs that are told of a notice: started at once, ended at a deadline, and waited for by nobody."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junmai_jobs.notify import Notice

log = logging.getLogger("junmai_jobs.notify")

DEADLINE = 10.0
"""Seconds after which a program is killed."""
_LONGEST_VARIABLE = 100_000  # bytes; Linux takes 128 KiB
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_complaints: dict[str, str] = {}


class Started:
    """A program that has been told of a notice, in a session of its own: it outlives who has started it.

    It gets the notice as one JSON object on stdin, and the sentence in ``JUNMAI_MESSAGE``.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, words: Sequence[str], notice: Notice, *, heard: bool) -> None:
        """``heard``: what it says to stderr is kept for ``outcome``."""
        document = {"event": notice.event, "message": notice.message, "details": notice.details}
        variables = {"JUNMAI_EVENT": notice.event, "JUNMAI_MESSAGE": _variable(notice.message)}
        with tempfile.TemporaryFile() as file:  # a pipe would have to wait for its reader
            file.write(json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace"))
            file.seek(0)
            self._process = subprocess.Popen(
                list(words),
                stdin=file,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if heard else subprocess.DEVNULL,
                env=os.environ | variables,
                start_new_session=True,
                creationflags=_NO_WINDOW,
            )
        self._until = time.monotonic() + DEADLINE

    def outcome(self) -> str:
        """Wait for its end, and tell what went wrong; nothing if nothing has."""
        with self._process as process:
            try:
                _, said = process.communicate(timeout=max(0.0, self._until - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill(process)
                return f"it took longer than {DEADLINE:g} s"
        if process.returncode == 0:
            return ""
        told = (said or b"").decode(errors="replace").strip()
        return told or f"it ended with exit status {process.returncode}"


def tell(name: str, words: Sequence[str], notice: Notice) -> None:
    """Start a program; what goes wrong with it is logged."""
    try:
        started = Started(words, notice, heard=name == "desktop")
    except OSError as error:
        _complain(name, why_not(words, error))
        return
    watch = threading.Thread(target=lambda: _complain(name, started.outcome()), name="notice", daemon=True)
    with contextlib.suppress(RuntimeError):  # Python is at its end: a host has not stopped its worker
        watch.start()


def why_not(words: Sequence[str], error: OSError) -> str:
    """In words, why a program cannot be started."""
    return f"{words[0]}: {error.strerror or error}"


def _complain(name: str, why: str) -> None:
    """Once about the same thing: notices may be many."""
    if why and _complaints.get(name) != why:
        log.warning("no notice by %s: %s", name, why, extra={"event": "notice.failed", "outlet": name})
    _complaints[name] = why


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it, and what it has started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _variable(text: str) -> str:
    """As much of it as a variable of the environment can hold."""
    kept = text.replace("\0", "\\0").encode("utf-8", "backslashreplace")[:_LONGEST_VARIABLE]
    return kept.decode("utf-8", "ignore")
