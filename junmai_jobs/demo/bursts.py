"""Bursts as a camera takes them, made from one photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter

Spoiler = Callable[[Image.Image], Image.Image]

FRAMES = 5
"""In each burst."""
STEADINESS = 0.01  # share of width and height that the camera wanders by at most


@dataclass(frozen=True, slots=True)
class Burst:
    """The frames in order of capture, a second apart, and which of them is the one to keep."""

    frames: list[Path]
    sharp: Path


def make_burst(photo: Path | IO[bytes], folder: Path, *, start: datetime, seed: int = 0) -> Burst:
    """Write five JPEGs made of ``photo`` to a folder, which is made: the same ones for the same ``seed``.

    They keep the EXIF of ``photo`` but for DateTimeOriginal. The seed also decides on their numbers, hence
    bursts with different seeds go into one folder, and on when the sharp one is taken: it is the last one for
    seed 0, then the third, and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng(seed)
    keeper = (4 + 3 * seed) % FRAMES
    shots = [*FAULTY]
    shots.insert(keeper, lambda image: image)
    with Image.open(photo) as image:
        exif, whole = image.getexif(), image.convert("RGB")
    frames = []
    for number, shot in enumerate(shots):
        frame = folder / f"IMG_{FRAMES * seed + number + 1:04}.JPG"
        moment = start + timedelta(seconds=number)
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{moment:%Y:%m:%d %H:%M:%S}"
        shot(_wandered(whole, dice)).save(frame, quality=92, exif=exif)
        frames.append(frame)
    return Burst(frames, frames[keeper])


def _wandered(image: Image.Image, dice: np.random.Generator) -> Image.Image:
    """Cut off a little of the edges, more on one side or the other."""
    room = [max(1, round(STEADINESS * edge)) for edge in image.size]
    left, top = (int(dice.integers(0, most, endpoint=True)) for most in room)
    return image.crop((left, top, left + image.width - room[0], top + image.height - room[1]))


def out_of_focus(image: Image.Image, radius: float) -> Image.Image:
    """Blur a picture; the radius of a Gaussian, in px."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    """Add noise of a standard deviation in gray levels, the same in all colours and at every call."""
    noise = np.random.default_rng(0).normal(0, deviation, (image.height, image.width))
    return picture(np.asarray(image.convert("RGB")) + noise[..., None])


def exposed(image: Image.Image, stops: float) -> Image.Image:
    """Let in more light by so many stops, as sRGB encodes it (IEC 61966-2-1)."""
    encoded = np.asarray(image) / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    light = (light * 2.0**stops).clip(0, 1)
    return picture(255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))


def picture(levels: NDArray[Any]) -> Image.Image:
    """The picture of these gray levels, 0 to 255, however far beyond they reach."""
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))


FAULTY: tuple[Spoiler, ...] = (
    partial(out_of_focus, radius=2),
    partial(exposed, stops=-2),
    partial(exposed, stops=2),
    partial(noisy, deviation=25),
)
"""What is wrong with the frames of a burst that are not the one to keep."""
