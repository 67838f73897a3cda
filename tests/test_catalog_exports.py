"""Which file an export gets, and what the catalog knows of the folders that exports are in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.photo.export.destinations import drive_of, is_away

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Two sessions, with the photos 1 and 2, and 3."""
    with Catalog(tmp_path / "catalog.db") as catalog:
        for name, count in (("wedding", 2), ("party", 1)):
            session = catalog.session(name, tmp_path / name)
            catalog.photo_ids(session, [tmp_path / name / f"IMG_{number}.NEF" for number in range(count)])
        yield catalog


def test_a_photo_has_one_file_and_no_two_have_the_same(catalog: Catalog, tmp_path: Path) -> None:
    stem = tmp_path / "out" / "IMG_1"
    assert catalog.export_file(1, stem, ".jpg") == tmp_path / "out" / "IMG_1.jpg"
    assert catalog.export_file(3, stem, ".jpg") == tmp_path / "out" / "IMG_1-2.jpg"
    assert catalog.export_file(2, stem.with_name("img_1"), ".jpg") == tmp_path / "out" / "img_1-3.jpg"
    for photo, name in ((3, "IMG_1-2.jpg"), (1, "IMG_1.jpg")):
        assert catalog.export_file(photo, stem, ".jpg").name == name
    assert catalog.export_file(3, stem, ".png").name == "IMG_1.png"
    assert catalog.export_file(3, tmp_path / "other" / "IMG_1", ".jpg").name == "IMG_1.jpg"


def test_a_name_too_long_for_any_drive_is_for_the_export_to_refuse(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.export_file(1, tmp_path / ("x" * 300), ".jpg").name == "x" * 300 + ".jpg"


def test_one_folder_by_two_names(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert catalog.export_file(1, tmp_path / "out" / "a", ".jpg").name == "a.jpg"
    assert catalog.export_file(2, tmp_path / "link" / "a", ".jpg").name == "a-2.jpg"


def test_a_name_is_free_again_when_its_file_was_taken_away(catalog: Catalog, tmp_path: Path) -> None:
    stem = tmp_path / "a"
    file = catalog.export_file(1, stem, ".jpg")
    with catalog._writing() as db:
        db.execute("UPDATE exports SET given_at = '2026-01-01T00:00:00.000Z'")
    file.touch()
    assert catalog.export_file(2, stem, ".jpg").name == "a-2.jpg"
    file.unlink()
    assert catalog.export_file(3, stem, ".jpg") == file
    assert catalog.export_file(1, stem, ".jpg").name == "a-3.jpg"


def test_names_are_kept_for_what_they_were_made_from(catalog: Catalog) -> None:
    assert catalog.export_name(1, 1, "digest {date}") is None
    catalog.name_exports(1, {1: "undated", 2: "undated-2"}, "digest {date}")
    assert [catalog.export_name(1, photo, "digest {date}") for photo in (1, 2)] == ["undated", "undated-2"]
    assert catalog.export_name(1, 1, "digest {name}") is None
    catalog.name_exports(1, {2: "new"}, "other {date}")
    assert catalog.export_name(1, 1, "other {date}") is None
    assert catalog.export_name(2, 3, "other {date}") is None


def test_the_folders_of_exports(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.export_folders(1) == {}
    for drive in (Path("/"), tmp_path):
        catalog.add_export_folder(1, tmp_path / "out", drive)
    assert catalog.export_folders(1) == {tmp_path / "out": tmp_path}
    assert catalog.export_folders(2) == {}


def test_the_sessions_around_a_folder(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "wedding"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder / "a")
    for inside in (folder, folder / "a" / "b", tmp_path / "link"):
        assert catalog.sessions_around(inside) == [folder]
    assert catalog.sessions_around(tmp_path / "wedding 2") == []
    assert catalog.sessions_around(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
def test_a_folder_is_away_with_its_drive_and_not_when_it_is_empty(tmp_path: Path) -> None:
    folder, drive = tmp_path / "out", drive_of(tmp_path)
    assert os.path.ismount(drive)
    assert tmp_path.is_relative_to(drive)
    assert is_away(folder, drive)
    folder.mkdir()
    assert not is_away(folder, drive)
    assert is_away(folder, tmp_path)  # no drive is mounted there any more
