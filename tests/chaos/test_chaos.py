"""Workers and the server killed under load; the long runs are ``make chaos``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.chaos import run


def test_nothing_is_lost_or_ended_twice(tmp_path: Path) -> None:
    found = run(tmp_path, count=300, seed=7)
    assert found["ok"], json.dumps(found, indent=2)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_or_ended_twice_in_a_long_run(tmp_path: Path, seed: int) -> None:
    found = run(tmp_path, count=2000, seed=seed)
    assert found["ok"], json.dumps(found, indent=2)
