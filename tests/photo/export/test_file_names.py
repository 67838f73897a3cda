from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.config import NAME_FIELDS, Config, ExportPreset, load_config
from junmai_jobs.errors import ConfigError
from junmai_jobs.photo.errors import ExportRefused
from junmai_jobs.photo.export.destinations import may_be_written
from junmai_jobs.photo.export.file_names import Named, alike, distinct, named
from junmai_jobs.tasks.exports import export_photo, export_preset_named
from tests.photo.studio import texture

SYSTEM = Path(os.environ.get("SYSTEMROOT", "/etc"))
PHOTO = Named(
    name="IMG_1",
    sequence=7,
    session="Anna & Tom",
    captured=datetime(2026, 5, 1, 9, 8, 7),  # noqa: DTZ001 - the camera knows no zone
    camera="X-T5",
    score=4.25,
)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """Writes an export preset into a config.json that everything then reads."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("JUNMAI_HOME", str(home))

    def write(**settings: Any) -> Config:
        presets = [{"name": "Mine", "max_dimension": 64, **settings}]
        (home / "config.json").write_text(json.dumps({"export": {"presets": presets}}), "utf-8")
        return load_config()

    return write


def test_a_name_has_what_the_template_asks_for() -> None:
    template = "_".join(f"{{{field}}}" for field in NAME_FIELDS)
    assert named(template, PHOTO) == "IMG_1_2026-05-01_09-08-07_0007_X-T5_Anna & Tom_4.2"
    bare = Named(name="a", sequence=1, session="")
    assert named("{date} {time} {camera} {score}{session}", bare) == "undated untimed unknown camera unrated"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('a<b>c:d"e/f\\g|h?i*j\x07k', "a_b_c_d_e_f_g_h_i_j_k"),
        ("con", "_con"), ("COM1.jpg", "_COM1.jpg"), ("lpt¹ .x", "_lpt¹ .x"), ("console", "console"),
        (" a. . ", "a"), ("..hidden", "hidden"), ("...", "photo"), ("", "photo"),
        ("写真 🌸", "写真 🌸"), ("ü" * 200, "ü" * 90), ("x" * 178 + "  yz", "x" * 178),
        (os.fsdecode(b"caf\xe9"), "caf_"),
    ],
)  # fmt: skip
def test_a_name_is_one_that_every_system_takes(name: str, expected: str) -> None:
    assert named("{name}", Named(name=name, sequence=1, session="")) == expected


def test_no_two_names_are_alike() -> None:
    assert distinct(["a", "b", "A", "a", "a-2", "a-3"]) == ["a", "b", "A-2", "a-3", "a-2-2", "a-3-2"]
    assert distinct(["e\N{COMBINING ACUTE ACCENT}", "é", "straße", "STRASSE"]) == [
        "e\N{COMBINING ACUTE ACCENT}", "é-2", "straße", "STRASSE-2",
    ]  # fmt: skip
    many = ["x", "x-2", "X", "x-2-2"] * 40
    found = distinct(many)
    assert len({alike(name) for name in found}) == len(many)
    assert distinct([*many, "x", "y"])[: len(many)] == found


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{nmae}", r"file_name has \{nmae\} in a way that is not known; known here: \{name\}, \{date\}"),
        ("{name!r}", "in a way that is not known"),
        ("{sequence:9999d}", "in a way that is not known"),
        ("{name.__class__}", "in a way that is not known"),
        ("{}", "in a way that is not known"),
        ("{name", "must have pairs of braces"),
        ("../{name}", "must be the name of a file, without a folder"),
        ("a\\{name}", "must be the name of a file, without a folder"),
        ("", "must be a text that is not empty"),
    ],
)
def test_a_template_that_is_wrong_is_told(
    configured: Callable[..., Config], template: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(file_name=template)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sharpen": "much"}, "sharpen must be one of off, low, standard, high, or a number from 0 to 500"),
        ({"sharpen": True}, "sharpen must be one of"),
        ({"metadata": "some"}, "metadata must be one of all, no_gps, none"),
        ({"watermark_position": "here"}, "watermark_position must be one of top_left"),
        ({"watermark_opacity": 0}, "watermark_opacity must be a whole number from 1 to 100"),
        ({"color_space": "P3"}, "color_space must be one of sRGB, AdobeRGB, DisplayP3, ProPhotoRGB"),
    ],
)
def test_a_wrong_setting_is_told(
    configured: Callable[..., Config], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        configured(**settings)


def test_a_preset_as_the_original_has_it_means_what_it_meant(configured: Callable[..., Config]) -> None:
    (preset,) = configured(
        name="Web", enabled=True, format="JPEG", quality=85, max_dimension=2048, color_space="sRGB",
        destination="D:/Export/Web",
    ).export_presets  # fmt: skip
    assert preset == ExportPreset(name="Web", destination="D:/Export/Web")
    assert (preset.sharpen, preset.metadata, preset.file_name, preset.watermark_text) == (
        "off", "all", None, None,
    )  # fmt: skip


def test_a_preset_of_ones_own_may_have_the_name_of_the_usual_one(configured: Callable[..., Config]) -> None:
    config = configured(name="Web", format="WEBP")
    assert [export_preset_named(config, name).format for name in ("Web", None)] == ["WEBP", "WEBP"]


def test_photos_are_named_in_their_session_and_each_time_the_same(
    tmp_path: Path, configured: Callable[..., Config]
) -> None:
    out, shoot = tmp_path / "out", tmp_path / "shoot"
    configured(file_name="{session} {date}", destination=str(out))
    paths = [shoot / "a" / "1.jpg", shoot / "b" / "1.jpg", shoot / "c.jpg"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        texture(90, 60).save(path)
    with Catalog(load_config().home / "catalog.db") as catalog:
        session = catalog.session(str(shoot), shoot)
        ids = catalog.photo_ids(session, paths)
    found = [export_photo(ids[path])["path"].name for path in paths]
    assert found == ["shoot undated.jpg", "shoot undated-2.jpg", "shoot undated-3.jpg"]
    texture(90, 60).save(shoot / "a" / "0.jpg")
    with Catalog(load_config().home / "catalog.db") as catalog:
        ids |= catalog.photo_ids(session, [shoot / "a" / "0.jpg"])
    assert [export_photo(ids[path])["path"].name for path in (paths[2], shoot / "a" / "0.jpg")] == [
        "shoot undated-3.jpg", "shoot undated-4.jpg",
    ]  # fmt: skip
    within = export_photo(ids[paths[1]], destination=out / "b" / "1")["path"]
    assert within == out / "b" / "shoot undated-2.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_one_name_that_is_no_text_keeps_no_other_from_its_export(
    tmp_path: Path, configured: Callable[..., Config]
) -> None:
    shoot = tmp_path / os.fsdecode(b"f\xeate")
    shoot.mkdir()
    configured(file_name="{session} {name}", destination=str(tmp_path / "out"))
    paths = [shoot / "a.jpg", shoot / os.fsdecode(b"caf\xe9.jpg"), shoot / os.fsdecode(b"caf\xe8.jpg")]
    for path in paths:
        texture(90, 60).save(path)
    with Catalog(load_config().home / "catalog.db") as catalog:
        session = catalog.session(str(shoot), shoot)
        ids = catalog.photo_ids(session, paths)
        catalog.record_groups(session, [], list(ids.values()), "results")
    found = [export_photo(ids[path], session_id=session)["path"] for path in paths]
    assert [path.name for path in found] == ["f_te a.jpg", "f_te caf_.jpg", "f_te caf_-2.jpg"]
    assert all(path.exists() for path in found)


def test_a_job_cannot_have_a_picture_put_anywhere(tmp_path: Path, configured: Callable[..., Config]) -> None:
    configured(destination=str(tmp_path / "shoot" / "web"))
    photo = tmp_path / "shoot" / "1.jpg"
    photo.parent.mkdir()
    texture(90, 60).save(photo)
    with Catalog(load_config().home / "catalog.db") as catalog:
        photo_id = catalog.photo_id(catalog.session("s", photo.parent), photo)
    link = tmp_path / "link" if os.name == "posix" else photo.parent  # others may not make one
    if link != photo.parent:
        link.symlink_to(photo.parent)
    before = sorted(tmp_path.rglob("*"))

    for place, message in (
        ("out/1", "no full path"), (tmp_path / "x" / ".." / "1", "no full path"),
        (SYSTEM / "1", "no exports belong in"),
        (tmp_path / "home" / "1", "no exports belong in"), (photo.parent / "a" / "1", "no exports belong in"),
        (link / "1", "no exports belong in"),
    ):  # fmt: skip
        with pytest.raises(ExportRefused, match=f"the destination .* is refused.*{message}"):
            export_photo(photo_id, destination=place)
    assert [path for path in sorted(tmp_path.rglob("*")) if "catalog" not in path.name] == [
        path for path in before if "catalog" not in path.name
    ]
    assert export_photo(photo_id, destination=tmp_path / "out" / "1")["status"] == "completed"
    assert export_photo(photo_id)["path"] == photo.parent / "web" / "1.jpg"  # a person said so


def test_another_computer_is_not_even_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os.path, "realpath", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(ExportRefused, match="it is on another computer"):
        may_be_written(Path("//nas/share/a"), trusted=[tmp_path], closed=[])
    may_be_written(Path("//nas/share/a"), trusted=[Path("//nas/share")], closed=[])
