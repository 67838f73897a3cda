"""Which photographs show the same: bursts, brackets and copies, and which of each to keep.

Pictures are compared by their perceptual hashes: 64 bits, of which a copy changes few and another scene
about half.
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

ALIKE = 10  # bits that two frames of one burst differ in at most
BURST_SECONDS = 30.0  # that they are apart at most
SAME = 4  # bits that may differ whenever the two were taken: a copy, or an export

_SMALL = (32, 32)  # px; what is compared of a picture
_LEAST_STRUCTURE = 3.0  # gray levels, standard deviation of such a copy; a wall has less, a misty hill more
_SLOWEST = 8  # of its waves across, and as many down, are the hash
_HEIGHTS = np.where(np.indices(_SMALL) == 0, math.sqrt(2), 1.0).prod(axis=0)  # cv2 makes the flat waves lower
_SQUARE_ROOTS = [round((255 * level) ** 0.5) for level in range(256)]  # of gray levels
_BURST = np.timedelta64(round(BURST_SECONDS * 1e6), "us")
_ROWS = 256  # compared with all frames at once: 10 MB at 5,000 frames
_PRAISE = {"focus": "Sharpest", "exposure": "Best exposed", "composition": "Best composed"}


Positions = NDArray[np.intp]
Moments = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Frame:
    """What there is to know of a photo to group it: its hash, its moment and its scores (1.0 to 5.0).

    ``captured`` is by the camera's own clock; a zone, if it has one, is passed over.
    """

    photo_id: int
    fingerprint: str | None
    captured: datetime | None
    overall: float
    focus: float
    exposure: float
    composition: float
    name: str


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
    waves = (cv2.dct(np.asarray(small, float)) * _HEIGHTS)[:_SLOWEST, :_SLOWEST]
    return np.packbits(waves > np.median(waves)).tobytes().hex()


def group(frames: Sequence[Frame]) -> list[Group]:
    """Find the photos that show the same; whatever the order of ``frames``, the answer is the same.

    Linked are two frames that differ in at most ``ALIKE`` bits and were taken at most ``BURST_SECONDS``
    apart, or at a time not known of one of them; and any two that differ in at most ``SAME`` bits. What is
    linked, if only through others, is one group. A frame without a fingerprint is in none.

    Returns:
        The groups of two or more, in order of capture; a time not known comes last.
    """
    known = sorted((frame for frame in frames if frame.fingerprint), key=_order)
    return [_judged([known[at] for at in together]) for together in _together(known) if len(together) > 1]


def _order(frame: Frame) -> tuple[datetime, str, int]:
    latest = datetime.max  # noqa: DTZ901 -- clocks of cameras have no zone
    return _clock(frame.captured) or latest, frame.name, frame.photo_id


def _clock(captured: datetime | None) -> datetime | None:
    return captured and captured.replace(tzinfo=None)


def _together(frames: Sequence[Frame]) -> Iterator[list[int]]:
    """Yield the positions of those that are linked, if only through others, each once and rising.

    Those that were just found are compared with all that are left, so no two are compared twice.
    """
    hashes = np.array([int(frame.fingerprint, 16) for frame in frames if frame.fingerprint], np.uint64)
    moments = np.array([_clock(frame.captured) for frame in frames], "datetime64[us]")
    left = np.arange(len(frames))
    while left.size:
        found, left = [left[:1]], left[1:]
        for newest in found:
            for start in range(0, len(newest) if left.size else 0, _ROWS):
                near = _near(newest[start : start + _ROWS], left, hashes, moments)
                found.append(left[near])
                left = left[~near]
        yield sorted(np.concatenate(found).tolist())


def _near(some: Positions, left: Positions, hashes: NDArray[np.uint64], moments: Moments) -> NDArray[np.bool]:
    """Tell of each in ``left`` whether it is linked to one of ``some``."""
    bits = np.bitwise_count(hashes[some, None] ^ hashes[left])
    near: NDArray[np.bool] = (bits <= SAME).any(axis=0)
    one, other = np.nonzero(bits <= ALIKE)
    far_apart = np.abs(moments[some[one]] - moments[left[other]]) > _BURST  # no unknown time is
    near[other[~far_apart]] = True
    return near


def _judged(members: list[Frame]) -> Group:
    pick, runner_up = sorted(members, key=_rank)[:2]
    return Group(tuple(frame.photo_id for frame in members), pick.photo_id, _reason(pick, runner_up, members))


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
