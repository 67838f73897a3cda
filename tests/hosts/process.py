"""A host as a process of its own, with all below it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from tests.embedded_servers import ROOT
from tests.waiting import wait_until
from tests.worker.harness import alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.worker.harness import Addressed

HOSTS = ROOT / "tests" / "hosts"


@dataclass
class Host:
    """A program that runs; what it says goes to a file."""

    process: subprocess.Popen[bytes]
    file: Path

    def said(self) -> str:
        return self.file.read_text("utf-8")

    def family(self) -> list[psutil.Process]:
        """The host and every process below it."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Have it end by a signal to it alone, and see all below it end, too. Its exit code."""
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(60)
        wait_until(lambda: not alive(family), what="every process below the host to end")
        return code


@contextmanager
def hosting(
    redis: Addressed, folder: Path, *command: str, cwd: Path = ROOT, **environment: str
) -> Iterator[Host]:
    """Run Python with these arguments, its home in ``folder``; whatever is left at the end is killed."""
    ours = {"JUNMAI_HOME": str(folder / "home"), "JUNMAI_REDIS_URL": redis.url, "PYTHONUNBUFFERED": "1"}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            env=os.environ | ours | {"PYTHONPATH": path} | environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    host = Host(process, folder / "said")
    try:
        yield host
    finally:
        if process.poll() is None:
            for each in host.family():
                each.kill()
            process.wait()


def ask(port: int, path: str) -> Any:
    """The JSON with which a host answers what is posted there."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", b"")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - this machine's
        return json.load(answer)


def first_answer(port: int, path: str) -> Any:
    """The same, of a host that may just be starting."""

    def asked() -> Any:
        try:
            return ask(port, path)
        except OSError:
            return None

    return wait_until(asked, what="the host to answer")
