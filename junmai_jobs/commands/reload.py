"""``worker --reload``, for development: a worker that starts again whenever the code of its tasks changes.

The command runs the worker as a process of its own, again and again. That process watches the files which
it has loaded, and stops in order when one of them is another: so nothing of the old code is left, in no
module, child or forkserver. Code that cannot be imported is waited for to change, and so is a
configuration that cannot be read, which names the modules and is watched, too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from junmai_jobs.commands.output import note
from junmai_jobs.config import home_of
from junmai_jobs.errors import ConfigError
from junmai_jobs.hosting import run_with_signals
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from junmai_jobs.commands.app import App
    from junmai_jobs.config import Config
    from junmai_jobs.worker import Worker

log = logging.getLogger("junmai_jobs.worker")

CHANGED = 75
"""The exit code of a worker that is to start again."""
_OURS = "_JUNMAI_RELOADED"
_WHICH = os.environ.pop(_OURS, "")
"""In the worker's process: ``first`` in the first, else ``again``."""
_NO_CODE = (
    "no tasks are known here, so there is no code to watch: name their module with --tasks MODULE, "
    "or a config.json that does with --config FILE or JUNMAI_CONFIG"
)
_EVERY = 0.5  # s
_ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")

State = tuple[int, int] | None
"""Of a file: when it was changed, in ns, and its size in bytes; None: it is not there."""


def is_watched() -> bool:
    """Whether this process is the worker's, which ``keep_running`` has started."""
    return _WHICH != ""


def keep_running() -> int:
    """Run this command as a process, once more each time that it ends because its code has changed.

    What asks this process to stop is handed on. If it dies, the worker stops.

    Returns:
        The exit code of the last.
    """
    # -P: as for an installed command, the current folder hides no module of the library's.
    # -B: whether bytecode is that of a source is told by the second, and two changes may come in one.
    command = [sys.executable, "-P", "-B", "-m", "junmai_jobs", *sys.argv[1:]]
    # In a group of its own, Ctrl-C in a terminal reaches it through us alone: two would stop it at once.
    group: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}
    asked: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if group and running:
            running[0].send_signal(number)

    for each in [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]:
        if each.name != "SIGHUP" or signal.getsignal(each) != signal.SIG_IGN:  # as under nohup
            signal.signal(each, hand_on)
    code, which = CHANGED, "first"
    while code == CHANGED and not asked:
        # At our end, whichever, it reads that of this pipe.
        options: dict[str, Any] = {"stdin": subprocess.PIPE, "env": os.environ | {_OURS: which}} | group
        running[:] = [subprocess.Popen(command, **options)]
        if asked and group:  # it came when there was nobody yet to be told
            running[0].send_signal(asked[0])
        code, which = running[0].wait(), "again"
    return 0 if code == CHANGED or -code in asked else code


def read_config(app: App) -> None:
    """Read the configuration; wait for a change of one that could be read before and cannot be any more.

    Raises:
        ConfigError: it could not be read before.
        SystemExit: it has changed, or nobody waits any more.
    """
    try:
        app.config  # noqa: B018 - it is read
    except ConfigError as error:
        if _WHICH == "first":
            raise
        env = {name: text for name, text in os.environ.items() if text.strip()}
        file = Path(env["JUNMAI_CONFIG"]) if "JUNMAI_CONFIG" in env else home_of(env) / "config.json"
        _wait_for_change(error, Code([], config=file))


def register_tasks(app: App) -> None:
    """Import the modules of the tasks; of code that cannot be, tell what is wrong, and wait for a change.

    Raises:
        ConfigError: there is no module of a name, and has not been; or there is no code to be watched.
        SystemExit: it has changed, or nobody waits any more.
    """
    modules, config = app.config.tasks, app.config.file
    try:
        _import_tasks(app)
    except ConfigError as error:
        cause = error.__cause__
        is_missing = isinstance(cause, ModuleNotFoundError) and cause.name in modules
        if _WHICH == "first" and (cause is None or is_missing):
            raise
        code = Code(modules, config=config)
        if cause is not None:
            code.add_what_failed(cause)
        _wait_for_change(error, code)


def _import_tasks(app: App) -> None:
    app.register_tasks()
    if not Code(app.config.tasks).files:
        raise ConfigError(_NO_CODE)


def _wait_for_change(error: ConfigError, code: Code) -> NoReturn:
    over = threading.Event()
    note(f"Error: {error}")
    note("Waiting for the code to change.")
    _at_parents_end(over.set)
    sys.exit(0 if code.wait_for_change(over) is None else CHANGED)


def run(worker: Worker, config: Config, begun: int) -> int:
    """Run a worker until it is told to stop, or until its code changes. The exit code.

    Args:
        worker: it.
        config: its tasks are imported.
        begun: a time before that and before it was read, in ns since 1970.
    """
    code, over, changed = Code(config.tasks, begun, config.file), threading.Event(), threading.Event()
    number = count(len(code.files), "file")
    fields = {"event": "code.watched", "files": len(code.files)}
    log.info("for development: %s watched for changes", number, extra=fields)

    def look() -> None:
        if (file := code.wait_for_change(over)) is not None:
            fields = {"event": "code.changed", "code": file.name}
            log.info("%s has changed: the worker starts again", file.name, extra=fields)
            changed.set()
            worker.stop()

    threading.Thread(target=look, daemon=True).start()
    _at_parents_end(worker.stop)
    ended = run_with_signals(worker)
    over.set()
    return CHANGED if changed.is_set() else ended


def _at_parents_end(call: Callable[[], object]) -> None:
    def listen() -> None:
        with contextlib.suppress(OSError):
            os.read(0, 1)  # sys.stdin could not be closed at the exit while a thread reads it
        call()

    threading.Thread(target=listen, daemon=True).start()


class Code:
    """The files of the modules that tasks are made of, as they are when this is made, and what they become.

    Args:
        modules: those that were named; what they import counts where it lies beside them, or below the
            current folder. What is imported only while a task runs is not known here.
        begun: when it was begun to import them, in ns since 1970: what has changed since is another already.
        config: the file that names them, which is watched, too.
    """

    def __init__(self, modules: Sequence[str], begun: int | None = None, config: Path | None = None) -> None:
        self._roots = {Path.cwd()}
        for name in modules:
            top = sys.modules.get(name.partition(".")[0])
            if (found := getattr(top, "__file__", None)) is not None:
                file = Path(found).absolute()
                self._roots.add(file.parents[1 if file.stem == "__init__" else 0])
        names = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        self.files = self._states_of(filter(None, names))
        self.files |= {file: _state(file) for file in (config,) if file is not None}
        now = time.time_ns()
        for file, state in self.files.items():
            if begun is not None and state is not None and begun <= state[0] <= now:
                self.files[file] = None

    def _states_of(self, names: Iterable[str]) -> dict[Path, State]:
        """Of those that are not installed."""
        files = [Path(name).absolute() for name in names]
        return {file: _state(file) for file in files if self._is_own(file)}

    def _is_own(self, file: Path) -> bool:
        below = [file.relative_to(root) for root in self._roots if file.is_relative_to(root)]
        return any("site-packages" not in path.parts for path in below)

    def add_what_failed(self, error: BaseException) -> None:
        """Watch what an import came through that has failed, too, and where a missing module would be."""
        names = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
        if isinstance(error, SyntaxError) and error.filename:
            names.add(error.filename)
        if isinstance(error, ModuleNotFoundError) and error.name:
            place = error.name.replace(".", "/")
            names |= {f"{root}/{place}{end}" for root in self._roots for end in (".py", "/__init__.py")}
        self.files |= self._states_of(names)

    def wait_for_change(self, over: threading.Event) -> Path | None:
        """Until a file is another, and all have stayed as they are for a moment. None: it is ``over``."""
        before = self.files
        while not over.wait(_EVERY):
            now = {file: _state(file) for file in self.files}
            if now == before != self.files:
                return next(file for file, state in now.items() if state != self.files[file])
            before = now
        return None


def _state(file: Path) -> State:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
