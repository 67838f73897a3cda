"""How good a photograph is, as far as pixels tell: its faults, by a learned model, and its composition.

The model says how far each fault has gone: defocus, motion, noise, under- and overexposure, compression. What
they leave of the picture is its technical score. The names are those of the original project's evaluator,
where it has them. All is taken at one working size, and the faults of detail in a small view as well: so a
camera's megapixels matter little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

from junmai_jobs.photo.pictures.decoding import working_size
from junmai_jobs.photo.quality.composition import Gray, category, composition
from junmai_jobs.photo.quality.faces import Box
from junmai_jobs.photo.quality.measures import TILE, Measures, Rgb, measure
from junmai_jobs.photo.quality.model import model

# px: a quarter of a 24-megapixel picture's 6,000, a reduction that the JPEG decoder does by itself.
WORKING_EDGE = 1500

SMALL_EDGE = 400
"""px of a second, small view: a fault that shows in it is worse than one that only a close look finds, and a
photograph is judged much alike in many pixels and in few."""
COMPOSITION_SHARE = 0.05
"""Of the overall score; little, so that good composition does not hide what is spoiled."""
LEAST_SUBJECT = 2 * TILE
"""px; in a smaller face the focus is not told from its fine detail."""
APPROVE, REVIEW, LEAST_FOCUS = 4.0, 3.0, 2.5

_SHARPNESS = {4.4: "very_sharp", 3.8: "sharp", 3.2: "acceptable", 2.2: "blurry", 0: "very_blurry"}
_NOISE = {12: "strong", 4: "visible", 0: "clean"}  # gray levels
_WHITE, _BLACK = 250, 5  # gray levels from which and below which detail is gone
_LEVELS = np.arange(256)
_CLIPPED = 0.1  # share of such pixels that names the exposure
_FLAT = 1.0  # gray levels of standard deviation, in all of the picture
_TOLD = 0.3  # a fault of that severity is named

_PARTS = ("focus_score", "exposure_score", "composition_score", "noise_score", "compression_score")
_CLOSE, _SMALL = 0.8, 0.5  # exponents of what each view leaves
_SEEN_TWICE = ("defocus", "motion", "noise", "compression")
_FAULTS_OF = {
    "focus_score": ("defocus", "motion"),
    "exposure_score": ("underexposure", "overexposure"),
    "noise_score": ("noise",),
    "compression_score": ("compression",),
}


def evaluate(picture: Image.Image, faces: Sequence[Box] = ()) -> dict[str, Any]:
    """Score a photograph.

    Args:
        picture: as ``decoding.load_color`` decodes it (mode ``RGB``) at ``WORKING_EDGE``; it may be gray,
            and a larger one is reduced.
        faces: where ``faces.find_faces`` found any in it, if it was not larger; the focus is then measured on
            the largest face, if that has ``LEAST_SUBJECT`` px, else where there is most structure.

    Returns:
        ``overall_score``; under ``quality`` its parts ``focus_score``, ``exposure_score``,
        ``composition_score``, ``noise_score`` and ``compression_score``, all from 1.0 to 5.0;
        ``recommendation``: ``approve``, ``review`` or ``reject``; and ``metrics``, what was measured, under
        ``focus``, ``exposure``, ``composition``, ``noise`` and ``compression``. A ``severity`` is from 0,
        nothing of that fault, to 1.
    """
    rgb = _reduced(picture, WORKING_EDGE)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    learnt, found, subject = model(), measure(rgb), _subject(rgb, faces)
    severities = learnt.severities(found.vector)
    if rgb.shape != (small := _reduced(picture, SMALL_EDGE)).shape:
        severities |= _seen_twice(severities, learnt.severities(measure(small).vector))
    if subject is not None:
        of_subject = learnt.severities(measure(subject).vector)
        severities |= {fault: of_subject[fault] for fault in _FAULTS_OF["focus_score"]}
    if _is_flat(found):
        severities["defocus"] = 1.0
    left = {name: _left(severities, faults) for name, faults in _FAULTS_OF.items()}
    composed, of_composition = composition(gray, found.noise)
    scores = {name: learnt.score(share) for name, share in left.items()} | {"composition_score": composed}
    quality = {name: round(scores[name], 4) for name in _PARTS}
    technical = learnt.score(math.prod(left.values()))
    overall = round((1 - COMPOSITION_SHARE) * technical + COMPOSITION_SHARE * composed, 4)
    return {
        "overall_score": overall,
        "quality": quality,
        "recommendation": recommendation(overall, quality["focus_score"]),
        "metrics": {
            "focus": _focus(gray, severities, scores["focus_score"])
            | {"measured_on": "structure" if subject is None else "face"},
            "exposure": _exposure(found, severities),
            "composition": of_composition,
            "noise": {
                "noise_level": round(found.noise, 2),
                "noise_category": category(found.noise, _NOISE),
                "severity": round(severities["noise"], 4),
            },
            "compression": {"severity": round(severities["compression"], 4)},
        },
    }


def recommendation(overall: float, focus: float) -> str:
    """Turn scores into advice; what is out of focus is not worth a review."""
    if overall >= APPROVE:
        return "approve"
    return "review" if overall >= REVIEW and focus >= LEAST_FOCUS else "reject"


def _reduced(picture: Image.Image, edge: int) -> Rgb:
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    size = working_size(picture.size, edge)
    return np.asarray(rgb if size == rgb.size else rgb.resize(size, Image.Resampling.BOX))


def _seen_twice(close: Mapping[str, float], small: Mapping[str, float]) -> dict[str, float]:
    """How far blur and compression have gone, by two views of a picture: what each of them leaves is left."""
    return {fault: 1 - (1 - close[fault]) ** _CLOSE * (1 - small[fault]) ** _SMALL for fault in _SEEN_TWICE}


def _subject(rgb: Rgb, faces: Sequence[Box]) -> Rgb | None:
    """Cut out the largest face, from which the focus can be told if it is large enough."""
    if not faces:
        return None
    left, top, right, bottom = max(faces, key=lambda face: (face[2] - face[0]) * (face[3] - face[1]))
    if min(right - left, bottom - top) < LEAST_SUBJECT:
        return None
    return np.ascontiguousarray(rgb[top:bottom, left:right])


def _is_flat(found: Measures) -> bool:
    """Tell whether there is nothing to see, as before a lens cap; of that a model learns nothing."""
    spread = found.luma @ (_LEVELS - found.luma @ _LEVELS) ** 2
    return bool(spread < _FLAT**2)


def _left(severities: dict[str, float], faults: Sequence[str]) -> float:
    return math.prod(1 - severities[fault] for fault in faults)


def _focus(gray: Gray, severities: dict[str, float], score: float) -> dict[str, Any]:
    defocus, motion = severities["defocus"], severities["motion"]
    told = max(defocus, motion) >= _TOLD
    variance = float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0]) ** 2
    return {
        "laplacian_variance": round(variance, 2),
        "sharpness_category": category(score, _SHARPNESS),
        "defocus_severity": round(defocus, 4),
        "motion_severity": round(motion, 4),
        "blur": ("motion" if motion > defocus else "defocus") if told else "none",
    }


def _exposure(found: Measures, severities: dict[str, float]) -> dict[str, Any]:
    shares = found.luma
    mean = float(shares @ _LEVELS)
    deviation = math.sqrt(shares @ (_LEVELS - mean) ** 2)
    white, black = float(shares[_WHITE:].sum()), float(shares[:_BLACK].sum())
    low, high = np.searchsorted(shares.cumsum(), (0.05, 0.95))
    return {
        "mean_brightness": round(mean, 2),
        "std_brightness": round(deviation, 2),
        "highlight_clip_percent": round(white * 100, 2),
        "shadow_clip_percent": round(black * 100, 2),
        "clipped_channels_percent": {
            color: {
                "highlights": round(float(each[_WHITE:].sum()) * 100, 2),
                "shadows": round(float(each[:_BLACK].sum()) * 100, 2),
            }
            for color, each in zip(("red", "green", "blue"), found.channels, strict=True)
        },
        "dynamic_range": int(high - low),
        "exposure_category": _exposure_category(mean, white, black),
        "underexposure_severity": round(severities["underexposure"], 4),
        "overexposure_severity": round(severities["overexposure"], 4),
    }


def _exposure_category(mean: float, white: float, black: float) -> str:
    if white > _CLIPPED:
        return "overexposed"
    if black > _CLIPPED:
        return "underexposed"
    return "dark" if mean < 90 else "bright" if mean > 160 else "well_exposed"
