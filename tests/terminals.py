"""A terminal with a screen that can be read: tmux, on a socket of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_SESSION = "screen"


def found_tmux() -> str:
    """The program. In CI a test fails without one; elsewhere it is skipped and says what is missing."""
    if found := shutil.which("tmux"):
        return found
    missing = "there is no tmux to look at a terminal with: apt install tmux"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


class Terminal:
    """What ``terminal`` makes."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *arguments: str, **options: object) -> str:
        """Have tmux do something, and give what it says."""
        command = [found_tmux(), "-u", "-S", str(self.socket), "-f", os.devnull, *arguments]
        done = subprocess.run(command, capture_output=True, check=True, timeout=30, **options)  # type: ignore[call-overload]
        return str(done.stdout.decode())

    def screen(self, *how: str) -> list[str]:
        """Its lines, from the top; what the program let wrap is one line with ``-J``."""
        return self.tmux("capture-pane", "-p", *how, "-t", _SESSION).split("\n")[:-1]

    def type(self, *keys: str) -> None:
        """Press keys, named as tmux does."""
        self.tmux("send-keys", "-t", _SESSION, *keys)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-t", _SESSION, "-x", str(width), "-y", str(height))

    def until(self, shows: str | Callable[[str], bool], timeout: float = 60.0) -> str:
        """Wait until a text, or what is asked for, is on the screen, and give all of it."""
        last = ""

        def is_there() -> bool:
            nonlocal last
            last = "\n".join(self.screen())
            return shows in last if isinstance(shows, str) else shows(last)

        try:
            wait_until(is_there, timeout, what=repr(shows))
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{last}") from None
        return last

    @property
    def process(self) -> psutil.Process:
        """The shell in it."""
        return psutil.Process(int(self.tmux("display-message", "-p", "-t", _SESSION, "#{pane_pid}")))


@contextmanager
def terminal(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], width: int = 80, height: int = 24
) -> Iterator[Terminal]:
    """A terminal that shows ``before``, runs a command, and shows its exit code then."""
    sockets = tempfile.TemporaryDirectory(prefix="junmai-tmux-")  # a socket's path must be short
    made = Terminal(Path(sockets.name) / "socket")
    ours = {
        name: value for name, value in variables.items() if not name.startswith(("TMUX", "COLUMNS", "LINES"))
    }
    script = 'trap : INT; echo before; "$@"; echo "exit $?"; exec cat'
    made.tmux(
        "new-session", "-d", "-s", _SESSION, "-x", str(width), "-y", str(height),
        "sh", "-c", script, "sh", *command,
        cwd=folder, env=ours | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    shell = made.process
    try:
        yield made
    finally:
        family = [shell, *shell.children(recursive=True)]
        made.tmux("kill-session", "-t", _SESSION)
        for each in psutil.wait_procs(family, timeout=10)[1]:
            each.kill()
        sockets.cleanup()
