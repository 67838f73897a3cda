"""How good a photograph is, as far as pixels tell: focus, exposure and composition.

The measures, their bands and their names are those of the original project's evaluator, so that old and new
scores mean the same; here all are taken at one working size, so that a camera's megapixels do not matter.
Neither noise nor a longer exposure nor the streaks of a shaken camera pass for sharpness.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Gray = NDArray[np.uint8]  # height x width, 0 black to 255 white
Scored = tuple[float, dict[str, Any]]  # a score, 5 at best, and what was measured

# px: a quarter of a 24-megapixel picture's 6,000, a reduction that the JPEG decoder does by itself.
WORKING_EDGE = 1500

WEIGHTS = {"focus_score": 0.35, "exposure_score": 0.35, "composition_score": 0.30}
APPROVE, REVIEW, LEAST_FOCUS = 4.0, 3.0, 2.5

_FOCUS_CURVE = (0.0, 100.0, 500.0, 1000.0), (0.0, 2.0, 4.0, 5.0)  # detail -> score
_SHARPNESS = {1000: "very_sharp", 500: "sharp", 300: "acceptable", 100: "blurry", 0: "very_blurry"}
_MID_GRAY, _DARK = 128, 100  # mean gray levels: what detail is taken at, and where shadows begin to hide it
_WEAKER_AXIS = 1 / 4  # of a scene's Laplacian variance its less sharp axis, by itself, has about that or more

_PARDONED = 3.0  # gray levels of noise: hardly seen, and may as well be fine texture
_NOISE_COST = (0.0, 20.0), (0.0, 2.5)  # what is more than that -> taken off the focus
_NOISE = {12: "strong", 4: "visible", 0: "clean"}
_STRUCTURE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])  # what it leaves of a picture is noise
_BLOCK = 16  # px
_CALMEST, _OF_ALL = 10, 0.9  # a percentile of the blocks' levels, and what it is of their mean in pure noise

_COMPOSITION = {4: "excellent", 3: "good", 2: "acceptable", 0: "poor"}
_WHITE, _BLACK = 250, 5  # gray levels from which and below which detail is gone
_LEVELS = np.arange(256)
_CLIPPED = 0.05  # share of such pixels that costs something


def evaluate(gray: Image.Image) -> dict[str, Any]:
    """Score a photograph.

    Args:
        gray: the picture as ``picture.load_gray`` decodes it (mode ``L``) at ``WORKING_EDGE``.

    Returns:
        ``overall_score``; under ``quality`` its parts ``focus_score``, ``exposure_score`` and
        ``composition_score``, all from 1.0 to 5.0; ``recommendation``: ``approve``, ``review`` or ``reject``;
        and ``metrics``, what was measured, under ``focus``, ``exposure``, ``composition`` and ``noise``.
    """
    pixels: Gray = np.asarray(gray)
    noise = _noise(pixels)
    seen = math.sqrt(max(0.0, noise**2 - _PARDONED**2))
    measured = {
        "focus": _focus(pixels, seen),
        "exposure": _exposure(pixels),
        "composition": _composition(pixels, seen),
    }
    quality = {f"{name}_score": round(min(5.0, max(1.0, score)), 2) for name, (score, _) in measured.items()}
    overall = round(sum(WEIGHTS[name] * score for name, score in quality.items()), 2)
    return {
        "overall_score": overall,
        "quality": quality,
        "recommendation": recommendation(overall, quality["focus_score"]),
        "metrics": {name: metrics for name, (_, metrics) in measured.items()}
        | {"noise": {"noise_level": round(noise, 2), "noise_category": _category(noise, _NOISE)}},
    }


def recommendation(overall: float, focus: float) -> str:
    """Turn scores into advice; what is out of focus is not worth a review."""
    if overall >= APPROVE:
        return "approve"
    return "review" if overall >= REVIEW and focus >= LEAST_FOCUS else "reject"


def _noise(gray: Gray) -> float:
    """Estimate the standard deviation of the noise, in gray levels.

    The mask and the formula are those of J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and
    Image Understanding 64 (1996), 300-302. He averages over the whole picture, which takes fine texture for
    noise; here the calmest blocks speak for it, where nothing is clipped.
    """
    height, width = gray.shape
    blocks = max(1, width // _BLOCK), max(1, height // _BLOCK)
    left = np.abs(cv2.filter2D(gray, cv2.CV_16S, _STRUCTURE))
    levels = cv2.resize(left.astype(np.float32), blocks, interpolation=cv2.INTER_AREA)
    within = cv2.resize(cv2.inRange(gray, 3, 252), blocks, interpolation=cv2.INTER_AREA)
    usable = levels[within > 0.9 * 255]
    if not usable.size:
        return 0.0
    return float(np.percentile(usable, _CALMEST)) / _OF_ALL * math.sqrt(math.pi / 2) / 6


def _focus(gray: Gray, noise: float) -> Scored:
    """Score the variance of the Laplacian: fine detail makes it large, blur takes it away.

    Of that variance counts what is not noise, scaled to a mid-gray exposure, and less of it where one axis
    has hardly any, as when the camera or the subject moved. Noise itself costs up to 2.5.
    """
    across, down = (cv2.Sobel(gray, cv2.CV_16S, *order, ksize=1) for order in ((2, 0), (0, 2)))
    variance = _variance(across + down)
    whole = _without_noise(variance, 20 * noise**2)  # the squares of the Laplacian's weights, summed
    weaker = min(_without_noise(_variance(axis), 6 * noise**2) for axis in (across, down))
    gain = (_MID_GRAY / max(_DARK, cv2.mean(gray)[0])) ** 2
    detail = gain * math.sqrt(whole * min(whole, weaker / _WEAKER_AXIS))
    return float(np.interp(detail, *_FOCUS_CURVE) - np.interp(noise, *_NOISE_COST)), {
        "laplacian_variance": round(variance, 2),
        "detail": round(detail, 2),
        "sharpness_category": _category(detail, _SHARPNESS),
    }


def _variance(values: NDArray[Any]) -> float:
    _, deviation = cv2.meanStdDev(values)
    return float(deviation[0, 0]) ** 2


def _without_noise(variance: float, of_noise: float) -> float:
    """Return what the picture adds to a variance, weighted as N. Wiener's filter does: by its share."""
    of_picture = max(0.0, variance - of_noise)
    return of_picture**2 / (of_picture + of_noise) if of_picture else 0.0


def _exposure(gray: Gray) -> Scored:
    """Take off from 5 for a mean too dark or too light, for clipping, and for too narrow a range of tones."""
    shares = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(float) / gray.size
    mean = float(shares @ _LEVELS)
    deviation = math.sqrt(shares @ (_LEVELS - mean) ** 2)
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


def _composition(gray: Gray, noise: float) -> Scored:
    """Score the edges at the points (3 parts) and on the lines (2) of the thirds, and the balance."""
    edges = cv2.Canny(gray, 50 + 15 * noise, 150 + 15 * noise) > 0  # noise alone has none
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
    for axis in (0, 1):
        side = cv2.reduce(gray, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() / gray.shape[axis]
        half = (len(side) + 1) // 2
        apart += abs(float(side[:half].mean() - side[-half:].mean()))
    return max(0.0, 5.0 - 5.0 * apart / 255)


def _category(value: float, floors: dict[int, str]) -> str:
    """Name the first of the falling ``floors`` that ``value`` reaches."""
    return next(name for floor, name in floors.items() if value >= floor)
