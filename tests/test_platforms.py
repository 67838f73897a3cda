"""What the code does on systems that the tests do not run on: the same code, told that it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from junmai_jobs import background, embedded, host
from junmai_jobs.background import stand_back
from junmai_jobs.server import Server
from tests.homes import in_home

if TYPE_CHECKING:
    from tests.servers import RedisProcess

ROOT = Path(__file__).parents[1]
SYSTEMS = ["win32", pytest.param("darwin", marks=pytest.mark.slow)]


@pytest.mark.skipif(sys.platform == "win32", reason="what another system lacks is hidden, not made up")
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_worker_on_another_system(server: RedisProcess, tmp_path: Path, system: str) -> None:
    """Each module loads, a worker runs, limits, kills, cancels and stops, and the main job is done."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.json").write_text('{"processing": {"max_concurrent_jobs": 1}}')
    command = [sys.executable, "-m", "tests.other_system", system, server.url, str(home)]
    environment = os.environ | in_home(home)
    run = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=90
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    # Without a timer signal nothing cuts a blocking call off, so the process is killed for its timeout.
    hung = {
        "win32": "failed: TimeoutError: killed after its timeout",
        "darwin": "failed: junmai_jobs.errors.SoftTimeout",
    }
    expected = ["3", "soft timeout", "failed: ValueError: as it should", hung[system], "was cancelled"]
    assert [text[: len(want)] for text, want in zip(said["outcomes"], expected, strict=True)] == expected
    assert said["main job"] == "5 succeeded, 1 picked, 1 sharp, []"
    assert said["left"] == []
    assert said["sees"] == [system, system != "win32"]
    assert "add attempt 1" in (home / "worker.log").read_text()
    if system == "win32":
        assert "Install Memurai, or Redis in WSL" in said["without a server"]


def test_the_address_of_no_server_can_be_shown_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is: whoever shows it has not yet been told that there is none."""
    monkeypatch.setattr(embedded, "_WINDOWS", True)
    monkeypatch.delattr(os, "geteuid")
    assert Server(None, Path("home" * 50)).describe().startswith("unix://")


# ---- which process this is -------------------------------------------------------------------------


@pytest.fixture
def no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows: there is no /proc, and times do not count from the boot."""
    monkeypatch.setattr(host, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    monkeypatch.setattr(psutil, "LINUX", False)


def test_a_host_without_proc_is_told_by_its_boot(no_proc: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host.host_id()
    assert host.host_id() == before
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 60.0)
    assert host.host_id() != before


def test_who_has_ended_is_gone_without_proc_as_well(no_proc: None) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        info = host.describe_process() | {"pid": other.pid, "mark": host.mark_of(other.pid)}
        assert not host.is_gone(info)
    assert host.is_gone(info)
    assert not host.is_gone(host.describe_process())


# ---- the background --------------------------------------------------------------------------------

PRIORITIES = """
import psutil
from junmai_jobs.background import stand_back
us = psutil.Process()
def show():
    print(us.nice(), *map(int, us.ionice()))
show()
stand_back(0)
show()
stand_back(10)
show()
stand_back(5)
show()
us.ionice(psutil.IOPRIO_CLASS_IDLE)
stand_back(12)
show()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there is all of it")
def test_a_process_stands_back_and_never_comes_forward() -> None:
    said = subprocess.run([sys.executable, "-c", PRIORITIES], check=True, capture_output=True, text=True)
    first, none, back, less, idle = [tuple(map(int, line.split())) for line in said.stdout.splitlines()]
    assert none == first
    assert back == less == (max(10, first[0]), psutil.IOPRIO_CLASS_BE, 7)
    assert idle[:2] == (max(12, first[0]), psutil.IOPRIO_CLASS_IDLE)


class Process:
    """Priorities as ``psutil`` gives and takes them, but for what is refused."""

    def __init__(self, nice: int, io: int | None, *, refuses: bool = False) -> None:
        self.priorities = {"nice": nice, "io": io}
        self._refuses = refuses

    def nice(self, value: int | None = None) -> int | None:
        return self._have("nice", value)

    def ionice(self, value: int | None = None) -> int | None:
        assert self.priorities["io"] is not None, "there is none on this system"
        return self._have("io", value)

    def _have(self, kind: str, value: int | None) -> int | None:
        if value is not None:
            if self._refuses:
                raise psutil.AccessDenied
            self.priorities[kind] = value
        return self.priorities[kind]


IDLE, BELOW_NORMAL, NORMAL, HIGH = 64, 16384, 32, 128
VERY_LOW, LOW, USUAL = 0, 1, 2


def stood_back(
    monkeypatch: pytest.MonkeyPatch, platform: str, process: Process, nice: int
) -> tuple[Any, Any]:
    """CPU and I/O priority of this process after standing back on this system."""
    library = SimpleNamespace(
        Process=lambda: process, Error=psutil.Error, IDLE_PRIORITY_CLASS=IDLE,
        BELOW_NORMAL_PRIORITY_CLASS=BELOW_NORMAL, IOPRIO_VERYLOW=VERY_LOW, IOPRIO_LOW=LOW,
    )  # fmt: skip
    monkeypatch.setattr(background, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(background, "psutil", library)
    stand_back(nice)
    return process.priorities["nice"], process.priorities["io"]


@pytest.mark.parametrize(
    ("before", "nice", "after"),
    [
        ((NORMAL, USUAL), 10, (BELOW_NORMAL, LOW)),
        ((HIGH, USUAL), 1, (BELOW_NORMAL, LOW)),
        ((IDLE, VERY_LOW), 10, (IDLE, VERY_LOW)),
        ((BELOW_NORMAL, LOW), 10, (BELOW_NORMAL, LOW)),
        ((NORMAL, USUAL), 0, (NORMAL, USUAL)),
    ],
)
def test_on_windows(
    monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], nice: int, after: tuple[int, int]
) -> None:
    assert stood_back(monkeypatch, "win32", Process(*before), nice) == after


@pytest.mark.parametrize(("before", "nice", "after"), [(0, 10, 10), (15, 10, 15), (0, 0, 0)])
def test_on_macos_it_is_niceness_alone(
    monkeypatch: pytest.MonkeyPatch, before: int, nice: int, after: int
) -> None:
    assert stood_back(monkeypatch, "darwin", Process(before, None), nice) == (after, None)


def test_what_the_system_refuses_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(NORMAL, USUAL, refuses=True)
    assert stood_back(monkeypatch, "win32", process, 10) == (NORMAL, USUAL)
