"""Which photographs show the same: bursts, brackets and copies, and which of each to keep.

Pictures are compared by their perceptual hashes: 64 bits, of which a copy changes few and another scene
about half. What those leave open is decided by laying the small copies in the profiles over each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from junmai_jobs.photo.groups.best_frame import best_of
from junmai_jobs.photo.groups.overlay import SKETCHED, Overlay, Waves, overlay, sketch, waves
from junmai_jobs.photo.groups.profile import Profile, unpacked

ALIKE = 10  # bits that two frames of one burst may differ in with no further proof
BURST_SECONDS = 30.0  # that they are apart at most
SAME = 4  # bits that may differ whenever the two were taken: a copy, or an export
UNPROVEN = 16  # bits that may differ of two taken at once, of which one has no profile to prove it
AT_ONCE_SECONDS = 2.0  # that those are apart at most

_PERHAPS = 0.45  # correlation of two sketches from which it is worth laying the copies over each other
_PATIENCE = 10  # copies that were laid over a frame's in vain, after which the less alike ones are not
_UNTIMED = 26  # bits that may differ then, where a moment is not known
_LIKENESS, _SHARED, _ASKEW = 0.8, 0.76, 0.2  # of an overlay, from and up to which both show the same
_SMALL = (32, 32)  # px; what is compared of a picture
_LEAST_STRUCTURE = 3.0  # gray levels, standard deviation of such a copy; a wall has less, a misty hill more
_SLOWEST = 8  # of its waves across, and as many down, are the hash
_HEIGHTS = np.where(np.indices(_SMALL) == 0, math.sqrt(2), 1.0).prod(axis=0)  # cv2 makes the flat waves lower
_SQUARE_ROOTS = [round((255 * level) ** 0.5) for level in range(256)]  # of gray levels
_BURST, _AT_ONCE = (np.timedelta64(round(each * 1e6), "us") for each in (BURST_SECONDS, AT_ONCE_SECONDS))
_ROWS = 256  # compared with all frames at once: 10 MB at 5,000 frames
_COMPARED = 200  # frames of a group, the best by their scores
_PRAISE = {"focus": "Sharpest", "exposure": "Best exposed", "composition": "Best composed"}

Positions = NDArray[np.intp]
Near = NDArray[np.bool]


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is to know of a photo to group it: its hash, its moment and its scores (1.0 to 5.0).

    ``captured`` is by the camera's own clock; a zone, if it has one, is passed over. ``profile`` is as
    ``profile.profile`` makes it; without one, the hash and the scores decide alone.
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
    """Photos of one thing by their ids, in order of capture, then name; the one to keep, and why that one.

    ``ranked`` are the photos from the best down.
    """

    members: tuple[int, ...]
    pick: int
    reason: str
    ranked: tuple[int, ...] = field(default=(), compare=False)


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
    them, if they differ in at most ``ALIKE`` bits or their profiles show the same view; any two that differ
    in at most ``SAME`` bits; and where one has no profile, two taken at most ``AT_ONCE_SECONDS`` apart that
    differ in at most ``UNPROVEN``. A group is one frame, the one most others resemble, and all that are
    linked to it: nobody is in a group through others only, so an evening is not one. A frame without a
    fingerprint is in none.

    Returns:
        The groups of two or more, in order of capture; a time not known comes last.
    """
    known = sorted((frame for frame in frames if frame.fingerprint), key=_order)
    looks = _Looks(known)
    return [_judged(known, looks, *together) for together in _together(looks)]


def _order(frame: Frame) -> tuple[datetime, str, int]:
    latest = datetime.max  # noqa: DTZ901 -- clocks of cameras have no zone
    return _clock(frame.captured) or latest, frame.name, frame.photo_id


def _clock(captured: datetime | None) -> datetime | None:
    return captured and captured.replace(tzinfo=None)


def _together(looks: _Looks) -> list[tuple[list[int], int]]:
    """Return the positions of those that belong together, rising, and of the one that links them.

    They are in order of the first of each.
    """
    left, groups = np.ones(len(looks.profiles), bool), []
    for centre in looks.by_neighbours():
        if left[centre]:
            linked = looks.linked(centre, left)
            if len(linked) > 1:
                left[linked] = False
                groups.append((linked.tolist(), centre))
    return sorted(groups)


class _Looks:
    """How frames look and when they were taken, for many comparisons."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.profiles = [unpacked(frame.profile) for frame in frames]
        self._hashes = np.array([int(frame.fingerprint or "0", 16) for frame in frames], np.uint64)
        self._moments = np.array([_clock(frame.captured) for frame in frames], "datetime64[us]")
        self._has_copy = np.array([each is not None for each in self.profiles], bool)
        self._sketches = np.zeros((len(frames), SKETCHED), np.float32)
        for at, each in enumerate(self.profiles):
            if each:
                self._sketches[at] = sketch(each.gray)
        self._waves: dict[int, Waves] = {}
        self.overlays: dict[int, dict[int, Overlay]] = {}
        self._sure, self._open = np.zeros((2, len(frames), (len(frames) + 7) // 8), np.uint8)
        self._neighbours = np.zeros(len(frames), int)
        for start in range(0, len(frames), _ROWS):
            self._compare_all_with(slice(start, start + _ROWS))

    def _compare_all_with(self, rows: slice) -> None:
        """Note of pairs whether they are linked, a bit each, and whether only their copies can tell it."""
        bits = np.bitwise_count(self._hashes[rows, None] ^ self._hashes)
        sure, is_open = bits <= SAME, np.zeros(bits.shape, bool)
        moments = self._moments[rows]
        earliest, latest = moments.min() - _BURST, moments.max() + _BURST
        is_far = (self._moments < earliest) | (self._moments > latest)  # no unknown time is
        columns = np.flatnonzero(~is_far)
        apart = np.abs(moments[:, None] - self._moments[columns])
        near, few = ~(apart > _BURST), bits[:, columns]
        unproven = ~(self._has_copy[rows, None] & self._has_copy[columns])
        sure[:, columns] |= near & (few <= ALIKE) | (apart <= _AT_ONCE) & (few <= UNPROVEN) & unproven
        perhaps = near & (~np.isnat(apart) | (few <= _UNTIMED)) & ~sure[:, columns]
        if perhaps.any():
            is_open[:, columns] = perhaps & (self._sketches[rows] @ self._sketches[columns].T > _PERHAPS)
        self._neighbours[rows] = (sure | is_open).sum(axis=1)
        self._sure[rows], self._open[rows] = np.packbits(sure, axis=1), np.packbits(is_open, axis=1)

    def by_neighbours(self) -> Iterator[int]:
        """Yield the frames that have some, those with the most first; of equals, the first."""
        counts = self._neighbours
        yield from (int(at) for at in np.argsort(-counts, kind="stable") if counts[at] > 1)

    def linked(self, centre: int, others: Near) -> Positions:
        """Return which of ``others`` are linked to ``centre``, which is linked to itself; rising."""
        sure, is_open = (
            np.unpackbits(bits[centre], count=len(others)).astype(bool) & others
            for bits in (self._sure, self._open)
        )
        open_ones = np.flatnonzero(is_open)
        likeness = self._sketches[open_ones] @ self._sketches[centre]
        overlays, in_vain = self.overlays.setdefault(centre, {}), 0
        for at in open_ones[np.argsort(-likeness, kind="stable")]:
            found = overlay(self._contours(centre), self._contours(int(at)))
            sure[at] = found is not None and _same_view(found)
            if found and sure[at]:
                overlays[int(at)] = found
            in_vain = 0 if sure[at] else in_vain + 1
            if in_vain == _PATIENCE:
                break
        return np.flatnonzero(sure)

    def _contours(self, at: int) -> Waves:
        if at not in self._waves:
            self._waves[at] = waves(cast(Profile, self.profiles[at]).gray)  # it has a sketch
        return self._waves[at]


def _same_view(found: Overlay) -> bool:
    """Tell whether one copy covers the other as it is laid over it, as a hand moves a camera."""
    return found.likeness >= _LIKENESS and found.shared >= _SHARED and found.askew < _ASKEW


def _judged(known: Sequence[Frame], looks: _Looks, at: list[int], centre: int) -> Group:
    """Choose the one to keep of the frames at some positions; ``centre`` is that which all are linked to."""
    members = [known[each] for each in at]
    ids = tuple(frame.photo_id for frame in members)
    ranked = sorted(members, key=_rank)
    by_score = tuple(frame.photo_id for frame in ranked)
    if len(at) > _COMPARED:
        promising = set(by_score[:_COMPARED])
        at = [each for each in at if known[each].photo_id in promising or each == centre]
    compared = [found for each in at if (found := looks.profiles[each])]
    if len(compared) < len(at):
        return Group(ids, by_score[0], _reason(ranked[0], ranked[1], members), by_score)
    overlays = {at.index(each): found for each, found in looks.overlays[centre].items() if each in at}
    costs, reason = best_of(compared, [known[each].exposure for each in at], at.index(centre), overlays)
    by_cost = [known[at[each]].photo_id for each in np.argsort(costs, kind="stable")]
    return Group(ids, by_cost[0], reason, tuple(dict.fromkeys((*by_cost, *by_score))))


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
