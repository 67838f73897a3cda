"""Why a photo is as good as it is, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from junmai_jobs.catalog import PhotoRow
from junmai_jobs.report import sentence

GOOD = {"focus_score": 4.5, "exposure_score": 4.2, "composition_score": 4.0}


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({}, "Sharp, well exposed, strong composition."),
        ({"noise_score": 4.9, "compression_score": 4.0}, "Sharp, well exposed, strong composition."),
        ({"noise_score": 3.9}, "Sharp, well exposed, a little noisy, strong composition."),
        ({"noise_score": 1.9}, "Very noisy, sharp, well exposed, strong composition."),
        ({"compression_score": 2.9}, "Spoiled by compression, sharp, well exposed, strong composition."),
        (
            {"focus_score": 2.0, "noise_score": 2.5, "exposure_score": 1.2, "composition_score": 1.0},
            "Badly exposed, a little soft, noisy, weak composition.",
        ),
        (
            {"pick_reason": "Best of 5: 1 is softer."},
            "Best of 5: 1 is softer. Sharp, well exposed, strong composition.",
        ),
    ],
)
def test_what_costs_a_photo_its_score_is_named(scores: dict[str, float], said: str) -> None:
    unknown = {"capture_time": None, "ai_score": 2.1, "error": None}
    row = PhotoRow(id=1, path=Path("a.jpg"), status="completed", **unknown | GOOD | scores)  # type: ignore[arg-type]
    assert sentence(row) == said
