"""What a photographer likes, learned from approvals and rejections: points for a photo, and why.

It is a logistic regression that begins with the score: a point more makes an approval so much likelier. What
the score leaves unexplained is put down to traits of the photo and to pairs of them (see ``traits``), whose
weights are normal around zero beforehand. How far from zero is itself weighed by the evidence, and who is
unsure answers moderately: D. J. C. MacKay, "The Evidence Framework Applied to Classification Networks",
Neural Computation 4 (1992), 720-736. So nothing is learned from nothing, little from little, and little from
verdicts that follow the score. All is a function of what it is given, and computed anew in milliseconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.taste.traits import (
    NEUTRAL,
    PAIRED,
    TRAITS,
    Facts,
    Leaning,
    Reason,
    Trait,
    named,
    of_context,
)

Array = NDArray[np.float64]

LIMIT, HALFWAY = 1.5, 10
"""Points, of a score from 1 to 5, that no taste adds or takes off; how many verdicts may do so by half."""
_POINT = 0.7  # logits that a point of the score is worth
_FARTHEST = 2.0  # spreads from the usual; more of a trait counts no more
_PAIR = 0.4  # how far from zero a pair's weight is expected, beside a single trait's
_WIDTHS = (0.1, 0.2, 0.4, 0.8)  # expected distances from zero that are weighed against each other
_MOST_STEPS, _STILL = 30, 1e-9  # of Newton's method, and the change at which it has arrived
_TOLD, _MOST_TOLD = 0.05, 2  # points from which on a reason is told, and how many are


@dataclass(frozen=True, slots=True)
class _Examples:
    """Photos to learn from, a row or a number for each."""

    features: Array
    scores: Array
    """The logit that the score alone gives, above the shoot's mean."""
    labels: Array
    """1: liked, -1: not."""
    counts: Array
    """How many verdicts it counts for; those without one share what is missing."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """The most probable weights for one width, their covariance, and how likely it makes the verdicts."""

    weights: Array
    covariance: Array
    log_evidence: float


@dataclass(frozen=True, slots=True)
class Shoot:
    """Photos that were chosen from together: those approved, those rejected, and what else there was."""

    liked: Sequence[Facts]
    disliked: Sequence[Facts]
    undecided: Sequence[Facts] = ()


class Taste:
    """What there is to be learned from the verdicts on some shoots.

    Photos without a verdict tell what is usual. All of a shoot's together stand for as many verdicts of the
    rarer kind as it has too few: approvals alone say something too, and that a shoot is of one kind nothing.
    """

    def __init__(self, shoots: Sequence[Shoot]) -> None:
        seen = [facts for shoot in shoots for facts in (*shoot.liked, *shoot.disliked, *shoot.undecided)]
        contexts = {facts["context"] for facts in seen if facts.get("context") not in {None, "default"}}
        self._traits: tuple[Trait, ...] = (*TRAITS.values(), *map(of_context, sorted(contexts)))
        paired = [number for number, name in enumerate(TRAITS) if name in PAIRED]
        self._pairs = np.array(list(itertools.combinations(paired, 2)))
        self._reach: Array = np.repeat((1.0, _PAIR), (len(self._traits), len(self._pairs)))
        values = self._values(seen)
        known = np.isfinite(values)
        self._usual = np.where(known, values, 0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
        verdicts = sum(len(shoot.liked) + len(shoot.disliked) for shoot in shoots)
        self._has_approvals = any(shoot.liked for shoot in shoots)
        self._most = LIMIT * verdicts / (verdicts + HALFWAY)
        self._fits: Sequence[_Fit] = ()
        if verdicts:
            examples = _Examples(self._features(values), *np.hstack([_verdicts_of(each) for each in shoots]))
            self._fits = [_fit(examples, width) for width in _WIDTHS]

    def leanings(self, photos: Sequence[Facts]) -> list[Leaning]:
        """What it adds to the score of each photo."""
        if not self._fits or not photos:
            return [NEUTRAL] * len(photos)
        features = self._features(self._values(photos))
        return [self._leaning(*each) for each in zip(self._parts(features), features, strict=True)]

    def habits(self) -> list[Reason]:
        """What was learned, the strongest first: the points for a trait, or two, being as usual otherwise."""
        if not self._fits:
            return []
        points = np.diagonal(self._parts(np.diag(self._reach)))
        found = [self._reason(number, np.ones(len(self._traits)), each) for number, each in enumerate(points)]
        told = [each for each in found if self._is_told(each.points)]
        return sorted(told, key=lambda each: -abs(each.points))

    def _values(self, photos: Sequence[Facts]) -> Array:
        """Photos x traits, NaN where the facts do not tell."""
        found = [[trait.value(facts) for trait in self._traits] for facts in photos]
        return np.array(found, float).reshape(len(photos), len(self._traits))

    def _features(self, values: Array) -> Array:
        """Photos x (traits, then pairs): how far each is from the usual, 0 where that is not known."""
        spreads = np.array([trait.spread for trait in self._traits])
        apart = np.nan_to_num((values - self._usual) / spreads).clip(-_FARTHEST, _FARTHEST)
        first, second = self._pairs.T
        return np.hstack([apart, apart[:, first] * apart[:, second]]) * self._reach

    def _parts(self, features: Array) -> Array:
        """Photos x features: the points that each makes, which add up to the photo's.

        For each width they are the moderated logit, bent to stay below the most there can be, and shared out
        as the logit is made up; then all widths are taken together by how likely they make the verdicts.
        """
        best = max(fit.log_evidence for fit in self._fits)
        shares = np.array([math.exp(fit.log_evidence - best) for fit in self._fits])
        parts = np.zeros_like(features)
        for fit, share in zip(self._fits, shares / shares.sum(), strict=True):
            logits = features * fit.weights
            whole = logits.sum(axis=1)
            variance = ((features @ fit.covariance) * features).sum(axis=1)
            moderation = 1 / np.sqrt(1 + math.pi * variance / 8) / _POINT
            points = self._most * np.tanh(moderation * whole / self._most)
            slope = np.where(whole, points / np.where(whole, whole, 1), moderation)
            parts += share * slope[:, None] * logits
        return parts

    def _leaning(self, parts: Array, features: Array) -> Leaning:
        """The reasons are those for what it comes to, not what there is to be said against it."""
        points = float(parts.sum())
        strongest = np.argsort(-np.abs(parts), kind="stable")
        told = [each for each in strongest if self._is_told(parts[each]) and parts[each] * points > 0]
        reasons = tuple(self._reason(number, features, parts[number]) for number in told[:_MOST_TOLD])
        return Leaning(round(points, 2), reasons)

    def _is_told(self, points: float) -> bool:
        """Who has only thrown away has not said what he keeps."""
        return abs(points) >= _TOLD and (points < 0 or self._has_approvals)

    def _reason(self, number: int, apart: Array, points: float) -> Reason:
        """Put a feature into words, for a photo whose traits are so far apart from the usual."""
        single = number < len(self._traits)
        traits = [number] if single else self._pairs[number - len(self._traits)]
        words = (self._traits[each].high if apart[each] > 0 else self._traits[each].low for each in traits)
        return Reason(named(*words), round(float(points), 2))


def _verdicts_of(shoot: Shoot) -> Array:
    """Return scores, labels and counts of a shoot's photos, as ``_Examples`` has them."""
    scores = [facts.get("overall_score") for facts in (*shoot.liked, *shoot.disliked, *shoot.undecided)]
    known = [score for score in scores if score is not None]
    mean = sum(known) / max(1, len(known))
    missing = len(shoot.liked) - len(shoot.disliked)
    sizes = len(shoot.liked), len(shoot.disliked), len(shoot.undecided)
    return np.array(
        [
            [0.0 if score is None else _POINT * (score - mean) for score in scores],
            np.repeat((1.0, -1.0, -1.0 if missing > 0 else 1.0), sizes),
            np.repeat((1.0, 1.0, abs(missing) / max(1, len(shoot.undecided))), sizes),
        ]
    )


def _fit(examples: _Examples, width: float) -> _Fit:
    """Find the most probable weights, by Newton's method."""
    features, labels, counts = examples.features, examples.labels, examples.counts
    weights = np.zeros(features.shape[1])
    for _ in range(_MOST_STEPS):
        wrong = _sigmoid(-labels * (examples.scores + features @ weights))
        slope = features.T @ (counts * labels * wrong) - weights / width**2
        curvature = (features.T * (counts * wrong * (1 - wrong))) @ features + np.eye(len(weights)) / width**2
        step = np.linalg.solve(curvature, slope)
        weights += step
        if np.abs(step).max() < _STILL:
            break
    log_likelihood = -counts @ np.logaddexp(0, -labels * (examples.scores + features @ weights))
    _, log_volume = np.linalg.slogdet(curvature * width**2)
    log_evidence = log_likelihood - weights @ weights / (2 * width**2) - log_volume / 2
    return _Fit(weights, np.linalg.inv(curvature).astype(float), float(log_evidence))


def _sigmoid(logits: Array) -> Array:
    return np.exp(-np.logaddexp(0, -logits))
