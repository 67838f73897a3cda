"""A bridge under load: a short look at what ``benchmarks.bridge`` measures at length, without its times."""

from __future__ import annotations

import pytest

from benchmarks.bridge import Load, measure

LONG = pytest.mark.slow


@pytest.mark.parametrize(
    "load",
    [
        Load(clients=5, rate=50, seconds=8, away=True),
        pytest.param(Load(clients=50, rate=200, seconds=30), marks=LONG),
        pytest.param(Load(clients=50, rate=200, seconds=60, away=True), marks=LONG),
    ],
    ids=str,
)
def test_streams_miss_nothing_and_what_is_accepted_is_done(load: Load) -> None:
    found = measure(load)
    assert found.broken(timed=False) == [], found.table()
    assert found.last.connections <= 60
