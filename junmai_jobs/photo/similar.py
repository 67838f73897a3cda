"""Which photographs show the same: bursts, brackets and copies, and which of each to keep.

Pictures are compared by their perceptual hashes: 64 bits, of which a copy changes few and another scene
about half.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

ALIKE = 10  # bits that two frames of one burst differ in at most
BURST_SECONDS = 30.0  # that they are apart at most
SAME = 4  # bits that may differ whenever the two were taken: a copy, or an export

_LEAST_STRUCTURE = (
    3.0  # gray levels, standard deviation of a 32 x 32 px copy; a wall has less, a misty hill more
)
_ROWS = 256  # compared with all frames at once: 10 MB at 5,000 frames
_PRAISE = {"focus": "Sharpest", "exposure": "Best exposed", "composition": "Best composed"}


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

    It is imagehash's ``phash``, after N. Krawetz, "Looks Like It" (2011), of the square roots of the gray
    levels: with them a frame that is two stops too light still resembles the others of its bracket.

    None for a picture with too little structure to be compared, such as a plain colour.
    """
    if np.asarray(gray.resize((32, 32), Image.Resampling.BOX)).std() < _LEAST_STRUCTURE:
        return None
    return str(imagehash.phash(gray.point([round((255 * level) ** 0.5) for level in range(256)])))


def group(frames: Sequence[Frame]) -> list[Group]:
    """Find the photos that show the same; whatever the order of ``frames``, the answer is the same.

    Linked are two frames that differ in at most ``ALIKE`` bits and were taken at most ``BURST_SECONDS``
    apart, or at a time not known of one of them; and any two that differ in at most ``SAME`` bits. What is
    linked, if only through others, is one group. A frame without a fingerprint is in none.

    Returns:
        The groups of two or more, in order of capture; a time not known comes last.
    """
    known = sorted((frame for frame in frames if frame.fingerprint), key=_order)
    together: defaultdict[int, list[Frame]] = defaultdict(list)
    for label, frame in zip(_labels(known), known, strict=True):
        together[label].append(frame)
    return [_judged(members) for members in together.values() if len(members) > 1]


def _order(frame: Frame) -> tuple[datetime, str, int]:
    latest = datetime.max  # noqa: DTZ901 -- clocks of cameras have no zone
    return _clock(frame.captured) or latest, frame.name, frame.photo_id


def _clock(captured: datetime | None) -> datetime | None:
    return captured and captured.replace(tzinfo=None)


def _labels(frames: Sequence[Frame]) -> list[int]:
    """Return a number for each of ``frames``, all of which have a fingerprint: equal for those linked."""
    labels = np.arange(len(frames))
    for one, other in _links(frames):
        edges = np.ones(len(one), bool), (labels[one], labels[other])
        _, merged = connected_components(coo_array(edges, shape=(len(frames),) * 2), directed=False)
        labels = merged[labels]
    return [int(label) for label in labels]


def _links(frames: Sequence[Frame]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the positions of linked frames, some rows of all pairs at a time."""
    hashes = np.array([int(frame.fingerprint, 16) for frame in frames if frame.fingerprint], np.uint64)
    moments = np.array([_clock(frame.captured) for frame in frames], "datetime64[us]")
    burst = np.timedelta64(round(BURST_SECONDS * 1e6), "us")
    for start in range(0, len(frames), _ROWS):
        bits = np.bitwise_count(hashes[start : start + _ROWS, None] ^ hashes[None, start:])
        one, other = np.nonzero(bits <= ALIKE)
        far_apart = np.abs(moments[start + one] - moments[start + other]) > burst  # no unknown time is
        linked = (bits[one, other] <= SAME) | ~far_apart
        yield start + one[linked], start + other[linked]


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
