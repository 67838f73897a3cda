"""Whether bursts are told from other views of the same place, on photographs that nothing was tuned on.

python -m benchmarks.photo_quality.groups [--json FILE] [--rounds N]

Of each photograph up to four views are taken, half as wide and overlapping by up to 70 %; of each a burst of
2 to 6 frames, see ``tests.bursts.by_hand``: shifted, cropped by up to 4 %, turned by up to 2 degrees, up
to half a stop lighter or darker, with fresh noise. Frames are 0.2 to 1 s apart, views 2 to 60 s.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least, output
from benchmarks.photo_quality.pictures import Rgb, test_pictures
from junmai_jobs.photo.groups.grouping import Frame, fingerprint, group
from junmai_jobs.photo.groups.imprint import profile
from tests.bursts import Hand, by_hand

TIMED, UNTIMED = 0.99, 0.98
"""Pair F1 with capture times, and without."""
HAND = Hand(stops=0.5, noise=(0.5, 6.0))
_LEAST, _LARGEST = 600, 2400  # px of a photograph
_MOST_SHARED = 0.7  # of two views
_MORNING = datetime(2026, 5, 9, 9)  # noqa: DTZ001 - clocks of cameras have no zone
_APART = 3.0  # s, from which time alone begins another burst
_ROUNDS = 3
View = tuple[int, int]  # px, left and top


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame and the burst that it is of."""

    frame: Frame
    burst: tuple[str, int, int]


def measure(rounds: int = _ROUNDS, photos: int | None = None) -> dict[str, Any]:
    """Group all frames of a round at once, each way."""
    scenes = [(name, scene) for name, scene in test_pictures() if max(scene.shape) >= _LEAST][:photos]
    counts: dict[str, Counter[str]] = {}
    for turn in range(rounds):
        taken = _session(scenes, np.random.default_rng(turn), turn)
        frames = [each.frame for each in taken]
        timeless = [replace(frame, captured=None) for frame in frames]
        ways = {
            "ours, with times": _labels(group(frames)),
            "ours, without": _labels(group(timeless)),
            "ours, hash and times, no profile": _labels(
                group([replace(each, profile=None) for each in frames])
            ),
            "plain hash, 10 bits": _by_hash(frames),
            f"time alone, {_APART:g} s": _by_time(frames),
        }
        for way, labels in ways.items():
            counts.setdefault(way, Counter()).update(_pairs(taken, labels))
    figures = {way: dict(count) | {"F1": _f1(count)} for way, count in counts.items()}
    met = {
        f"with capture times: at least {TIMED:.0%}": figures["ours, with times"]["F1"] >= TIMED,
        f"without: at least {UNTIMED:.0%}": figures["ours, without"]["F1"] >= UNTIMED,
    }
    return {"photographs": [name for name, _ in scenes], "ways": figures, "met": met}


def _session(scenes: Sequence[tuple[str, Rgb]], dice: np.random.Generator, turn: int) -> list[Taken]:
    taken: list[Taken] = []
    seconds = 0.0
    for name, scene in scenes:
        whole = _reduced(scene)
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


def _reduced(scene: Rgb) -> Rgb:
    share = min(1.0, _LARGEST / max(scene.shape))
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
    console.print(f"photographs: {', '.join(found['photographs'])}", markup=False)
    for bound, is_met in found["met"].items():
        console.print(f"{bound}: {'met' if is_met else 'NOT met'}", markup=False)


def main() -> int:
    """Run it all; 1 where a bound is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=output, metavar="FILE", help="write the figures there too")
    parser.add_argument("--rounds", type=at_least(1), default=_ROUNDS, help="sessions to group")
    chosen = parser.parse_args()
    found = measure(chosen.rounds)
    show(found, Console())
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if all(found["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
