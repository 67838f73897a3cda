"""The machinery of the measurement, on small photographs; not the speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.photo_quality.cache import TURNS
from tests.benchmarking import figures_of

if TYPE_CHECKING:
    from pathlib import Path


def test_copies_are_looked_up_and_a_new_catalog_is_filled(tmp_path: Path) -> None:
    found, _ = figures_of("photo_quality.cache", tmp_path, "--photos=3", "--width=600")
    assert found["ms"].keys() == set(TURNS)
    assert found["alike"] == [True, True, True]
    counts = found["cache"]
    assert (counts["entries"], counts["hits"], counts["misses"]) == (3, 3, 6)
    assert counts["bytes"] > 0
