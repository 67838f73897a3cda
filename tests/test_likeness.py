"""Of which kind a photograph or a session is, by its file and the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.photos import analyze_exif, evaluate_quality, process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE
from junmai_jobs.tasks.sessions import group_similar_photos
from tests.photo.pictures.raw_files import nef
from tests.photographs import copy_to

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Photos of a session by their names; one is cut off, and one is a RAW file."""
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path / "home"))
    photos = copy_to(tmp_path / "shoot")
    photos.append(nef(tmp_path / "shoot" / "raw.nef", photos[0].read_bytes()))
    photos.append(tmp_path / "shoot" / "cut.jpg")
    photos[-1].write_bytes(b"\xff\xd8\xff\xe0")
    photos.append(tmp_path / "shoot" / "in_c.webp")
    Image.open(photos[0]).save(photos[-1])
    with Catalog(tmp_path / "home" / CATALOG_FILE) as catalog:
        found = catalog.photo_ids(catalog.session("shoot", tmp_path / "shoot"), photos)
    return {path.name: photo_id for path, photo_id in found.items()}


def test_a_photo_is_of_its_size_and_camera(ids: dict[str, int], tmp_path: Path) -> None:
    for task in (process_photo, evaluate_quality, analyze_exif):
        assert task.kind_of((ids["r_canon.jpg"],), {}) == "0.0 MP JPEG Canon PowerShot G1 X Mark II"
        assert task.kind_of((), {"photo_id": ids["L01.jpg"]}) == "0.1 MP JPEG QV-R51"
    path = str(tmp_path / "shoot" / "r_sony.jpg")
    assert process_photo.kind_of((ids["r_sony.jpg"], path), {"catalog": "/nowhere"}) == "0.0 MP JPEG DSC-RX1R"
    assert process_photo.kind_of((ids["raw.nef"],), {}) == "0 MB NEF"
    assert process_photo.kind_of((ids["cut.jpg"],), {}) == "0 MB JPG"
    assert process_photo.kind_of((ids["in_c.webp"],), {}) == "0 MB WEBP", "no library in C reads it here"
    assert export_photo.kind_of((ids["r_sony.jpg"],), {"export_preset": "web"}) == "0.0 MP JPEG DSC-RX1R web"


def test_what_may_not_be_read_is_of_no_kind(ids: dict[str, int], tmp_path: Path) -> None:
    elsewhere = copy_to(tmp_path / "elsewhere")[0]
    assert process_photo.kind_of((ids["L01.jpg"], str(elsewhere)), {}) is None
    assert process_photo.kind_of((4711,), {}) is None
    assert not (tmp_path / "other").exists()
    assert process_photo.kind_of((4711,), {"catalog": str(tmp_path / "other" / "catalog.db")}) is None
    assert not (tmp_path / "other").exists(), "no catalog that a job names is opened"


@pytest.mark.usefixtures("ids")
def test_a_session_is_of_its_number_of_photos() -> None:
    assert group_similar_photos.kind_of((1,), {}) == "16 photos"
    assert group_similar_photos.kind_of((2,), {}) is None
