from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pynvml
import pytest

from junmai_jobs import host, machines
from junmai_jobs.sensors import Sensors, _look_at, _memory, _Process, _spent
from tests.sensing import LIGHTROOM, OURS, Card, Driver, cpu_of_all, later_than, let_time_pass
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY = "while True: pass"
CHURN = (
    "import subprocess, sys\n"
    "while True: subprocess.run([sys.executable, '-S', '-c', 'sum(range(2 * 10**6))'], check=True)"
)


# ---- CPU -----------------------------------------------------------------------------------------


def end_tree(pid: int) -> None:
    """The parent first, so that it starts nothing new."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.suspend()
        for each in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                each.kill()


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours."""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield process
    finally:
        end_tree(process.pid)
        process.wait()


@contextmanager
def outsider(code: str) -> Iterator[int]:
    """The pid of a process that is nobody's child: who started it has ended."""
    start = (
        "import subprocess, sys\n"
        f"run, quiet = [sys.executable, '-c', {code!r}], subprocess.DEVNULL\n"
        "print(subprocess.Popen(run, stdout=quiet, stderr=quiet).pid)"
    )
    run = subprocess.run([sys.executable, "-c", start], capture_output=True, check=True)
    pid = int(run.stdout)
    try:
        yield pid
    finally:
        end_tree(pid)


def watch(sensors: Sensors, pid: int, ours: tuple[int, ...] = ()) -> float:
    """The seconds of CPU that others used while this process and those it started used one."""
    used, begun = 0.0, cpu_of_all()[1]
    enough = cpu_of_tree(pid) + 1.0
    while cpu_of_tree(pid) < enough:
        now = wait_until(partial(later_than, begun + 1.0), what="a second of CPU")
        used += (sensors.read(ours).cpu or 0.0) / 100 * (now - begun)
        begun = now
    return used


def cpu_of_tree(pid: int) -> float:
    """Seconds of this process, and of the children that it had."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system + times.children_user + times.children_system


ONLY_LINUX_TELLS = pytest.mark.skipif(
    not psutil.LINUX, reason="what ended children used is told by Linux only"
)


@ONLY_LINUX_TELLS
@pytest.mark.parametrize("load", [BUSY, CHURN], ids=["busy", "churn"])
def test_our_own_load_is_not_that_of_others(load: str) -> None:
    sensors = Sensors()
    sensors.read()
    busy, ours = cpu_of_all()[0], cpu_of_tree(os.getpid())
    with child(load) as process:
        others = watch(sensors, process.pid)
    busy, ours = cpu_of_all()[0] - busy, cpu_of_tree(os.getpid()) - ours
    assert ours > 1.0
    assert others == pytest.approx(busy - ours, abs=0.5)


@ONLY_LINUX_TELLS
def test_the_load_of_a_process_that_is_not_ours_is_counted() -> None:
    sensors = Sensors()
    with outsider(BUSY) as pid, child(CHURN):
        sensors.read()
        assert watch(sensors, pid) > 0.5


@ONLY_LINUX_TELLS
def test_a_process_that_is_named_is_ours_with_its_descendants() -> None:
    sensors = Sensors()
    with outsider(CHURN) as pid:
        sensors.read([pid])
        busy = cpu_of_all()[0]
        others = watch(sensors, pid, ours=(pid,))
        busy = cpu_of_all()[0] - busy
    assert others < busy - 0.5, "it has used 1"


def test_the_first_reading_and_the_first_after_a_rest_tell_nothing_of_the_cpu() -> None:
    sensors = Sensors()
    read = []
    for _ in range(2):
        read.append(sensors.read().cpu is not None)
        let_time_pass()
        read.append(sensors.read().cpu is not None)
        let_time_pass()
        sensors.forget()
    assert read == [False, True, False, True]


def tree(**processes: tuple[float, float, int]) -> dict[int, _Process]:
    return {int(pid[1:]): _Process(*times) for pid, times in processes.items()}


@pytest.mark.parametrize(
    ("before", "now", "spent"),
    [
        pytest.param(tree(p1=(5, 0, 0)), tree(p1=(7, 0, 0)), 2, id="one that works"),
        pytest.param(tree(p1=(5, 0, 0)), tree(p1=(5, 0, 0), p2=(3, 0, 1)), 3, id="one that began"),
        pytest.param(tree(p1=(5, 1, 0)), tree(p1=(5, 4, 0)), 3, id="one that came and went unseen"),
        pytest.param(
            tree(p1=(5, 0, 0), p2=(60, 0, 1)), tree(p1=(5, 62, 0)), 2, id="one that ended after long"
        ),
        pytest.param(
            tree(p1=(5, 0, 0), p2=(60, 4, 1), p3=(9, 0, 2)), tree(p1=(5, 76, 0)), 3, id="a branch that ended"
        ),
        pytest.param(
            tree(p1=(5, 0, 0), p2=(60, 0, 1)), tree(p1=(7, 0, 0)), 2, id="one that init took over and reaped"
        ),
        pytest.param(
            tree(p1=(5, 0, 0), p2=(8, 0, 1), p3=(60, 0, 2)),
            tree(p1=(6, 0, 0), p2=(9, 4, 1)),
            2,
            id="whose tail is lost",
        ),
        pytest.param(
            tree(p1=(5, 0, 0), p2=(8, 0, 1), p3=(60, 0, 9)),
            tree(p1=(6, 3, 0), p2=(9, 4, 1)),
            9,
            id="an orphan takes nothing from others",
        ),
        pytest.param(tree(p1=(5, 0, 0)), tree(), 0, id="none that is left"),
    ],
)
def test_what_a_tree_spent(before: dict[int, _Process], now: dict[int, _Process], spent: float) -> None:
    assert _spent(before, now) == pytest.approx(spent)


# ---- memory --------------------------------------------------------------------------------------


def test_memory_is_that_of_the_whole_tree() -> None:
    alone = _look_at(os.getpid())[1]
    with child(
        "import time; held = b'x' * 10**8; print(end='.', file=open(0, 'w')); time.sleep(60)"
    ) as holder:
        wait_until(lambda: _look_at(holder.pid)[1] > 10**8, what="the child's memory")
        assert _look_at(os.getpid())[1] > alone + 0.9 * 10**8


def test_what_we_hold_is_not_used_by_others() -> None:
    assert 0 < _memory(0) < 100
    assert _memory(psutil.virtual_memory().total) == 0.0


def test_where_the_memory_of_a_process_is_refused_all_that_it_has_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(process: psutil.Process) -> Any:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "memory_full_info", refuse)
    assert _look_at(os.getpid())[1] >= psutil.Process().memory_info().rss * 0.9


def test_a_process_that_has_ended_holds_nothing() -> None:
    with child("pass") as process:
        process.wait()
    assert _look_at(process.pid) == ({}, 0)


# ---- battery -------------------------------------------------------------------------------------


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Linux tells of the supplies of one; its battery."""
    plug, battery = tmp_path / "AC", tmp_path / "BAT0"
    for supply, kind in ((plug, "Mains\n"), (battery, "Battery\n")):
        supply.mkdir()
        (supply / "type").write_text(kind)
    monkeypatch.setattr(host, "_SUPPLIES", tmp_path)
    return battery


@pytest.mark.parametrize(
    ("told", "battery"),
    [
        (SimpleNamespace(percent=22, power_plugged=False), 22.0),
        (SimpleNamespace(percent=22, power_plugged=True), None),
        (SimpleNamespace(percent=22, power_plugged=None), None),
        (None, None),
    ],
)
def test_the_battery_counts_while_unplugged(
    laptop: Path, monkeypatch: pytest.MonkeyPatch, told: SimpleNamespace | None, battery: float | None
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: told, raising=False)
    assert Sensors().read().battery == battery


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere a mouse's is told of in another way")
@pytest.mark.parametrize(("scope", "battery"), [("System\n", 22.0), ("Device\n", None)])
def test_a_battery_of_a_mouse_does_not_count(
    laptop: Path, monkeypatch: pytest.MonkeyPatch, scope: str, battery: float | None
) -> None:
    (laptop / "scope").write_text(scope)
    told = SimpleNamespace(percent=22, power_plugged=False)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: told, raising=False)
    assert Sensors().read().battery == battery


def test_a_system_without_a_battery_sensor(laptop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "sensors_battery", raising=False)
    assert Sensors().read().battery is None


def test_a_battery_sensor_that_is_broken(laptop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: int("?"), raising=False)
    assert Sensors().read().battery is None


# ---- cards ---------------------------------------------------------------------------------------


LOST = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
NO_DRIVER = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "junmai_jobs.worker")
    return caplog


def test_the_hottest_card_counts() -> None:
    driver = Driver(Card("a", 61, 8), Card(b"b", 77, 8), Card("c", None, 8))
    reading = Sensors(driver).read()
    assert (reading.temperature, set(reading.cards)) == (77.0, {"a", "b", "c"})


def test_no_card_tells_its_temperature() -> None:
    assert Sensors(Driver(Card("a", None, 8))).read().temperature is None


@pytest.mark.parametrize(
    ("compute", "graphics", "gigabytes"),
    [
        ({}, {}, 8),
        ({}, {LIGHTROOM: 3}, 5),
        ({OURS: 2}, {LIGHTROOM: 3}, 5),
        ({OURS: 2}, {OURS: 2, LIGHTROOM: 3}, 5),
        ({OURS: 2}, {LIGHTROOM: None}, 8),
        ({OURS: None}, {}, None),
    ],
)
def test_what_others_hold_of_a_card_cannot_be_had(
    compute: dict[int, int | None], graphics: dict[int, int | None], gigabytes: int | None
) -> None:
    cards = Sensors(Driver(Card("a", 50, 8, compute, graphics))).read().cards
    assert cards.get("a") == (gigabytes and gigabytes * 1024)


def test_a_card_that_tells_nothing_of_its_processes_is_left_out() -> None:
    reading = Sensors(Driver(Card("a", 50, 8, tells_processes=False))).read()
    assert (reading.temperature, reading.cards) == (50.0, {})


def test_what_a_card_does_not_tell_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(Card("a", 50, 8, tells_memory=False), Card(b"b", 50, 24))
    monkeypatch.setattr(machines, "pynvml", driver)
    assert machines.offers()[1:] == [{"pool": "a", "gpu": 1}, {"pool": "b", "gpu": 1, "vram_mb": 24 * 1024}]
    assert driver.opened == 0
    assert Sensors(driver).read().cards == {"b": 24 * 1024}


def test_a_driver_that_does_not_close_hides_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(Card("a", 50, 8))
    monkeypatch.setattr(machines, "pynvml", driver)

    def lose() -> None:
        raise LOST

    monkeypatch.setattr(driver, "nvmlShutdown", lose)
    assert [pool["pool"] for pool in machines.offers()[1:]] == ["a"]


def test_a_machine_without_a_driver_says_so_once(log: pytest.LogCaptureFixture) -> None:
    driver, now = Driver(), [0.0]
    driver.error = NO_DRIVER
    sensors = Sensors(driver, clock=lambda: now[0])
    for at in range(0, 130, 5):
        now[0] = float(at)
        reading = sensors.read()
        assert (reading.temperature, reading.cards) == (None, {})
    assert [record.message for record in log.records] == ["no NVIDIA driver: NVML Shared Library Not Found"]
    assert driver.tries == 3, "one each minute"


@pytest.mark.parametrize("error", [LOST, OSError("gone"), AttributeError("gone")], ids=repr)
def test_a_driver_that_is_lost_and_comes_back(log: pytest.LogCaptureFixture, error: Exception) -> None:
    driver, now = Driver(Card("a", 70, 8)), [0.0]
    sensors = Sensors(driver, clock=lambda: now[0])

    def temperature(at: float) -> float | None:
        now[0] = at
        return sensors.read().temperature

    assert temperature(0) == 70.0
    driver.error = error
    assert [temperature(at) for at in (5, 10, 64, 66, 120)] == [None] * 5
    assert driver.tries == 2
    driver.error = None
    assert [temperature(at) for at in (125, 126, 131)] == [None, 70.0, 70.0]
    assert [(record.levelname, record.message) for record in log.records] == [
        ("WARNING", f"the NVIDIA driver is lost, nobody watches how hot the cards are: {error}"),
        ("INFO", "the NVIDIA driver is there now"),
    ]
    driver.error = error
    assert temperature(140) is None
    assert len(log.records) == 3, "it is told anew"


def test_the_driver_is_let_go_once() -> None:
    driver = Driver(Card("a", 70, 8))
    sensors = Sensors(driver)
    sensors.close()
    sensors.read()
    assert driver.opened == 1
    sensors.close()
    sensors.close()
    assert driver.opened == 0


def test_the_driver_of_this_machine_does_no_harm() -> None:
    sensors = Sensors()
    reading = sensors.read()
    assert reading.temperature is None or 0 < reading.temperature < 120
    sensors.close()
