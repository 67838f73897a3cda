"""Colour by the published formulas alone, in floating point: nothing of our own, of Pillow or of lcms2.

The matrices are as they are printed, not made from primaries as ours are: sRGB in IEC 61966-2-1, Adobe RGB
(1998) in its specification, 4.3.5.3, ROMM RGB in ISO 22028-2, Display P3 in CSS Color 4.
Under D65 everything is brought to D50 by the Bradford matrix that CSS Color 4 prints.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_D50 = np.array([0.3457 / 0.3585, 1.0, (1 - 0.3457 - 0.3585) / 0.3585])
_TO_D50 = np.array(
    [
        [1.0479297925449969, 0.022946870601609652, -0.05019226628920524],
        [0.02962780877005599, 0.9904344267538799, -0.017073799063418826],
        [-0.009243040646204504, 0.015055191490298152, 0.7518742814281371],
    ]
)
_SRGB = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
_ADOBE = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
_P3 = [
    [608311 / 1250200, 189793 / 714400, 198249 / 1000160],
    [35783 / 156275, 247089 / 357200, 198249 / 2500400],
    [0, 32229 / 714400, 5220557 / 5000800],
]
_ROMM = [[0.7977, 0.1352, 0.0313], [0.2880, 0.7119, 0.0001], [0.0000, 0.0000, 0.8249]]


@dataclass(frozen=True, slots=True)
class Rgb:
    """A colour space: to XYZ under D50, and the curve from its numbers, 0 to 1, to light and back."""

    to_xyz: Values
    light: Callable[[Values], Values]
    number: Callable[[Values], Values]


def _srgb_light(v: Values) -> Values:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _srgb_number(light: Values) -> Values:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _romm_light(v: Values) -> Values:
    return np.where(v < 16 * 0.001953125, v / 16, v**1.8)


def _romm_number(light: Values) -> Values:
    return np.where(light < 0.001953125, light * 16, light ** (1 / 1.8))


SPACES = {
    "sRGB": Rgb(_TO_D50 @ np.array(_SRGB), _srgb_light, _srgb_number),
    "AdobeRGB": Rgb(_TO_D50 @ np.array(_ADOBE), lambda v: v**2.19921875, lambda v: v ** (1 / 2.19921875)),
    "DisplayP3": Rgb(_TO_D50 @ np.array(_P3), _srgb_light, _srgb_number),
    "ProPhotoRGB": Rgb(np.array(_ROMM), _romm_light, _romm_number),
}


def lab(numbers: Values, space: str) -> Values:
    """CIELAB (..., 3) under D50 of numbers 0 to 1 (..., 3) in one of ``SPACES``."""
    known = SPACES[space]
    ratios = known.light(numbers) @ known.to_xyz.T / (known.to_xyz @ np.ones(3))
    roots = np.where(ratios > (6 / 29) ** 3, np.cbrt(ratios), ratios / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(roots, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def converted(numbers: Values, source: str, target: str) -> Values:
    """Numbers (..., 3) of one space as those of another; what it does not have is cut off in its light."""
    linear = SPACES[source].light(numbers) @ SPACES[source].to_xyz.T @ np.linalg.inv(SPACES[target].to_xyz).T
    return SPACES[target].number(np.clip(linear, 0, 1))


def difference(one: Values, other: Values) -> Values:
    """CIEDE2000 between CIELAB values (..., 3), by Sharma, Wu and Dalal (2005), with kL = kC = kH = 1."""
    chroma = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    l1, c1, h1 = _polar(one, stretch)
    l2, c2, h2 = _polar(other, stretch)
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(c1 * c2 == 0, 0, turn)
    hue = np.where(c1 * c2 == 0, h1 + h2, h1 + turn / 2)
    light, colour = (l1 + l2) / 2, (c1 + c2) / 2
    weight = (
        1
        - 0.17 * _cos(hue - 30)
        + 0.24 * _cos(2 * hue)
        + 0.32 * _cos(3 * hue + 6)
        - 0.20 * _cos(4 * hue - 63)
    )
    by_light = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    by_colour = (c2 - c1) / (1 + 0.045 * colour)
    by_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * colour * weight)
    around_blue = np.radians(60 * np.exp(-((((hue % 360) - 275) / 25) ** 2)))
    rotation = -2 * np.sqrt(colour**7 / (colour**7 + 25.0**7)) * np.sin(around_blue)
    squared = by_light**2 + by_colour**2 + by_hue**2 + rotation * by_colour * by_hue
    found: Values = np.sqrt(np.maximum(squared, 0))
    return found


def least_difference(exact: Values, space: str) -> Values:
    """The difference (n) between colours (n, 3), as numbers of a space, and the nearest ones in 8 bits."""
    expected, nearest = lab(exact, space), np.rint(exact * 255)
    tried = (np.clip(nearest + steps, 0, 255) / 255 for steps in itertools.product((-1, 0, 1), repeat=3))
    found: Values = np.min([difference(lab(numbers, space), expected) for numbers in tried], axis=0)
    return found


def _polar(values: Values, stretch: Values) -> tuple[Values, Values, Values]:
    a, b = values[..., 1] * stretch, values[..., 2]
    return values[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _cos(degrees: Values) -> Values:
    return np.cos(np.radians(degrees))
