"""How good a photograph is, as far as pixels tell: focus, exposure and composition.

The measures, their bands and their names are those of the original project's evaluator, so that old and new
scores mean the same; here all are taken at one working size, so that a camera's megapixels do not matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.picture import load_gray

Gray = NDArray[np.uint8]  # height x width, 0 black to 255 white
Scored = tuple[float, dict[str, Any]]  # a score, 5 at best, and what was measured

# px: a quarter of a 24-megapixel picture's 6,000, a reduction that the JPEG decoder does by itself.
WORKING_EDGE = 1500

WEIGHTS = {"focus_score": 0.35, "exposure_score": 0.35, "composition_score": 0.30}
APPROVE, REVIEW, LEAST_FOCUS = 4.0, 3.0, 2.5

_FOCUS_CURVE = (0.0, 100.0, 500.0, 1000.0), (0.0, 2.0, 4.0, 5.0)  # Laplacian variance -> score
_SHARPNESS = {1000: "very_sharp", 500: "sharp", 300: "acceptable", 100: "blurry", 0: "very_blurry"}
_COMPOSITION = {4: "excellent", 3: "good", 2: "acceptable", 0: "poor"}
_WHITE, _BLACK = 250, 5  # gray levels from which and below which detail is gone
_CLIPPED = 0.05  # share of such pixels that costs something


def evaluate(path: Path) -> dict[str, Any]:
    """Score a photograph.

    Returns:
        ``overall_score``; under ``quality`` its parts ``focus_score``, ``exposure_score`` and
        ``composition_score``, all from 1.0 to 5.0; ``recommendation``: ``approve``, ``review`` or ``reject``;
        and ``metrics``, what was measured, under ``focus``, ``exposure`` and ``composition``.

    Raises:
        UnreadablePhoto, ReaderMissing, PhotoGone: as ``picture.load_gray`` does.
    """
    gray: Gray = np.asarray(load_gray(path, WORKING_EDGE))
    measured = {"focus": _focus(gray), "exposure": _exposure(gray), "composition": _composition(gray)}
    quality = {f"{name}_score": round(min(5.0, max(1.0, score)), 2) for name, (score, _) in measured.items()}
    overall = round(sum(WEIGHTS[name] * score for name, score in quality.items()), 2)
    return {
        "overall_score": overall,
        "quality": quality,
        "recommendation": recommendation(overall, quality["focus_score"]),
        "metrics": {name: metrics for name, (_, metrics) in measured.items()},
    }


def recommendation(overall: float, focus: float) -> str:
    """Turn scores into advice; what is out of focus is not worth a review."""
    if overall >= APPROVE:
        return "approve"
    return "review" if overall >= REVIEW and focus >= LEAST_FOCUS else "reject"


def _focus(gray: Gray) -> Scored:
    """Score the variance of the Laplacian: fine detail makes it large, blur takes it away."""
    _, deviation = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))
    variance = float(deviation[0, 0]) ** 2
    return float(np.interp(variance, *_FOCUS_CURVE)), {
        "laplacian_variance": round(variance, 2),
        "sharpness_category": _category(variance, _SHARPNESS),
    }


def _exposure(gray: Gray) -> Scored:
    """Take off from 5 for a mean too dark or too light, for clipping, and for too narrow a range of tones."""
    shares = np.bincount(gray.ravel(), minlength=256) / gray.size
    mean, deviation = float(gray.mean()), float(gray.std())
    white, black = float(shares[_WHITE:].sum()), float(shares[:_BLACK].sum())
    low, high = np.searchsorted(shares.cumsum(), (0.05, 0.95))
    tones = int(high - low)
    score = 5.0 - _outside(mean, (80, 170), (90, 160)) - _outside(tones, (100, 255), (150, 255))
    score -= sum(min(share * 10, 1.5) for share in (white, black) if share > _CLIPPED)
    return score, {
        "mean_brightness": round(mean, 2),
        "std_brightness": round(deviation, 2),
        "highlight_clip_percent": round(white * 100, 2),
        "shadow_clip_percent": round(black * 100, 2),
        "dynamic_range": tones,
        "exposure_category": _exposure_category(mean, white, black),
    }


def _outside(value: float, wide: tuple[float, float], narrow: tuple[float, float]) -> float:
    """Return what to take off: 1 outside of the wide limits, a half outside of the narrow ones."""
    if not wide[0] <= value <= wide[1]:
        return 1.0
    return 0.0 if narrow[0] <= value <= narrow[1] else 0.5


def _exposure_category(mean: float, white: float, black: float) -> str:
    if white > 2 * _CLIPPED:
        return "overexposed"
    if black > 2 * _CLIPPED:
        return "underexposed"
    return "dark" if mean < 90 else "bright" if mean > 160 else "well_exposed"


def _composition(gray: Gray) -> Scored:
    """Score the edges at the points (3 parts) and on the lines (2) of the thirds, and the balance."""
    edges = cv2.Canny(gray, 50, 150) > 0
    height, width = edges.shape
    rows, columns = (height // 3, height // 3 * 2), (width // 3, width // 3 * 2)
    short = min(height, width)
    reach, line = short // 20, short // 50
    at_points = [edges[_near(y, reach), _near(x, reach)].mean() for y in rows for x in columns]
    on_lines = [edges[_near(y, line)].mean() for y in rows] + [
        edges[:, _near(x, line)].mean() for x in columns
    ]
    points, lines, balance = float(np.mean(at_points)), float(np.mean(on_lines)), _balance(gray)
    score = 0.7 * min(50 * (3 * points + 2 * lines), 5.0) + 0.3 * balance
    return score, {
        "power_point_alignment": round(points, 4),
        "line_alignment": round(lines, 4),
        "balance_score": round(balance, 2),
        "composition_category": _category(score, _COMPOSITION),
    }


def _near(centre: int, reach: int) -> slice:
    """Return the pixels up to ``reach`` before and after ``centre``; at least that one."""
    return slice(max(0, centre - reach), centre + max(1, reach))


def _balance(gray: Gray) -> float:
    """Compare the brightness of the halves, left to right and top to bottom: 5 where they are equal."""
    apart = 0.0
    for side in (gray.mean(axis=0), gray.mean(axis=1)):
        half = (len(side) + 1) // 2
        apart += abs(float(side[:half].mean() - side[-half:].mean()))
    return max(0.0, 5.0 - 5.0 * apart / 255)


def _category(value: float, floors: dict[int, str]) -> str:
    """Name the first of the falling ``floors`` that ``value`` reaches."""
    return next(name for floor, name in floors.items() if value >= floor)
