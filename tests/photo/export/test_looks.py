"""Sharpening, watermarks, and the two libraries that reduce a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from junmai_jobs.photo.errors import ExportRefused, PhotoGone
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.export.sharpening import sharpened
from junmai_jobs.photo.export.watermark import watermarked
from junmai_jobs.photo.pictures import scaling
from junmai_jobs.photo.pictures.icc import profile_of
from tests.photo.export.exports import mean, preset, read, saved
from tests.photographs import PILLOW, scenes, unpacked

BLUE = (40, 60, 200)


@pytest.fixture
def photo() -> Path:
    return next(path for path in scenes() if path.name == "large.jpg")


def edges(image: Image.Image) -> float:
    gray = np.asarray(image.convert("L"), float)
    return float(np.abs(np.diff(gray)).mean())


def test_the_more_sharpening_the_crisper(tmp_path: Path, photo: Path) -> None:
    found = []
    for amount in ("off", "low", "standard", 80, "high", 200):
        final = tmp_path / f"{amount}.png"
        export(photo, preset(format="PNG", max_dimension=300, sharpen=amount), final)
        found.append(edges(read(final)))
    assert found == sorted(set(found))


def test_sharpening_changes_no_plain_area_and_no_hue() -> None:
    scene = Image.new("RGB", (60, 40), (200, 120, 80))
    scene.paste((100, 20, 60), (30, 0, 60, 40))

    sharp = sharpened(scene, "standard")

    assert mean(sharp, (0, 0, 20, 40)) == [200, 120, 80]
    change = np.asarray(sharp, int) - np.asarray(scene, int)
    assert np.abs(change).max() > 5
    assert (change == change[..., :1]).all()  # as much in red as in green and blue
    assert sharpened(scene, "off") is scene


def test_what_is_hidden_beside_a_cut_out_does_not_show_in_its_edge() -> None:
    cutout = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    cutout.paste((150, 150, 100, 255), (0, 0, 30, 40))

    sharp = sharpened(cutout, "high")

    assert mean(sharp, (0, 0, 30, 40)) == [150, 150, 100, 255]
    assert mean(sharp, (30, 0, 60, 40)) == [0, 0, 0, 0]


def box_of_change(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    changed = (
        np.abs(np.asarray(after.convert("RGB"), int) - np.asarray(before.convert("RGB"), int)).sum(-1) > 20
    )
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("position", "middle"),
    [("top_left", (0, 0)), ("top", (1, 0)), ("center", (1, 1)), ("right", (2, 1)), ("bottom_right", (2, 2))],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_text_stands_where_and_as_large_as_is_asked(
    mode: str, position: str, middle: tuple[int, int]
) -> None:
    ground = Image.new(mode, (600, 400), BLUE)

    made = watermarked(
        ground, preset(watermark_text="(c) Anna 2026", watermark_position=position, watermark_opacity=100)
    )

    left, top, right, bottom = box_of_change(ground, made)
    assert right - left == pytest.approx(120, abs=4)  # 20 percent
    assert (left >= 8, right <= 592, top >= 8, bottom <= 392) == (True,) * 4
    for low, high, size, third in ((left, right, 600, middle[0]), (top, bottom, 400, middle[1])):
        assert third * size / 3 <= (low + high) / 2 <= (third + 1) * size / 3
    assert mean(ground) == [*BLUE, 255][: len(mode)]
    assert np.asarray(made.convert("RGB")).max() == 255


def test_opacity_tells() -> None:
    ground = Image.new("RGB", (600, 400), BLUE)
    found = [
        np.asarray(watermarked(ground, preset(watermark_text="Anna", watermark_opacity=opacity)))[
            ..., 0
        ].max()
        for opacity in (10, 50, 100)
    ]
    assert found == [pytest.approx(40 + 215 * share, abs=2) for share in (0.1, 0.5, 1)]


def test_a_logo_is_put_on_in_its_own_colours_and_without_its_ground(tmp_path: Path, photo: Path) -> None:
    logo = Image.new("RGBA", (100, 50), (0, 0, 0, 0))
    logo.paste((150, 150, 100, 255), (0, 0, 50, 50))
    file = saved(tmp_path / "logo.png", logo, icc_profile=profile_of("sRGB"))
    settings = {"format": "PNG", "color_space": "ProPhotoRGB"}
    mark = {"watermark_image": str(file), "watermark_opacity": 100, "watermark_position": "top_left"}

    export(photo, preset(**settings), tmp_path / "without.png")
    export(photo, preset(**settings, **mark), tmp_path / "with.png")

    before, after = read(tmp_path / "without.png"), read(tmp_path / "with.png")
    left, top, right, bottom = box_of_change(before, after)
    assert (left, top, right - left, bottom - top) == (10, 10, 50, 50)
    plain = read(saved(tmp_path / "plain.png", Image.new("RGB", (9, 9), (150, 150, 100))))
    plain.save(tmp_path / "plain.png")
    export(tmp_path / "plain.png", preset(**settings), tmp_path / "expected.png")
    assert mean(after, (15, 15, 55, 55)) == mean(read(tmp_path / "expected.png"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"watermark_text": "© Jürgen 写真"},
            "the font that comes with Pillow has no ü 写 真 for the watermark: name",
        ),
        (
            {"watermark_text": "a", "watermark_image": "b.png"},
            "a watermark_text and a watermark_image: choose one",
        ),
        ({"watermark_text": "a", "watermark_font": "/no/such.ttf"}, "no font that can be read: name a .ttf"),
    ],
)
def test_a_watermark_that_cannot_be_made_is_told(
    tmp_path: Path, photo: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportRefused, match=message):
        export(photo, preset(**settings), tmp_path / "out" / "a.jpg")
    assert not (tmp_path / "out").exists()


def test_a_logo_that_is_gone_or_none(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(PhotoGone, match=r"gone\.png is not there"):
        export(photo, preset(watermark_image=str(tmp_path / "gone.png")), tmp_path / "a.jpg")
    with pytest.raises(ExportRefused, match=r"the watermark cannot be used: text\.png is not a picture"):
        export(photo, preset(watermark_image=str(tmp_path / "text.png")), tmp_path / "a.jpg")


def test_a_font_of_ones_own_has_other_letters(tmp_path: Path) -> None:
    font = unpacked(PILLOW) / "pillow-13.0.0/Tests/fonts/DejaVuSans/DejaVuSans.ttf"
    ground = Image.new("RGB", (600, 400), BLUE)
    made = watermarked(ground, preset(watermark_text="Jürgen Жуков", watermark_font=str(font)))
    assert box_of_change(ground, made)[0] > 400


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK", "LAB"])
@pytest.mark.parametrize("size", [(333, 444), (250, 111), (1, 3)])
def test_libvips_and_pillow_make_the_same_picture(
    monkeypatch: pytest.MonkeyPatch, photo: Path, mode: str, size: tuple[int, int]
) -> None:
    assert scaling.has_vips()
    whole = read(photo)
    image = whole.copy() if mode == "LAB" else whole.convert(mode)
    if mode == "LAB":
        image = Image.frombytes("LAB", whole.size, whole.tobytes())
    if mode == "RGBA":
        image.putalpha(whole.convert("L"))

    fast = np.asarray(scaling.scaled(image, size), int)
    monkeypatch.setattr(scaling, "_vips", lambda: None)
    slow = np.asarray(scaling.scaled(image, size), int)

    shown = (
        slow[..., 3:] > 128 if mode == "RGBA" else True
    )  # of what is hardly seen, the colour is hardly kept
    assert fast.shape == slow.shape
    assert np.abs(np.where(shown, fast - slow, 0)).max() <= 12
    assert np.abs(np.where(shown, fast - slow, 0)).mean() < 0.3


def test_without_pyvips_pillow_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photo: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyvips", None)
    scaling._vips.cache_clear()
    try:
        assert not scaling.has_vips()
        assert export(photo, preset(max_dimension=200), tmp_path / "a.jpg")["height"] == 200
    finally:
        monkeypatch.undo()
        scaling._vips.cache_clear()
