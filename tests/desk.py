"""A person who types what a page says: a shell, a HOME with a shoot in it, a server that starts by itself."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from junmai_jobs.demo.bursts import make_burst
from tests.command_line import CommandLine, Done
from tests.photographs import SCENES, scenes

if TYPE_CHECKING:
    from collections.abc import Iterator

_namespaces = itertools.count(1)


def blocks(page: str, language: str) -> list[str]:
    """What stands in the fences of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


class Desk(CommandLine):
    """A person's shell, in a folder of its own."""

    @property
    def shoot(self) -> Path:
        return Path(self.environment["HOME"], "Pictures", "wedding")

    def type(self, line: str) -> Done:
        """Have the shell run a line to its end."""
        shell = subprocess.run(
            ["sh", "-c", line], cwd=self.folder, env=self.variables,
            capture_output=True, text=True, encoding="utf-8", timeout=100, check=False,
        )  # fmt: skip
        return Done(shell.returncode, shell.stdout, shell.stderr)

    def begin(self, line: str) -> subprocess.Popen[str]:
        """Have the shell start a line, which becomes the command itself."""
        return subprocess.Popen(
            ["sh", "-c", f"exec {line}"], cwd=self.folder, env=self.variables,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip


def a_desk(home: Path, folder: Path) -> Desk:
    """A desk with the shoot whose table the README shows, in a namespace of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"HOME": str(folder), "PATH": path, "JUNMAI_NAMESPACE": f"n{next(_namespaces)}"}
    desk = Desk(home, folder / "desk", environment)
    _make_shoot(desk.shoot)
    return desk


def _make_shoot(folder: Path) -> None:
    photos = dict(zip(SCENES, (path.read_bytes() for path in scenes()), strict=True))
    one, other = scenes()[1], scenes()[3]
    make_burst(one, folder / "church", start=datetime.fromisoformat("2026-05-09T11:00:00"), seed=0)
    make_burst(other, folder / "garden", start=datetime.fromisoformat("2026-05-09T14:00:00"), seed=1)
    (folder / "garden" / "IMG_0021.JPG").write_bytes(photos["02.jpg"])
    (folder / "garden" / "IMG_0031.JPG").write_bytes(photos["L02.jpg"])
    (folder / "garden" / "IMG_0077.JPG").write_bytes(photos["L02.jpg"][:3000])


@contextmanager
def running(desk: Desk, line: str, stop: signal.Signals) -> Iterator[None]:
    """Type a line that goes on until it is told to stop; then it ends well and leaves no process."""
    process = desk.begin(line)
    family: list[psutil.Process] = []
    try:
        yield
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(stop)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    _, left = psutil.wait_procs(family, 10)
    assert not left
