"""Embedded servers for tests: each in a home of its own, and ended whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from junmai_jobs.host import is_alive
from junmai_jobs.server import Server
from tests.homes import in_home
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
PRELUDE = """
import os, sys
from junmai_jobs.config import load_config
from junmai_jobs.server import find_server
server = find_server(load_config())
"""


class Servers:
    """Makes servers, by default in one home; ``close`` ends those that run, by their own sockets and ids."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made: list[Server] = []

    def make(self, home: Path | None = None, **options: Any) -> Server:
        self.made.append(Server(None, home or self.home, **options))
        return self.made[-1]

    def close(self) -> None:
        for server in self.made:
            marks = [mark for mark in server.embedded.read_state().values() if is_alive(mark)]
            server.stop()
            for mark in filter(is_alive, marks):
                os.kill(mark[0], signal.SIGKILL)
            if server.embedded.socket.parent != server.embedded.folder:
                shutil.rmtree(server.embedded.socket.parent, ignore_errors=True)


def pid_of(server: Server, who: str = "server") -> int:
    return int(server.embedded.read_state()[who][0])


def kill(server: Server, who: str = "server") -> None:
    mark = server.embedded.read_state()[who]
    os.kill(mark[0], signal.SIGKILL)
    wait_until(lambda: not is_alive(mark), what=f"the end of the {who}")


def child(home: Path, code: str, **options: Any) -> subprocess.Popen[str]:
    """Another Python, with ``server`` at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code],
        env=os.environ | in_home(home),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
