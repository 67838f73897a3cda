"""How the process of a slot lives on its machine and with its parent: signals, groups, death, cores, log."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import Any

from junmai_jobs.background import stand_back
from junmai_jobs.context import job_fields
from junmai_jobs.interrupt import strike
from junmai_jobs.logs import start_logging
from junmai_jobs.settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSetup:
    """What a child needs to know; it is pickled by multiprocessing, from our own parent process only."""

    settings: WorkerSettings
    claimer: str
    generation: int
    queues: tuple[str, ...]
    threads: int
    """For each library that would start one a core."""


def settle_in(setup: ChildSetup) -> None:
    """Leave the terminal's signals to the parent, end with it, and stand back for other programs."""
    leave_stopping_to_the_parent()
    if os.name == "posix":
        os.setpgid(0, 0)
        # What a task forks is ended by a SIGTERM of its own, from its first moment on.
        os.register_at_fork(
            before=_die_of_sigterm, after_in_parent=_strike_at_sigterm, after_in_child=_die_of_sigterm
        )
    stand_back(setup.settings.nice)
    _end_with_parent()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(variable, str(setup.threads))
    start_logging(
        setup.settings.loglevel,
        setup.settings.log_file,
        setup.settings.log_form,
        always={"worker": setup.claimer.rpartition("/")[0], "slot": setup.claimer},
        here=job_fields,
    )


def leave_stopping_to_the_parent() -> None:
    """Neither a terminal's Ctrl-C or end nor a SIGTERM that is sent to every process ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see forkserver.py
    for name in ("SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    _strike_at_sigterm()


def _strike_at_sigterm() -> None:
    # Not SIG_IGN, which whatever a task starts would inherit. ValueError: it forks in another thread.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, lambda *_: strike())


def _die_of_sigterm() -> None:
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_with_parent() -> None:
    """Two ways, since each has a hole.

    The thread sees the supervisor die on every system, but cannot act while C code holds the interpreter.
    The kernel's signal comes in any case, but only on Linux, and at the death of the forkserver, which
    follows the supervisor's at once.
    """
    parent = parent_process()
    if parent is None:
        return
    _let_forkserver_go()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def _let_forkserver_go() -> None:
    """Close the pipe that multiprocessing leaves in each child: while it is open, the forkserver lives on."""
    if sys.platform == "win32":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - not there on Windows

    server: Any = forkserver._forkserver  # noqa: SLF001 - there is no public way
    if (pipe := getattr(server, "_forkserver_alive_fd", None)) is not None:
        server._forkserver_alive_fd = None  # noqa: SLF001
        os.close(pipe)
