"""What every evaluation of photographs ends with: its bounds, as a table, as JSON, and as exit status."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from benchmarks import command
from benchmarks.photo_quality import contact_sheet, quality
from benchmarks.photo_quality.distortions import KINDS
from benchmarks.photo_quality.evaluation import Line, concluded, none_of, options, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MET = Line(name="agree", figure=0.995, least=0.995, form=".1%")
MISSED = Line(name="agree", figure=0.99, least=0.995, form=".1%")
TOLD = Line(name="ISO", figure=0.2)


def test_a_figure_keeps_its_bound_or_not() -> None:
    assert (MET.met, MISSED.met, TOLD.met) == (True, False, True)
    assert (none_of("crashes", 0).met, none_of("crashes", 1).met) == (True, False)
    assert not Line(name="of nothing", figure=float("nan"), least=0.9).met
    between = [Line(name="share", figure=figure, least=0, most=1).met for figure in (-0.1, 0, 1, 1.1)]
    assert between == [False, True, True, False]


@pytest.mark.parametrize(("lines", "status"), [((MET, TOLD), 0), ((MET, MISSED, TOLD), 1)])
def test_a_bound_that_is_missed_is_told_everywhere(
    lines: tuple[Line, ...], status: int, tmp_path: Path
) -> None:
    console = Console(file=io.StringIO(), width=100, record=True)
    assert concluded(lines, {"seed": 8}, tmp_path / "figures.json", console) == status
    said = console.export_text()
    assert said.count("NOT met") == status
    assert "99.5%" in said
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["seed"] == 8
    assert [line["met"] for line in written["lines"]] == [line.met for line in lines]
    assert written["lines"][0] == {"name": "agree", "figure": 0.995, "bound": ">= 99.5%", "met": True}


def test_a_command_ends_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ENDING", [])
    chosen = options("What it is about.\n\nMore.").parse_args(["--json", str(tmp_path / "a.json")])
    with pytest.raises(SystemExit) as ended:
        run(lambda: concluded([MISSED], {}, chosen.json))
    assert ended.value.code == 1
    assert (tmp_path / "a.json").exists()


# ---- those that are long to run, on figures that are made up ---------------------------------------


def status_of(evaluation: Callable[[], int], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["it", *arguments])
    return evaluation()


@pytest.mark.parametrize(
    ("kind", "figure", "found", "status"),
    [
        ("overexposure", "within", 0.92, 0),
        ("motion", "within", 0.94, 1),
        ("noise", "worst", 0.59, 1),
        ("defocus", "adjacent", 0.94, 1),
        ("compression", "across", 0.74, 1),
        ("400 and 1,600 px, spoiled", "mean", 0.89, 1),
    ],
)
def test_quality_has_the_bounds_of_each_fault(
    kind: str, figure: str, found: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles = {
        name: {each: dict.fromkeys(quality.BOUNDS, 1.0) for each in KINDS} for name in ("plain", "other")
    }
    sizes = {"400 and 1,600 px, spoiled": {"mean": 1.0}}
    (styles["other"] if kind in KINDS else sizes)[kind][figure] = found
    figures = {f"junmai_jobs, {name} styles": kinds for name, kinds in styles.items()} | sizes
    monkeypatch.setattr(quality, "measured", lambda *_, **__: figures)
    monkeypatch.setattr(quality, "test_pictures", list)
    assert status_of(quality.main, monkeypatch, "--photos", "2") == status


@pytest.mark.parametrize(("peak", "complaints", "status"), [(199e6, [], 0), (201e6, [], 1), (9e6, ["no"], 1)])
def test_the_contact_sheet_has_a_bound_of_memory_and_no_complaint(
    peak: float, complaints: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = dict.fromkeys(("seconds", "bytes", "seen", "opened", "sorted"), 1)
    row = times | {"photos": 5, "peak": peak, "complaints": complaints}
    monkeypatch.setattr(contact_sheet, "measured", lambda _: row)
    assert status_of(contact_sheet.main, monkeypatch, "--photos", "5") == status
