"""Thumbnails: small, of the right shape, and kept in the catalog by content."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from junmai_jobs.catalog import Catalog
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.pictures.icc import profile_of
from junmai_jobs.photo.pictures.thumbnail import EDGE, thumbnail
from junmai_jobs.tasks.photos import process_photo
from tests.photographs import scenes


def test_it_is_a_small_webp_of_the_picture() -> None:
    picture = load_color(scenes()[0], 1500)
    picture.info["icc_profile"] = profile_of("sRGB")
    with Image.open(io.BytesIO(thumbnail(picture))) as small:
        assert (small.format, small.mode, max(small.size)) == ("WEBP", "RGB", EDGE)
        assert abs(small.width / small.height - picture.width / picture.height) < 0.01
        assert not small.getexif()
        assert "icc_profile" not in small.info
    assert len(thumbnail(picture)) < 15_000  # a page has thousands of them


def test_a_smaller_picture_is_not_enlarged() -> None:
    with Image.open(io.BytesIO(thumbnail(Image.new("RGB", (64, 48), "red")))) as small:
        assert small.size == (64, 48)


def test_the_catalog_has_one_of_each_photo_that_was_processed(tmp_path: Path) -> None:
    file, photo = tmp_path / "catalog.db", scenes()[0]
    with Catalog(file) as catalog:
        session = catalog.session("s", photo.parent)
        photo_id, other = catalog.photo_ids(session, [photo, scenes()[1]]).values()
        process_photo(photo_id, photo, catalog=file)
        assert catalog.thumbnail(photo_id) == thumbnail(load_color(photo, 1500))
        assert catalog.thumbnail(other) is None
