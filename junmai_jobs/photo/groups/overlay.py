"""Lays one photograph over another by their small gray copies: how far the two show the same."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.groups.profile import Levels

Waves = NDArray[np.float32]
Matrix = NDArray[np.float32]

_SKETCH = (16, 16)  # px
SKETCHED = 256
"""Values of a sketch."""

UNMOVED: Matrix = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
"""How ``cv2.warpAffine`` brings what lies above back to the px below."""

_ROOTS = np.sqrt(np.arange(256, dtype=np.float32) + 4)
_FINE, _BROAD = (0.8, 5.0), (2.0, 6.0)  # standard deviations of Gaussians, in px of a copy and of half of one
_ONE, _MORE = 1, 20  # steps; nearly always the first leads there
_THERE, _ASTRAY = 0.95, 0.3  # likeness after which it is not worth going on
_AS_IT_IS = 0.98  # likeness of what need not be moved at all
_LEAST_SHARED = 0.1  # of a copy; less than that tells nothing


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """``matrix`` (2 x 3) leads from the px of one copy to those of the other.

    ``likeness`` is their correlation where they overlap, at most 1; ``shared`` the overlap's share of the
    view that shows less; ``askew`` how much more it stretches one direction than another.
    """

    matrix: Matrix
    likeness: float
    shared: float
    askew: float


def waves(gray: Levels) -> Waves:
    """Return what of a gray copy is laid over another: its contours."""
    return _contours(np.asarray(cv2.LUT(gray, _ROOTS), np.float32), *_FINE)


def sketch(gray: Levels) -> Waves:
    """Return the broadest contours of a gray copy: of two, the product is their correlation, -1 to 1.

    What shows the same has about a half in common or more, if it is shifted or turned a little.
    """
    half = cv2.resize(cv2.LUT(gray, _ROOTS), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    broad = _contours(np.asarray(half, np.float32), *_BROAD)
    small = np.asarray(cv2.resize(broad, _SKETCH, interpolation=cv2.INTER_AREA), np.float32).ravel()
    small -= np.float32(small.sum() / SKETCHED)
    return small / np.float32(max(math.sqrt(float(small @ small)), 1e-6))


def _contours(roots: Waves, finest: float, broadest: float) -> Waves:
    """Return the waves between two sizes (px) of its roots: no grain, no vignette, no new light."""
    return np.asarray(cv2.GaussianBlur(roots, (0, 0), finest) - cv2.GaussianBlur(roots, (0, 0), broadest))


def overlay(one: Waves, other: Waves) -> Overlay | None:
    """Find how one copy is shifted, turned and enlarged in another, a little of each; None if it is not.

    The shift is first guessed by phase correlation; then all is refined by G. D. Evangelidis and E. Z.
    Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", IEEE TPAMI 30
    (2008), 1858-1865. Neither contrast nor brightness matters.
    """
    if one.shape == other.shape and (likeness := _correlation(one.ravel(), other.ravel())) > _AS_IT_IS:
        return Overlay(UNMOVED, likeness, shared=1.0, askew=0.0)
    matrix = _guess(one, other)
    for steps in (_ONE, _MORE):
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, 1e-4)
        try:
            _, refined = cv2.findTransformECC(one, other, matrix, cv2.MOTION_AFFINE, until, None, 1)  # type: ignore[call-overload]
        except cv2.error:
            return None
        matrix = np.asarray(refined, np.float32)
        found = _measured(one, other, matrix)
        if found is None or not _ASTRAY < found.likeness < _THERE:
            break
    return found


def _guess(one: Waves, other: Waves) -> Matrix:
    if one.shape != other.shape:
        scale = max(other.shape) / max(one.shape)
        return np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    window = _window(one.shape[1], one.shape[0])
    (across, down), _ = cv2.phaseCorrelate(one.copy(), other.copy(), window)  # it may write into both
    return np.array([[1, 0, across], [0, 1, down]], np.float32)


@functools.cache
def _window(width: int, height: int) -> Waves:
    return np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)


def _measured(one: Waves, other: Waves, matrix: Matrix) -> Overlay | None:
    """Tell how well one copy lies over the other; None where they hardly overlap."""
    size = one.shape[1], one.shape[0]
    moved = cv2.warpAffine(cv2.merge([other, np.ones_like(other)]), matrix, size, flags=INVERSE)
    within = moved[..., 1] > 0.99
    overlap = int(np.count_nonzero(within)) / one.size
    (a, b, _), (c, d, _) = matrix.tolist()
    zoom = abs(a * d - b * c)
    if overlap < _LEAST_SHARED or not zoom:
        return None
    likeness = _correlation(one[within], moved[..., 0][within])
    evenly, unevenly = math.hypot(a + d, b - c), math.hypot(a - d, b + c)  # twice the mean of its stretches
    askew = 2 * unevenly / max(abs(evenly - unevenly), 1e-9)
    return Overlay(matrix, likeness, overlap / min(1.0, other.size / one.size / zoom), askew)


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the correlation of as many values of two copies; what is plain is like nothing."""
    count, total, other_total = len(one), float(one.sum()), float(other.sum())
    spread = float(one @ one) - total**2 / count
    other_spread = float(other @ other) - other_total**2 / count
    if min(spread, other_spread) <= 0:
        return 0.0
    return (float(one @ other) - total * other_total / count) / math.sqrt(spread * other_spread)
