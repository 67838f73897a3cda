"""What a fork of a worker's host leaves in the copy, and what the copy must leave alone.

A copy has everything of the original but its threads. With the original's ends of the pipes it would keep
the children from seeing that their supervisor died, and multiprocessing would have it wait for them.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
from typing import Any

CHILD_NAME = "junmai-jobs "
"""How the name of a child's process begins."""


@functools.cache
def leave_children_to_the_original() -> None:
    """From now on, have each copy that a fork makes of this process forget the children of its workers."""
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=_forget_children)


def _forget_children() -> None:
    # multiprocessing forgets them by itself only in the copies that it makes.
    children: Any = multiprocessing.process._children  # type: ignore[attr-defined] # noqa: SLF001
    for child in [each for each in children if each.name.startswith(CHILD_NAME)]:
        children.discard(child)
        pipes = child._popen.finalizer  # noqa: SLF001
        for pipe in pipes._args:  # noqa: SLF001
            os.close(pipe)
        pipes.cancel()
    _forget_forkserver()


def _forget_forkserver() -> None:
    """It lives as long as anybody has this pipe; a copy that needs one starts its own."""
    if sys.platform == "win32":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - not there on Windows

    server: Any = forkserver._forkserver  # noqa: SLF001 - there is no public way
    if (pipe := server._forkserver_alive_fd) is not None:  # noqa: SLF001
        os.close(pipe)
        server.__init__()
