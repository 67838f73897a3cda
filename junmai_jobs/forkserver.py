"""By which method a worker starts its children: where there is one, by a forkserver that has loaded our code.

Light to import, since the forkserver is to load while the supervisor still does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from typing import Any

_LONGEST_TEMPORARY = 103 - len("/pymp-12345678/listener-12345678")  # bytes; 103 is what macOS allows a socket
_NEEDED_TO_CONNECT = ("encodings.idna", "email.parser", "secrets")


def children_context(modules: Iterable[str] = ()) -> Any:
    """The multiprocessing context for children: a forkserver, or spawn where there is none.

    Never a bare fork, which copies locks, sockets and threads. A forkserver is asked through a socket in
    the temporary folder, whose path may be too long for one. What this process has loaded of our own it has
    loaded too, and the ``modules`` that are about to be, since a child is soon there then. What a user's
    modules do when they are loaded, be it to start a thread, they do in each child.
    """
    fits = len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_TEMPORARY
    if not fits or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    ours = [each for each in sys.modules if each.startswith(("junmai_jobs.commands.", "junmai_jobs.tasks."))]
    names = ("junmai_jobs.preload", "junmai_jobs.child", *_NEEDED_TO_CONNECT, *ours, *modules)
    context.set_forkserver_preload(list(dict.fromkeys(names)))
    return context


def start_forkserver(modules: Iterable[str]) -> None:
    """Have the forkserver load these and our own from now on; it is waited for when it is first needed.

    To be called in the main thread, once the environment is as the children are to have it.
    """
    if sys.platform == "win32" or children_context(modules).get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker  # noqa: PLC0415 - not there on Windows

    with contextlib.suppress(OSError):  # it is tried again when it is needed
        resource_tracker.ensure_running()  # which would unblock what is blocked here
        # An interrupt is ours to heed, if only in a moment: what is blocked here is blocked there, too, until
        # it has loaded what has it ignored (preload.py).
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
