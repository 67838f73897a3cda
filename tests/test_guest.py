"""When a worker looks at its machine, and what it makes of what it cannot see."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from junmai_jobs import awake, guest
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.guest import Guest
from junmai_jobs.resources import Grade, Thresholds
from junmai_jobs.sensors import Sensors
from junmai_jobs.server import Server
from junmai_jobs.settings import WorkerSettings
from tests.test_awake import Kernel32
from tests.test_sensors import LIGHTROOM, OURS, Card, Driver

SHORT_OF_MEMORY = Thresholds(memory_limit_percent=1, memory_critical_percent=1)
"""Others use more, on every machine."""
CARD = {"pool": "a", "gpu": 1, "vram_mb": 8 * 1024}

Look = Callable[..., Guest]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """Has one guest look at this machine, and one card, at this second."""
    card = Card("a", 50, 8, {LIGHTROOM: 3})
    settings = WorkerSettings(
        endpoint=Server(None, tmp_path), thresholds=SHORT_OF_MEMORY, offers=(CARD,), keep_awake=True
    )
    looker = Guest(settings)
    looker._sensors = Sensors(Driver(card))

    def look(at: float, *, is_busy: bool = True, ours: Iterable[int] = (), **more: bool) -> Guest:
        monkeypatch.setattr(guest, "time", SimpleNamespace(monotonic=lambda: at))
        looker.look(is_busy=is_busy, ours=lambda: ours, **more)
        return looker

    return look


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> Kernel32:
    """Asked to keep the computer awake, so that nothing has to be started."""
    kernel = Kernel32()
    monkeypatch.setattr(awake, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(awake, "ctypes", SimpleNamespace(windll=SimpleNamespace(kernel32=kernel)))
    monkeypatch.setattr(awake, "battery", lambda: None)
    return kernel
