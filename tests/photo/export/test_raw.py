from __future__ import annotations

import sys
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import ReaderMissing
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.export.exporting import export
from tests.photo.export.exports import ORIENTATION, mean, preset, read
from tests.photo.pictures.raw_files import jpeg, nef, rawpy_with


@pytest.fixture
def no_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)


def test_of_a_raw_file_the_preview_is_exported_upright(tmp_path: Path, no_rawpy: None) -> None:
    source = nef(tmp_path / "DSC_1.NEF", jpeg(900, 600, model="Z 8"), orientation=6)

    made = export(source, preset(max_dimension=720), tmp_path / "out.jpg")

    assert (made["width"], made["height"]) == (480, 720)
    assert mean(read(tmp_path / "out.jpg"), (300, 20, 460, 300)) == [255, 255, 255]
    assert read_exif(tmp_path / "out.jpg")["camera"]["model"] == "Z 8"


def test_the_exif_of_the_raw_file_serves_where_its_preview_has_none(tmp_path: Path, no_rawpy: None) -> None:
    source = nef(tmp_path / "DSC_1.NEF", jpeg(900, 600), order=">", orientation=8)

    export(source, preset(), tmp_path / "out.jpg")

    assert read(tmp_path / "out.jpg").getexif()[ORIENTATION] == 1


def test_a_raw_file_with_only_a_thumbnail_needs_rawpy(tmp_path: Path, no_rawpy: None) -> None:
    with pytest.raises(ReaderMissing, match=r"DSC_1\.NEF cannot be looked at without rawpy: install it"):
        export(nef(tmp_path / "DSC_1.NEF", jpeg(160, 120)), preset(), tmp_path / "out.jpg")
    assert not (tmp_path / "out.jpg").exists()


@pytest.mark.parametrize(
    ("largest", "made_of", "width"),
    [(900, "preview", 900), (1000, "half", 1000), (1500, "whole", 1500), (2048, "whole", 2000)],
)
def test_a_raw_file_is_developed_only_where_its_preview_is_too_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, made_of: str, width: int
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", rawpy_with((2000, 1332)))
    source = nef(tmp_path / "DSC_1.NEF", jpeg(900, 600, model="Z 8"))

    made = export(source, preset(format="PNG", max_dimension=largest), tmp_path / "out.png")

    green = read(tmp_path / "out.png").getpixel((10, 10))
    assert made["width"] == width
    assert green == {"preview": (255, 255, 255), "half": (0, 200, 0), "whole": (0, 100, 0)}[made_of]
    assert read_exif(tmp_path / "out.png")["camera"]["model"] == "Z 8"
