"""What to know before a worker starts inside a program: who runs its code again, and who works already.

The children of a worker import the program's main module and the modules of its tasks. So what stands at the
top level of those runs in each child.
"""

from __future__ import annotations

import ast
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from junmai_jobs.broker import Broker
from junmai_jobs.errors import OptionError
from junmai_jobs.forked import CHILD_NAME
from junmai_jobs.host import host_id, is_alive
from junmai_jobs.inspector import Inspector

log = logging.getLogger("junmai_jobs.worker")
_RELOADED = "WERKZEUG_RUN_MAIN"
"""Is ``true`` in the process that Flask's reloader has started, and below it."""


def refuse_unguarded() -> None:
    """Keep a program from starting workers in the children of its worker.

    Raises:
        OptionError: the line of the main module that leads here stands under no test of ``__name__``, or
            runs in a child already, or no child would find that module; the message names it.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise OptionError("this process is itself a child that imports the main module: " + _remedy())
    if (file := _file_that_runs_again()) is None:
        return
    if not file.is_file() and not hasattr(sys, "frozen"):
        raise OptionError(
            f"{file.name} is no file that the processes of the worker could import: make it one"
        )
    if (line := _line_in(file)) is not None and not _is_guarded(file, line):
        raise OptionError(f"{file}, line {line}, would run again in each process of the worker: {_remedy()}")


def _remedy() -> str:
    return 'put what starts anything under `if __name__ == "__main__":`'


def _file_that_runs_again() -> Path | None:
    """The main module's, if children run it: not that of a package, of ``python -c``, nor a notebook."""
    main: Any = sys.modules["__main__"]
    name = getattr(main.__spec__, "name", "")
    file: str | None = getattr(main, "__file__", None)
    if file is None or name.rpartition(".")[2] == "__main__":
        return None
    begun_in: Any = multiprocessing.process
    return Path(begun_in.ORIGINAL_DIR or "", file)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Of this one and its callers those of modules whose code is being run, the innermost first."""
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            yield frame
        frame = frame.f_back


def _line_in(main_file: Path) -> int | None:
    """Which line of the main module is being run: that which leads here, else where the main thread is."""
    variables = vars(sys.modules["__main__"])
    main_thread = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    for frame in (*_frames(sys._getframe()), *_frames(main_thread)):  # noqa: SLF001 - there is no public way
        if frame.f_globals is variables and Path(frame.f_code.co_filename).name == main_file.name:
            return frame.f_lineno
    return None


def _is_guarded(file: Path, line: int) -> bool:
    """Whether the line is kept from the children by an ``if`` around it that tests ``__name__``.

    A test that leaves before the line is none: the children would leave there, too.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # not there as a file, or changed since it was read
        return True
    return any(isinstance(node, ast.If) and line in _kept_lines(node) for node in ast.walk(tree))


def _kept_lines(branch: ast.If) -> range:
    """Those of an ``if`` that no child comes to: its body, or where it tests by ``!=`` what is below that."""
    tests = [part for part in ast.walk(branch.test) if isinstance(part, ast.Compare) and _is_of_name(part)]
    below = (branch.body[-1].end_lineno or branch.lineno) + 1
    if not tests:
        return range(0)
    if isinstance(tests[0].ops[0], ast.NotEq):
        return range(below, (branch.end_lineno or branch.lineno) + 1)
    return range(branch.lineno, below)


def _is_of_name(test: ast.Compare) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in (test.left, *test.comparators)
    )


def may_work() -> bool:
    """Whether a worker may start in this process; False in another's child that imports what would start it.

    Raises:
        OptionError: it would start in a child otherwise, as from a task.
    """
    if not multiprocessing.current_process().name.startswith(CHILD_NAME):
        return True
    # Such a process begins with a `python -c`, which is always below.
    if all(frame.f_globals.get("__name__") == "__main__" for frame in _frames(sys._getframe())):  # noqa: SLF001
        raise OptionError("a worker cannot start in a process of another: submit the job, and let it be run")
    return False


def take_over(broker: Broker, inspector: Inspector) -> None:
    """In the process that Flask's reloader runs: have the worker of the one that watches the files stop.

    Both run the whole program, and this one has its newest code.

    Raises:
        StoreUnavailable: the server cannot be reached.
    """
    if os.environ.get(_RELOADED) != "true" or not (watching := _watching()):
        return
    for name, said in inspector.worker_info().items():
        mark: Any = said.get("mark")
        if said.get("host_id") == host_id() and is_alive(mark) and mark[0] in watching:
            fields = {"event": "worker.replaced", "worker": name}
            log.info("worker %s stops: this process is the one that Flask reloads", name, extra=fields)
            broker.dismiss(name)


def _watching() -> set[int]:
    """The process that watches the files, and runs this one again whenever one has changed.

    On Windows the Python of a virtual environment starts another one, so it is one or two above. One that is
    itself below the reloader only happens to have started this process.
    """
    above: list[Any] = psutil.Process().parents()[: 2 if sys.platform == "win32" else 1]
    return {process.pid for process in above if not _is_reloaded(process)}


def _is_reloaded(process: psutil.Process) -> bool:
    try:
        return process.environ().get(_RELOADED) == "true"
    except (psutil.Error, OSError):
        return True
