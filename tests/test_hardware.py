"""How busy this machine is, with a card and without one."""

from __future__ import annotations

import pynvml
import pytest

from junmai_jobs.commands.top.views import hardware
from junmai_jobs.hardware import Hardware
from tests.sensing import Card, Driver

LOST = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)


def test_a_machine_with_a_card() -> None:
    driver = Driver(Card("GPU-1", 62, 24, compute={1: 6}, load=45))
    machine = Hardware(driver)
    found = machine.measure()
    assert (found["gpu_load"], found["gpu_temperature"]) == (45, 62)
    assert (found["gpu_memory_used"], found["gpu_memory_total"]) == (6 * 1024, 24 * 1024)
    assert hardware(found).endswith("GPU 45 %, 6.0 of 24.0 GB, 62 C")
    machine.measure()
    assert (driver.opened, driver.tries) == (1, 1)  # it stays open
    machine.close()
    assert driver.opened == 0


@pytest.mark.parametrize("error", [LOST, OSError("no library"), AttributeError("an old one")])
def test_a_driver_that_is_lost_and_found(error: Exception) -> None:
    driver = Driver(Card("GPU-1", 62, 24))
    machine = Hardware(driver)
    machine.measure()
    driver.error = error
    found = machine.measure()
    assert found.keys() >= {"cpu_percent", "memory_percent"}
    assert not any(name.startswith("gpu") for name in found)
    assert "GPU" not in hardware(found)
    driver.error = None
    assert "gpu_load" in machine.measure()


def test_a_card_that_does_not_tell_everything() -> None:
    assert "gpu_load" not in Hardware(Driver(Card("GPU-1", None, 24))).measure()
