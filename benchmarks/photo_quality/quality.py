"""Whether the score falls as a photograph is spoiled, on photographs that the model never saw.

python -m benchmarks.photo_quality.quality [--json FILE] [--photos N] [--without-brisque]

Each photograph of ``pictures.TEST``, at most 1,000 px, is spoiled in six ways by six degrees: once in the
plain style of each way, once in the others by turns. Within a photograph and across all of them the order of
the scores is compared with the known order; beside the brisque package, the variance of the Laplacian and the
scorer of the original project. Then the scores at 400 and at 1,600 px are compared.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.environments import FOLDER
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.distortions import KINDS, STYLES, Rgb, Spoil, resized, spoiler
from benchmarks.photo_quality.evaluation import Line
from benchmarks.photo_quality.original import original_score
from benchmarks.photo_quality.pictures import test_pictures
from benchmarks.photo_quality.ranking import Ranked, ranked, spearman
from junmai_jobs.photo.quality.judging import evaluate

STRENGTHS = {
    "defocus": (0.6, 1.0, 1.7, 2.8, 4.5, 7.0),  # px
    "motion": (3, 5, 8, 13, 20, 32),  # px
    "noise": (4, 7, 12, 20, 34, 55),  # gray levels
    "underexposure": (0.5, 1.0, 1.6, 2.3, 3.1, 4.0),  # stops
    "overexposure": (0.4, 0.8, 1.2, 1.7, 2.3, 3.0),  # stops
    "compression": (0.6, 1.0, 1.6, 2.5, 4.5, 9.0),  # quality 70, 50, 31, 20, 11, 6
}
LARGEST = 1000  # px
SIZES = (400, 1600)  # px
BOUNDS = {"within": 0.95, "worst": 0.6, "adjacent": 0.95, "across": 0.75}
_OVER = 0.92  # the bound of overexposure within a photo
_ACROSS, _SIZES_ALIKE = 0.85, 0.9
_BRISQUE = ("brisque==0.2.0", "numpy<2.4", "opencv-python-headless<5")

Scorer = Callable[[Rgb], float]
Scores = NDArray[np.float64]
"""Photos x kinds x degrees: the higher, the better."""


def ours(rgb: Rgb) -> float:
    """Score a picture as ``process`` does."""
    return float(evaluate(Image.fromarray(rgb))["overall_score"])


def laplacian(rgb: Rgb) -> float:
    """Score a picture by the variance of its Laplacian."""
    return float(cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


SCORERS: dict[str, Scorer] = {"junmai_jobs": ours, "original": original_score, "Laplacian": laplacian}


def spoilers(number: int, *, plain: bool) -> Iterator[tuple[str, Spoil]]:
    """Yield each of ``KINDS`` and what spoils a photo so; ``number`` is the photo's."""
    for kind in KINDS:
        style = STYLES[kind][0 if plain else 1 + number % (len(STYLES[kind]) - 1)]
        yield kind, spoiler(kind, style, np.random.default_rng((number, KINDS.index(kind))))


def spoiled(rgb: Rgb, number: int, *, plain: bool) -> Iterator[list[Rgb]]:
    """Yield, for each of ``KINDS``, the picture by six degrees; ``number`` is the photo's."""
    for kind, spoil in spoilers(number, plain=plain):
        yield [spoil(rgb, strength) for strength in STRENGTHS[kind]]


def photographs(count: int) -> list[Rgb]:
    """Return the first so many test photographs, none larger than ``LARGEST``."""
    return [brought_to(rgb, min(LARGEST, max(rgb.shape))) for _, rgb in list(test_pictures())[:count]]


def brought_to(rgb: Rgb, edge: int) -> Rgb:
    """Reduce or enlarge a picture so that its longer edge has so many px."""
    share = edge / max(rgb.shape)
    return resized(rgb, (round(rgb.shape[1] * share), round(rgb.shape[0] * share)))


def scored(photos: Sequence[Rgb], scorers: dict[str, Scorer], *, plain: bool) -> dict[str, Scores]:
    """Have each scorer score all spoiled copies."""
    scores = np.array(
        [
            [[[scorer(copy) for scorer in scorers.values()] for copy in copies] for copies in series]
            for number, rgb in enumerate(photos)
            for series in [spoiled(rgb, number, plain=plain)]
        ]
    )
    return {name: scores[..., place] for place, name in enumerate(scorers)}


def in_sizes(rgb: Rgb, spoil: Spoil, strength: float, spoiled_at: int | None) -> list[Rgb]:
    """Return a spoiled picture in each of ``SIZES``.

    ``spoiled_at`` is the longer edge, px, that it has when it is spoiled, before it is brought to each; None:
    it is brought to each first, and spoiled there.
    """
    if spoiled_at:
        copy = spoil(brought_to(rgb, spoiled_at), strength)
        return [brought_to(copy, edge) for edge in SIZES]
    return [spoil(brought_to(rgb, edge), strength) for edge in SIZES]


def at_both_sizes(photos: Sequence[Rgb], spoiled_at: Callable[[Rgb], int | None]) -> dict[str, float]:
    """Compare the scores of the same copies at 400 px and at 1,600.

    Args:
        photos: any.
        spoiled_at: of each photograph, as ``in_sizes`` has it.
    """
    scores = [
        [
            [ours(copy) for copy in in_sizes(rgb, spoil, strength, spoiled_at(rgb))]
            for strength in STRENGTHS[kind]
        ]
        for number, rgb in enumerate(photos)
        for kind, spoil in spoilers(number, plain=True)
    ]
    found = np.array(scores)
    small, large = found[..., 0], found[..., 1]
    within = [spearman(*pair) for pair in zip(small, large, strict=True)]
    return {
        "series": len(within),
        "mean": float(np.mean(within)),
        "worst": float(np.min(within)),
        "together": spearman(small, large),
    }


@contextmanager
def brisque() -> Iterator[Scorer]:
    """Run the brisque package in an environment of its own, made when it is first wanted.

    Raises:
        CalledProcessError: pip could not install it.
    """
    home = FOLDER / "brisque"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (home / "complete").exists():
        print(f"installing {', '.join(_BRISQUE)} under {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *_BRISQUE], check=True)
        (home / "complete").touch()
    command = [python, Path(__file__).with_name("brisque_worker.py")]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker,
    ):
        assert worker.stdin
        assert worker.stdout
        path = Path(folder, "picture.png")

        def scorer(rgb: Rgb) -> float:
            Image.fromarray(rgb).save(path, compress_level=1)
            print(path, file=worker.stdin, flush=True)
            found = float(worker.stdout.readline())  # type: ignore[union-attr]
            return -999.0 if np.isnan(found) else -found

        yield scorer
        worker.stdin.close()


def figures(scores: Scores) -> dict[str, Ranked]:
    """Rank each kind's scores."""
    return {kind: ranked(scores[:, number]) for number, kind in enumerate(KINDS)}


def meets(kind: str, found: Ranked) -> bool:
    """Tell whether one kind's figures keep all bounds."""
    bounds = BOUNDS | ({"within": _OVER} if kind == "overexposure" else {})
    return all(getattr(found, name) >= bound for name, bound in bounds.items())


def table_of(name: str, found: dict[str, Ranked]) -> Table:
    """Tabulate a scorer's figures."""
    table = Table("fault", "within a photo", "worst photo", "adjacent in order", "across", "kept", title=name)
    for kind, each in found.items():
        numbers = (each.within, each.worst, each.adjacent, each.across)
        table.add_row(kind, *(f"{number:.3f}" for number in numbers), "yes" if meets(kind, each) else "no")
    mean = [float(np.mean([getattr(each, part) for each in found.values()])) for part in BOUNDS]
    table.add_row("mean", *(f"{number:.3f}" for number in mean), "yes" if mean[3] >= _ACROSS else "no")
    return table


def measured(count: int, *, with_brisque: bool) -> dict[str, Any]:
    """Score everything, print it, and return it."""
    console, photos = Console(), photographs(count)
    result: dict[str, Any] = {"photos": len(photos), "bounds": BOUNDS}

    with brisque() if with_brisque else nullcontext() as peer:
        scorers = SCORERS | ({"brisque 0.2.0": peer} if peer else {})
        for plain, styles in ((True, "plain styles"), (False, "other styles")):
            for name, scores in scored(photos, scorers, plain=plain).items():
                found = figures(scores)
                console.print(table_of(f"{name}, {styles}, {len(photos)} photographs", found))
                result[f"{name}, {styles}"] = {kind: asdict(each) for kind, each in found.items()}
    whole = [rgb for _, rgb in list(test_pictures())[:count]]
    large = [rgb for rgb in whole if max(rgb.shape) >= SIZES[1]]
    for way, some, spoiled_at in (
        ("spoiled at 1,600 px", large, lambda _: SIZES[1]),
        ("spoiled at its own size", whole[::3], lambda rgb: min(SIZES[1], max(rgb.shape))),
        ("spoiled at either size", whole[::3], lambda _: None),
    ):
        result[f"400 and 1,600 px, {way}"] = alike = at_both_sizes(some, spoiled_at)
        kept = "yes" if alike["mean"] >= _SIZES_ALIKE else "no"
        console.print(f"400 and 1,600 px, {way}: {alike}; kept: {kept}")
    return result


def lines(found: Mapping[str, Any]) -> list[Line]:
    """What must be so of our scores, and whether it is."""
    made: list[Line] = []
    for styles in ("plain styles", "other styles"):
        kinds = found[f"junmai_jobs, {styles}"]
        for figure, least in BOUNDS.items():
            for kind in kinds:
                bound = _OVER if (figure, kind) == ("within", "overexposure") else least
                made.append(Line(name=f"{styles}, {kind}: {figure}", figure=kinds[kind][figure], least=bound))
        across = float(np.mean([each["across"] for each in kinds.values()]))
        made.append(Line(name=f"{styles}, mean: across", figure=across, least=_ACROSS))
    sizes = [name for name in found if name.startswith("400 and 1,600 px")]
    return made + [Line(name=name, figure=found[name]["mean"], least=_SIZES_ALIKE) for name in sizes]


def main() -> int:
    """Measure, and show it; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--photos", type=at_least(2), default=len(list(test_pictures())))
    parser.add_argument("--without-brisque", action="store_true")
    chosen = parser.parse_args()
    found = measured(chosen.photos, with_brisque=not chosen.without_brisque)
    return evaluation.concluded(lines(found), found, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
