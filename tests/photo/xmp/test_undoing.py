"""What is undone is all of ours and nothing else, and what cannot be is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from junmai_jobs.photo.errors import SidecarError, SidecarRefused
from junmai_jobs.photo.xmp.into_file import restore_file, write_into_file
from junmai_jobs.photo.xmp.sidecar import restore_sidecar, write_sidecar
from tests.photo.sidecars import EDITED, OTHERS, SETTINGS, beside, exiftool, names_in, raw_photo
from tests.photo.xmp.broken import BROKEN
from tests.photographs import PILLOW, camera_photographs, unpacked
from tests.xmp_reader import binaries, read_by_exiftool

IMAGES = unpacked(PILLOW) / "pillow-13.0.0/Tests/images"
SAMPLES = [camera_photographs()[0], *(IMAGES / name for name in ("flower2.jpg", "hopper.jpg", "hopper.tif"))]
MARKS = {"Rating": "4", "Label": "Green"}


@pytest.fixture(params=SAMPLES, ids=lambda path: path.name)
def photo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"IMG_1{request.param.suffix}"
    path.write_bytes(request.param.read_bytes())
    return path


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(camera_photographs()[0].read_bytes())
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return raw_photo(tmp_path / "shoot")


def test_what_an_earlier_run_wrote_is_taken_out_too_and_keywords_stay(photo: Path) -> None:
    before = read_by_exiftool(photo)
    write_into_file(photo, SETTINGS, preset="p", marks=MARKS)
    exiftool("-XMP-dc:Subject+=owl", photo)
    write_into_file(photo, OTHERS, preset="q", marks=MARKS)
    looks = binaries(photo)
    kept = (second := photo.with_name(photo.name + ".original2")).read_bytes()

    assert restore_file(photo) == "restored"

    found = read_by_exiftool(photo)
    assert found["XMP-dc:Subject"] == [*before.get("XMP-dc:Subject", []), "owl"]
    for name in ("XMP-xmp:Rating", "XMP-xmp:Label", *(f"XMP-crs:{name}" for name in SETTINGS | OTHERS)):
        assert found.get(name) == before.get(name), name
    assert binaries(photo) == looks
    assert restore_file(photo) == "no_backup", "nothing of ours is left in it"
    second.write_bytes(kept)
    assert restore_file(photo) == "no_backup", "nor if it was killed before it removed the backup"


def test_a_photograph_that_is_gone_comes_back_and_what_is_still_in_it_is_told_of(photo: Path) -> None:
    write_into_file(photo, SETTINGS, preset="p")
    exiftool("-XMP-dc:Subject+=owl", photo)
    between = photo.read_bytes()
    write_into_file(photo, OTHERS, preset="q")
    photo.unlink()
    assert restore_file(photo) == "edited_since"
    assert photo.read_bytes() == between


def test_edits_that_only_the_first_backup_has_are_told_of(jpeg: Path) -> None:
    exiftool("-XMP-crs:Exposure2012=1", jpeg)
    first = jpeg.read_bytes()
    write_into_file(jpeg, SETTINGS, preset="p", replace_edits=True)
    exiftool("-XMP-dc:Subject=owl", jpeg)
    second = jpeg.read_bytes()
    write_into_file(jpeg, OTHERS, preset="q")

    for _ in range(2):
        assert restore_file(jpeg) == "edited_since"
        assert (jpeg.read_bytes(), jpeg.with_name("IMG_1.jpg.original").read_bytes()) == (second, first)


def test_edits_of_settings_of_ours_in_a_file_come_back_and_are_told_of(jpeg: Path) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    exiftool("-XMP-crs:Exposure2012=3", jpeg)
    edited = jpeg.read_bytes()
    write_into_file(jpeg, OTHERS, preset="q", replace_edits=True)

    assert restore_file(jpeg) == "edited_since"
    assert jpeg.read_bytes() == edited


@pytest.mark.parametrize("is_there", [True, False])
def test_a_damaged_backup_is_named_and_never_restored(jpeg: Path, *, is_there: bool) -> None:
    write_into_file(jpeg, SETTINGS, preset="p")
    backup = beside(jpeg, b"junk", "IMG_1.jpg.original")
    if not is_there:
        jpeg.unlink()
    before = jpeg.read_bytes() if is_there else None

    with pytest.raises(
        SidecarRefused, match=r"^IMG_1\.jpg\.original, the backup, .* IMG_1\.jpg itself is as"
    ):
        restore_file(jpeg)

    assert (jpeg.read_bytes() if jpeg.exists() else None, backup.read_bytes()) == (before, b"junk")


def test_a_name_too_long_for_a_backup_beside_it(jpeg: Path) -> None:
    before = jpeg.read_bytes()
    photo = jpeg.rename(jpeg.with_name("a" * 251 + ".jpg"))
    with pytest.raises(SidecarError, match=r"a\.jpg has too long a name for a backup beside it: shorten it$"):
        write_into_file(photo, SETTINGS, preset="p")
    assert (photo.read_bytes(), names_in(photo.parent)) == (before, {photo.name})


def test_edits_of_settings_of_ours_come_back_and_are_told_of(raw: Path) -> None:
    sidecar = beside(raw, EDITED)
    write_sidecar(raw, SETTINGS, preset="p", replace_edits=True)
    exiftool("-XMP-crs:Exposure2012=+3.00", sidecar)
    edited = sidecar.read_bytes()
    write_sidecar(raw, OTHERS, preset="q", replace_edits=True)

    assert restore_sidecar(raw) == "edited_since"

    assert sidecar.read_bytes() == edited
    assert raw.with_name("IMG_1.xmp.bak").read_text("utf-8") == EDITED


@pytest.mark.parametrize("name", BROKEN)
def test_there_is_nothing_to_undo_in_what_was_never_ours(raw: Path, name: str) -> None:
    content, _ = BROKEN[name]
    sidecar = beside(raw, content)
    assert restore_sidecar(raw) == "no_backup"
    assert sidecar.read_bytes() == content


def test_what_is_ours_is_not_overlooked_in_another_encoding(raw: Path) -> None:
    write_sidecar(raw, SETTINGS, preset="p")
    sidecar = raw.with_suffix(".xmp")
    sidecar.write_bytes(before := sidecar.read_text("utf-8").encode("utf-16"))
    with pytest.raises(SidecarRefused, match=r"^IMG_1\.xmp is not in UTF-8: .*, or move it away$"):
        restore_sidecar(raw)
    assert sidecar.read_bytes() == before


def test_a_damaged_backup_of_a_sidecar_is_named(raw: Path) -> None:
    sidecar = beside(raw, EDITED)
    write_sidecar(raw, SETTINGS, preset="p", replace_edits=True)
    before = sidecar.read_bytes()
    beside(raw, b"junk", "IMG_1.xmp.bak")
    with pytest.raises(
        SidecarRefused, match=r"^IMG_1\.xmp\.bak, the backup, is damaged: .*; IMG_1\.xmp itself"
    ):
        restore_sidecar(raw)
    assert sidecar.read_bytes() == before
