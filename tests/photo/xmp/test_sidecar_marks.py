"""Stars and labels in sidecars, and how all that was written there is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from junmai_jobs.photo.xmp.sidecar import restore_sidecar, unmark_sidecar, write_sidecar
from tests.photo.sidecars import (
    EDITED,
    FORMS,
    OTHERS,
    SETTINGS,
    beside,
    exiftool,
    names_in,
    packet,
    raw_photo,
)

MARKS = {"Rating": "4", "Label": "Green"}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return raw_photo(tmp_path / "shoot")


def marks_in(sidecar: Path) -> list[str]:
    """Every rating and label, as an attribute or an element."""
    root = ET.fromstring(sidecar.read_bytes().decode("utf-8-sig"))  # noqa: S314 -- it is our own
    names = [f"{{http://ns.adobe.com/xap/1.0/}}{name}" for name in MARKS]
    return [
        text
        for name in names
        for each in root.iter()
        if (text := each.get(name) or (each.text if each.tag == name else None))
    ]


def test_marks_are_set_where_nobody_set_any(photo: Path) -> None:
    sidecar = photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    assert marks_in(sidecar) == ["4", "Green"]
    assert write_sidecar(photo, SETTINGS, preset="p", marks=MARKS) == "unchanged"

    assert write_sidecar(photo, SETTINGS, preset="p", marks={"Rating": "5"}) == "written", "ours are ours"
    assert marks_in(sidecar) == ["5", "Green"]
    assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged", "none is taken away"


@pytest.mark.parametrize("form", FORMS)
def test_marks_of_others_stay(photo: Path, form: str) -> None:
    sidecar = beside(photo, FORMS[form])
    before = marks_in(sidecar)

    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)

    assert before
    assert marks_in(sidecar) == (before if len(before) == 2 else [*before, "Green"])


@pytest.mark.parametrize("empty", ['xmp:Label="">', "><xmp:Label/>", "><xmp:Label> </xmp:Label>"])
def test_a_mark_that_somebody_emptied_stays_empty(photo: Path, empty: str) -> None:
    sidecar = beside(photo, packet(empty))

    assert write_sidecar(photo, SETTINGS, preset="p", marks=MARKS) == "written"

    assert (sidecar.read_bytes().count(b"xmp:Label"), marks_in(sidecar)[0]) == (empty.count("xmp:Label"), "4")
    assert write_sidecar(photo, SETTINGS, preset="p", marks=MARKS) == "unchanged"


def test_marks_that_were_changed_or_taken_away_since_stay_so(photo: Path) -> None:
    sidecar = photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    exiftool("-XMP-xmp:Rating=1", "-XMP-xmp:Label=", sidecar)

    for settings in (SETTINGS, OTHERS, SETTINGS):
        write_sidecar(photo, settings, preset="p", marks=MARKS)
        assert marks_in(sidecar) == ["1"]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_added_is_taken_out_again(photo: Path, form: str) -> None:
    sidecar = beside(photo, FORMS[form])
    before = sidecar.read_bytes()
    assert restore_sidecar(photo) == "no_backup"
    for settings in (SETTINGS, OTHERS):
        write_sidecar(photo, settings, preset="p", marks=MARKS)

    assert restore_sidecar(photo) == "restored"

    assert (sidecar.read_bytes(), names_in(photo.parent)) == (before, {photo.name, sidecar.name})
    assert restore_sidecar(photo) == "no_backup"


def test_a_sidecar_that_was_not_there_is_removed_again(photo: Path) -> None:
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    assert restore_sidecar(photo) == "restored"
    assert names_in(photo.parent) == {photo.name}


def test_keywords_given_since_stay_when_what_was_added_is_taken_out(photo: Path) -> None:
    sidecar = photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    exiftool("-XMP-dc:Subject=owl", sidecar)

    assert restore_sidecar(photo) == "restored"

    (tags,) = json.loads(exiftool("-j", "-XMP:all", sidecar))
    assert tags["Subject"] == "owl"
    assert tags.keys().isdisjoint({"Rating", "Label", "Exposure2012", "SettingsDigest"})


def test_what_was_edited_since_is_not_taken_out(photo: Path) -> None:
    write_sidecar(photo, SETTINGS, preset="p")
    exiftool("-XMP-crs:Exposure2012=+3.00", photo.with_suffix(".xmp"))
    before = photo.with_suffix(".xmp").read_bytes()
    assert restore_sidecar(photo) == "edited_since"
    assert photo.with_suffix(".xmp").read_bytes() == before


def test_keywords_given_since_edits_were_replaced_are_not_lost(photo: Path) -> None:
    sidecar = beside(photo, EDITED)
    write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    exiftool("-XMP-dc:Subject=owl", sidecar)
    before = sidecar.read_bytes()
    assert restore_sidecar(photo) == "edited_since"
    assert sidecar.read_bytes() == before


# ---- marks taken back ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, *FORMS])
def test_marks_of_ours_alone_are_taken_back_and_may_be_set_again(photo: Path, form: str | None) -> None:
    sidecar = photo.with_suffix(".xmp")
    if form:
        beside(photo, FORMS[form])
    write_sidecar(photo, SETTINGS, preset="p")
    without = marks_in(sidecar)
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    marked = marks_in(sidecar)

    unmark_sidecar(sidecar)

    assert marks_in(sidecar) == without
    assert write_sidecar(photo, SETTINGS, preset="p") == "unchanged", "the settings stay"
    assert write_sidecar(photo, SETTINGS, preset="p", marks=MARKS) == (
        "unchanged" if marked == without else "written"
    )
    assert marks_in(sidecar) == marked
    assert restore_sidecar(photo) == "restored"


@pytest.mark.parametrize("change", ["-XMP-xmp:Rating=1", "-XMP-xmp:Rating="])
def test_a_mark_that_somebody_changed_is_theirs(photo: Path, change: str) -> None:
    sidecar = photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    exiftool(change, "-XMP-dc:Subject=owl", sidecar)  # writes all of it in its own way
    unmark_sidecar(sidecar)
    assert marks_in(sidecar) == (["1"] if change.endswith("1") else [])
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    assert marks_in(sidecar) == (["1", "Green"] if change.endswith("1") else ["Green"])


def test_marks_are_taken_back_from_settings_that_somebody_changed(photo: Path) -> None:
    sidecar = photo.with_suffix(".xmp")
    write_sidecar(photo, SETTINGS, preset="p", marks=MARKS)
    exiftool("-XMP-crs:Exposure2012=+3.00", sidecar)
    unmark_sidecar(sidecar)
    (tags,) = json.loads(exiftool("-j", "-XMP:all", sidecar))
    assert tags["Exposure2012"] == "+3.00"
    assert tags.keys().isdisjoint(MARKS)


@pytest.mark.parametrize("content", [*FORMS.values(), EDITED, "no XMP", None])
def test_where_we_set_none_nothing_is_touched(photo: Path, content: str | None) -> None:
    sidecar = photo.with_suffix(".xmp")
    before = beside(photo, content).stat() if content is not None else None
    unmark_sidecar(sidecar)
    after = sidecar.stat() if sidecar.exists() else None
    assert (before and before.st_ino, before and before.st_mtime_ns) == (
        after and after.st_ino,
        after and after.st_mtime_ns,
    )
