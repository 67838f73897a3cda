from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from junmai_jobs.photo.errors import PhotoError, PhotoGone
from junmai_jobs.photo.pictures.files import Photo, find_photos


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path) -> list[str]:
    return [photo.path.relative_to(folder).as_posix() for photo in find_photos(folder)]


def test_an_empty_folder_has_no_photos(tmp_path: Path) -> None:
    assert find_photos(tmp_path) == []


def test_pictures_are_known_by_their_suffix_in_any_case(tmp_path: Path) -> None:
    pictures = ["a.JPG", "b.jpeg", "c.Tif", "d.png", "e.webp", "f.HEIC", "g.cr3", "h.NEF", "i.dng", "j.Raf"]
    make(tmp_path, *pictures, "notes.txt", "a.xmp", "film.mov", "jpg", "k.jpg.tmp")

    assert names(tmp_path) == pictures


def test_folders_below_are_searched_and_all_is_sorted(tmp_path: Path) -> None:
    make(tmp_path, "z.jpg", "b/2.jpg", "b/1.jpg", "a/deep/er/3.jpg")

    assert names(tmp_path) == ["a/deep/er/3.jpg", "b/1.jpg", "b/2.jpg", "z.jpg"]


def test_hidden_files_and_the_systems_own_folders_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "._a.jpg", ".hidden/b.jpg", "@eaDir/thumb.jpg", "System Volume Information/c.jpg")

    assert names(tmp_path) == ["a.jpg"]


def test_a_hidden_folder_that_is_asked_for_is_searched(tmp_path: Path) -> None:
    make(tmp_path, ".shoot/a.jpg")

    assert names(tmp_path / ".shoot") == ["a.jpg"]


def test_names_in_any_script(tmp_path: Path) -> None:
    make(tmp_path, "Hochzeit Müller/Größe 1.jpg", "結婚式/写真 001.JPG", "with space.jpg")

    assert names(tmp_path) == ["Hochzeit Müller/Größe 1.jpg", "with space.jpg", "結婚式/写真 001.JPG"]


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="these file systems hold Unicode only")
def test_a_name_that_is_no_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    odd = b"caf\xe9.jpg"
    with open(os.path.join(os.fsencode(tmp_path), odd), "wb"):  # noqa: PTH118, PTH123 -- Path takes no bytes
        pass

    assert [os.fsencode(photo.path.name) for photo in find_photos(tmp_path)] == [odd]


def test_raw_and_jpeg_of_one_stem_in_one_folder_are_one_photo(tmp_path: Path) -> None:
    make(tmp_path, "IMG_1.CR2", "IMG_1.JPG", "IMG_2.JPG", "other/IMG_1.JPG")

    assert find_photos(tmp_path) == [
        Photo(tmp_path / "IMG_1.CR2", companion=tmp_path / "IMG_1.JPG"),
        Photo(tmp_path / "IMG_2.JPG"),
        Photo(tmp_path / "other" / "IMG_1.JPG"),
    ]


def test_no_file_is_lost_where_a_stem_has_several(tmp_path: Path) -> None:
    make(tmp_path, "a.ARW", "a.dng", "a.jpeg", "a.jpg", "a.png")

    assert find_photos(tmp_path) == [
        Photo(tmp_path / "a.ARW", companion=tmp_path / "a.jpeg"),
        Photo(tmp_path / "a.dng"),
        Photo(tmp_path / "a.jpg"),
        Photo(tmp_path / "a.png"),
    ]


def test_links_that_lead_in_a_circle_do_no_harm(tmp_path: Path) -> None:
    make(tmp_path, "b/a.jpg")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "itself").symlink_to(tmp_path / "b" / "itself")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")

    assert names(tmp_path) == ["b/a.jpg"]


def test_a_linked_folder_is_searched_once_and_by_its_own_name_if_it_has_one(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/a.jpg", "shoot/z/b.jpg")
    (tmp_path / "shoot" / "1 link").symlink_to(tmp_path / "shoot" / "z")
    (tmp_path / "shoot" / "2 link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "shoot" / "3 link").symlink_to(tmp_path / "elsewhere")

    assert names(tmp_path / "shoot") == ["2 link/a.jpg", "z/b.jpg"]


def test_a_missing_folder_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(PhotoGone, match=r"the folder .+CARD is not there: is its card or drive connected\?"):
        find_photos(tmp_path / "CARD")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")

    with pytest.raises(PhotoError, match=r"a\.jpg is a file, not a folder"):
        find_photos(tmp_path / "a.jpg")


def test_a_folder_that_may_not_be_read_is_told_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def closed(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)

    with pytest.raises(PhotoError, match=r"the folder /.*/closed cannot be read \(Permission denied\)"):
        find_photos(tmp_path)
    told: list[Path] = []
    found = find_photos(tmp_path, lambda folder, _: told.append(folder))
    assert ([each.path.name for each in found], told) == (["a.jpg"], [tmp_path / "closed"])
    with pytest.raises(PhotoError, match=r"closed cannot be read"):
        find_photos(tmp_path / "closed", lambda folder, _: told.append(folder))
