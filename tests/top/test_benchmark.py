"""The benchmark of ``top`` runs; what it finds is for a quiet machine to say."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import top
from tests.terminals import found_tmux


@pytest.mark.slow
def test_all_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found_tmux()
    monkeypatch.setattr(top, "_IDLE", 2.5)
    monkeypatch.setattr(sys, "argv", ["top", "--jobs", "20000", "--rounds", "1", "--json"])
    top.main()
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"jobs", "rates", "ratio", "unused", "idle", "loaded"}
    assert found["ratio"] > 0
    for kind in ("idle", "loaded"):
        assert found[kind]["keys"] > 0
        assert 0 < found[kind]["key_to_screen_ms_p50"] < 5000
