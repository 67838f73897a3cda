"""A small network and how it learns: a few layers by hand, so that training needs no more than numpy.

It is taught three things: how bad each fault is in each example (cross entropy with the known severities),
how bad the whole is (the sum of ``-log(1 - severity)``), and, within a series and between the series of one
fault, which of two examples is the worse (a logistic loss on their difference, as in RankNet: C. Burges et
al., "Learning to rank using gradient descent", ICML 2005). The steps are those of D. Kingma and J. Ba,
"Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]  # float32
Weights = list[Floats]

ROWS = 7  # of a series: unspoiled, and six degrees
_ONE, _LEAK = np.float32(1), np.float32(0.01)  # what a unit passes on of what is positive, and of what is not
_MOST = 4.0  # the badness beyond which all is equally lost


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast it learns."""

    hidden: tuple[int, ...] = (96, 48)
    apart: tuple[slice, slice] | None = None  # outputs that see only these measures, by a third of each layer
    epochs: int = 50
    series: int = 32  # in a batch
    rate: float = 3e-3
    decay: float = 1e-3
    jitter: float = 0.5  # of the measures, in their own standard deviations
    within: float = 2.0
    across: float = 0.5
    whole: float = 0.5


def forward(x: Floats, weights: Weights) -> list[Floats]:
    """Return what each layer gives; the last are the logits of the severities."""
    layers = [x]
    for number in range(0, len(weights), 2):
        z = layers[-1] @ weights[number] + weights[number + 1]
        layers.append(z if number == len(weights) - 2 else np.maximum(z, _LEAK * z))
    return layers


def badness(logits: Floats) -> Floats:
    """Return the sum of ``-log(1 - severity)``."""
    return np.asarray(np.logaddexp(0, logits).sum(axis=1, dtype=np.float32))


def learn(x: Floats, severities: Floats, kind: NDArray[np.int64], recipe: Recipe, seed: int) -> Weights:
    """Learn from examples in series of ``ROWS`` rows; ``x`` has a mean of 0 and a deviation of 1."""
    dice = np.random.default_rng(seed)
    sizes = (x.shape[1], *recipe.hidden, severities.shape[1])
    weights: Weights = []
    for inputs, outputs in pairwise(sizes):
        weights += [
            (dice.standard_normal((inputs, outputs)) * np.sqrt(1.6 / inputs)).astype(np.float32),
            np.zeros(outputs, np.float32),
        ]
    weights[-1] -= 2
    masks = _masks(sizes, recipe.apart)
    weights = [each * mask for each, mask in zip(weights, masks, strict=True)]
    first, second = ([np.zeros_like(each) for each in weights] for _ in range(2))
    many, step = len(x) // ROWS, 0
    steps = recipe.epochs * (many // recipe.series)
    for _ in range(recipe.epochs):
        for part in np.array_split(dice.permutation(many), many // recipe.series):
            rows = (part[:, None] * ROWS + np.arange(ROWS)).ravel()
            noise = dice.standard_normal((len(rows), x.shape[1]), np.float32) * recipe.jitter
            batch = _Batch(x[rows] + noise, severities[rows], *_pairs_across(kind[rows], dice))
            slopes = _slopes(batch, weights, recipe)
            step += 1
            rate = recipe.rate * 0.5 * (1 + np.cos(np.pi * step / steps)) * min(1, step / 50)
            for number, slope in enumerate(slopes):
                first[number] += 0.1 * (slope * masks[number] - first[number])
                second[number] += 0.01 * (slope**2 - second[number])
                mean, spread = first[number] / (1 - 0.9**step), second[number] / (1 - 0.99**step)
                weights[number] -= rate * (mean / (np.sqrt(spread) + 1e-8) + recipe.decay * weights[number])
    return weights


def _masks(sizes: tuple[int, ...], apart: tuple[slice, slice] | None) -> Weights:
    """Return 1 for each weight that may be other than 0: the outputs ``apart`` have their own network."""
    masks: Weights = []
    owned = None
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        mask = np.ones((inputs, outputs), np.float32)
        if apart:
            last = number == len(sizes) - 2
            own = np.zeros(outputs, bool)
            own[apart[1] if last else slice(outputs // 3)] = True
            if owned is None:
                seen = np.zeros(inputs, bool)
                seen[apart[0]] = True
                mask[np.ix_(~seen, own)] = 0
            else:
                mask[np.ix_(owned, ~own)] = 0
                mask[np.ix_(~owned, own)] = 0
            owned = own
        masks += [mask, np.ones(outputs, np.float32)]
    return masks


@dataclass(frozen=True, slots=True)
class _Batch:
    x: Floats
    severities: Floats
    one: NDArray[np.intp]
    other: NDArray[np.intp]  # to be compared with ``one``


def _slopes(batch: _Batch, weights: Weights, recipe: Recipe) -> Weights:
    layers = forward(batch.x, weights)
    told = 1 / (1 + np.exp(-layers[-1]))
    count = np.float32(len(batch.x))
    back = (told - batch.severities) / count
    found = badness(layers[-1])
    truth = np.minimum(-np.log(1 - np.minimum(batch.severities, 0.995)).sum(axis=1), _MOST)
    of_badness = recipe.whole * np.clip(found - truth, -1, 1) / count
    of_badness += _rank_slopes(found, truth, *_pairs_within(len(batch.x)), recipe.within)
    of_badness += _rank_slopes(found, truth, batch.one, batch.other, recipe.across)
    back = (back + of_badness[:, None] * told).astype(np.float32)
    slopes: Weights = []
    for number in range(len(weights) - 2, -1, -2):
        slopes[:0] = [layers[number // 2].T @ back, back.sum(axis=0)]
        if number:
            back = (back @ weights[number].T) * np.where(layers[number // 2] > 0, _ONE, _LEAK)
    return slopes


def _pairs_within(rows: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    better, worse = np.triu_indices(ROWS, 1)
    begins = np.arange(0, rows, ROWS)[:, None]
    return (begins + better).ravel(), (begins + worse).ravel()


def _pairs_across(
    kind: NDArray[np.int64], dice: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    one, other = dice.integers(len(kind), size=(2, 6 * len(kind)))
    same = kind[one] == kind[other]
    return one[same], other[same]


def _rank_slopes(
    found: Floats, truth: Floats, one: NDArray[np.intp], other: NDArray[np.intp], weight: float
) -> Floats:
    """Return the slopes of ``log(1 + exp(-8 d))``, where ``d`` is by how much the worse is found worse."""
    sign = np.sign(truth[other] - truth[one])
    apart = sign * (found[other] - found[one])
    slope = -sign * weight / (1 + np.exp(np.clip(8 * apart, -30, 30))) / max(1, len(one))
    count = len(found)
    return 2 * (np.bincount(other, slope, count) - np.bincount(one, slope, count))
