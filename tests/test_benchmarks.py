"""The benchmarks run; what they find is for a quiet machine to say."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, measures, scale
from benchmarks.figures import COLUMNS
from benchmarks.peers import PEERS

ADAPTERS = Path(compare.__file__).parent / "peers"


def entry_points(adapter: str) -> set[str]:
    """Of a module that cannot be imported here."""
    tree = ast.parse((ADAPTERS / f"{adapter.partition(':')[0]}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_adapter_is_in_the_table() -> None:
    files = {path.stem for path in ADAPTERS.glob("*.py")} - {"__init__", "run"}
    assert {peer.adapter.partition(":")[0] for peer in PEERS.values()} == files
    assert len({peer.adapter for peer in PEERS.values()}) == len(PEERS)


@pytest.mark.parametrize("name", PEERS)
def test_an_adapter_has_what_the_table_says_of_it(name: str) -> None:
    peer, found = PEERS[name], entry_points(PEERS[name].adapter)
    assert {"connect", "submit", "work"} <= found
    assert ("submit_many" in found) == peer.bulk
    assert peer.settings
    ast.parse(peer.producer)


def compared(folder: Path, *arguments: str) -> dict[str, Any]:
    """What is found without peers."""
    document = folder / "found.json"
    with pytest.raises(SystemExit) as ended:
        compare.main(["--peers=", "--rounds=1", f"--json={document}", *arguments])
    found: dict[str, Any] = json.loads(document.read_text())
    assert (ended.value.code, found["failures"]) == (False, {})
    return found


def test_ours_is_compared_with_the_probes(tmp_path: Path) -> None:
    found = compared(tmp_path, "--jobs=300", "--measures=drain,submit")
    figures = found["figures"]
    assert set(figures) == {compare.OURS, compare.SET, *compare.PROBES}
    assert set(figures[compare.OURS]) == {"drain", "late", "submit"}
    assert figures[compare.OURS]["late"] == [0]
    assert set(found["peers"][compare.OURS]["versions"]) == {"redis", "hiredis"}


@pytest.mark.slow
def test_all_is_measured(tmp_path: Path) -> None:
    figures = compared(tmp_path, "--jobs=300")["figures"]
    assert set(figures[compare.OURS]) == set(COLUMNS)


def test_late_is_what_starts_after_something_less_urgent_in_its_process() -> None:
    low, high = 0, 2
    assert measures.late([(high, 1, 7), (low, 2, 7), (low + 3, 3, 7), (high + 3, 4, 8)]) == 0
    assert measures.late([(low, 1, 7), (high, 2, 7), (low + 3, 3, 7), (high + 3, 4, 7)]) == 2


@pytest.mark.slow
def test_the_head_of_a_line_is_measured(tmp_path: Path) -> None:
    document = tmp_path / "found.json"
    scale.main(["--jobs=50", "--rounds=1", "--backlogs=50", "--slots=1", f"--json={document}"])
    found = json.loads(document.read_text())
    assert [len(found["backlog"]["50"]), len(found["slots"]["1"])] == [1, 1]
