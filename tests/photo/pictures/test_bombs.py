"""What would fill the memory is refused as what no retry can help, and costs next to nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.config import ExportPreset
from junmai_jobs.photo.errors import UnreadablePhoto
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.tasks.recording import RETRY
from tests.photo import bombs
from tests.photo.pictures.raw_files import jpeg, nef, rawpy_with

LEAST = 200 * bombs.MEGABYTE
"""By how much a process may grow for a file that is refused, or small."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory of a process on Linux")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of each, in one process that had to survive them all."""
    bombs.write_all(folder := tmp_path_factory.mktemp("bombs"))
    command = [sys.executable, "-m", "tests.photo.bombs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=110)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@linux
@pytest.mark.parametrize("name", bombs.REFUSED)
def test_a_bomb_is_refused_and_costs_little(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    found = outcomes[name]
    refusals = {"UnreadablePhoto"}
    if name.endswith(".nef") and not importlib.util.find_spec("rawpy"):
        refusals.add("ReaderMissing")
    assert {found["picture"], found["export"]} <= refusals, found
    assert found["exif"] in {"UnreadablePhoto", "read"}, found
    assert found["grown"] < LEAST


@linux
@pytest.mark.parametrize("name", bombs.HARMLESS)
def test_a_good_picture_is_read_whatever_else_is_in_its_file(
    name: str, outcomes: dict[str, dict[str, Any]]
) -> None:
    found = outcomes[name]
    assert (found["picture"], found["exif"], found["export"]) == ("read", "read", "read")
    assert found["grown"] < LEAST


@linux
def test_memory_that_is_not_there_is_an_error_that_may_pass(outcomes: dict[str, dict[str, Any]]) -> None:
    """For a picture that is allowed to be so large, where there is more memory."""
    (found,) = (outcomes[name] for name in bombs.TOO_LARGE_HERE)
    assert (found["picture"], found["export"]) == ("PhotoError", "PhotoError")
    assert found["grown"] < bombs.ROOM


def test_none_of_it_is_tried_again() -> None:
    assert RETRY.decide(1, UnreadablePhoto("a bomb")) is None


def test_a_raw_file_that_says_it_is_far_too_large_is_not_developed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = rawpy_with((40_000, 40_000))
    monkeypatch.setattr(stand_in.imread, "postprocess", lambda *_, **__: pytest.fail("it is developed"))
    monkeypatch.setitem(sys.modules, "rawpy", stand_in)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    small, none = nef(tmp_path / "a.nef", jpeg()), nef(tmp_path / "b.nef", b"")

    assert export(small, ExportPreset(name="Web"), tmp_path / "a.jpg")["width"] == 900  # of its preview
    with pytest.raises(UnreadablePhoto, match=r"b\.nef holds no picture that can be read"):
        export(none, ExportPreset(name="Web"), tmp_path / "b.jpg")
