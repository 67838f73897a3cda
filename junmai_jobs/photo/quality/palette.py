"""The format and the colours of a photograph, in a few numbers."""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image

_EDGE = 96  # px; colours need no more


def palette(picture: Image.Image) -> dict[str, float]:
    """Measure a picture of mode ``RGB``, upright.

    Returns:
        ``aspect_ratio``, width by height; ``colorfulness``, 0 for gray, 33 moderate, 109 extreme: D. Hasler
        and S. Suesstrunk, "Measuring colourfulness in natural images", Human Vision and Electronic Imaging
        VIII (2003), 87-95; ``warmth``, the mean b* of CIELAB, below 0 for blue, above for yellow.
    """
    small = picture.copy()
    small.thumbnail((_EDGE, _EDGE), Image.Resampling.BOX)
    pixels = np.asarray(small.convert("RGB"))
    red, green, blue = (pixels[..., channel].astype(float) for channel in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread, mean = math.hypot(first.std(), second.std()), math.hypot(first.mean(), second.mean())
    lab = cv2.cvtColor((pixels / np.float32(255)), cv2.COLOR_RGB2LAB)
    return {
        "aspect_ratio": round(picture.width / picture.height, 3),
        "colorfulness": round(spread + 0.3 * mean, 2),
        "warmth": round(float(lab[..., 2].mean()), 2),
    }
