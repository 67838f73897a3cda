"""The scorer of the original project, by its formulas: Laplacian, histogram, thirds, faces."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[Any]
Gray = NDArray[Any]

_FOCUS = (0.0, 100.0, 500.0, 1000.0), (0.0, 2.0, 4.0, 5.0)


def original_score(rgb: Rgb) -> float:
    """Return its score: 0.35 focus + 0.35 exposure + 0.3 composition + 0.1 a face, 0.3 at most."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    parts = 0.35 * _focus(gray) + 0.35 * _exposure(gray) + 0.30 * _composition(gray)
    return float(min(5.0, max(1.0, parts + min(0.3, 0.1 * _faces(gray)))))


def _focus(gray: Gray) -> float:
    return float(np.interp(cv2.Laplacian(gray, cv2.CV_64F).var(), *_FOCUS))


def _exposure(gray: Gray) -> float:
    mean, white, black = gray.mean(), (gray >= 250).mean(), (gray <= 5).mean()
    tones = np.subtract(*np.percentile(gray, (95, 5)))
    score = 5.0
    score -= 1.0 if not 80 <= mean <= 170 else 0.5 if not 90 <= mean <= 160 else 0.0
    score -= sum(min(1.5, 10 * share) for share in (white, black) if share > 0.05)
    score -= 1.0 if tones < 100 else 0.5 if tones < 150 else 0.0
    return float(max(1.0, score))


def _composition(gray: Gray) -> float:
    edges = cv2.Canny(gray, 50, 150) / 255
    height, width = gray.shape
    rows, columns = (height // 3, 2 * height // 3), (width // 3, 2 * width // 3)
    reach, line = min(height, width) // 20, min(height, width) // 50
    points = [edges[_near(y, reach), _near(x, reach)].mean() for y in rows for x in columns]
    lines = [edges[_near(y, line)].mean() for y in rows] + [edges[:, _near(x, line)].mean() for x in columns]
    aligned = min(5.0, 50 * (3 * float(np.mean(points)) + 2 * float(np.mean(lines))))
    apart = abs(gray[:, : width // 2].mean() - gray[:, width // 2 :].mean())
    apart += abs(gray[: height // 2].mean() - gray[height // 2 :].mean())
    return 0.7 * aligned + 0.3 * max(0.0, 5 - 5 * float(apart) / 255)


def _near(centre: int, reach: int) -> slice:
    return slice(max(0, centre - reach), centre + max(1, reach))


def _faces(gray: Gray) -> int:
    return len(_detector().detectMultiScale(gray, 1.1, 5, minSize=(30, 30)))


@functools.cache
def _detector() -> Any:
    return cv2.CascadeClassifier(str(files("cv2.data").joinpath("haarcascade_frontalface_default.xml")))
