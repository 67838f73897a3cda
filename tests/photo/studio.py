"""Photographs that nobody took: landscapes with people in them, as large as a camera makes them."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter

MORNING = datetime(2026, 5, 9, 9)  # noqa: DTZ001 - clocks of cameras have no zone

_DETAIL = ((4, 40), (16, 26), (64, 18), (256, 12), (768, 9))  # cells across; their contrast in gray levels
_FINE, _COARSE = 3, 12  # gray levels of grain
_EDGE = 400  # px; in which it is drawn
_SHAPES: tuple[tuple[tuple[float, float, float, float], tuple[int, int, int]], ...] = (
    ((60, 10, 340, 340), (60, 42, 32)),  # hair
    ((90, 50, 310, 380), (214, 170, 140)),
    ((112, 150, 188, 195), (150, 105, 85)),  # where the eyes lie
    ((212, 150, 288, 195), (150, 105, 85)),
    ((126, 163, 174, 187), (225, 215, 205)),
    ((226, 163, 274, 187), (225, 215, 205)),
    ((139, 163, 161, 187), (30, 20, 15)),
    ((239, 163, 261, 187), (30, 20, 15)),
    ((114, 136, 186, 150), (60, 40, 30)),  # brows
    ((214, 136, 286, 150), (60, 40, 30)),
    ((180, 180, 220, 252), (232, 190, 160)),  # nose, and its shadow
    ((178, 252, 222, 264), (150, 100, 85)),
    ((155, 285, 245, 318), (150, 70, 70)),  # mouth
    ((100, 230, 160, 290), (222, 180, 150)),  # cheeks
    ((240, 230, 300, 290), (222, 180, 150)),
)


def portrait(edge: int) -> Image.Image:
    """Draw a face that looks at the camera, in a square of so many px of which it takes half the width."""
    drawn = Image.new("RGB", (_EDGE, _EDGE), (110, 130, 120))
    pen = ImageDraw.Draw(drawn)
    for ellipse, color in _SHAPES:
        pen.ellipse(ellipse, fill=color)
    return drawn.filter(ImageFilter.GaussianBlur(6)).resize((edge, edge), Image.Resampling.LANCZOS)


def take(path: Path, number: int, width: int) -> Path:
    """Make a JPEG, 3 to 2 and ``width`` px wide: of each number another scene with up to two people in it.

    At 6,000 px, which is 24 megapixels, it has about 8 MB, as from a camera.
    """
    dice = np.random.default_rng(number)
    size, draft = (width, width * 2 // 3), (width // 4, width // 6)
    scene = np.full((draft[1], draft[0], 3), 118, np.float32)
    for cells, contrast in _DETAIL:
        tones = dice.normal(0, contrast, (cells, cells, 1)) + dice.normal(0, contrast / 3, (cells, cells, 3))
        scene += cv2.resize(tones.astype(np.float32), draft, interpolation=cv2.INTER_CUBIC)
    grain = dice.standard_normal((size[1], size[0]), np.float32)
    grain = _FINE * grain + _COARSE * cv2.GaussianBlur(grain, (0, 0), 1.2)
    levels = cv2.resize(scene, size, interpolation=cv2.INTER_CUBIC) + grain[..., None]
    picture = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    for person in range(number % 3):
        picture.paste(portrait(width // 5), (width // 8 + person * width // 2, width // 6))
    picture.save(path, quality=92, exif=_exif(MORNING + timedelta(minutes=number)))
    return path


def _exif(moment: datetime) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Nobody", "Studio"
    tags = exif.get_ifd(ExifTags.IFD.Exif)
    tags[ExifTags.Base.DateTimeOriginal] = f"{moment:%Y:%m:%d %H:%M:%S}"
    tags[ExifTags.Base.ISOSpeedRatings] = 400
    tags[ExifTags.Base.FNumber], tags[ExifTags.Base.FocalLength] = 2.8, 50.0
    return exif


UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What undoes an orientation."""


def texture(width: int, height: int) -> Image.Image:
    """A scene with detail of every size, as nature has it: the same whatever the size asked for."""
    dice = np.random.default_rng(1)
    total = np.full((height, width), 128.0)
    for cells in (4, 16, 64, 256, 1024):
        grid = Image.fromarray(dice.normal(0, 22, (cells, cells * 3 // 2)).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


def people(*edges: int, size: tuple[int, int] = (1500, 1000)) -> Image.Image:
    """A landscape with faces side by side, each in a square of its own."""
    picture = texture(*size)
    for number, edge in enumerate(edges):
        picture.paste(portrait(edge).convert("L"), (60 + number * size[0] // len(edges), size[1] // 4))
    return picture


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()
