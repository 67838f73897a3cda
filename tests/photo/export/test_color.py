from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from benchmarks.photo_quality import colorimetry
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.pictures import color
from junmai_jobs.photo.pictures.icc import SPACES, profile_of
from tests.photo.export.exports import COLOR_SPACE, EXIF, FORMATS, INTEROP, mean, preset, read, saved
from tests.photographs import PILLOW, SCIKIT_LEARN, unpacked


def in_adobe_rgb(*rgb: int) -> Image.Image:
    return Image.new("RGB", (64, 48), rgb)


def test_adobe_rgb_becomes_srgb_of_the_same_colour(tmp_path: Path) -> None:
    # (150, 150, 100) in Adobe RGB, by the formulas of both specifications.
    source = saved(
        tmp_path / "a.jpg", in_adobe_rgb(150, 150, 100), icc_profile=color.adobe_rgb(), quality=100
    )

    export(source, preset(quality=100), tmp_path / "out.jpg")

    found = read(tmp_path / "out.jpg")
    assert mean(found) == pytest.approx(srgb_of_adobe(150, 150, 100), abs=2)
    assert ImageCms.getProfileName(io.BytesIO(found.info["icc_profile"])).startswith("sRGB")
    assert found.getexif().get_ifd(EXIF)[COLOR_SPACE] == 1


def srgb_of_adobe(*rgb: int) -> list[float]:
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
    to_srgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.204, 1.057]])
    light = to_srgb @ to_xyz @ (np.array(rgb) / 255) ** 2.19921875
    return [255 * (1.055 * value ** (1 / 2.4) - 0.055) for value in light]


def test_a_camera_that_marks_adobe_rgb_without_a_profile_is_believed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(EXIF).update({COLOR_SPACE: 65535, INTEROP: {1: "R03"}})
    source = saved(tmp_path / "_A.jpg", in_adobe_rgb(150, 150, 100), exif=exif.tobytes(), quality=100)
    assert read(source).getexif().get_ifd(INTEROP)[1] == "R03"

    export(source, preset(quality=100), tmp_path / "out.jpg")
    export(source, preset(quality=100, color_space="AdobeRGB"), tmp_path / "adobe.jpg")

    assert mean(read(tmp_path / "out.jpg")) == pytest.approx(srgb_of_adobe(150, 150, 100), abs=2)
    assert INTEROP not in read(tmp_path / "out.jpg").getexif().get_ifd(EXIF)
    kept = read(tmp_path / "adobe.jpg")
    assert mean(kept) == pytest.approx([150, 150, 100], abs=1)
    assert kept.info["icc_profile"] == color.adobe_rgb()
    assert kept.getexif().get_ifd(EXIF)[COLOR_SPACE] == 65535


def test_a_photograph_that_is_in_the_space_asked_for_keeps_its_numbers_and_profile(tmp_path: Path) -> None:
    own = color.adobe_rgb()
    source = saved(tmp_path / "a.png", in_adobe_rgb(200, 10, 90), icc_profile=own)

    made = export(source, preset(format="PNG", color_space="AdobeRGB"), tmp_path / "out.png")

    found = read(tmp_path / "out.png")
    assert (mean(found), found.info["icc_profile"], made["color_space"]) == ([200, 10, 90], own, "AdobeRGB")


@pytest.mark.parametrize("wanted", SPACES)
@pytest.mark.parametrize("own", [None, *SPACES])
def test_any_space_becomes_any_other(tmp_path: Path, own: str | None, wanted: str) -> None:
    profile = profile_of(own) if own else None
    source = saved(tmp_path / "a.png", in_adobe_rgb(150, 120, 100), icc_profile=profile)

    export(source, preset(format="PNG", color_space=wanted), tmp_path / "out.png")

    found = read(tmp_path / "out.png")
    expected = colorimetry.converted(np.array([150, 120, 100]) / 255, own or "sRGB", wanted) * 255
    assert mean(found) == pytest.approx(expected, abs=1)
    assert found.info["icc_profile"] == profile_of(wanted)
    assert found.getexif().get_ifd(EXIF)[COLOR_SPACE] == (1 if wanted == "sRGB" else 65535)


@pytest.mark.parametrize("space", SPACES)
def test_a_profile_says_what_the_standard_does(space: str) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_of(space))).profile

    colorants = [profile.red_colorant, profile.green_colorant, profile.blue_colorant]
    assert all(colorants)
    matrix = np.array([each[0] for each in colorants if each]).T
    assert matrix == pytest.approx(colorimetry.SPACES[space].to_xyz, abs=3e-4)
    assert (profile.version, profile.xcolor_space.strip(), profile.device_class) == (4.3, "RGB", "mntr")


def test_a_space_is_known_by_its_colours_whatever_it_is_called(tmp_path: Path) -> None:
    hp = profile_in(unpacked(SCIKIT_LEARN) / "sklearn/datasets/images/china.jpg")
    adobe = profile_in(unpacked(PILLOW) / "pillow-13.0.0/Tests/images/xmp_test.jpg")
    apple = profile_in(unpacked(PILLOW) / "pillow-13.0.0/Tests/images/frame_size.mpo")
    linear = ImageCms.ImageCmsProfile(io.BytesIO(profile_of("sRGB").replace(b"para", b"curv", 1))).tobytes()
    for profile, space in ((hp, "sRGB"), (adobe, "AdobeRGB"), (apple, "DisplayP3")):
        pixels, kept = color.in_color_space(in_adobe_rgb(200, 10, 90), profile, space)
        assert (mean(pixels), kept) == ([200, 10, 90], profile)
        _, made = color.in_color_space(in_adobe_rgb(200, 10, 90), profile, "ProPhotoRGB")
        assert made == profile_of("ProPhotoRGB")
    assert color.in_color_space(in_adobe_rgb(9, 9, 9), linear, "AdobeRGB")[1] == profile_of("AdobeRGB")


def profile_in(path: Path) -> bytes:
    profile: bytes = read(path).info["icc_profile"]
    return profile


@pytest.mark.parametrize("profile", [b"no profile", color.adobe_rgb()[:200]], ids=["rubbish", "cut off"])
def test_a_broken_profile_is_taken_for_none(tmp_path: Path, profile: bytes) -> None:
    source = saved(tmp_path / "a.png", in_adobe_rgb(200, 10, 90), icc_profile=profile)

    export(source, preset(format="PNG"), tmp_path / "out.png")

    assert mean(read(tmp_path / "out.png")) == [200, 10, 90]


SOURCES: dict[str, tuple[Callable[[Path], Path], list[int]]] = {
    "gray": (lambda path: saved(path, Image.new("L", (60, 40), 100), "JPEG", quality=100), [100, 100, 100]),
    "gray with a profile of colours": (
        lambda path: saved(path, Image.new("L", (60, 40), 100), "TIFF", icc_profile=profile_of("sRGB")),
        [100, 100, 100],
    ),
    "black and white": (lambda path: saved(path, Image.new("1", (60, 40), 1), "PNG"), [255, 255, 255]),
    "16-bit gray PNG": (
        lambda path: saved(path, Image.fromarray(np.full((40, 60), 100 * 257, np.uint16)), "PNG"),
        [100, 100, 100],
    ),
    "16-bit gray TIFF": (
        lambda path: saved(path, Image.fromarray(np.full((40, 60), 100 * 257, np.uint16)), "TIFF"),
        [100, 100, 100],
    ),
    "16-bit colour TIFF": (lambda path: deep_tiff(path, 200, 100, 50), [200, 100, 50]),
    "CMYK JPEG": (
        lambda path: saved(path, Image.new("CMYK", (60, 40), (0, 100, 200, 0)), "JPEG", quality=100),
        [255, 155, 55],
    ),
    "Lab TIFF": (
        lambda path: saved(path, Image.new("LAB", (60, 40), (136, 128, 128)), "TIFF"),
        [126, 126, 126],
    ),
    "palette": (
        lambda path: saved(path, Image.new("RGB", (60, 40), (200, 100, 50)).quantize(8), "PNG"),
        [200, 100, 50],
    ),
    "WebP": (
        lambda path: saved(path, Image.new("RGB", (60, 40), (200, 100, 50)), "WEBP", lossless=True),
        [200, 100, 50],
    ),
    "transparent": (
        lambda path: saved(path, Image.new("RGBA", (60, 40), (200, 100, 50, 0)), "PNG"),
        [255, 255, 255],
    ),
    "half transparent gray": (
        lambda path: saved(path, Image.new("LA", (60, 40), (55, 128)), "PNG"),
        [155, 155, 155],
    ),
}


def deep_tiff(path: Path, *rgb: int) -> Path:
    """An uncompressed TIFF of 60 x 40 px with 16 bits a channel, by the book: Pillow only reads these."""
    strip = np.full((40, 60, 3), np.array(rgb) * 257, "<u2").tobytes()
    long, short = 4, 3
    rows = [
        (256, long, 1, 60), (257, long, 1, 40), (258, short, 3, 8), (259, short, 1, 1), (262, short, 1, 2),
        (273, long, 1, 14), (277, short, 1, 3), (278, long, 1, 40), (279, long, 1, len(strip)),
    ]  # fmt: skip
    data = b"II*\0" + (14 + len(strip)).to_bytes(4, "little") + b"\x10\0" * 3 + strip
    data += len(rows).to_bytes(2, "little")
    for tag, kind, count, value in rows:
        data += tag.to_bytes(2, "little") + kind.to_bytes(2, "little")
        data += count.to_bytes(4, "little") + value.to_bytes(4, "little")
    path.write_bytes(data + bytes(4))
    return path


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_of_source_keeps_its_colour(tmp_path: Path, name: str, kind: str) -> None:
    make, expected = SOURCES[name]
    source = make(tmp_path / "source")

    export(source, preset(format=kind, quality=100, max_dimension=30), tmp_path / "out")

    found = read(tmp_path / "out")
    assert (found.format, found.size) == (kind, (30, 20))
    if "transparent" in name and kind != "JPEG":
        assert found.mode == "RGBA"
        return
    assert found.mode == "RGB"
    assert mean(found) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("profile", [None, color.adobe_rgb()], ids=["sRGB", "Adobe RGB"])
def test_transparency_is_kept_where_the_format_has_it(
    tmp_path: Path, kind: str, profile: bytes | None
) -> None:
    cutout = Image.new("RGBA", (60, 40), (150, 150, 100, 255))
    cutout.paste((0, 0, 0, 0), (30, 0, 60, 40))

    export(saved(tmp_path / "a.png", cutout, icc_profile=profile), preset(format=kind), tmp_path / "out")

    expected = [150, 150, 100] if profile is None else srgb_of_adobe(150, 150, 100)
    assert mean(read(tmp_path / "out"), (0, 0, 30, 40)) == pytest.approx(
        [*expected, 255], abs=3 if kind == "WEBP" else 1
    )
    assert mean(read(tmp_path / "out"), (30, 0, 60, 40))[3] == 0
