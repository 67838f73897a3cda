"""How a photograph is composed: detail at the thirds, balance, and whether its horizon is level."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[Any]  # uint8: height x width, 0 black to 255 white

_EDGE = 400  # px; no more is looked at
_CATEGORIES = {4: "excellent", 3: "good", 2: "acceptable", 0: "poor"}
_STEEPEST = 15.0  # degrees: a line more oblique than that is no horizon
_LONG = 0.12  # of the width; what is shorter is none either


def composition(gray: Gray, noise: float) -> tuple[float, dict[str, Any]]:
    """Score the edges at the points (3 parts) and on the lines (2) of the thirds, and the balance.

    Args:
        gray: the picture.
        noise: its standard deviation, in gray levels.

    Returns:
        The score, 1.0 to 5.0; and what was measured, among it ``horizon_tilt``: degrees, positive where the
        horizon falls to the right, None where no long line is nearly level.
    """
    share = min(1.0, _EDGE / max(gray.shape))
    height, width = (max(1, round(edge * share)) for edge in gray.shape)
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    raised = 15 * noise * share  # noise alone has no edges
    edges = cv2.Canny(small, 50 + raised, 150 + raised) > 0
    rows, columns = (height // 3, height // 3 * 2), (width // 3, width // 3 * 2)
    short = min(height, width)
    reach, line = short // 20, short // 50
    at_points = [edges[_near(y, reach), _near(x, reach)].mean() for y in rows for x in columns]
    on_lines = [edges[_near(y, line)].mean() for y in rows] + [
        edges[:, _near(x, line)].mean() for x in columns
    ]
    points, lines, balance = float(np.mean(at_points)), float(np.mean(on_lines)), _balance(small)
    score = min(5.0, max(1.0, 0.7 * min(20 * (3 * points + 2 * lines), 5.0) + 0.3 * balance))
    return score, {
        "power_point_alignment": round(points, 4),
        "line_alignment": round(lines, 4),
        "balance_score": round(balance, 2),
        "horizon_tilt": _tilt(cv2.resize(small, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)),
        "composition_category": category(score, _CATEGORIES),
    }


def category(value: float, floors: dict[Any, str]) -> str:
    """Name the first of the falling ``floors`` that ``value`` reaches."""
    return next(name for floor, name in floors.items() if value >= floor)


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


def _tilt(gray: Gray) -> float | None:
    """Return how far the long lines that are nearly level are from it: their median, weighted by length.

    The lines are found as R. Grompone von Gioi et al. do, "LSD: a line segment detector", IPOL 2 (2012).
    """
    found: Any = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE).detect(gray)[0]
    if found is None:
        return None
    across, down = (found[:, 0, at + 2] - found[:, 0, at] for at in (0, 1))
    length, angle = np.hypot(across, down), np.degrees(np.arctan(down / np.where(across == 0, 1e-6, across)))
    level = (length >= _LONG * gray.shape[1]) & (np.abs(angle) <= _STEEPEST)
    if not level.any():
        return None
    order = np.argsort(angle[level])
    weight = length[level][order].cumsum()
    return round(float(angle[level][order][np.searchsorted(weight, weight[-1] / 2)]), 1)
