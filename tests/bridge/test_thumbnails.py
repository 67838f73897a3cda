"""Pictures of photographs for the page: small, upright, of the catalog's photographs alone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import ExifTags, Image

from junmai_jobs.bridge import create_blueprint, thumbnails
from junmai_jobs.bridge.serving import app_of
from junmai_jobs.tasks.photos import process_photo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio


def new_photo(studio: Studio, path: Path, size: tuple[int, int] = (1200, 800), **more: Any) -> int:
    """A photograph that no job has looked at, red above and blue below; its id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, "blue")
    picture.paste("red", (0, 0, size[0], size[1] // 2))
    picture.save(path, **more)
    with studio.catalog() as catalog:
        return catalog.photo_id(studio.session, path)


def shown(studio: Studio, photo: int) -> Image.Image:
    answer = studio.ask("GET", f"/photos/{photo}/thumbnail")
    assert (answer.status_code, answer.mimetype) == (200, "image/webp"), answer.text
    return Image.open(io.BytesIO(answer.data))


def refused(studio: Studio, photo: object) -> tuple[int, str]:
    answer = studio.ask("GET", f"/photos/{photo}/thumbnail")
    return answer.status_code, answer.get_json()["code"]


def test_a_photo_that_no_job_has_looked_at_is_drawn_upright(studio: Studio, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # its right side is up
    picture = shown(studio, new_photo(studio, tmp_path / "shoot" / "turned.jpg", exif=exif)).convert("RGB")
    assert picture.size == (213, 320)
    (left, *_), (right, *_) = picture.getpixel((20, 160)), picture.getpixel((190, 160))  # type: ignore[misc]
    assert (left < 50, right > 200) == (True, True)


def test_one_that_was_looked_at_is_shown_as_it_was_then_also_while_its_card_is_away(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "shoot" / "kept.jpg"
    photo = new_photo(studio, path)
    process_photo(photo, path, catalog=studio.jobs.config.home / "catalog.db")
    path.unlink()
    assert shown(studio, photo).size == (320, 213)


def test_a_browser_keeps_it_for_its_user_alone_and_asks_whether_it_has_changed(studio: Studio) -> None:
    path = f"/photos/{studio.photos[0]}/thumbnail"
    first = studio.ask("GET", path)
    assert first.headers["Cache-Control"] == "private, max-age=300"
    again = studio.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("photo", [999, 2**63, 2**200], ids=["unknown", "too large", "far too large"])
def test_what_the_catalog_does_not_have_is_not_there(studio: Studio, photo: int) -> None:
    assert refused(studio, photo) == (404, "not_in_catalog")


@pytest.mark.parametrize("name", ["-1", "x", "..%2f..%2fetc%2fpasswd", "1/../2", "1.5"])
def test_no_path_leads_to_a_picture(studio: Studio, name: str) -> None:
    assert studio.ask("GET", f"/photos/{name}/thumbnail").status_code == 404


def test_there_is_none_of_what_cannot_be_drawn(studio: Studio, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "shoot", tmp_path / "elsewhere"
    gone, empty = new_photo(studio, folder / "gone.jpg"), new_photo(studio, folder / "empty.jpg")
    far = new_photo(studio, elsewhere / "far.jpg")  # of the session by a mistake; nobody may read it there
    large = new_photo(studio, folder / "large.png")
    (folder / "gone.jpg").unlink()
    (folder / "empty.jpg").write_bytes(b"")
    Image.new("1", (12_000, 9_000)).save(folder / "large.png")
    for photo in (gone, empty, far, large):
        answer = studio.ask("GET", f"/photos/{photo}/thumbnail")
        assert (answer.status_code, answer.data) == (204, b""), (
            "a page shows many of them, and none is its error"
        )


def test_a_drive_that_hangs_holds_up_one_who_asks_and_no_others(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shoot" / "kept.jpg"
    kept, other = new_photo(studio, path), new_photo(studio, tmp_path / "shoot" / "other.jpg")
    process_photo(kept, path, catalog=studio.jobs.config.home / "catalog.db")
    monkeypatch.setattr(thumbnails, "_PATIENCE", 0.05)
    with thumbnails._drawing:
        assert refused(studio, other) == (503, "no_picture")
        shown(studio, kept)
    shown(studio, other)


def test_another_computer_needs_the_right_to_look(studio: Studio) -> None:
    path, far = f"/photos/{studio.photos[0]}/thumbnail", {"REMOTE_ADDR": "192.0.2.7"}
    assert studio.app.test_client().get(path, environ_base=far).status_code == 401
    local = app_of(create_blueprint(studio.jobs, auth="local")).test_client()
    assert local.get(path, environ_base=far).status_code == 403
    assert local.get(path).status_code == 200
