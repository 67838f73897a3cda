"""Which frame of a burst to keep: its frames are compared with each other, place by place.

What a scene is made of decides about any absolute measure of sharpness or light; between frames of one scene
it cancels out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from junmai_jobs.photo.groups.overlay import INVERSE, UNMOVED, Matrix, Overlay, overlay, waves
from junmai_jobs.photo.groups.profile import COPY, Profile

Values = NDArray[np.float32]
Seen = NDArray[np.bool]

# What a frame's faults cost, in octaves of detail. Fitted on bursts made from wallpapers, see ADR 28.
_PER_STOP, _STOPS_FREE = 2.0, 0.2  # beside the burst's median
_PER_POINT = 1.2  # of the exposure's score
_PER_NOISE, _NOISE_FREE = 0.2, 2.0  # gray levels more than the cleanest frame
_PER_HALVING = 0.5  # of the whole picture's edge, beyond what was looked at

_DARK = 8  # gray levels; below, the light says little
_AT_SCALES = np.array(
    [1, 1, 0.5, 0.5, 0.5, 0.5], np.float32
)  # times the noise is as strong in fine and coarse maps
_SAFELY = 1.4  # times the noise's estimate is taken off, or what is left of it would pass for detail
_ENOUGH = 0.25  # of the cells; where fewer are common to all frames, each is judged by all that it shows
_FOUND, _SHARED = 0.5, 0.5  # likeness of a frame that is where it was found, and the overlap's share
_TOLD = 0.15  # a lesser fault is not worth a word
_ONE_SIDED = 0.22  # of what it lacks: a frame moved
_AS_LARGE = 0.9  # of the px of the largest
_TELLING = 0.55  # of them; what has fewer is seen to have less detail, unless the largest was enlarged
_PER_PX = 0.9  # power of a copy's px that its steps are divided by; 1 would favour what was enlarged
_EVEN = 0.6  # cells; or a frame that is laid over between the cells would be evened out, and the first not

_WORDS = {
    "soft": ("is softer", "are softer"),
    "moved": ("is blurred by motion", "are blurred by motion"),
    "light": ("is too light", "are too light"),
    "dark": ("is too dark", "are too dark"),
    "noisy": ("is noisier", "are noisier"),
    "small": ("is smaller", "are smaller"),
}
_PRAISE = {
    frozenset({"soft", "moved"}): "Sharpest",
    frozenset({"light", "dark"}): "Best exposed",
    frozenset({"small"}): "Largest",
}


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """What tells the frames of one burst apart, a value a frame each, in octaves of detail.

    ``soft`` is what it lacks beside the sharpest frame of each place, ``streak`` how much of that is
    one-sided; ``size`` is the share it was looked at of the px that the largest was. ``stops`` is its light
    beside the burst's median; ``exposure``, ``noise`` and ``reduced``, a copy's lack of px that nobody looked
    at, are what they cost.
    """

    soft: Values
    streak: Values
    size: Values
    stops: Values
    exposure: Values
    noise: Values
    reduced: Values

    @property
    def cost(self) -> Values:
        """All that is wrong with each frame."""
        return self.soft + self.exposure + self.noise + self.reduced


def best_of(
    profiles: Sequence[Profile],
    exposures: Sequence[float],
    centre: int = 0,
    overlays: Mapping[int, Overlay] = MappingProxyType({}),
) -> tuple[list[float], str]:
    """Compare the frames of a burst, two or more.

    Args:
        profiles: one a frame.
        exposures: how well exposed each is by itself, 1.0 to 5.0: which of two is too dark or too light,
            neither can tell of the other.
        centre: the frame that all others resemble; they are laid over it.
        overlays: those of them that are known, by frame.

    Returns:
        What each frame's faults cost (octaves of detail, less is better); and a sentence on why the first
        one of the best is the one to keep.
    """
    faults = compared(profiles, exposures, centre, overlays)
    cost = faults.cost.round(2).tolist()
    return cost, _reason(faults, cost.index(min(cost)))


def compared(
    profiles: Sequence[Profile],
    exposures: Sequence[float],
    centre: int = 0,
    overlays: Mapping[int, Overlay] = MappingProxyType({}),
) -> Faults:
    """Lay the frames of a burst over one of them and measure in what they differ: see ``best_of``."""
    maps, seen = _laid_over(profiles, centre, overlays)
    judged = seen.all(axis=0)
    if judged.mean() < _ENOUGH:
        judged = seen.sum(axis=0) > 1
    maps, seen = maps[:, :, judged], seen[:, judged]
    light, energies = maps[:, 0], maps[:, 1:]
    cells = np.array([each.cell for each in profiles], np.float32)
    size = cells / cells.max()
    noise = np.array([each.noise for each in profiles], np.float32)
    more_noise = noise / size - (noise / size).min()  # px of a small copy are as large as many of another
    lacking, weight = _lacking(
        _at_one_scale(energies, size),
        _at_one_scale(2 * (noise[:, None] * _AT_SCALES)[:, :, None] ** 2, size),
        per=(np.maximum(light, _DARK) / size[:, None] ** _PER_PX)[:, None] ** 2,
        measures=(more_noise <= _NOISE_FREE)[:, None] & seen,
    )
    weight *= seen[:, None]
    streaks = (lacking * weight).sum(axis=2) / weight.sum(axis=2)
    stops = _stops(light, seen, centre)
    return Faults(
        soft=(lacking * weight)[:, :4].sum(axis=(1, 2)) / weight[:, :4].sum(axis=(1, 2)),
        streak=np.abs(streaks[:, ::2] - streaks[:, 1::2]).max(axis=1),
        size=size,
        stops=stops,
        exposure=_exposure(stops, np.array(exposures, np.float32)),
        noise=_PER_NOISE * np.maximum(0, more_noise - _NOISE_FREE),
        reduced=_reduced(profiles, size),
    )


def _laid_over(
    profiles: Sequence[Profile], centre: int, overlays: Mapping[int, Overlay]
) -> tuple[Values, Seen]:
    """Return of each frame the maps as the centre's cells see them, and which of those it shows.

    The shapes are frames x maps x cells, the light first, and frames x cells.
    """
    below = waves(profiles[centre].gray)
    rows_columns = profiles[centre].light.shape
    laid: list[NDArray[Any]] = []
    for at, one in enumerate(profiles):
        found = overlays.get(at) or overlay(below, waves(one.gray))
        is_found = found and found.likeness > _FOUND and found.shared > _SHARED
        matrix = _for_cells(found.matrix if found and is_found else UNMOVED)
        maps = [one.light, *one.energies, np.ones_like(one.light)]
        even = [cv2.GaussianBlur(cv2.merge(four), (0, 0), _EVEN) for four in (maps[:4], maps[4:])]
        laid += [cv2.warpAffine(four, matrix, rows_columns[::-1], flags=INVERSE) for four in even]
    of_cells = np.array(laid, np.float32).reshape(len(profiles), 2, -1, 4)
    stack = of_cells.transpose(0, 1, 3, 2).reshape(len(profiles), 8, -1)
    return stack[:, :7], stack[:, 7] > 0.99


def _for_cells(matrix: Matrix) -> Values:
    """Turn what leads from px to px of two copies into what leads from cell to cell."""
    (a, b, across), (c, d, down) = matrix.tolist()
    middle = (COPY - 1) / 2  # of a cell, in px of the copy
    shift = (a + b - 1) * middle + across, (c + d - 1) * middle + down
    return np.array([[a, b, shift[0] / COPY], [c, d, shift[1] / COPY]])


def _at_one_scale(energies: Values, size: Values) -> Values:
    """Return the energies with the coarse maps of smaller copies at the scale of the largest.

    What is finer than the steps of a copy is as steep as those.
    """
    if size.min() == 1:
        return energies
    coarse = np.clip(1 + np.log2(size), 0, 1)[:, None, None]
    found = energies.copy()
    found[:, 2:4] = (4 * energies[:, :2]) ** (1 - coarse) * energies[:, 2:4] ** coarse
    return found


def _lacking(energies: Values, of_noise: Values, *, per: Values, measures: Seen) -> tuple[Values, Values]:
    """Return the octaves that each frame lacks beside the best of each place, and the weight of that.

    Compared are the energies per light and px, so that neither brightness nor a smaller copy's harder steps
    are detail, without the noise. Where the best hardly surpasses a frame's noise, nothing is known of that
    frame. A noisy frame is nobody's measure.
    """
    of_noise = _SAFELY * of_noise
    above = np.maximum(energies - of_noise, 0)
    clean = (above**2 / (above + of_noise + 1e-6) + 0.05) / per  # as N. Wiener's filter weights it
    best = np.where(measures[:, None], clean, 1e-9).max(axis=0)
    weight = (best / (best + 6 * (of_noise + 0.5) / per)) ** 2 + 1e-9
    return np.clip(np.log2(best / clean), -0.3, 4), weight


def _stops(light: Values, seen: Seen, centre: int) -> Values:
    """Return the light of each frame beside the median of all, from levels that are about its 2.2th root."""
    ratios = np.log2(np.maximum(light, 4) / np.maximum(light[centre], 4))
    if seen.all():
        beside_centre = np.median(ratios, axis=1)
    else:
        beside_centre = np.nanmedian(np.where(seen, ratios, np.nan), axis=1)
    found: Values = 2.2 * (beside_centre - np.median(beside_centre))
    return found


def _reduced(profiles: Sequence[Profile], size: Values) -> Values:
    """Return what it costs to be a smaller copy than others, where that is hardly seen in so few px."""
    wholes = [each.whole for each in profiles]
    largest = max(wholes)
    halvings = [np.log2(largest / whole) if whole else 0.0 for whole in wholes]
    return np.where(size >= _TELLING, _PER_HALVING * np.array(halvings), 0)


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
        "small": faults.reduced[frame] - faults.reduced[pick],
    }
    worst = max(more, key=more.__getitem__)
    if more[worst] < _TOLD:
        return None
    if worst == "soft" and faults.size[frame] < _AS_LARGE * faults.size[pick]:
        return "small"
    if worst == "soft" and faults.streak[frame] - faults.streak[pick] > _ONE_SIDED * more["soft"]:
        return "moved"
    return "dark" if worst == "light" and faults.stops[frame] < faults.stops[pick] else worst
