"""The command as a person or a program runs it: a process of its own, with a home and a folder of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.forks import Forks
from tests.homes import in_home
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = (sys.executable, "-m", "junmai_jobs.cli")
HIDDEN = "hunter2"
"""A password that must never be shown."""
COMMANDS = (
    ["submit"], ["stats"], ["top"], ["list"], ["failed"], ["show"], ["replay"], ["trace"], ["why"],
    ["pause"], ["resume"],
    ["purge"], ["retry"], ["cancel"], ["boost"], ["batch"], ["worker"], ["workers"], ["process"],
    ["server", "start"], ["server", "stop"], ["server", "status"], ["server", "clean"], ["config", "show"],
    ["demo"], ["schedule", "list"], ["schedule", "add"],
    ["schedule", "remove"], ["schedule", "pause"], ["schedule", "resume"], ["schedule", "run"],
    ["cache"], ["cache", "clear"], ["doctor"], ["metrics"], ["export"], ["import"], ["init"],
)  # fmt: skip
REACHING = (
    ["stats"], ["list"], ["failed"], ["show", "x"], ["why", "x"], ["pause"], ["resume"], ["purge", "--yes"],
    ["replay", "x"], ["trace", "x", "--output", "t.json"],
    ["retry", "x"], ["retry", "--all", "--yes"], ["cancel", "x"], ["boost", "x"], ["submit", "add", "1"],
    ["submit", "add", "1", "--wait"], ["worker"], ["workers"], ["server", "status"], ["cache"],
    ["cache", "clear", "--yes"], ["metrics"],
    ["export", "x"], ["import", "--discard"], ["server", "clean"],
)  # fmt: skip
"""Those that ask the server something."""
TASKS = """
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from junmai_jobs import RetryPolicy, current_job, task

@task
def add(a, b=1):
    return a + b

@task(retry=RetryPolicy(max_retries=0))
def explode(text):
    raise ValueError(text)

@task(queue="slow")
def until_cancelled():
    while True:
        current_job().check_cancelled()
        Event().wait(0.01)

@task
def odd_values():
    return [Path("/a/b"), b"\\x00\\xff", float("nan"), datetime(2026, 1, 2, tzinfo=UTC)]
"""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """Runs ``junmai-jobs`` in ``folder``, which has the tasks above in its module ``studio``."""

    home: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    forks: Forks | None = None
    """What ``run`` has a command forked by, where its interpreter needs nothing of its own."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "studio.py").write_text(TASKS, "utf-8")

    def having(self, **environment: str) -> CommandLine:
        """The same with other environment variables."""
        return replace(self, environment=self.environment | environment)

    @property
    def variables(self) -> dict[str, str]:
        ours = ("JUNMAI_", "REDIS_", "CELERY_", "_JUNMAI", "NO_COLOR", "FORCE_COLOR", "PYTEST_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return inherited | in_home(self.home) | {"COLUMNS": "160"} | self.environment

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start it, with pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            **({"env": self.variables} | pipes | options),
        )

    def finish(self, process: subprocess.Popen[str], stdin: str = "", timeout: float = 60) -> Done:
        """Wait for the end of what was started."""
        try:
            out, err = process.communicate(stdin, timeout)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        return Done(process.returncode, out, err)

    def run(self, *arguments: str | Path, stdin: str = "") -> Done:
        """Run it to its end."""
        if self.forks is None or any(name.startswith("PYTHON") for name in self.environment):
            return self.finish(self.start(*arguments), stdin)
        given = [*map(str, arguments)]
        return Done(*self.forks.run(given, self.folder, self.variables, stdin, timeout=60))

    def json(self, command: str, *arguments: str | Path, stdin: str = "", code: int = 0) -> Any:
        """The one document that ``--json`` prints."""
        done = self.run(command, "--json", *arguments, stdin=stdin)
        assert done.code == code, done
        return json.loads(done.out)

    def in_terminal(
        self, *arguments: str | Path, after: str = "", keys: str = "", interrupt: bool = False
    ) -> tuple[int, str]:
        """Run it in a terminal; when it has shown ``after``, type ``keys`` or interrupt it.

        Returns:
            Its exit code, and all that it showed.
        """
        parent, child = pty.openpty()
        process = self.start(*arguments, stdin=child, stdout=child, stderr=child)
        os.close(child)
        shown, waited_for = b"", after.encode()
        deadline = time.monotonic() + 60
        try:
            while piece := _read(parent, deadline):
                shown += piece
                if waited_for and waited_for in shown:
                    waited_for = b""
                    os.write(parent, keys.encode())
                    if interrupt:
                        process.send_signal(signal.SIGINT)
            return process.wait(60), shown.decode("utf-8", "replace")
        finally:
            process.kill()
            process.wait()
            os.close(parent)


def _read(terminal: int, deadline: float) -> bytes:
    """What is shown next; nothing when the other end has been closed."""
    readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    assert readable, "the command has not ended in time"
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody is at the other end
        return b""


def in_namespace(home: Path, folder: Path, forks: Forks | None = None) -> CommandLine:
    """In a namespace of its own, knowing the tasks above."""
    environment = {"JUNMAI_NAMESPACE": f"n{next(_numbers)}", "JUNMAI_TASKS": "studio"}
    return CommandLine(home, folder, environment, forks)


@contextlib.contextmanager
def home_with_server(home: Path, forks: Forks | None = None) -> Iterator[Path]:
    """A home whose embedded server, which starts by itself, is stopped at the end."""
    try:
        yield home
    finally:
        stopped = CommandLine(home, home.parent, forks=forks).run("server", "stop")
        assert stopped.code == 0, stopped


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port of this machine where a connection is neither made nor refused, as behind many a firewall."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()

        def is_full() -> bool:
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            return filler.connect_ex(address) != 0

        wait_until(is_full, what="the port to take no more connections")
        yield address[1]
