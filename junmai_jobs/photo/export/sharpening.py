"""Sharpens an exported picture for the screen: the reduction has softened its finest detail."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.float32]

LEVELS = {"off": 0.0, "low": 30.0, "standard": 60.0, "high": 100.0}
"""Percent of the finest detail that is added once more."""
_RADIUS = 0.7  # px, the sigma of what is taken for finest: about a pixel of the screen
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709


def sharpened(pixels: Image.Image, amount: str | float) -> Image.Image:
    """Sharpen by an unsharp mask on the brightness alone, so that no colour changes.

    Args:
        pixels: mode RGB or RGBA.
        amount: one of ``LEVELS``, or percent.
    """
    percent = LEVELS[amount] if isinstance(amount, str) else amount
    if not percent:
        return pixels
    whole = np.asarray(pixels)
    colors = whole[..., :3].astype(np.float32)
    luma: Plane = (colors @ _LUMA).astype(np.float32, copy=False)
    colors += (luma - _blurred(luma, whole))[..., None] * np.float32(percent / 100)
    sharp = np.clip(np.rint(colors, out=colors), 0, 255, out=colors).astype(np.uint8)
    return Image.fromarray(np.dstack([sharp, whole[..., 3:]]))


def _blurred(luma: Plane, whole: npt.NDArray[np.uint8]) -> Plane:
    if whole.shape[-1] == 3:
        return _softened(luma)
    # What is not to be seen beside a cut-out must not show in its edge.
    alpha: Plane = whole[..., 3].astype(np.float32) / np.float32(255)
    return np.where(alpha > 0, _softened(luma * alpha) / np.maximum(_softened(alpha), 1e-3), luma)


def _softened(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), _RADIUS), np.float32)
