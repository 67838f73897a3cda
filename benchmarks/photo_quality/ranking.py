"""How well an order agrees with another: C. Spearman's rank correlation, within and across photographs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """How well the scores of one fault follow its strength."""

    within: float
    """The mean of the photos' rank correlations."""
    worst: float
    """That of the worst photo."""
    adjacent: float
    """The share of neighbouring degrees of which the weaker scores higher."""
    across: float
    """The rank correlation of all photos and degrees together."""


def ranked(scores: Scores) -> Ranked:
    """Rank one fault's scores: photos x degrees, weakest first; the score is to fall."""
    degrees = np.arange(scores.shape[1])
    within = [spearman(-each, degrees) for each in scores]
    return Ranked(
        within=float(np.mean(within)),
        worst=float(np.min(within)),
        adjacent=float((np.diff(scores, axis=1) < 0).mean()),
        across=spearman(-scores.ravel(), np.tile(degrees, len(scores))),
    )


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Return the rank correlation, ties sharing their ranks; 0 where all of either is equal."""
    first, second = _ranks(np.ravel(one)), _ranks(np.ravel(other))
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Scores) -> Scores:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum()
    return np.asarray((last - (count - 1) / 2)[place], np.float64)
