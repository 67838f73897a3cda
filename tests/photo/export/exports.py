"""Exports as the tests ask for them and look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from junmai_jobs.config import ExportPreset

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
ORIENTATION, ARTIST, MODEL, DATE_TIME, COPYRIGHT = 0x112, 0x13B, 0x110, 0x132, 0x8298
WIDTH, HEIGHT, COLOR_SPACE, MAKER_NOTE, OWNER = 0xA002, 0xA003, 0xA001, 0x927C, 0xA430
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP")


def preset(**settings: Any) -> ExportPreset:
    return ExportPreset(name="web", **settings)


def saved(path: Path, image: Image.Image, kind: str | None = None, **options: Any) -> Path:
    image.save(path, kind, **options)
    return path


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def mean(image: Image.Image, box: tuple[int, int, int, int] | None = None) -> list[int]:
    pixels = np.asarray(image.crop(box) if box else image, float)
    return [round(value) for value in pixels.reshape(-1, pixels.shape[-1]).mean(0)]
