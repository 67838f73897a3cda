"""The figures on XMP: a small sample, and that the readers would tell of a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rdflib.compare import isomorphic

from benchmarks.photo_quality.foreign_xmp import PROGRAMS, sidecars
from benchmarks.photo_quality.xmp import at_random, foreign, lines, meaning, measured, read_back, shipped
from benchmarks.photo_quality.xmp_files import photographs, pixels
from junmai_jobs.photo.develop.presets import load_presets
from tests.photo.sidecars import exiftool

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_sample_meets_every_bound() -> None:
    exiftool("-ver")
    files = [path for path in photographs() if path.name in {"r_canon.jpg", "flower2.jpg", "hopper.tif"}]

    found = measured(5, 2, files)

    assert [line.name for line in lines(found) if not line.met] == [], found
    assert found["presets"]["sidecars"] == 3 * len(load_presets())
    assert (found["foreign"]["sidecars"], found["with the flag"]["written"]) == (len(PROGRAMS), 3)
    assert found["without the flag"]["outcomes"] == {"no_sidecar": 3, "written": 1}


def test_every_setting_is_among_those_at_random() -> None:
    assert {name for each in at_random(2).values() for name in each} > {
        name for each in shipped().values() for name in each
    } - {"ConvertToGrayscale"}


def test_what_reads_otherwise_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exiftool("-ver")
    monkeypatch.setattr("junmai_jobs.photo.xmp.sidecar._texts", lambda *_: ("+1",))
    wrong = read_back({"a": {"Exposure2012": 0.5}}, tmp_path / "a")["wrong"]
    assert wrong == ["a: Exposure2012 0.5 read as +1"]


@pytest.mark.parametrize("loss", ["owl", "a &amp; b", "Red", "derived", "IMG_1.NEF"])
def test_a_loss_would_be_seen(loss: str) -> None:
    (text,) = [text for _, text in sidecars(1, 1)]
    assert loss in text
    old, new = meaning(text.encode()), meaning(text.replace(loss, "x", 1).encode())
    assert not isomorphic(old[0], new[0])


def test_a_lost_comment_would_be_seen(tmp_path: Path) -> None:
    assert foreign(3, tmp_path / "a")["changed"] == []
    assert meaning(b"<x><!--a--><r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x>")[1] == [
        "a"
    ]


def test_other_pixels_would_be_seen(tmp_path: Path) -> None:
    (path,) = [path for path in photographs() if path.name == "hopper.tif"]
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    (tmp_path / "a.tif").write_bytes(data)
    assert pixels(tmp_path / "a.tif") != pixels(path)
