"""Six ways to spoil a photograph, each by a known strength and in several styles.

The strength is physical: of blur the standard deviation of its kernel in px, of motion the length of the path
in px, of noise its standard deviation in gray levels, of exposure stops, of a JPEG the scale of its
quantization table (1 is quality 50, 5 is quality 10).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgb = NDArray[Any]  # uint8: height x width x 3
Floats = NDArray[Any]
Dice = np.random.Generator
Spoil = Callable[[Rgb, float], Rgb]
"""Takes a picture and a strength; the same style at every call."""

KINDS = ("defocus", "motion", "noise", "underexposure", "overexposure", "compression")
STYLES = {
    "defocus": ("gaussian", "disk", "box"),
    "motion": ("straight", "curved"),
    "noise": ("gaussian", "gray", "photon", "chroma", "coarse"),
    "underexposure": ("linear", "gain", "curve", "shift"),
    "overexposure": ("linear", "gain", "curve", "shift"),
    "compression": ("full color", "half color", "blocks of another grid"),
}
STYLE_SHARES = {"underexposure": (0.35, 0.35, 0.15, 0.15), "overexposure": (0.35, 0.35, 0.15, 0.15)}
"""How often the model sees each style; where none are given, all alike."""
RANGES = {  # the weakest strength, from and to, and the strongest
    "defocus": ((0.5, 0.9), (3.0, 8.0)),
    "motion": ((2.5, 5.0), (15.0, 45.0)),
    "noise": ((2.0, 6.0), (30.0, 70.0)),
    "underexposure": ((0.3, 0.7), (2.5, 5.0)),
    "overexposure": ((0.3, 0.7), (1.6, 3.5)),
    "compression": ((0.3, 0.8), (5.0, 10.0)),
}
_GAMMA = 2.2


def severity(kind: str, strength: float, edge: int) -> float:
    """Return how bad that looks in a picture whose longer edge has so many px: 0 not at all, 1 beyond use.

    A blur of so many px is judged half by the pixel and half by the picture: neither a thumbnail nor a poster
    is the measure of the other.
    """
    seen = strength * math.sqrt(1000 / edge) if kind in {"defocus", "motion"} else strength
    middle, bend = {
        "defocus": (2.5, 0.8),
        "motion": (2.5 * math.sqrt(12) / 0.75, 0.8),
        "noise": (22, 0.8),
        "underexposure": (2.0, 1.1),
        "overexposure": (1.7, 1.1),
        "compression": (3.5, 0.85),
    }[kind]
    return 1 - math.exp(-((seen / middle) ** bend))


def jpeg_quality(scale: float) -> int:
    """Return the quality at which libjpeg scales its tables so: 1 to 100."""
    quality = 50 / scale if scale > 1 else 100 - 50 * scale
    return min(100, max(1, round(quality)))


def spoiler(kind: str, style: str, dice: Dice) -> Spoil:
    """Draw what the style leaves open, such as an angle, and return what spoils pictures in that way."""
    return _SPOILERS[kind](style, dice)


def saved_as_jpeg(rgb: Rgb, quality: int, subsampling: int = 2) -> Rgb:
    """Write a picture as a JPEG and read it back."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


def resized(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """Resize a picture to (width, height): by averaging, or by Lanczos where it is enlarged."""
    way = cv2.INTER_AREA if size[0] <= rgb.shape[1] else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(rgb, size, interpolation=way), np.uint8)


def _eight_bits(levels: Floats) -> Rgb:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


# ---- blur ----------------------------------------------------------------------------------------


def _defocus(style: str, dice: Dice) -> Spoil:
    linear = dice.random() < 0.3

    def spoil(rgb: Rgb, sigma: float) -> Rgb:
        light = (rgb / np.float32(255)) ** np.float32(_GAMMA) if linear else rgb.astype(np.float32)
        if style == "gaussian":
            blurred = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        else:
            kernel = _disk(2 * sigma) if style == "disk" else _box(sigma * math.sqrt(12))
            blurred = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT)
        return _eight_bits(255 * np.maximum(blurred, 0) ** (1 / _GAMMA) if linear else blurred)

    return spoil


def _disk(radius: float) -> Floats:
    """Return a disk of that radius, its rim smooth as if drawn eight times as large."""
    reach = math.ceil(radius) + 1
    fine = ((np.arange((2 * reach + 1) * 8) + 0.5) / 8 - reach - 0.5).astype(np.float32)
    inside = (fine[:, None] ** 2 + fine**2 <= radius**2).astype(np.float32)
    kernel = cv2.resize(inside, (2 * reach + 1, 2 * reach + 1), interpolation=cv2.INTER_AREA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _box(width: float) -> Floats:
    reach = math.ceil((width - 1) / 2) if width > 1 else 1
    line = np.ones(2 * reach + 1)
    line[[0, -1]] = max(0.0, (width - (2 * reach - 1)) / 2)
    kernel = np.outer(line, line)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _motion(style: str, dice: Dice) -> Spoil:
    angle = dice.uniform(0, math.pi)
    level = round(angle / (math.pi / 2)) * math.pi / 2
    if abs(angle - level) < math.pi / 16:  # a quarter of all: shaken just across or down
        angle = level
    turn = dice.uniform(0.8, 2.4) * dice.choice((-1, 1)) if style == "curved" else 0.0

    def spoil(rgb: Rgb, length: float) -> Rgb:
        kernel = _path(length, angle, turn)
        return _eight_bits(cv2.filter2D(rgb.astype(np.float32), -1, kernel, borderType=cv2.BORDER_REFLECT))

    return spoil


def _path(length: float, angle: float, turn: float) -> Floats:
    """Return the kernel of an even motion along an arc of that length, which turns by so many radians."""
    count = max(64, round(8 * length))
    heading = angle + turn * (np.arange(count) / count - 0.5)
    x, y = (np.cumsum(part(heading)) * length / count for part in (np.cos, np.sin))
    x, y = x - x.mean(), y - y.mean()
    reach = math.ceil(max(np.abs(x).max(), np.abs(y).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = np.abs(1 - right - (x - left)) * np.abs(1 - below - (y - top))
        np.add.at(kernel, (top + below + reach, left + right + reach), share)
    return np.asarray(kernel / kernel.sum(), np.float32)


# ---- noise ---------------------------------------------------------------------------------------


def _noise(style: str, dice: Dice) -> Spoil:
    seed = int(dice.integers(2**32))

    def spoil(rgb: Rgb, sigma: float) -> Rgb:
        grain: Floats = np.random.default_rng(seed).standard_normal(rgb.shape, np.float32)
        if style == "gray":
            grain[...] = grain[..., :1]
        elif style == "photon":
            grain *= np.sqrt((rgb + np.float32(4)) / 128)
        elif style == "chroma":
            grain = cv2.GaussianBlur(grain, (0, 0), 0.8)
            grain -= 0.7 * grain.mean(axis=2, keepdims=True)
            grain = grain / grain.std()
        elif style == "coarse":
            grain = cv2.GaussianBlur(grain, (0, 0), 0.6)
            grain = grain / grain.std()
        return _eight_bits(rgb + np.float32(sigma) * grain)

    return spoil


# ---- exposure ------------------------------------------------------------------------------------


def _exposure(style: str, sign: int) -> Spoil:
    def spoil(rgb: Rgb, stops: float) -> Rgb:
        levels = np.arange(256) / 255
        gain = 2 ** (sign * stops)
        if style == "linear":
            encoded = _encoded(np.minimum(1, _linear(levels) * gain))
        elif style == "gain":
            encoded = levels * gain ** (1 / _GAMMA)
        elif style == "curve":
            bend = 1 + stops / _GAMMA
            encoded = levels ** (bend if sign < 0 else 1 / bend)
        else:
            encoded = levels + 0.5 * sign * (1 - 2 ** (-stops / _GAMMA)) * 1.3
        return np.asarray(cv2.LUT(rgb, _eight_bits(255 * encoded)), np.uint8)

    return spoil


def _linear(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn levels of sRGB, 0 to 1, into light."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


# ---- compression ---------------------------------------------------------------------------------


def _compression(style: str, dice: Dice) -> Spoil:
    y, x = dice.integers(1, 8, 2)

    def spoil(rgb: Rgb, scale: float) -> Rgb:
        quality = jpeg_quality(scale)
        if style == "blocks of another grid":
            wider = np.pad(rgb, ((y, 0), (x, 0), (0, 0)), mode="symmetric")
            return np.ascontiguousarray(saved_as_jpeg(wider, quality)[y:, x:])
        return saved_as_jpeg(rgb, quality, 0 if style == "full color" else 2)

    return spoil


_SPOILERS: dict[str, Callable[[str, Dice], Spoil]] = {
    "defocus": _defocus,
    "motion": _motion,
    "noise": _noise,
    "underexposure": lambda style, _: _exposure(style, -1),
    "overexposure": lambda style, _: _exposure(style, 1),
    "compression": _compression,
}
