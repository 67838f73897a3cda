from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest
from PIL import Image

from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality import faces
from junmai_jobs.photo.quality.faces import find_faces
from junmai_jobs.photo.quality.judging import WORKING_EDGE
from tests.photo.studio import people
from tests.photographs import scenes


@pytest.fixture
def forgotten_detector() -> Iterator[None]:
    faces._detector.cache_clear()
    yield
    faces._detector.cache_clear()


def count_faces(picture: Image.Image) -> int | None:
    found = find_faces(picture.convert("L"))
    return None if found is None else len(found)


@pytest.mark.parametrize("edges", [(), (600,), (240, 400), (200, 220, 300, 260)])
def test_faces_are_counted(edges: tuple[int, ...]) -> None:
    assert count_faces(people(*edges)) == len(edges)


def test_a_face_is_where_it_is_found() -> None:
    [(left, top, right, bottom)] = find_faces(people(600)) or []
    assert 60 < left < right < 660
    assert 250 - 60 < top < bottom < 850 + 60
    assert abs((left + right) / 2 - 360) < 40


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_nobody_looks_out_of_a_town(path: Path) -> None:
    assert count_faces(load_color(path, WORKING_EDGE)) == 0


def test_a_face_is_found_at_any_working_size_and_in_a_tall_picture(tmp_path: Path) -> None:
    people(800, size=(2000, 3000)).save(tmp_path / "a.jpg")
    for edge in (WORKING_EDGE, WORKING_EDGE // 4):
        assert count_faces(load_color(tmp_path / "a.jpg", edge)) == 1


def test_in_a_picture_of_400_px_a_face_may_be_as_small_as_in_a_large_one() -> None:
    large = people(170)
    assert count_faces(large) == count_faces(large.resize((400, 267), Image.Resampling.BOX)) == 1


def test_a_face_smaller_than_a_sixteenth_of_the_picture_is_none() -> None:
    assert count_faces(people(100)) == 0


def test_a_face_on_its_head_is_found_once_the_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 3
    people(400).transpose(Image.Transpose.ROTATE_180).save(tmp_path / "a.jpg", exif=exif)
    assert count_faces(load_color(tmp_path / "a.jpg", WORKING_EDGE)) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (19, 19), (1, 3000)])
def test_in_tiny_pictures_there_is_nobody(size: tuple[int, int]) -> None:
    assert count_faces(Image.new("L", size, 120)) == 0


def test_threads_do_not_disturb_each_other() -> None:
    pictures = [people(400), people(240, 400)] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count_faces, pictures)) == [1, 2] * 4


@pytest.mark.usefixtures("forgotten_detector")
def test_without_a_detector_nobody_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    assert count_faces(people(400)) is None
