"""Teaches the quality model, and writes junmai_jobs/photo/quality/model.npz.

python -m benchmarks.photo_quality.train [--turns N] [--processes N] [--examples FILE] [--output FILE]

The photographs come by apt-get, hence Debian or what is made of it; of the rest numpy and OpenCV are enough.
Every photograph is spoiled in each of six ways, as many turns as asked for, by degrees that are known. One
fold of four is left out in turn, photo by photo, to tell how well the rest generalises: that is printed. Then
networks that learnt from all of them, and differ by their seed only, are averaged.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least, run_main
from benchmarks.photo_quality.distortions import KINDS
from benchmarks.photo_quality.examples import Examples, collect
from benchmarks.photo_quality.network import ROWS, Recipe, Weights, badness, learn
from benchmarks.photo_quality.ranking import spearman
from benchmarks.stage import ROOT
from junmai_jobs.photo.quality.measures import TONES
from junmai_jobs.photo.quality.model import FAULTS, WEIGHTS_FILE, Model

Floats = NDArray[np.float32]

RECIPE = Recipe(apart=(slice(0, TONES), slice(3, 5)))
NETWORKS = 8
FOLDS = 4
MOST_BYTES = 2**20
CLEAN, SPOILED = 4.6, 1.05
"""The score of the median unspoiled example, and of the worst hundredth."""
PACKAGE = ROOT / "junmai_jobs" / "photo"
EXAMPLES = ROOT / ".cache" / "training" / "examples.npz"


def fitted(examples: Examples, networks: int, recipe: Recipe) -> Model:
    """Teach so many networks, and return them as one model whose curve is a straight line."""
    mean, spread = examples.measures.mean(axis=0), examples.measures.std(axis=0) + 1e-3
    x = np.clip((examples.measures - mean) / spread, -4, 4).astype(np.float32)
    learnt = [learn(x, examples.severities, examples.kind, recipe, seed) for seed in range(networks)]
    straight = np.array([0.0, 1.0]), np.array([1.0, 5.0])
    return Model(mean.astype(np.float32), spread.astype(np.float32), _layers(learnt), straight)


def _layers(learnt: list[Weights]) -> tuple[tuple[Floats, Floats], ...]:
    stacked = [np.stack(each) for each in zip(*learnt, strict=True)]
    return tuple((stacked[at], stacked[at + 1][:, None]) for at in range(0, len(stacked), 2))


def cross_validated(examples: Examples, recipe: Recipe, networks: int) -> Floats:
    """Return the badness of each example by a model that never saw its photo."""
    fold = np.random.default_rng(0).permutation(examples.photo.max() + 1)[examples.photo] % FOLDS
    found = np.zeros(len(fold), np.float32)
    for each in range(FOLDS):
        model = fitted(_some(examples, fold != each), networks, recipe)
        found[fold == each] = badness(model.logits(examples.measures[fold == each]))
    return found


def _some(examples: Examples, chosen: NDArray[np.bool_]) -> Examples:
    return replace(
        examples, **{field.name: getattr(examples, field.name)[chosen] for field in fields(examples)}
    )


def curve(found: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rising curve from ``exp(-badness)`` to the score."""
    left = np.exp(-found.astype(float)).reshape(-1, ROWS)
    clean = np.median(left[:, 0])
    points = {0.0: 1.0, float(np.percentile(left, 1)): SPOILED, float(clean): CLEAN, 1.0: 5.0}
    at = np.array(sorted(points))
    return at, np.array([points[each] for each in at])


def stored(model: Model) -> bytes:
    """Return the file of a model; half precision is enough for the weights."""
    arrays = {"depth": np.array(len(model.layers)), "mean": model.mean, "spread": model.spread}
    for number, (weights, biases) in enumerate(model.layers):
        arrays |= {f"weights{number}": weights.astype(np.float16), f"biases{number}": biases}
    arrays |= {"left": model.curve[0], "score": model.curve[1], "faults": np.array(FAULTS)}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def report(examples: Examples, found: Floats) -> Table:
    """Tabulate how well the badness follows the known severity, where there is but one fault."""
    table = Table(
        "fault", "within a photo", "worst", "adjacent in order", "across", title="left-out photographs"
    )
    besides = examples.severities.sum(axis=1) - examples.severities.max(axis=1)
    alone = np.repeat(besides.reshape(-1, ROWS).max(axis=1) == 0, ROWS)
    for number, name in enumerate(KINDS):
        chosen = alone & (examples.kind == number)
        told = found[chosen].reshape(-1, ROWS)[:, 1:]
        known = examples.severities[chosen, number].reshape(-1, ROWS)[:, 1:]
        within = [spearman(*each) for each in zip(told, known, strict=True)]
        row = (np.mean(within), np.min(within), (np.diff(told, axis=1) > 0).mean(), spearman(told, known))
        table.add_row(name, *(f"{value:.3f}" for value in row))
    return table


def _load(path: Path) -> Examples:
    with np.load(path, allow_pickle=False) as stored_ones:
        return Examples(**{field.name: stored_ones[field.name] for field in fields(Examples)})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=at_least(1), default=4, help="series of each photo and way")
    parser.add_argument("--processes", type=at_least(1), default=2)
    parser.add_argument("--examples", type=Path, default=EXAMPLES, help="kept there, and taken from there")
    parser.add_argument("--output", type=Path, default=PACKAGE / "quality" / WEIGHTS_FILE)
    return parser.parse_args()


def main() -> None:
    """Collect, validate, teach, write."""
    chosen = _arguments()
    if not chosen.examples.exists():
        examples = collect(chosen.turns, chosen.processes)
        np.savez(chosen.examples, **{field.name: getattr(examples, field.name) for field in fields(examples)})
    examples = _load(chosen.examples)
    found = cross_validated(examples, RECIPE, networks=1)
    Console().print(report(examples, found))
    model = replace(fitted(examples, NETWORKS, RECIPE), curve=curve(found))
    content = stored(model)
    if len(content) > MOST_BYTES:
        raise SystemExit(f"the model has {len(content):,} bytes: train fewer or smaller networks")
    chosen.output.write_bytes(content)
    print(f"wrote {chosen.output}: {len(content):,} bytes, {len(examples.kind):,} examples")


if __name__ == "__main__":
    run_main(main)
