"""Which photographs get a sidecar, which are written into, and which are left to Lightroom's plugin."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from junmai_jobs.photo.errors import PhotoGone, PhotoRefused
from junmai_jobs.photo.pictures.opening import Roots
from junmai_jobs.photo.xmp.writing import marks_of, take_back_marks, undo_settings, write_settings
from tests.photo.sidecars import SETTINGS, names_in
from tests.photographs import camera_photographs
from tests.xmp_reader import read_by_exiftool

RATING = 0x4746


def tiff(path: Path, stars: int | None = None) -> Path:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if stars is not None:
        tags[RATING] = stars
    Image.new("RGB", (32, 24), "green").save(path, "TIFF", tiffinfo=tags)
    return path


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    (tmp_path / "shoot").mkdir()
    return tmp_path / "shoot"


def apply(photo: Path, *, into_file: bool = False) -> str:
    roots = Roots((photo.parent.resolve(),))
    return write_settings(photo, roots, SETTINGS, preset="p", marks=marks_of(4.6), into_file=into_file)


@pytest.mark.parametrize(
    ("name", "without", "with_it"),
    [
        ("a.NEF", "sidecar", "sidecar"),
        ("a.dng", "sidecar", "file"),
        ("a.tif", "nowhere", "file"),
        ("a.TIFF", "nowhere", "file"),
        ("a.jpg", "nowhere", "file"),
        ("a.JPE", "nowhere", "file"),
        ("a.png", "nowhere", "nowhere"),
        ("a.heic", "nowhere", "nowhere"),
        ("a.webp", "nowhere", "nowhere"),
    ],
)
@pytest.mark.parametrize("into_file", [False, True])
def test_where_settings_go(shoot: Path, name: str, without: str, with_it: str, *, into_file: bool) -> None:
    photo = shoot / name
    if photo.suffix.lower() in {".jpg", ".jpe"}:
        shutil.copy(camera_photographs()[0], photo)
    else:
        tiff(photo)
    before = photo.read_bytes()

    status = apply(photo, into_file=into_file)

    names = {"sidecar": {name, "a.xmp"}, "file": {name, f"{name}.original"}, "nowhere": {name}}
    where = with_it if into_file else without
    assert (names_in(shoot), status) == (names[where], "no_sidecar" if where == "nowhere" else "written")
    assert (photo.read_bytes() == before) == (where != "file")
    assert undo_settings(photo) == ("no_backup" if where == "nowhere" else "restored")
    assert (names_in(shoot), photo.read_bytes()) == ({name}, before)


def test_a_dng_with_a_sidecar_keeps_to_it(shoot: Path) -> None:
    photo = tiff(shoot / "a.dng")
    assert [apply(photo), apply(photo, into_file=True)] == ["written", "unchanged"]
    assert names_in(shoot) == {"a.dng", "a.xmp"}


@pytest.mark.parametrize(("stars", "found"), [(None, 5), (0, 5), (1, None), (4, None)])
def test_stars_given_in_the_camera_are_not_outvoted(
    shoot: Path, stars: int | None, found: int | None
) -> None:
    apply(tiff(shoot / "a.NEF", stars))
    tags = read_by_exiftool(shoot / "a.xmp")
    assert (tags.get("XMP-xmp:Rating"), tags["XMP-xmp:Label"]) == (found, "Green")


def test_nothing_is_written_outside_of_the_roots(shoot: Path, tmp_path: Path) -> None:
    other = tiff(tmp_path / "a.tif")
    (shoot / "a.tif").symlink_to(other)
    before = other.read_bytes()
    with pytest.raises(PhotoRefused):
        apply(shoot / "a.tif", into_file=True)
    assert (other.read_bytes(), names_in(tmp_path)) == (before, {"a.tif", "shoot"})


@pytest.mark.parametrize(
    ("score", "stars"),
    [(None, "3"), (1.0, "3"), (3.49, "3"), (3.5, "4"), (4.49, "4"), (4.5, "5"), (5.0, "5")],
)
def test_stars_follow_the_score(score: float | None, stars: str) -> None:
    assert marks_of(score) == {"Rating": stars, "Label": "Green"}


def test_a_dng_that_was_written_into_and_then_got_a_sidecar_is_undone_in_both(shoot: Path) -> None:
    photo = tiff(shoot / "a.dng")
    before = photo.read_bytes()
    assert apply(photo, into_file=True) == "written"
    assert apply(photo) == "written"
    assert "a.xmp" in names_in(shoot)
    assert undo_settings(photo) == "restored"
    assert (photo.read_bytes(), names_in(shoot)) == (before, {"a.dng"})


@pytest.mark.parametrize("name", ["a.NEF", "a.dng", "a.tif"])
@pytest.mark.parametrize("into_file", [False, True])
def test_marks_are_taken_back_where_they_may_be_written(shoot: Path, name: str, *, into_file: bool) -> None:
    photo = tiff(shoot / name)
    roots = Roots((shoot.resolve(),))
    take_back_marks(photo, roots, into_file=into_file)
    assert names_in(shoot) == {name}
    apply(photo, into_file=True)
    written, beside = photo.read_bytes(), name == "a.NEF"

    take_back_marks(photo, roots, into_file=into_file)

    assert (photo.read_bytes() != written) == (into_file and not beside)
    found = read_by_exiftool(shoot / "a.xmp" if beside else photo)
    is_taken = into_file or beside
    assert ("XMP-xmp:Rating" in found, "XMP-xmp:Label" in found) == (not is_taken, not is_taken)
    assert undo_settings(photo) == "restored"


def test_no_marks_are_taken_back_outside_of_the_roots(shoot: Path, tmp_path: Path) -> None:
    apply(photo := tiff(shoot / "a.NEF"))
    before = (shoot / "a.xmp").read_bytes()
    (tmp_path / "other").mkdir()
    with pytest.raises(PhotoRefused):
        take_back_marks(photo, Roots((tmp_path / "other",)))
    assert (shoot / "a.xmp").read_bytes() == before


def test_a_folder_that_cannot_be_listed_is_a_photographs_error(
    shoot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    photo, roots = tiff(shoot / "a.NEF"), Roots((shoot.resolve(),))
    monkeypatch.setattr(Path, "iterdir", gone)
    for call in (apply, lambda each: take_back_marks(each, roots)):
        with pytest.raises(PhotoGone, match=r"^a\.NEF cannot be read just now"):
            call(photo)
