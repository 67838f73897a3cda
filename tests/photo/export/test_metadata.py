from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.export.encoding import export_suffix
from junmai_jobs.photo.export.exporting import export
from tests.photo.exif.tags import CAMERA, EXPOSURE, PLACE, cr3
from tests.photo.exif.tags import block as exif_of
from tests.photo.export.exports import (
    ARTIST,
    COLOR_SPACE,
    COPYRIGHT,
    DATE_TIME,
    EXIF,
    FORMATS,
    GPS,
    MAKER_NOTE,
    MODEL,
    ORIENTATION,
    OWNER,
    preset,
    read,
    saved,
)
from tests.photo.pictures.raw_files import jpeg
from tests.photo.studio import texture
from tests.photographs import camera_photographs


def exiftool(path: Path) -> dict[str, Any]:
    command = ["exiftool", "-json", "-G1", "-n", "-validate", "-warning", str(path), "-all"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)[0]
    return found


def without_maker_note(path: Path, folder: Path) -> Path:
    """A copy whose maker note, which no export carries, is called by a tag that nobody knows."""
    data = path.read_bytes()
    for known, unknown in ((b"\x7c\x92\x07\0", b"\x7c\xfe\x07\0"), (b"\x92\x7c\0\x07", b"\xfe\x7c\0\x07")):
        data = data.replace(known, unknown)
    copy = folder / path.name
    copy.write_bytes(data)
    return copy


@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
@pytest.mark.parametrize("kind", FORMATS)
def test_what_the_camera_wrote_goes_along(tmp_path: Path, path: Path, kind: str) -> None:
    final = tmp_path / f"out{export_suffix(kind)}"

    path = without_maker_note(path, tmp_path)
    export(path, preset(format=kind, max_dimension=300), final)

    before, after = read_exif(path), read_exif(final)
    assert after["settings"]["orientation"] == 1
    before["settings"]["orientation"] = 1
    assert after == before
    assert read(final).getexif()[MODEL].strip(" \0") == before["camera"]["model"]


@pytest.mark.skipif(
    shutil.which("exiftool") is None and not os.environ.get("CI"), reason="install libimage-exiftool-perl"
)
@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
@pytest.mark.parametrize("kind", FORMATS)
def test_exiftool_finds_the_same_values_and_nothing_wrong(tmp_path: Path, path: Path, kind: str) -> None:
    final = tmp_path / f"out{export_suffix(kind)}"
    made = export(path, preset(format=kind, max_dimension=300), final)

    before, after = exiftool(path), exiftool(final)

    changed = {"ExifIFD:ExifImageWidth": made["width"], "ExifIFD:ExifImageHeight": made["height"]}
    gone = {"IFD0:YCbCrPositioning", "IFD0:PrintIMVersion", "ExifIFD:OffsetSchema"}
    for name, value in before.items():
        if name.startswith(("ExifIFD:", "GPS:", "IFD0:")) and name not in gone:
            if name in changed:
                assert after[name] == changed[name]
            else:  # what an editor has put into the wrong directory is in the right one
                assert after.get(name, after.get(name.replace("IFD0:", "ExifIFD:"))) == value
    assert after["IFD0:Orientation"] == 1
    assert after["ExifTool:Validate"].split()[0] == "0"  # errors
    assert not [name for name in after if "Thumbnail" in name or "Preview" in name or "IFD1" in name]


def test_neither_thumbnails_nor_maker_notes_of_the_unedited_picture_remain(tmp_path: Path) -> None:
    source = next(path for path in camera_photographs() if path.name == "r_sony.jpg")
    assert source.read_bytes().count(b"\xff\xd8\xff") > 1  # its thumbnail
    assert MAKER_NOTE in read(source).getexif().get_ifd(EXIF)

    export(source, preset(), tmp_path / "out.jpg")

    assert (tmp_path / "out.jpg").read_bytes().count(b"\xff\xd8\xff") == 1
    assert MAKER_NOTE not in read(tmp_path / "out.jpg").getexif().get_ifd(EXIF)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_where_the_picture_was_taken_and_by_whom_goes_along(tmp_path: Path, kind: str, order: str) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif.update({ARTIST: "Jürgen 写真".encode(), DATE_TIME: "2024:05:06 07:08:09"})
    exif.get_ifd(EXIF).update({OWNER: "Anna", 0x9004: "2024:05:06 07:08:09"})
    exif.get_ifd(GPS).update(
        {1: "N", 2: (35.0, 40.0, 30.25), 3: "W", 4: (139.0, 45.0, 0.5), 5: b"\0", 6: 44.5}
    )
    source = saved(tmp_path / "a.jpg", texture(60, 40), exif=exif.tobytes())

    export(source, preset(format=kind), tmp_path / "out")

    found = read(tmp_path / "out").getexif()
    assert found[ARTIST].encode("latin-1").decode() == "Jürgen 写真"
    assert found.get_ifd(EXIF)[OWNER] == "Anna"
    assert found.get_ifd(GPS) == exif.get_ifd(GPS)
    assert read_exif(tmp_path / "out")["location"] == read_exif(source)["location"]
    assert read_exif(source)["location"]["longitude"] == pytest.approx(-139.7501389)


def test_a_photograph_without_exif_gets_what_is_true_of_it(tmp_path: Path) -> None:
    export(saved(tmp_path / "a.png", texture(60, 40)), preset(), tmp_path / "out.jpg")

    exif = read(tmp_path / "out.jpg").getexif()
    assert exif[ORIENTATION] == 1
    assert exif.get_ifd(EXIF)[COLOR_SPACE] == 1


@pytest.mark.parametrize("seed", range(40))
def test_broken_exif_does_not_cost_the_photograph(tmp_path: Path, seed: int) -> None:
    source = next(path for path in camera_photographs() if path.name == "r_canon.jpg").read_bytes()
    dice = np.random.default_rng(seed)
    broken = bytearray(source)
    at = source.index(b"Exif\0\0") + 14
    for place in dice.integers(at, at + 1500, 60):
        broken[place] = dice.integers(256)
    (tmp_path / "a.jpg").write_bytes(broken)

    made = export(tmp_path / "a.jpg", preset(), tmp_path / "out.jpg")

    assert made["width"] == 80
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values are kept as they are, nonsense too
        assert len(read(tmp_path / "out.jpg").info["exif"]) < 65_000


def test_exif_that_no_jpeg_could_hold_is_kept_in_part(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.update({MODEL: "X-T5", ARTIST: "A" * 100_000})
    exif.get_ifd(EXIF).update({0x9286: b"ASCII\0\0\0" + b"B" * 19_000, OWNER: "Anna"})
    source = saved(tmp_path / "a.png", texture(60, 40), exif=exif.tobytes())

    export(source, preset(), tmp_path / "out.jpg")

    found = read(tmp_path / "out.jpg").getexif()
    assert (found[MODEL], ARTIST in found) == ("X-T5", False)
    assert len(found.get_ifd(EXIF)[0x9286]) == 19_008


def test_many_small_values_are_kept_in_part_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.update({MODEL: "X-T5", ARTIST: "A" * 19_000})
    exif.get_ifd(EXIF).update(dict.fromkeys(range(0xC000, 0xC1E0), b"B" * 38))
    exif.get_ifd(GPS).update(dict.fromkeys(range(1000, 1480), b"C" * 38))
    source = saved(tmp_path / "a.png", texture(60, 40), exif=exif.tobytes())

    export(source, preset(), tmp_path / "out.jpg")

    found = read(tmp_path / "out.jpg").getexif()
    assert (found[MODEL], len(found[ARTIST])) == ("X-T5", 19_000)
    assert all(100 < len(found.get_ifd(each)) < 480 for each in (EXIF, GPS))


def placed(path: Path) -> Path:
    exif = Image.Exif()
    exif.update({MODEL: "X-T5", ARTIST: "Anna", COPYRIGHT: "the camera's"})
    exif.get_ifd(EXIF)[OWNER] = "Anna"
    exif.get_ifd(GPS).update({1: "N", 2: (35.0, 40.0, 30.25), 3: "E", 4: (139.0, 45.0, 0.5)})
    return saved(path, texture(60, 40), exif=exif.tobytes())


@pytest.mark.parametrize("kind", FORMATS)
def test_the_place_is_left_out_where_asked_and_all_of_it(tmp_path: Path, kind: str) -> None:
    export(placed(tmp_path / "a.jpg"), preset(format=kind, metadata="no_gps"), tmp_path / "out")

    found = read(tmp_path / "out").getexif()
    assert (found[MODEL], found[ARTIST], found[COPYRIGHT]) == ("X-T5", "Anna", "the camera's")
    assert found.get_ifd(EXIF)[OWNER] == "Anna"
    assert (GPS in found, found.get_ifd(GPS)) == (False, {})
    assert (121).to_bytes(4, "little") + (4).to_bytes(4, "little") not in (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_without_metadata_only_what_is_true_of_the_picture_and_the_copyright_remain(
    tmp_path: Path, kind: str
) -> None:
    settings = {"format": kind, "metadata": "none", "copyright": "© Jürgen 写真"}
    export(placed(tmp_path / "a.jpg"), preset(**settings), tmp_path / "out")

    found = read(tmp_path / "out").getexif()
    assert found[COPYRIGHT].encode("latin-1").decode() == "© Jürgen 写真"
    assert (found[ORIENTATION], found.get_ifd(EXIF)[COLOR_SPACE]) == (1, 1)
    assert not {MODEL, ARTIST, GPS, DATE_TIME} & set(found)
    assert OWNER not in found.get_ifd(EXIF)


def test_a_copyright_of_the_preset_replaces_the_cameras(tmp_path: Path) -> None:
    export(placed(tmp_path / "a.jpg"), preset(copyright="Anna 2026"), tmp_path / "out.jpg")

    assert read(tmp_path / "out.jpg").getexif()[COPYRIGHT] == "Anna 2026"
    assert read_exif(tmp_path / "out.jpg")["location"]["latitude"] == pytest.approx(35.675069)


def test_a_place_that_an_editor_has_put_into_the_wrong_directory_does_not_go_along(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF).update({0x8825: 12345, 0x2BC: b"<x:xmpmeta>exif:GPSLatitude</x:xmpmeta>"})
    source = saved(tmp_path / "a.jpg", texture(60, 40), exif=exif.tobytes())

    export(source, preset(), tmp_path / "out.jpg")

    assert not {0x8825, 0x2BC} & set(read(tmp_path / "out.jpg").getexif().get_ifd(EXIF))


def with_raw_profile(path: Path) -> Path:
    """A PNG as ImageMagick once wrote it."""
    block = exif_of(CAMERA, EXPOSURE, place=True)
    told, text = PngInfo(), f"\nexif\n{len(block):8}\n{block.hex()}\n"
    told.add_text("Raw profile type exif", text, zip=True)
    return saved(path, texture(60, 40), "PNG", pnginfo=told)


def big_tiff(path: Path) -> Path:
    exif = Image.Exif()
    exif.update(CAMERA)
    exif.get_ifd(EXIF).update(EXPOSURE)
    exif.get_ifd(GPS).update(PLACE)
    return saved(path, texture(60, 40), "TIFF", big_tiff=True, exif=exif.tobytes())


def canons(path: Path) -> Path:
    path.write_bytes(cr3(jpeg(900, 600)))
    return path


@pytest.mark.parametrize(
    ("name", "make"),
    [("a.png", with_raw_profile), ("a.tif", big_tiff), ("a.cr3", canons)],
    ids=["PNG", "BigTIFF", "CR3"],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_exif_goes_along_wherever_a_format_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], Path], kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    before = read_exif(make(tmp_path / name))
    assert (before["camera"]["model"], before["location"]["has_gps"]) == ("One", True)

    export(tmp_path / name, preset(format=kind), tmp_path / "out")

    assert read_exif(tmp_path / "out") == before | {
        "settings": before["settings"] | {"orientation": 1},
    }


@pytest.mark.parametrize("digits", ["exif", "exif 4 zz", "\nexif\n 2\n4d4"])
def test_a_broken_raw_profile_does_not_cost_the_photograph(tmp_path: Path, digits: str) -> None:
    told = PngInfo()
    told.add_text("Raw profile type exif", digits, zip=True)

    made = export(saved(tmp_path / "a.png", texture(60, 40), pnginfo=told), preset(), tmp_path / "out.jpg")

    assert made["width"] == 60
