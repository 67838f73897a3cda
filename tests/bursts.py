"""What else may be wrong with a frame, and bursts that are held by hand."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from junmai_jobs.demo.bursts import Spoiler, exposed, noisy, out_of_focus, picture


def shaken(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Average over so many px across and down: each point of light becomes a streak of that size."""
    levels = np.asarray(image, float)
    for axis, length in ((1, size[0]), (0, size[1])):
        levels = np.stack([np.roll(levels, step, axis) for step in range(length)]).mean(axis=0)
    return picture(levels)


SPOILERS: dict[str, Spoiler] = {
    **{f"blur {radius}": partial(out_of_focus, radius=radius) for radius in (2, 4, 6)},
    **{f"{stops:+} stops": partial(exposed, stops=stops) for stops in (-2, 2)},
    **{f"noise {deviation}": partial(noisy, deviation=deviation) for deviation in (15, 25, 40)},
    **{f"shaken {size}": partial(shaken, size=size) for size in ((9, 1), (1, 9))},
}
"""Ways in which photographs fail, each of them to be seen at once."""


# ---- by hand ---------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[str, float]] = {
    **{f"defocus {sigma}": ("defocus", sigma) for sigma in (0.8, 1.5, 3.0)},
    **{f"motion {length}": ("motion", length) for length in (5.0, 9.0, 15.0)},
    "a stop over": ("stops", 1.0),
    "a stop under": ("stops", -1.0),
}
"""Of a frame of ``by_hand``: standard deviation and length in px of a picture of 1,500 px, and stops."""
Pixels = NDArray[np.uint8]
_ROOM = 0.08  # share of the edges that is kept free for shifts and turns
_WORKING = 1500  # px


@dataclass(frozen=True, slots=True)
class Hand:
    """How unlike each other the frames of a burst are, at most: shares, degrees, stops, gray levels."""

    crop: float = 0.04
    turn: float = 2.0
    stops: float = 0.1
    noise: tuple[float, float] = (0.5, 3.0)
    quality: tuple[int, int] = (85, 95)


def by_hand(
    scene: Pixels, dice: np.random.Generator, hand: Hand, fault: tuple[str, float] | None = None
) -> bytes:
    """Take ``scene`` (RGB) once more: shifted, cropped, turned, with another noise and one fault; a JPEG."""
    height, width = scene.shape[:2]
    size = round(width * (1 - _ROOM)), round(height * (1 - _ROOM))
    zoom = 1 - dice.uniform(0, hand.crop)
    angle = np.deg2rad(dice.uniform(-hand.turn, hand.turn))
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wander = dice.uniform(-0.4, 0.4, 2) * (1 - zoom * (1 - _ROOM)) * (width, height)
    shift = np.array([width, height]) / 2 + wander - turn @ (np.array(size) / 2)
    placed = cv2.warpAffine(
        scene,
        np.column_stack([turn, shift]),
        size,
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    spoiled = _spoiled(placed, dice, fault)
    stops = dice.uniform(-hand.stops, hand.stops) + (fault[1] if fault and fault[0] == "stops" else 0)
    lit = np.asarray(exposed(Image.fromarray(np.arange(256, dtype=np.uint8)[None]), stops))[0]
    noise = dice.standard_normal(spoiled.shape, np.float32) * np.float32(dice.uniform(*hand.noise))
    file = io.BytesIO()
    picture(cv2.LUT(spoiled, lit) + noise).save(file, "JPEG", quality=int(dice.integers(*hand.quality)))
    return file.getvalue()


def _spoiled(
    pixels: NDArray[Any], dice: np.random.Generator, fault: tuple[str, float] | None
) -> NDArray[Any]:
    kind, strength = fault or ("", 0.0)
    strength *= max(1.0, max(pixels.shape) / _WORKING)
    if kind == "defocus":
        return cv2.GaussianBlur(pixels, (0, 0), strength)
    if kind == "motion":
        return cv2.filter2D(
            pixels, -1, _streak(strength, dice.uniform(0, np.pi)), borderType=cv2.BORDER_REFLECT
        )
    return pixels


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """Return the kernel of a straight motion: a line of so many px."""
    reach, fine = math.ceil(length / 2) + 1, 8
    drawn = np.zeros(((2 * reach + 1) * fine,) * 2, np.float32)
    middle, half = drawn.shape[0] / 2, length * fine / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = [(round(middle + sign * half[0]), round(middle + sign * half[1])) for sign in (-1, 1)]
    cv2.line(drawn, ends[0], ends[1], 1.0, fine)
    kernel = cv2.resize(drawn, (2 * reach + 1,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(kernel / kernel.sum(), np.float32)
