"""The benchmark of photographs runs, small, and tells what it is asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import photos
from junmai_jobs.photo.groups.grouping import group
from tests.benchmarking import figures_of

SMALL = ("--photos=2", "--rounds=1", "--width=600", "--frames=20", "--jobs=20")
PICTURED = {"process_photo", "analyze_exif", "evaluate_quality", "apply_preset", "export_photo"}


@pytest.mark.slow
def test_it_measures_all_it_promises(tmp_path: Path) -> None:
    found, shown = figures_of("photos", tmp_path, *SMALL)
    assert found["whole"].keys() == {"gray decode", "process_photo"}
    assert found["tasks"].keys() == PICTURED | {"group_similar_photos"}
    assert {"faces", "quality", "catalog"} < found["steps"].keys()
    assert all(rate > 0 for rates in found["rates"].values() for rate in rates)
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert "process_photo / gray decode" in shown


def test_bursts_are_as_many_as_wanted_and_each_mostly_one_group() -> None:
    frames = photos.bursts(501)
    assert len({frame.photo_id for frame in frames}) == 501
    scenes = [{frame_id // 5 for frame_id in found.members} for found in group(frames)]
    assert all(len(scene) == 1 for scene in scenes)
    of_each = Counter(number for scene in scenes for number in scene)
    assert sum(groups == 1 for groups in of_each.values()) > 95
