"""When a worker looks at its machine, and what it makes of what it cannot see."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from junmai_jobs import guest
from junmai_jobs.errors import StoreUnavailable
from junmai_jobs.guest import Guest
from junmai_jobs.resources import Grade, Thresholds
from junmai_jobs.sensors import Sensors
from junmai_jobs.server import Server
from junmai_jobs.settings import WorkerSettings
from tests.sensing import LIGHTROOM, OURS, Card, Driver, let_time_pass

SHORT_OF_MEMORY = Thresholds(memory_limit_percent=1, memory_critical_percent=1)
"""Others use more, on every machine."""
GIGABYTE = 1024  # MB


class Looker:
    """Has a guest look at this machine, and at one card, at any second."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.card = Card("a", 50, 8)
        self._patch = monkeypatch
        pool = {"pool": "a", "gpu": 1, "vram_mb": 8 * GIGABYTE}
        self.guest = Guest(
            WorkerSettings(endpoint=Server(None, home), thresholds=SHORT_OF_MEMORY, offers=(pool,))
        )
        self.guest._sensors = Sensors(Driver(self.card))

    def look(self, at: float, *, is_busy: bool = True, **more: Any) -> Grade:
        self._patch.setattr(guest, "time", SimpleNamespace(monotonic=lambda: at))
        self.guest.look(is_busy=is_busy, is_running=is_busy, **{"ours": tuple, **more})
        return self.guest.allowance.grade

    def offered(self, at: float, *, is_busy: bool = True) -> float:
        """GB of the card."""
        self.look(at, is_busy=is_busy)
        return float(self.guest.offers[0]["vram_mb"] / GIGABYTE)


@pytest.fixture
def looker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    return Looker(tmp_path, monkeypatch)


def test_it_looks_2_s_after_work_began_and_rests_12_s_after_its_end(looker: Looker) -> None:
    grades = [looker.look(at) for at in (0, 1.9, 2)]
    assert grades == [Grade.FULL, Grade.FULL, Grade.NONE]
    grades = [looker.look(at, is_busy=False) for at in (7, 13.9, 14.1)]
    assert grades == [Grade.NONE, Grade.NONE, Grade.FULL]
    let_time_pass()
    assert looker.guest._sensors.read().cpu is None, "it would be the mean of the rest"


def test_two_counts_between_two_jobs_are_no_rest(looker: Looker) -> None:
    for at in (0, 2):
        looker.look(at)
    assert [looker.look(at, is_busy=False) for at in (7, 12)] == [Grade.NONE] * 2
    assert looker.look(13.9) is Grade.NONE


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "Too many open files"), ValueError("pid -5"), RuntimeError("macOS")]
)
def test_what_was_seen_last_counts_while_the_machine_cannot_be_looked_at(
    looker: Looker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail() -> None:
        raise error

    for at in (0, 2):
        looker.look(at)
    for times in (1, 2):
        with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, "junmai_jobs.worker"):
            broken.setattr(psutil, "virtual_memory", fail)
            assert [looker.look(at) for at in (times * 20, times * 20 + 5)] == [Grade.NONE] * 2
        assert caplog.messages == [f"the machine cannot be looked at: {error}"] * times
        assert looker.look(times * 20 + 10) is Grade.NONE


def test_that_the_server_is_away_is_told(looker: Looker) -> None:
    def away() -> None:
        raise StoreUnavailable("away")

    looker.look(0)
    with pytest.raises(StoreUnavailable):
        looker.look(2, ours=away)


def test_a_card_of_which_nothing_is_told_any_more_keeps_what_was_offered_last(looker: Looker) -> None:
    looker.card.compute = {LIGHTROOM: 3}
    assert [looker.offered(at) for at in (0, 2)] == [8, 5]
    looker.card.graphics = {OURS: None}
    assert looker.offered(7) == 5
    looker.card.graphics = {}
    looker.card.compute = {LIGHTROOM: 2}
    assert looker.offered(12) == 6
    assert looker.offered(30, is_busy=False) == 8, "at rest it offers what was found"


def test_a_card_that_never_told_its_memory_offers_none(looker: Looker) -> None:
    looker.guest.offers = looker.guest._found = ({"pool": "a", "gpu": 1},)
    for at in (0, 2):
        looker.look(at)
    assert looker.guest.offers == ({"pool": "a", "gpu": 1},)
