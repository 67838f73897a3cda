from __future__ import annotations

import io

from rich.console import Console

from benchmarks.photo_quality import bursts, groups
from tests.bursts import FAULTS


def test_picks_are_measured_against_each_fault() -> None:
    found = bursts.measure(rounds=1, photos=1)

    kinds = ("blur", "all faults", *FAULTS)
    assert set(found["shares"]) == {kind + camera for kind in kinds for camera in bursts.HANDS}
    for kind in ("blur", "all faults"):
        assert found["shares"][kind]["bursts"] == 1
        assert found["shares"][kind]["compared"] == 1.0
    assert len(bursts.lines(found)) == 4
    shown = Console(file=io.StringIO(), width=200, record=True)
    bursts.show(found, shown)
    assert found["photographs"][0] in shown.export_text()


def test_groups_are_measured_beside_a_plain_hash_and_time_alone() -> None:
    found = groups.measure(rounds=1, photos=2, frames=20)

    ours, by_time = found["ways"]["ours, with times"], found["ways"]["time alone, 3 s"]
    assert ours["right"] + ours["missed"] == by_time["right"] + by_time["missed"] > 20
    assert ours["F1"] >= max(way["F1"] for way in found["ways"].values())
    assert [line.met for line in groups.lines(found)] == [True, True]
    shown = Console(file=io.StringIO(), width=200, record=True)
    groups.show(found, shown)
    text = shown.export_text()
    assert "plain hash, 10 bits" in text
    assert all(day in text for day in found["seconds"])
