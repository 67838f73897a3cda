"""Whether bursts are told from other views of the same place, on photographs that nothing was tuned on.

python -m benchmarks.photo_quality.groups [--json FILE] [--rounds N]

Of each photograph up to four views are taken, half as wide and overlapping by up to 70 %; of each a burst of
2 to 6 frames, see ``tests.bursts.by_hand``: shifted, cropped by up to 4 %, turned by up to 2 degrees, up
to half a stop lighter or darker, with fresh noise. Frames are 0.2 to 1 s apart, views 2 to 60 s.

And how long it takes to group a long day, one shot from a tripod, and what should be no harder.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line
from benchmarks.photo_quality.pictures import Rgb, test_pictures
from junmai_jobs.photo.groups.grouping import Frame, fingerprint, group
from junmai_jobs.photo.groups.profile import profile
from tests.bursts import Hand, by_hand

TIMED, UNTIMED = 0.99, 0.98
"""Pair F1 with capture times, and without."""
HAND = Hand(stops=0.5, noise=(0.5, 6.0))
_LEAST, _LARGEST = 600, 2400  # px of a photograph
_MOST_SHARED = 0.7  # of two views
_MORNING = datetime(2026, 5, 9, 9)  # noqa: DTZ001 - clocks of cameras have no zone
_APART = 3.0  # s, from which time alone begins another burst
_ROUNDS, _FRAMES = 3, 5000
_SMALL = 480  # px of the frames of a long day, which are not looked at by anybody
View = tuple[int, int]  # px, left and top


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame and the burst that it is of."""

    frame: Frame
    burst: tuple[str, int, int]


def measure(rounds: int = _ROUNDS, photos: int | None = None, frames: int = _FRAMES) -> dict[str, Any]:
    """Group all frames of a round at once, each way; and so many of some days for the time it takes."""
    scenes = [(name, scene) for name, scene in test_pictures() if max(scene.shape) >= _LEAST][:photos]
    counts: dict[str, Counter[str]] = {}
    for turn in range(rounds):
        taken = _session(scenes, np.random.default_rng(turn), turn)
        together = [each.frame for each in taken]
        timeless = [replace(frame, captured=None) for frame in together]
        ways = {
            "ours, with times": _labels(group(together)),
            "ours, without": _labels(group(timeless)),
            "ours, hash and times, no profile": _labels(
                group([replace(each, profile=None) for each in together])
            ),
            "plain hash, 10 bits": _by_hash(together),
            f"time alone, {_APART:g} s": _by_time(together),
        }
        for way, labels in ways.items():
            counts.setdefault(way, Counter()).update(_pairs(taken, labels))
    figures = {way: dict(count) | {"F1": _f1(count)} for way, count in counts.items()}
    return {
        "photographs": [name for name, _ in scenes],
        "ways": figures,
        "seconds": {name: _seconds(day) for name, day in _days(scenes, frames).items()},
    }


def lines(found: Mapping[str, Any]) -> list[Line]:
    """What must be so, and whether it is."""
    bounds = (("ours, with times", TIMED), ("ours, without", UNTIMED))
    return [Line(name=f"F1, {way}", figure=found["ways"][way]["F1"], least=least) for way, least in bounds]


def _seconds(frames: Sequence[Frame]) -> float:
    begin = time.process_time()
    group(frames)
    return time.process_time() - begin


def _days(scenes: Sequence[tuple[str, Rgb]], count: int) -> dict[str, list[Frame]]:
    """Return sessions of so many frames."""
    dice = np.random.default_rng(0)
    day, tripod = _bursts(scenes, dice, count), _time_lapse(scenes[0][1], dice, count)
    return {
        "bursts of 3 to 10": day,
        "the same, times not known": [replace(each, captured=None) for each in day],
        "the same, without profiles": [replace(each, profile=None) for each in day],
        "the same, with one profile for all": [replace(each, profile=day[0].profile) for each in day],
        "a frame from a tripod every 2 to 60 s": tripod,
        "one every 0.1 s": [
            replace(each, captured=_MORNING + timedelta(seconds=number / 10))
            for number, each in enumerate(tripod)
        ],
    }


def _bursts(scenes: Sequence[tuple[str, Rgb]], dice: np.random.Generator, count: int) -> list[Frame]:
    frames: list[Frame] = []
    moment = _MORNING
    while len(frames) < count:
        view = _somewhere(scenes[int(dice.integers(len(scenes)))][1], dice)
        for _ in range(min(int(dice.integers(3, 11)), count - len(frames))):
            moment += timedelta(seconds=round(dice.uniform(0.1, 1), 2))
            frames.append(_frame(len(frames), by_hand(view, dice, HAND), moment))
        moment += timedelta(seconds=round(dice.uniform(2, 60), 2))
    return frames


def _time_lapse(scene: Rgb, dice: np.random.Generator, count: int) -> list[Frame]:
    view, still = _somewhere(scene, dice), replace(HAND, crop=0, turn=0)
    frames: list[Frame] = []
    moment = _MORNING
    while len(frames) < count:
        moment += timedelta(seconds=round(dice.uniform(2, 60), 2))
        frames.append(_frame(len(frames), by_hand(view, dice, still), moment))
    return frames


def _somewhere(scene: Rgb, dice: np.random.Generator) -> Rgb:
    """Cut something out of a photograph, a third to two thirds as wide, and mirror every other one."""
    share = dice.uniform(1 / 3, 2 / 3)
    height, width = (round(share * edge) for edge in scene.shape[:2])
    top, left = int(dice.integers(scene.shape[0] - height)), int(dice.integers(scene.shape[1] - width))
    view = scene[top : top + height, left : left + width]
    if dice.random() < 0.5:
        view = view[:, ::-1]
    return _reduced(np.ascontiguousarray(view), _SMALL)


def _session(scenes: Sequence[tuple[str, Rgb]], dice: np.random.Generator, turn: int) -> list[Taken]:
    taken: list[Taken] = []
    seconds = 0.0
    for name, scene in scenes:
        whole = _reduced(scene, _LARGEST)
        size = round(whole.shape[1] * 0.5), round(whole.shape[0] * 0.5)
        for number, (left, top) in enumerate(_views(whole, size, dice)):
            view = np.ascontiguousarray(whole[top : top + size[1], left : left + size[0]])
            for _ in range(dice.integers(2, 7)):
                seconds += dice.uniform(0.2, 1)
                moment = _MORNING + timedelta(seconds=round(seconds, 2))
                frame = _frame(len(taken), by_hand(view, dice, HAND), moment)
                taken.append(Taken(frame, (name, number, turn)))
            seconds += dice.uniform(2, 60)
    return taken


def _views(whole: Rgb, size: tuple[int, int], dice: np.random.Generator) -> list[View]:
    """Choose windows of one size, each of which overlaps another by at least 45 % and none by much more."""
    room = whole.shape[1] - size[0], whole.shape[0] - size[1]
    views = [(int(dice.integers(0, room[0] + 1)), int(dice.integers(0, room[1] + 1)))]
    for _ in range(1000):
        view = int(dice.integers(0, room[0] + 1)), int(dice.integers(0, room[1] + 1))
        shared = [_overlap(view, other, size) for other in views]
        if 0.45 <= max(shared) <= _MOST_SHARED:
            views.append(view)
        if len(views) == 4:
            break
    return views


def _overlap(one: View, other: View, size: tuple[int, int]) -> float:
    across, down = (max(0.0, 1 - abs(a - b) / edge) for a, b, edge in zip(one, other, size, strict=True))
    return across * down


def _frame(number: int, jpeg: bytes, moment: datetime) -> Frame:
    with Image.open(io.BytesIO(jpeg)) as picture:
        kept, found = profile(picture), fingerprint(picture.convert("L"))
    return Frame(number, found, moment, 3.0, 3.0, 3.0, 3.0, f"{number:05}.jpg", kept)


def _reduced(scene: Rgb, most: int) -> Rgb:
    share = min(1.0, most / max(scene.shape))
    return np.asarray(cv2.resize(scene, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def _labels(groups: Sequence[Any]) -> dict[int, int]:
    return {member: number for number, found in enumerate(groups) for member in found.members}


def _by_hash(frames: Sequence[Frame]) -> dict[int, int]:
    """Group through others all that differ in at most 10 bits, as simple tools do."""
    labels: dict[int, int] = {}
    for start in frames:
        if start.photo_id in labels or not start.fingerprint:
            continue
        pending = [start]
        while pending:
            here = pending.pop()
            labels[here.photo_id] = start.photo_id
            pending += [
                there
                for there in frames
                if there.fingerprint and there.photo_id not in labels and _bits(here, there) <= 10
            ]
    return labels


def _bits(one: Frame, other: Frame) -> int:
    return (int(one.fingerprint or "0", 16) ^ int(other.fingerprint or "0", 16)).bit_count()


def _by_time(frames: Sequence[Frame]) -> dict[int, int]:
    labels, number = {frames[0].photo_id: 0}, 0
    for before, frame in pairwise(frames):
        if frame.captured and before.captured:
            number += (frame.captured - before.captured).total_seconds() >= _APART
        labels[frame.photo_id] = number
    return labels


def _pairs(taken: Sequence[Taken], labels: dict[int, int]) -> Counter[str]:
    """Count the pairs of frames that are rightly or wrongly in one group, and those that are in none."""
    real = Counter(each.burst for each in taken)
    made = Counter(labels.values())
    both = Counter(
        (each.burst, labels[each.frame.photo_id]) for each in taken if each.frame.photo_id in labels
    )
    right, together, all_pairs = (
        sum(count * (count - 1) // 2 for count in some.values()) for some in (both, made, real)
    )
    return Counter(right=right, wrong=together - right, missed=all_pairs - right)


def _f1(count: Counter[str]) -> float:
    return 2 * count["right"] / max(1, 2 * count["right"] + count["wrong"] + count["missed"])


def show(found: dict[str, Any], console: Console) -> None:
    """Print the figures as a table."""
    table = Table("way", "pairs right", "wrong", "missed", "F1", title="pairs of frames in one group")
    for way, row in found["ways"].items():
        table.add_row(way, str(row["right"]), str(row["wrong"]), str(row["missed"]), f"{row['F1']:.4f}")
    console.print(table)
    for day, seconds in found["seconds"].items():
        console.print(f"{day}: {seconds:.2f} s of a processor")
    console.print(f"photographs: {', '.join(found['photographs'])}", markup=False)


def main() -> int:
    """Run it all; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=_ROUNDS, help="sessions to group")
    parser.add_argument(
        "--frames", type=at_least(2), default=_FRAMES, help="of a day, grouped for the time it takes"
    )
    chosen = parser.parse_args()
    found = measure(chosen.rounds, frames=chosen.frames)
    show(found, Console())
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
