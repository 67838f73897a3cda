"""The long run stopped half-way, by Ctrl-C and by kill -9."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.faults import LINE, REDIS, WORKER
from tests.chaos.fleet import end_all_in
from tests.chaos.long import March, total
from tests.chaos.report import OUTCOMES, written
from tests.servers import RedisProcess

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Fight:
    """Stands for a round, and leaves something in its folder."""

    stop_in: int = 0
    find_in: int = 0
    fought: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, folder: Path, count: int, seed: int) -> dict[str, Any]:
        (folder / "data").write_text("")
        if seed == self.stop_in:
            raise KeyboardInterrupt
        self.fought.append((seed, count))
        found: dict[str, Any] = dict.fromkeys((*OUTCOMES, *WORKER, *REDIS, *LINE), 2)
        found |= {"seed": seed, "jobs": count, "acknowledged": count, "server": "7", "runs": {"failed": 3}}
        found |= {"under_fire_s": 1.5, "seconds": 2.5, "findings": ["lost: job a"] * (seed == self.find_in)}
        found["fell"] = [1] * (seed == self.find_in)
        return found | {"ok": not found["findings"]}


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        March(tmp_path, 25, 10, Fight(stop_in=2)).go_on()
    again = Fight()
    rounds = March(tmp_path, 25, 10, again).go_on()
    assert again.fought == [(2, 10), (3, 5)]
    assert [each["seed"] for each in rounds] == [1, 2, 3]
    assert total(rounds)["acknowledged"] == 25
    assert total(rounds)["ok"] is True
    assert {path.name for path in tmp_path.iterdir()} == {"rounds.json"}


def test_it_goes_further_when_more_is_asked_for(tmp_path: Path) -> None:
    March(tmp_path, 15, 10, Fight()).go_on()
    more = Fight()
    assert total(March(tmp_path, 30, 10, more).go_on())["acknowledged"] == 30
    assert more.fought == [(2, 10), (3, 10)]


def test_what_a_round_has_found_is_told_and_its_data_kept(tmp_path: Path) -> None:
    rounds = March(tmp_path, 20, 10, Fight(find_in=2)).go_on()
    found = total(rounds)
    assert found["ok"] is False
    assert found["findings"] == ["round 2: lost: job a"]
    assert (tmp_path / "round-2" / "data").exists()
    page = written(rounds, found)
    assert "- round 2: lost: job a" in page
    assert "nobody had killed them: 1.\n" in page


def test_the_report_adds_up(tmp_path: Path) -> None:
    rounds = March(tmp_path, 20_000, 10_000, Fight()).go_on()
    report = written(rounds, total(rounds))
    assert report.startswith("# Under fire\n\n20,000 jobs ran while")
    assert "was killed every 375 ms, on the average of 3 s under fire" in report
    assert "nobody had killed them: none.\n" in report
    assert "Runs that did not succeed: 6 failed." in report


def test_what_a_killed_run_has_left_is_ended(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    servers = []
    try:
        for folder in (ours / "round-1", other):
            folder.mkdir(parents=True)
            servers.append(RedisProcess(folder).start())
        assert end_all_in(ours) == 1
        assert not servers[0].answers()
        assert servers[1].answers()
    finally:
        for server in servers:
            server.stop()
