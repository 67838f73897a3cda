"""Lays one photograph over another by their small gray copies: how far the two show the same."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.groups.imprint import Levels

Waves = NDArray[np.float32]

_SKETCH = (16, 16)  # px
SKETCHED = 256
"""Values of a sketch."""

_FINE, _BROAD = (0.8, 5.0), (4.0, 12.0)  # px, standard deviations of Gaussians
_UNTIL = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
_LEAST_SHARED = 0.1  # of a copy; less than that tells nothing


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """``matrix`` (2 x 3) leads from the px of one copy to those of the other.

    ``likeness`` is their correlation where they overlap, at most 1; ``shared`` the overlap's share of the
    view that shows less; ``askew`` how much more it stretches one direction than another.
    """

    matrix: NDArray[np.float32]
    likeness: float
    shared: float
    askew: float


def waves(gray: Levels) -> Waves:
    """Return what of a gray copy is laid over another: its contours."""
    return _contours(gray, *_FINE)


def sketch(gray: Levels) -> Waves:
    """Return the broadest contours of a gray copy: of two, the product is their correlation, -1 to 1.

    What shows the same has about a half in common or more, if it is shifted or turned a little.
    """
    small = cv2.resize(_contours(gray, *_BROAD), _SKETCH, interpolation=cv2.INTER_AREA).ravel()
    small = small - small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)


def _contours(gray: Levels, finest: float, broadest: float) -> Waves:
    """Return the waves between two sizes (px) of its roots: no grain, no vignette, no new light."""
    roots = np.sqrt(gray.astype(np.float32) + 4)
    return np.asarray(cv2.GaussianBlur(roots, (0, 0), finest) - cv2.GaussianBlur(roots, (0, 0), broadest))


def overlay(one: Waves, other: Waves) -> Overlay | None:
    """Find how one copy is shifted, turned and enlarged in another, a little of each; None if it is not.

    The shift is first guessed by phase correlation; then all is refined by G. D. Evangelidis and E. Z.
    Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", IEEE TPAMI 30
    (2008), 1858-1865. Neither contrast nor brightness matters.
    """
    guess = _guess(one, other)
    try:
        _, found = cv2.findTransformECC(one, other, guess, cv2.MOTION_AFFINE, _UNTIL, None, 1)  # type: ignore[call-overload]
    except cv2.error:
        return None
    matrix = np.asarray(found, np.float32)
    inverse = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = one.shape[1], one.shape[0]
    within = cv2.warpAffine(np.ones_like(other), matrix, size, flags=inverse) > 0.99
    zoom = abs(float(np.linalg.det(matrix[:, :2])))
    if within.mean() < _LEAST_SHARED or not zoom:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):  # a plain overlap is like nothing
        likeness = np.corrcoef(one[within], cv2.warpAffine(other, matrix, size, flags=inverse)[within])[0, 1]
    shared = float(within.mean()) / min(1.0, other.size / one.size / zoom)
    most, least = np.linalg.svd(matrix[:, :2].astype(float))[1]
    return Overlay(matrix, float(np.nan_to_num(likeness)), shared, float(most / least - 1))


def _guess(one: Waves, other: Waves) -> NDArray[np.float32]:
    if one.shape != other.shape:
        scale = max(other.shape) / max(one.shape)
        return np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    window = cv2.createHanningWindow((one.shape[1], one.shape[0]), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(one.copy(), other.copy(), window)  # it may write into both
    return np.array([[1, 0, across], [0, 1, down]], np.float32)
