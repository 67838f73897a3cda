"""A computer is kept awake while there is work, as long as it is plugged in, and never for longer."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from junmai_jobs import awake, guest, host
from junmai_jobs.awake import Awake
from junmai_jobs.guest import Guest
from junmai_jobs.resources import Thresholds
from junmai_jobs.server import Server
from junmai_jobs.settings import WorkerSettings
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")
LINUX = ["--what=sleep:idle", "--mode=block", "--who=junmai-jobs", f"--why={awake._WHY}", "cat"]
PROGRAMS = {
    # As the real one: it runs the command as a child, and ends with it.
    "linux": ("systemd-inhibit", 'while [ "${1#--}" != "$1" ]; do shift; done\n"$@"'),
    # As the real one: it ends when the process of -w does. A process that ends with it stands for its lock.
    "darwin": ("caffeinate", "while kill -0 $3; do sleep 0.05; done"),
}
HOLDER = """
import sys
import psutil
from junmai_jobs import awake
sys.platform = "{platform}"
held = awake.Awake()
held.hold()
print("holds", flush=True)
sys.stdin.read()
"""


class Programs:
    """Fake programs, which note how they were called, at the head of PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, name: str, script: str) -> None:
        file = self._folder / name
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" $$ "$@" > "$0.new"\nmv "$0.new" "$0.call.$$"\n{script}\n')
        file.chmod(0o755)

    def calls(self) -> list[tuple[psutil.Process | None, list[str]]]:
        """The process, unless it has ended, and the arguments of each call, in no order."""
        return [_read(note) for note in self._folder.glob("*.call.*")]

    def running(self) -> list[psutil.Process]:
        return [process for process, _ in self.calls() if process is not None]


def _read(note: Path) -> tuple[psutil.Process | None, list[str]]:
    pid, *arguments = note.read_text().splitlines()
    try:
        process = psutil.Process(int(pid))
        return (None if process.status() == psutil.STATUS_ZOMBIE else process), arguments
    except psutil.NoSuchProcess:
        return None, arguments


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Programs(tmp_path)


@pytest.fixture(params=PROGRAMS)
def platform(request: pytest.FixtureRequest, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system with its program."""
    programs.install(*PROGRAMS[request.param])
    monkeypatch.setattr(awake, "sys", SimpleNamespace(platform=request.param))
    return str(request.param)


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Says what ``psutil`` tells of the battery from now on; an exception is raised."""
    (supply := tmp_path / "supplies" / "BAT0").mkdir(parents=True)
    (supply / "type").write_text("Battery\n")
    monkeypatch.setattr(host, "_SUPPLIES", supply.parent)

    def tell(battery: object) -> None:
        def read() -> object:
            if isinstance(battery, Exception):
                raise battery
            return battery

        monkeypatch.setattr(psutil, "sensors_battery", read, raising=False)

    tell(None)
    return tell


MAINS, BATTERY = SimpleNamespace(power_plugged=True), SimpleNamespace(power_plugged=False)


@pytest.fixture
def held(plug: object) -> Iterator[Awake]:
    held = Awake()
    yield held
    held.release()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "not kept awake" in each.getMessage()]


def test_held_once_until_released_and_held_again(programs: Programs, platform: str, held: Awake) -> None:
    held.release()
    for _ in range(3):
        held.hold()
    (process,) = wait_until(programs.running)
    ((_, arguments),) = programs.calls()
    assert arguments == (LINUX if platform == "linux" else ["-i", "-w", str(os.getpid())])
    for _ in range(2):
        held.release()
    assert not process.is_running()
    held.hold()
    (again,) = wait_until(programs.running)
    assert again.pid != process.pid


def test_ctrl_c_in_the_terminal_is_not_for_it(programs: Programs, platform: str, held: Awake) -> None:
    held.hold()
    (process,) = wait_until(programs.running)
    assert os.getsid(process.pid) == process.pid


def test_it_inherits_none_of_our_pipes(programs: Programs, platform: str, held: Awake) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # noqa: FBT003 - the library's
    held.hold()
    wait_until(programs.running)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"", "it would wait for ever if anybody else had the writing end"


def test_it_ends_with_us_when_we_are_killed(programs: Programs, platform: str) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(platform=platform)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"holds\n"
        (process,) = wait_until(programs.running)
        family = [process, *wait_until(process.children)]
        ours.kill()
    wait_until(lambda: not any(each.is_running() for each in family), what="the end of the program")


def test_on_battery_it_is_not_held(
    programs: Programs, platform: str, held: Awake, plug: Callable[[object], None]
) -> None:
    plug(BATTERY)
    held.hold()
    assert programs.calls() == []
    plug(MAINS)
    held.hold()
    (process,) = wait_until(programs.running)
    plug(BATTERY)
    held.hold()
    assert not process.is_running()


@pytest.mark.parametrize(
    "battery", [None, MAINS, SimpleNamespace(power_plugged=None), OSError(), AttributeError(), ValueError()]
)
def test_whoever_does_not_know_of_a_battery_has_none(
    programs: Programs, platform: str, held: Awake, plug: Callable[[object], None], battery: object
) -> None:
    plug(battery)
    held.hold()
    assert wait_until(programs.running)


def test_a_program_that_fails_is_named_once_and_not_tried_again(
    programs: Programs, platform: str, held: Awake, caplog: pytest.LogCaptureFixture
) -> None:
    name, _ = PROGRAMS[platform]
    programs.install(name, "echo Failed to connect to bus >&2; exit 1")
    with caplog.at_level(logging.INFO, "junmai_jobs.worker"):
        held.hold()
        wait_until(lambda: programs.calls() and not programs.running())
        for _ in range(3):
            held.hold()
            held.release()
    assert said(caplog) == [f"the computer is not kept awake: {name}: Failed to connect to bus"]
    assert len(programs.calls()) == 1


def test_a_program_that_is_not_there_is_named_once(
    platform: str, held: Awake, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with caplog.at_level(logging.INFO, "junmai_jobs.worker"):
        for _ in range(3):
            held.hold()
            held.release()
    (text,) = said(caplog)
    assert PROGRAMS[platform][0] in text


def test_a_program_that_was_ended_after_a_while_is_started_again(
    programs: Programs, platform: str, held: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.hold()
    (process,) = wait_until(programs.running)
    process.kill()
    wait_until(lambda: not programs.running())
    monkeypatch.setattr(awake, "_SOON", 0.0)  # as if it had run for long
    held.hold()
    (again,) = wait_until(programs.running)
    assert again.pid != process.pid


def test_a_program_that_does_not_end_is_killed(
    programs: Programs, platform: str, held: Awake, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _ = PROGRAMS[platform]
    programs.install(name, 'trap "" TERM\nwhile true; do sleep 0.05; done')
    monkeypatch.setattr(awake, "_MOMENT", 0.1)
    held.hold()
    (process,) = wait_until(programs.running)
    held.release()
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(
    not shutil.which("systemd-inhibit") and "CI" not in os.environ, reason="there is none here"
)
def test_the_real_program(plug: object, caplog: pytest.LogCaptureFixture) -> None:
    """It holds a lock, which ``--list`` tells of, or says once why it cannot: there may be no logind."""
    held = Awake()

    def has_said_or_holds() -> bool:
        held.hold()
        return bool(said(caplog)) or "junmai-jobs" in locks()

    with caplog.at_level(logging.INFO, "junmai_jobs.worker"):
        wait_until(has_said_or_holds)
        held.release()
    assert "junmai-jobs" not in locks()
    assert bool(said(caplog)) == (not locks())


def locks() -> str:
    """All that are held, in a table with a head; empty if nobody can tell."""
    list_them = ["systemd-inhibit", "--list", "--no-pager"]
    return subprocess.run(list_them, check=False, capture_output=True, text=True).stdout


class Kernel32:
    """What Windows is told, and by which thread; it answers with its state before."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.answer = 0x8000_0000

    def SetThreadExecutionState(self, state: int) -> int:  # noqa: N802 - Windows' name
        self.told.append(state)
        return self.answer


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Kernel32:
    kernel = Kernel32()
    monkeypatch.setattr(awake, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(awake, "ctypes", SimpleNamespace(windll=SimpleNamespace(kernel32=kernel)))
    return kernel


def test_windows_is_asked_and_told_when_it_is_over(
    windows: Kernel32, held: Awake, plug: Callable[[object], None]
) -> None:
    for _ in range(2):
        held.hold()
    assert windows.told == [0x8000_0001]
    for _ in range(2):
        held.release()
    assert windows.told == [0x8000_0001, 0x8000_0000]
    held.hold()
    plug(BATTERY)
    held.hold()
    assert windows.told == [0x8000_0001, 0x8000_0000] * 2


def test_where_nothing_may_begin_it_is_held_only_for_what_runs(
    windows: Kernel32, plug: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory = Thresholds(memory_limit_percent=1, memory_critical_percent=1)  # others use more
    endpoint = Server(None, tmp_path)
    worker = Guest(WorkerSettings(endpoint=endpoint, thresholds=short_of_memory, keep_awake=True))
    held, let_go = 0x8000_0001, 0x8000_0000

    def told(at: float, *, is_running: bool) -> list[int]:
        monkeypatch.setattr(guest, "time", SimpleNamespace(monotonic=lambda: at))
        worker.look(is_busy=True, is_running=is_running, ours=tuple)
        return windows.told

    told(0.0, is_running=False)
    assert told(2.0, is_running=False) == [held], "it has not been judged yet"
    assert told(7.0, is_running=False) == [held, let_go]
    assert told(12.0, is_running=True) == [held, let_go, held]
    worker.close()
    assert windows.told == [held, let_go] * 2


def test_windows_may_refuse(windows: Kernel32, held: Awake, caplog: pytest.LogCaptureFixture) -> None:
    windows.answer = 0
    with caplog.at_level(logging.INFO, "junmai_jobs.worker"):
        for _ in range(2):
            held.hold()
            held.release()
    assert windows.told == [0x8000_0001]
    assert len(said(caplog)) == 1
