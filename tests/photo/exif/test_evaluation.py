"""The evaluation beside exiftool counts as it says; what exiftool says of one photograph is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.photo_quality import exif
from junmai_jobs.photo.exif.reading import read_exif
from tests.photo.exif.tags import photograph

RICOH = "r_ricoh.jpg"
NAMED: dict[str, Any] = {
    "IFD0:Make": "PENTAX RICOH IMAGING",
    "IFD0:Model": "GR",
    "IFD0:Orientation": 1,
    "ExifIFD:LensModel": "GR LENS                                    ",
    "ExifIFD:SerialNumber": "",
    "ExifIFD:ISO": 100,
    "ExifIFD:FNumber": 2.8,
    "ExifIFD:ExposureTime": 0.002,
    "ExifIFD:ExposureCompensation": 1.5,
    "ExifIFD:Flash": 16,
    "ExifIFD:WhiteBalance": 0,
    "ExifIFD:MeteringMode": 2,
    "ExifIFD:DateTimeOriginal": "2013:03:29 10:06:41",
    "Ricoh:FocalLength": 99,
}


def answers(named: dict[str, Any]) -> list[exif.Answer]:
    path = str(photograph(RICOH))
    return list(exif.compare({path: named}, {path: read_exif(Path(path))}))


def test_every_field_that_exiftool_names_of_exif_is_asked() -> None:
    found = answers(NAMED)

    assert len(found) == len(NAMED) - 2  # neither the empty one nor the maker's
    assert all(answer.agrees and answer.from_camera for answer in found)


def test_a_field_that_is_missing_or_differs_is_wrong() -> None:
    wrong = {"GPSLatitude": 35.5, "ExposureTime": 0.0021, "Model": "GR II", "ISO": 200, "Flash": 1}
    changes = {f"{'Composite' if name == 'GPSLatitude' else 'ExifIFD'}:{name}": wrong[name] for name in wrong}

    found = answers(NAMED | {"IFD0:Model": "GR II"} | changes)

    assert {answer.field for answer in found if not answer.agrees} == wrong.keys()


def test_what_only_the_note_tells_is_counted_apart() -> None:
    path = str(photograph("r_pana.jpg"))
    lens = "LEICA D VARIO-ELMARIT 14-50mm"
    named = {"ExifIFD:ISO": 100, "Panasonic:LensType": lens, "Composite:LensID": lens}

    found = list(exif.compare_notes({path: named}, {path: read_exif(Path(path))}))
    by_exif = list(exif.compare_notes({path: named | {"ExifIFD:LensModel": lens}}, {path: None}))

    assert [(answer.field, answer.agrees) for answer in found] == [("lens", True)]
    assert by_exif == []


def test_the_bounds_are_those_of_the_figures() -> None:
    right = exif.Answer("a.jpg", "ISO", 100, 100, agrees=True, from_camera=True)
    wrong = exif.Answer("a.jpg", "ISO", 100, None, agrees=False, from_camera=True)

    told = {"files": 1, "crashes": []}
    just = exif.report([right] * 199 + [wrong], [right] * 4 + [wrong]) | told
    below = exif.report([right] * 198 + [wrong], [right] * 3 + [wrong]) | told

    assert [line.met for line in exif.lines(just)] == [True] * 4
    assert [line.met for line in exif.lines(below | {"crashes": ["one"]})] == [False] * 4
    assert just["fields"]["ISO"] == {"named": 200, "agree": 199, "share": 0.995}
    assert len(just["disagree"]) == 2


def test_only_a_photo_error_is_no_crash(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a.txt").write_text("no picture")
    assert exif.crashes([photograph(RICOH), tmp_path / "a.txt"]) == []

    monkeypatch.setattr(exif, "read_exif", lambda path: {}[path])
    assert len(exif.crashes([tmp_path / "a.txt"])) == 3
