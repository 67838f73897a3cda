"""Whether the best frame of a burst is found, on bursts made from photographs that nothing was tuned on.

python -m benchmarks.photo_quality.bursts [--json FILE] [--rounds N]

Each frame of a burst is the photograph taken once more, see ``tests.bursts.by_hand``: shifted, cropped by up
to 4 %, turned by up to 2 degrees, 0.1 stop lighter or darker, with fresh noise, as a JPEG. Some have a fault.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line
from benchmarks.photo_quality.pictures import Rgb, test_pictures
from junmai_jobs.photo.groups.best_frame import best_of
from junmai_jobs.photo.groups.profile import profile, unpacked
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from tests.bursts import FAULTS, Hand, by_hand

BLUR, ALL = 0.97, 0.95
"""Shares of the bursts in which the pick has to be a good frame: blur alone, and all faults together."""
BLURRED = tuple(name for name in FAULTS if name.startswith(("defocus", "motion")))
LIGHT = tuple(name for name in FAULTS if name not in BLURRED)
HANDS = {"": Hand(), ", noisy": Hand(noise=(2, 8))}
"""Two cameras; the second one's noise, in gray levels, differs from frame to frame as much."""
_LARGEST = 1500  # px
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame: its fault, if any, what grouping keeps of it, and two absolute scores."""

    fault: str | None
    profile: bytes
    exposure: float
    overall: float
    laplacian: float


def measure(rounds: int = _ROUNDS, photos: int | None = None) -> dict[str, Any]:
    """Let each way pick from the same bursts: so many of each kind a photograph."""
    wins: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    names = []
    for number, (name, scene) in enumerate(test_pictures()):
        if photos is not None and number >= photos:
            break
        names.append(name)
        for turn in range(rounds):
            dice = np.random.default_rng([number, turn])
            for camera, hand in HANDS.items():
                for kind, burst in _bursts(_reduced(scene), dice, hand):
                    for way, scores in _judged(burst).items():
                        picked = burst[int(np.argmax(scores))]
                        wins[kind + camera][way].append(picked.fault is None)
    shares = {
        kind: {"bursts": len(next(iter(ways.values())))}
        | {way: float(np.mean(won)) for way, won in ways.items()}
        for kind, ways in wins.items()
    }
    return {"photographs": names, "shares": shares}


def lines(found: Mapping[str, Any]) -> list[Line]:
    """What must be so, and whether it is."""
    return [
        Line(name=f"{kind}: bursts won", figure=found["shares"][kind]["compared"], least=bound, form=".1%")
        for camera in HANDS
        for kind, bound in ((f"blur{camera}", BLUR), (f"all faults{camera}", ALL))
    ]


def _bursts(scene: Rgb, dice: np.random.Generator, hand: Hand) -> Iterator[tuple[str, list[Taken]]]:
    """Yield bursts of one or two good frames with every blur, with each fault alone, and with all of them."""
    good = [_taken(scene, dice, hand, None) for _ in range(2)][: dice.integers(1, 3)]
    faulty = {name: _taken(scene, dice, hand, name) for name in FAULTS}
    yield "blur", _shuffled(good + [faulty[name] for name in BLURRED], dice)
    for name in FAULTS:
        yield name, _shuffled([*good, faulty[name]], dice)
    one, other = dice.choice(BLURRED[:3]), dice.choice(BLURRED[3:])
    yield "all faults", _shuffled(good + [faulty[name] for name in (one, other, *LIGHT)], dice)


def _taken(scene: Rgb, dice: np.random.Generator, hand: Hand, fault: str | None) -> Taken:
    taken = by_hand(scene, dice, hand, FAULTS.get(fault or ""))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frame.jpg")
        path.write_bytes(taken)
        picture = load_color(path, WORKING_EDGE)
    gray, quality = np.asarray(picture.convert("L")), evaluate(picture)
    return Taken(
        fault=fault,
        profile=profile(picture) or b"",
        exposure=float(quality["quality"]["exposure_score"]),
        overall=float(quality["overall_score"]),
        laplacian=float(cv2.Laplacian(gray, cv2.CV_64F).var()),
    )


def _judged(burst: list[Taken]) -> dict[str, list[float]]:
    profiles = [found for each in burst if (found := unpacked(each.profile))]
    return {
        "compared": [-cost for cost in best_of(profiles, [each.exposure for each in burst])[0]],
        "overall score": [each.overall for each in burst],
        "Laplacian": [each.laplacian for each in burst],
    }


def _shuffled(burst: list[Taken], dice: np.random.Generator) -> list[Taken]:
    return [burst[at] for at in dice.permutation(len(burst))]


def _reduced(scene: Rgb) -> Rgb:
    share = _LARGEST / max(scene.shape)
    if share >= 1:
        return scene
    return np.asarray(cv2.resize(scene, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def show(found: dict[str, Any], console: Console) -> None:
    """Print the figures as a table."""
    ways = ("compared", "overall score", "Laplacian")
    table = Table("bursts with", "bursts", *ways, title="the pick is a good frame")
    for kind, row in found["shares"].items():
        table.add_row(kind, str(row["bursts"]), *(f"{row[way]:.1%}" for way in ways))
    console.print(table)
    console.print(f"photographs: {', '.join(found['photographs'])}", markup=False)


def main() -> int:
    """Run it all; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--rounds", type=at_least(1), default=_ROUNDS, help="a photograph")
    chosen = parser.parse_args()
    found = measure(chosen.rounds)
    show(found, Console())
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
