from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from junmai_jobs.photo.develop.presets import Preset, blended, load_presets
from junmai_jobs.photo.errors import PhotoError, PhotoGone, PresetError, SidecarRefused
from junmai_jobs.photo.xmp import sidecar
from junmai_jobs.photo.xmp.sidecar import MAX_BYTES, restore_sidecar, write_sidecar
from tests.photo.sidecars import (
    AS_ELEMENTS,
    EDITED,
    FORMS,
    OTHERS,
    SETTINGS,
    beside,
    exiftool,
    names_in,
    raw_photo,
)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return raw_photo(tmp_path / "shoot")


# ---- a new sidecar -------------------------------------------------------------------------------


def test_a_new_sidecar_is_read_by_exiftool(photo: Path) -> None:
    assert write_sidecar(photo, SETTINGS, preset="über") == "written"

    (tags,) = json.loads(exiftool("-j", "-G1", "-XMP:all", photo.with_suffix(".xmp")))
    assert {name: value for name, value in tags.items() if name.startswith("XMP-")} == {
        "XMP-x:XMPToolkit": "junmai-jobs",
        "XMP-crs:Version": 11.0,
        "XMP-crs:ProcessVersion": 11.0,
        "XMP-crs:HasSettings": True,
        "XMP-crs:Exposure2012": "+0.35",
        "XMP-crs:Contrast2012": "+12",
        "XMP-crs:Highlights2012": -40,
        "XMP-crs:Sharpness": 50,
        "XMP-photoshop:SidecarForExtension": "NEF",
        "XMP-junmai:Preset": "über",
        "XMP-junmai:SettingsDigest": tags["XMP-junmai:SettingsDigest"],
    }


def test_every_shipped_preset_arrives_as_it_is(tmp_path: Path) -> None:
    presets = load_presets()
    for name, each in presets.items():
        photo = tmp_path / f"{name}.cr3"
        photo.touch()
        assert write_sidecar(photo, blended(each, 70), preset=name) == "written"

    for tags in json.loads(exiftool("-j", "-XMP-crs:all", "-XMP-junmai:Preset", "-ext", "xmp", tmp_path)):
        for name, value in blended(presets[tags["Preset"]], 70).items():
            expected = [f"{x}, {y}" for x, y in value] if isinstance(value, list) else value
            found = tags.get(name)
            assert (float(found) if isinstance(expected, int | float) else found) == expected, name


def test_the_white_balance_and_a_curve_arrive(photo: Path) -> None:
    mine = Preset("m", {"Temperature": 5250, "Tint": -4, "ToneCurvePV2012": [[0, 20], [255, 235]]})

    write_sidecar(photo, blended(mine, 100), preset="m")

    (tags,) = json.loads(exiftool("-j", "-XMP-crs:all", photo.with_suffix(".xmp")))
    assert (tags["ColorTemperature"], tags["Tint"], tags["WhiteBalance"]) == (5250, -4, "Custom")
    assert (tags["ToneCurvePV2012"], tags["ToneCurveName2012"]) == (["0, 20", "255, 235"], "Custom")


def test_the_photograph_is_not_touched_and_nothing_else_is_left_behind(photo: Path) -> None:
    before = hashlib.sha256(photo.read_bytes()).digest(), photo.stat().st_mtime_ns

    write_sidecar(photo, SETTINGS, preset="p")

    assert (hashlib.sha256(photo.read_bytes()).digest(), photo.stat().st_mtime_ns) == before
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


@pytest.mark.parametrize("preset", ['<&">', "\x00\x1b\ud800", "写真", ""])
def test_a_preset_may_have_any_name(photo: Path, preset: str) -> None:
    write_sidecar(photo, SETTINGS, preset=preset)

    shown = "".join(filter(str.isprintable, preset))
    root = ET.fromstring(photo.with_suffix(".xmp").read_bytes())  # noqa: S314 -- it is our own
    assert shown in [found.get("{urn:junmai-jobs:sidecar:1.0/}Preset") for found in root.iter()]
    assert write_sidecar(photo, SETTINGS, preset=preset) == "unchanged"


def test_names_with_dots_spaces_and_other_letters(tmp_path: Path) -> None:
    photo = tmp_path / "写真 ü.2024.dng"
    photo.touch()

    write_sidecar(photo, SETTINGS, preset="p")

    assert (tmp_path / "写真 ü.2024.xmp").is_file()


def test_a_setting_that_camera_raw_does_not_know_is_not_written(photo: Path) -> None:
    with pytest.raises(PresetError, match=r"settings\.Exposition is no .*did you mean Exposure"):
        write_sidecar(photo, {"Exposition": 1}, preset="p")

    assert names_in(photo.parent) == {"IMG_1.NEF"}


def test_only_raw_files_have_sidecars(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()

    with pytest.raises(PhotoError, match=r"a\.jpg is no RAW file"):
        write_sidecar(tmp_path / "a.jpg", SETTINGS, preset="p")
    assert names_in(tmp_path) == {"a.jpg"}


@pytest.mark.parametrize("name", ["a.nef", "gone/a.nef"])
def test_a_photograph_that_is_gone_gets_no_sidecar(tmp_path: Path, name: str) -> None:
    with pytest.raises(PhotoGone, match=r"a\.nef is not there"):
        write_sidecar(tmp_path / name, SETTINGS, preset="p")
    assert not names_in(tmp_path)


# ---- our own settings ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, *FORMS])
def test_the_same_settings_again_are_not_written(photo: Path, form: str | None) -> None:
    path = beside(photo, FORMS[form]) if form else photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p")
    before = path.stat().st_mtime_ns, path.stat().st_ino

    assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged"
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


@pytest.mark.parametrize("form", [None, *FORMS])
def test_our_own_settings_give_way_to_new_ones_without_a_trace(photo: Path, form: str | None) -> None:
    path = beside(photo, FORMS[form]) if form else photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p")
    first = path.read_bytes()

    assert write_sidecar(photo, OTHERS, preset="q") == "written"
    assert b"Contrast2012" not in path.read_bytes()
    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    assert path.read_bytes() == first
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


def test_a_rating_given_later_leaves_our_settings_ours(photo: Path) -> None:
    black_and_white = blended(load_presets()["black_and_white"], 100)
    write_sidecar(photo, black_and_white, preset="black_and_white")
    exiftool(
        "-xmp:rating=4", "-xmp:subject=owl", photo.with_suffix(".xmp")
    )  # writes all of it in its own way

    assert write_sidecar(photo, black_and_white, preset="black_and_white") == "unchanged"
    assert write_sidecar(photo, SETTINGS, preset="p") == "written"

    (tags,) = json.loads(exiftool("-j", photo.with_suffix(".xmp")))
    assert (tags["Rating"], tags["Subject"], tags["Exposure2012"]) == (4, "owl", "+0.35")
    assert tags.keys().isdisjoint({"ConvertToGrayscale", "ToneCurvePV2012"})


@pytest.mark.parametrize(
    "change",
    ["-XMP-crs:Exposure2012=0.5", "-XMP-crs:Exposure2012=", "-XMP-crs:CropAngle=2", "-XMP-crs:HasSettings=0"],
)
def test_what_the_photographer_changed_in_our_settings_is_theirs(photo: Path, change: str) -> None:
    write_sidecar(photo, SETTINGS, preset="p")
    path = photo.with_suffix(".xmp")
    exiftool(change, path)
    before = path.read_bytes()

    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"
    assert write_sidecar(photo, OTHERS, preset="q") == "already_edited"
    assert path.read_bytes() == before


# ---- replacing what somebody else made -----------------------------------------------------------


def test_edits_are_replaced_when_asked_and_a_backup_is_kept(photo: Path) -> None:
    path = beside(photo, EDITED)

    assert write_sidecar(photo, SETTINGS, preset="p", replace_edits=True) == "written"

    assert path.with_name("IMG_1.xmp.bak").read_text() == EDITED
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp", "IMG_1.xmp.bak"}
    (tags,) = json.loads(exiftool("-j", "-XMP:all", "--XMP-junmai:all", path))
    del tags["SourceFile"]
    assert tags == {
        "Rating": 5,
        "Label": "Red",
        "Identifier": 7,
        "Version": 15.4,
        "RawFileName": "IMG_1.NEF",
        "ProcessVersion": 11.0,
        "HasSettings": True,
        "Exposure2012": "+0.35",
        "Contrast2012": "+12",
        "Highlights2012": -40,
        "Sharpness": 50,
    }


def test_once_replaced_they_are_ours(photo: Path) -> None:
    beside(photo, EDITED)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)

    assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged"
    assert write_sidecar(photo, OTHERS, preset="q", replace_edits=True) == "written"
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp", "IMG_1.xmp.bak"}  # nobody's work was replaced


def test_a_backup_is_never_overwritten(photo: Path) -> None:
    beside(photo, "the first", "IMG_1.xmp.bak")
    beside(photo, "the second", "IMG_1.xmp.bak2")
    beside(photo, EDITED)

    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)

    kept = [photo.with_name(f"IMG_1.xmp.bak{number}").read_text() for number in ("", "2", "3")]
    assert kept == ["the first", "the second", EDITED]


def test_a_backup_that_is_there_already_is_not_made_again(photo: Path) -> None:
    for _ in range(2):  # as after a crash between the backup and the replacement
        beside(photo, EDITED)
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)

    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp", "IMG_1.xmp.bak"}


def test_no_backup_where_there_was_nothing_to_replace(photo: Path) -> None:
    beside(photo, AS_ELEMENTS)

    assert write_sidecar(photo, SETTINGS, preset="p", replace_edits=True) == "written"
    assert names_in(photo.parent) == {"IMG_1.NEF", "IMG_1.xmp"}


def test_edits_that_were_replaced_can_be_restored(photo: Path) -> None:
    sidecar = beside(photo, EDITED)
    before = sidecar.read_bytes()
    assert restore_sidecar(photo) == "no_backup"
    assert write_sidecar(photo, SETTINGS, preset="p", replace_edits=True) == "written"
    assert restore_sidecar(photo) == "restored"
    assert (sidecar.read_bytes(), names_in(photo.parent)) == (before, {photo.name, sidecar.name})
    assert restore_sidecar(photo) == "no_backup"


def test_what_was_edited_since_is_not_restored_over(photo: Path) -> None:
    sidecar = beside(photo, EDITED)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    exiftool("-XMP-crs:Exposure2012=+3.00", sidecar)
    before = sidecar.read_bytes()
    assert restore_sidecar(photo) == "edited_since"
    assert sidecar.read_bytes() == before


def test_keywords_added_after_a_reset_are_not_restored_over(photo: Path) -> None:
    sidecar = beside(photo, EDITED)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    exiftool("-XMP-crs:all=", "-XMP-dc:Subject=wedding", sidecar)
    before = sidecar.read_bytes()
    assert restore_sidecar(photo) == "edited_since"
    assert sidecar.read_bytes() == before


def test_a_giant_is_somebodys_work_and_not_even_parsed(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only brushed masks make a sidecar so large."""
    write_sidecar(photo, SETTINGS, preset="p")
    backup = beside(photo, EDITED, "IMG_1.xmp.bak")
    content = (EDITED + " " * MAX_BYTES).encode()
    path = beside(photo, content)
    monkeypatch.setattr(sidecar, "Xmp", lambda *_: pytest.fail("it is parsed"))

    assert write_sidecar(photo, SETTINGS, preset="p") == "already_edited"
    assert restore_sidecar(photo) == "edited_since"
    with pytest.raises(SidecarRefused, match=r"^IMG_1\.xmp is larger than 1 MiB: it was left as it is"):
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)

    assert (path.read_bytes(), backup.read_text("utf-8")) == (content, EDITED)
