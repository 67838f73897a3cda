"""Which photographs show the same: bursts, brackets and copies, and which of each to keep.

Pictures are compared by their perceptual hashes: 64 bits, of which a copy changes few and another scene
about half. What those leave open is decided by laying the small copies in the profiles over each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from junmai_jobs.photo.groups.best_frame import best_of
from junmai_jobs.photo.groups.imprint import unpacked
from junmai_jobs.photo.groups.overlay import SKETCHED, Waves, overlay, sketch, waves

ALIKE = 10  # bits that two frames of one burst may differ in with no further proof
BURST_SECONDS = 30.0  # that they are apart at most
SAME = 4  # bits that may differ whenever the two were taken: a copy, or an export

_PERHAPS = 0.45  # correlation of two sketches from which it is worth laying the copies over each other
_PATIENCE = 10  # copies that were laid over a frame's in vain, after which the less alike ones are not
_UNTIMED = 26  # bits that may differ then, where a moment is not known
_LIKENESS, _SHARED, _ASKEW = 0.8, 0.76, 0.2  # of an overlay, from and up to which both show the same
_SMALL = (32, 32)  # px; what is compared of a picture
_LEAST_STRUCTURE = 3.0  # gray levels, standard deviation of such a copy; a wall has less, a misty hill more
_SLOWEST = 8  # of its waves across, and as many down, are the hash
_HEIGHTS = np.where(np.indices(_SMALL) == 0, math.sqrt(2), 1.0).prod(axis=0)  # cv2 makes the flat waves lower
_SQUARE_ROOTS = [round((255 * level) ** 0.5) for level in range(256)]  # of gray levels
_BURST = np.timedelta64(round(BURST_SECONDS * 1e6), "us")
_ROWS = 256  # compared with all frames at once: 10 MB at 5,000 frames
_COMPARED = 200  # frames of a group, the best by their scores
_PRAISE = {"focus": "Sharpest", "exposure": "Best exposed", "composition": "Best composed"}

Positions = NDArray[np.intp]
Near = NDArray[np.bool]


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is to know of a photo to group it: its hash, its moment and its scores (1.0 to 5.0).

    ``captured`` is by the camera's own clock; a zone, if it has one, is passed over. ``profile`` is as
    ``photo.profile`` makes it; without one, the hash and the scores decide alone.
    """

    photo_id: int
    fingerprint: str | None
    captured: datetime | None
    overall: float
    focus: float
    exposure: float
    composition: float
    name: str
    profile: bytes | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Photos of one thing by their ids, in order of capture, then name; the one to keep, and why that one."""

    members: tuple[int, ...]
    pick: int
    reason: str


def fingerprint(gray: Image.Image) -> str | None:
    """Return the perceptual hash of a gray picture (mode ``L``) as 16 hex digits.

    It is the hash of N. Krawetz, "Looks Like It" (2011), as the library ImageHash has it: which of a small
    copy's slowest waves are above their median. Here it is of the square roots of the gray levels: with them
    a frame that is two stops too light still resembles the others of its bracket.

    None for a picture with too little structure to be compared, such as a plain colour.
    """
    if np.asarray(gray.resize(_SMALL, Image.Resampling.BOX)).std() < _LEAST_STRUCTURE:
        return None
    roots = gray.point(_SQUARE_ROOTS)
    small = roots.resize(_SMALL, Image.Resampling.LANCZOS, reducing_gap=3.0)  # or it would take 10 x as long
    slow = (cv2.dct(np.asarray(small, float)) * _HEIGHTS)[:_SLOWEST, :_SLOWEST]
    return np.packbits(slow > np.median(slow)).tobytes().hex()


def group(frames: Sequence[Frame]) -> list[Group]:
    """Find the photos that show the same; whatever the order of ``frames``, the answer is the same.

    Two frames are linked that were taken at most ``BURST_SECONDS`` apart, or at a time not known of one of
    them, if they differ in at most ``ALIKE`` bits or their profiles show the same view; and any two that
    differ in at most ``SAME`` bits. A group is one frame, the one most others resemble, and all that are
    linked to it: nobody is in a group through others only, so an evening is not one. A frame without a
    fingerprint is in none.

    Returns:
        The groups of two or more, in order of capture; a time not known comes last.
    """
    known = sorted((frame for frame in frames if frame.fingerprint), key=_order)
    return [_judged([known[at] for at in together]) for together in _together(known)]


def _order(frame: Frame) -> tuple[datetime, str, int]:
    latest = datetime.max  # noqa: DTZ901 -- clocks of cameras have no zone
    return _clock(frame.captured) or latest, frame.name, frame.photo_id


def _clock(captured: datetime | None) -> datetime | None:
    return captured and captured.replace(tzinfo=None)


def _together(frames: Sequence[Frame]) -> list[list[int]]:
    """Return the positions of those that belong together, rising, in order of the first of each."""
    looks = _Looks(frames)
    left, groups = np.ones(len(frames), bool), []
    for centre in looks.by_neighbours():
        if not left[centre]:
            continue
        others = np.flatnonzero(left)
        linked = others[looks.linked(centre, others)]
        if len(linked) > 1:
            left[linked] = False
            groups.append(linked.tolist())
    return sorted(groups)


class _Looks:
    """How frames look and when they were taken, for many comparisons."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._hashes = np.array([int(frame.fingerprint or "0", 16) for frame in frames], np.uint64)
        self._moments = np.array([_clock(frame.captured) for frame in frames], "datetime64[us]")
        copies = [unpacked(frame.profile) for frame in frames]
        self._waves: list[Waves | None] = [waves(copy.gray) if copy else None for copy in copies]
        self._sketches = np.zeros((len(frames), SKETCHED), np.float32)
        for at, copy in enumerate(copies):
            if copy:
                self._sketches[at] = sketch(copy.gray)
        self._any_sketch = any(copies)

    def by_neighbours(self) -> Iterator[int]:
        """Yield the frames that have some, those with the most first; of equals, the first."""
        everyone = np.arange(len(self._hashes))
        counts = np.zeros(len(everyone), int)
        for start in range(0, len(everyone), _ROWS):
            rows = everyone[start : start + _ROWS]
            sure, perhaps = self._near(rows, everyone)
            counts[rows] = (sure | perhaps).sum(axis=1)
        yield from (int(at) for at in np.argsort(-counts, kind="stable") if counts[at] > 1)

    def linked(self, centre: int, others: Positions) -> Near:
        """Tell of each of ``others`` whether it is linked to ``centre``, which is linked to itself."""
        sure, perhaps = (np.asarray(found[0]) for found in self._near(np.array([centre]), others))
        open_ones = np.flatnonzero(perhaps & ~sure)
        most_alike_first = np.argsort(
            -self._sketches[others[open_ones]] @ self._sketches[centre], kind="stable"
        )
        in_vain = 0
        for at in open_ones[most_alike_first]:
            sure[at] = self._same_view(centre, int(others[at]))
            in_vain = 0 if sure[at] else in_vain + 1
            if in_vain == _PATIENCE:
                break
        return sure

    def _near(self, some: Positions, others: Positions) -> tuple[Near, Near]:
        """Tell of pairs (some x others) whether they are linked, and whether their copies may say so."""
        bits = np.bitwise_count(self._hashes[some, None] ^ self._hashes[others])
        sure = bits <= ALIKE
        perhaps = np.zeros_like(sure)
        if self._any_sketch:
            perhaps = self._sketches[some] @ self._sketches[others].T > _PERHAPS
        one, other = np.nonzero((sure | perhaps) & (bits > SAME))
        apart = np.abs(self._moments[some[one]] - self._moments[others[other]])
        sure[one, other] &= ~(apart > _BURST)  # no unknown time is
        perhaps[one, other] &= (apart <= _BURST) | (np.isnat(apart) & (bits[one, other] <= _UNTIMED))
        return sure, perhaps

    def _same_view(self, one: int, other: int) -> bool:
        """Tell whether one copy covers the other once it is laid over it as a hand moves a camera."""
        first, second = self._waves[one], self._waves[other]
        found = None if first is None or second is None else overlay(first, second)
        if found is None or found.likeness < _LIKENESS or found.shared < _SHARED:
            return False
        return found.askew < _ASKEW


def _judged(members: list[Frame]) -> Group:
    ids = tuple(frame.photo_id for frame in members)
    ranked = sorted(members, key=_rank)
    profiles = [unpacked(frame.profile) for frame in members]
    compared = [(frame, each) for frame, each in zip(members, profiles, strict=True) if each]
    if len(compared) < len(members):
        return Group(ids, ranked[0].photo_id, _reason(ranked[0], ranked[1], members))
    if len(compared) > _COMPARED:
        promising = {frame.photo_id for frame in ranked[:_COMPARED]}
        compared = [(frame, each) for frame, each in compared if frame.photo_id in promising]
    costs, reason = best_of([each for _, each in compared], [frame.exposure for frame, _ in compared])
    return Group(ids, compared[costs.index(min(costs))][0].photo_id, reason)


def _rank(frame: Frame) -> tuple[float, ...]:
    """Sort the best first; equals stay in order of capture."""
    return -frame.overall, -frame.focus, -frame.exposure, -frame.composition


def _reason(pick: Frame, runner_up: Frame, members: list[Frame]) -> str:
    """Name that in which the pick is furthest ahead of the runner-up, if nobody surpasses it there."""
    leads = {
        part: getattr(pick, part) - getattr(runner_up, part)
        for part in _PRAISE
        if getattr(pick, part) == max(getattr(frame, part) for frame in members)
    }
    decisive = max(leads, key=leads.__getitem__, default=None)
    if decisive and leads[decisive] > 0:
        return f"{_PRAISE[decisive]} of {len(members)}."
    if _rank(pick) == _rank(runner_up):
        return f"First of {len(members)}: no other is better."
    return f"Best overall of {len(members)}."
