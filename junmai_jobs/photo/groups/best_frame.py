"""Which frame of a burst to keep: its frames are compared with each other, place by place.

What a scene is made of decides about any absolute measure of sharpness or light; between frames of one scene
it cancels out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.groups.imprint import COPY, Profile
from junmai_jobs.photo.groups.overlay import overlay, waves

Values = NDArray[np.float64]

# What a frame's faults cost, in octaves of detail. Fitted on bursts made from wallpapers, see ADR 28.
_PER_STOP, _STOPS_FREE = 2.0, 0.2  # beside the burst's median
_PER_POINT = 1.2  # of the exposure's score
_PER_NOISE, _NOISE_FREE = 0.2, 2.0  # gray levels more than the cleanest frame

_DARK = 8  # gray levels; below, the light says little
_AT_SCALES = np.array([1, 1, 0.5, 0.5, 0.5, 0.5])  # times the noise is as strong in fine and coarse maps
_SAFELY = 1.4  # times the noise's estimate is taken off, or what is left of it would pass for detail
_ENOUGH = 0.25  # of the cells; where fewer are common to all frames, each is judged by all of its own
_FOUND = 0.5  # likeness of a frame that is where it was found
_TOLD = 0.15  # a lesser fault is not worth a word
_ONE_SIDED = 0.22  # of what it lacks: a frame moved
_EVEN = 0.6  # cells; or a frame that is laid over between the cells would be evened out, and the first not
_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_HARDLY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)

_WORDS = {
    "soft": ("is softer", "are softer"),
    "moved": ("is blurred by motion", "are blurred by motion"),
    "light": ("is too light", "are too light"),
    "dark": ("is too dark", "are too dark"),
    "noisy": ("is noisier", "are noisier"),
}
_PRAISE = {frozenset({"soft", "moved"}): "Sharpest", frozenset({"light", "dark"}): "Best exposed"}


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """What tells the frames of one burst apart, a value a frame each, in octaves of detail.

    ``soft`` is what it lacks beside the sharpest frame of each place, ``streak`` how much of that is
    one-sided. ``stops`` is its light beside the burst's median, ``exposure`` and ``noise`` what they cost.
    """

    soft: Values
    streak: Values
    stops: Values
    exposure: Values
    noise: Values

    @property
    def cost(self) -> Values:
        """All that is wrong with each frame."""
        return self.soft + self.exposure + self.noise


def best_of(profiles: Sequence[Profile], exposures: Sequence[float]) -> tuple[list[float], str]:
    """Compare the frames of a burst, two or more.

    Args:
        profiles: one a frame.
        exposures: how well exposed each is by itself, 1.0 to 5.0: which of two is too dark or too light,
            neither can tell of the other.

    Returns:
        What each frame's faults cost (octaves of detail, less is better); and a sentence on why the first
        one of the best is the one to keep.
    """
    faults = compared(profiles, exposures)
    cost = faults.cost.round(2).tolist()
    return cost, _reason(faults, cost.index(min(cost)))


def compared(profiles: Sequence[Profile], exposures: Sequence[float]) -> Faults:
    """Lay the frames of a burst over the first one and measure in what they differ."""
    stacks, seen = zip(*_laid_over_first(profiles), strict=True)
    common = np.all(seen, axis=0)
    if common.mean() < _ENOUGH:
        common[:] = True
    maps = np.stack(stacks)[:, :, common].astype(float)  # frames x maps x cells
    light, energies = maps[:, 0], maps[:, 1:]
    noise = np.array([each.noise for each in profiles])
    lacking, weight = _lacking(energies, light, noise)
    streaks = (lacking * weight).sum(axis=2) / weight.sum(axis=2)
    stops = _stops(light)
    return Faults(
        soft=(lacking * weight)[:, :4].sum(axis=(1, 2)) / weight[:, :4].sum(axis=(1, 2)),
        streak=np.abs(streaks[:, ::2] - streaks[:, 1::2]).max(axis=1),
        stops=stops,
        exposure=_exposure(stops, np.array(exposures, float)),
        noise=_PER_NOISE * np.maximum(0, noise - noise.min() - _NOISE_FREE),
    )


def _laid_over_first(profiles: Sequence[Profile]) -> list[tuple[NDArray[np.float32], NDArray[np.bool]]]:
    """Return of each frame the maps as the first one's cells see them, and where it has any."""
    first, rows_columns = waves(profiles[0].gray), profiles[0].light.shape
    laid = []
    for one in profiles:
        found = None if one is profiles[0] else overlay(first, waves(one.gray))
        place = found.matrix if found and found.likeness > _FOUND else _HARDLY
        turn = place[:, :2]
        middle = (COPY - 1) / 2  # of a cell, in px of the copy
        matrix = np.column_stack([turn, (turn.sum(axis=1) * middle + place[:, 2] - middle) / COPY])
        maps = [one.light, *one.fine, *one.coarse, *one.slanting, np.ones_like(one.light)]
        even = [cv2.GaussianBlur(each, (0, 0), _EVEN) for each in maps]
        seen = [cv2.warpAffine(each, matrix, rows_columns[::-1], flags=_INVERSE) for each in even]
        laid.append((np.asarray(seen[:-1], np.float32), np.asarray(seen[-1] > 0.99)))
    return laid


def _lacking(energies: Values, light: Values, noise: Values) -> tuple[Values, Values]:
    """Return the octaves that each frame lacks beside the best of each place, and the weight of that.

    Compared are the energies per light, so that brightness is no detail, without the noise. Where the best
    hardly surpasses a frame's noise, nothing is known of that frame. A noisy frame is nobody's measure.
    """
    per_light = np.maximum(light[:, None], _DARK) ** 2
    of_noise = _SAFELY * 2 * (noise[:, None] * _AT_SCALES)[:, :, None] ** 2
    above = np.maximum(energies - of_noise, 0)
    clean = (above**2 / (above + of_noise + 1e-6) + 0.05) / per_light  # as N. Wiener's filter weights it
    best = clean[noise <= noise.min() + _NOISE_FREE].max(axis=0)
    weight = (best / (best + 6 * (of_noise + 0.5) / per_light)) ** 2 + 1e-9
    return np.clip(np.log2(best / clean), -0.3, 4), weight


def _stops(light: Values) -> Values:
    """Return the light of each frame beside the median of all, from levels that are about its 2.2th root."""
    ratio = np.log2(np.maximum(light, 4) / np.maximum(np.median(light, axis=0), 4))
    found: Values = 2.2 * np.median(ratio, axis=1)
    return found


def _exposure(stops: Values, scores: Values) -> Values:
    """Return what the light of each frame costs: its distance from the others' and its own score."""
    alike = np.exp(-(((stops[:, None] - stops) / _STOPS_FREE) ** 2))  # a fifth of a stop is no difference
    shared: Values = alike @ scores / alike.sum(axis=1)
    found: Values = _PER_STOP * np.maximum(0, np.abs(stops) - _STOPS_FREE) + _PER_POINT * (
        shared.max() - shared
    )
    return found


def _reason(faults: Faults, pick: int) -> str:
    """Say in what the others are worse than the pick, in 100 characters at most."""
    found = Counter(word for frame in range(len(faults.soft)) if (word := _fault(faults, frame, pick)))
    count = len(faults.soft)
    if not found:
        return f"As good as any of {count}: they hardly differ."
    praise = next((praise for words, praise in _PRAISE.items() if set(found) <= words), "Best")
    told = [(word, number) for word, number in found.most_common(3)]
    if len(told) == 1 and told[0][1] == count - 1 > 1:
        return f"{praise} of {count}: the others {_WORDS[told[0][0]][1]}."
    faulty = ", ".join(f"{number} {_WORDS[word][number > 1]}" for word, number in told)
    return f"{praise} of {count}: {faulty}."


def _fault(faults: Faults, frame: int, pick: int) -> str | None:
    """Name what costs a frame the most, beside the pick."""
    more = {
        "soft": faults.soft[frame] - faults.soft[pick],
        "light": faults.exposure[frame] - faults.exposure[pick],
        "noisy": faults.noise[frame] - faults.noise[pick],
    }
    worst = max(more, key=more.__getitem__)
    if more[worst] < _TOLD:
        return None
    if worst == "soft" and faults.streak[frame] - faults.streak[pick] > _ONE_SIDED * more["soft"]:
        return "moved"
    return "dark" if worst == "light" and faults.stops[frame] < faults.stops[pick] else worst
