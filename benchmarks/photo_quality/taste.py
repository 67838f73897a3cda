"""Whether forty verdicts of a photographer with a known taste improve the order of photographs never seen.

    python -m benchmarks.photo_quality.taste [--photos 300] [--photographers 12] [--json FILE]

The photographs are simulated, see ``simulated.py``; all the rest is real: files that ``process_photo``
judges, verdicts in the catalog, and scores with the taste in them. Each photographer chooses by one taste
and, less, by the score, and one choice in ten is made at random. The photographs that were never seen are
made from other pictures.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.command import at_least
from benchmarks.photo_quality import evaluation
from benchmarks.photo_quality.evaluation import Line, none_of
from benchmarks.photo_quality.ranking import spearman
from benchmarks.photo_quality.simulated import SOURCES, take
from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE

Facts = Mapping[str, Any]
Array = NDArray[np.float64]
SEED = 11
"""``photo.taste`` was set up with photographs of the seeds 1 and 2, and with photographers from 100 on."""
VERDICTS, NOISE, TOP = 40, 0.1, 20
FOR_TASTE, FOR_SCORE, FOR_SCORE_ALONE = 2.0, 0.5, 1.5  # logits: of the taste, and of a standard deviation
MAY_LOSE = 0.05  # of the AUC: what a photographer without a taste may lose by chance


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value


TASTES: Mapping[str, Callable[[Facts], bool] | None] = {
    "backlit portraits": lambda facts: (
        _or(facts.get("exposure.highlight_clip_percent"), 0) > 3
        and _or(facts.get("exposure.mean_brightness"), 128) < 110
        and _or(facts.get("faces_detected"), 0) > 0
    ),
    "dark wide views": lambda facts: (
        _or(facts.get("focal_length"), 50) <= 28 and _or(facts.get("exposure.mean_brightness"), 128) < 80
    ),
    "no high ISO": lambda facts: _or(facts.get("iso"), 100) < 1600,
    "faces": lambda facts: _or(facts.get("faces_detected"), 0) > 0,
    "golden hour": lambda facts: str(facts.get("time_of_day")).startswith("golden"),
    "upright, open aperture": lambda facts: (
        _or(facts.get("palette.aspect_ratio"), 1.5) < 1 and _or(facts.get("aperture"), 8) <= 2.8
    ),
    "muted colours": lambda facts: _or(facts.get("palette.colorfulness"), 50) < 20,
    "stage": lambda facts: facts.get("context") == "stage_event",
    "by the score alone": None,
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Photographs in a catalog: their ids, those with verdicts first, their scores and facts."""

    catalog: Catalog
    seen: Sequence[int]
    unseen: Sequence[int]
    scores: Mapping[int, float]
    facts: Mapping[int, Facts]

    def chances(self, taste: str, ids: Sequence[int]) -> Array:
        """How likely the photographer approves each of these photos."""
        scores = np.array([self.scores[photo] for photo in ids])
        everything = np.array([*self.scores.values()])
        better = (scores - everything.mean()) / everything.std()
        likes = TASTES[taste]
        if likes is None:
            logits = FOR_SCORE_ALONE * better
        else:
            liked = np.array([likes(self.facts[photo]) for photo in ids])
            logits = np.where(liked, FOR_TASTE, -FOR_TASTE) + FOR_SCORE * better
        return np.asarray(NOISE / 2 + (1 - NOISE) / (1 + np.exp(-logits)))


@dataclass(frozen=True, slots=True)
class Figures:
    """How well an order puts what is wanted before the rest."""

    auc: float
    spearman: float
    precision: float


@dataclass(frozen=True, slots=True)
class Run:
    """How one photographer's unseen photos are ordered before any verdict and after."""

    before: Figures
    after: Figures
    undone: bool
    """All scores are to the last digit what they were before."""
    habits: Sequence[str]


@contextlib.contextmanager
def pool(photos: int) -> Iterator[Pool]:
    """Make photographs, twice as many to be seen as not, and have them processed."""
    with (
        tempfile.TemporaryDirectory() as name,
        _home(Path(name, "home")) as home,
        Catalog(home / CATALOG_FILE) as catalog,
    ):
        numbers = range(len(SOURCES))
        seen = _processed(catalog, take(Path(name, "seen"), photos, SEED, numbers[1::2]))
        unseen = _processed(catalog, take(Path(name, "unseen"), photos // 2, SEED + 1, numbers[::2]))
        with contextlib.closing(sqlite3.connect(home / CATALOG_FILE)) as db:
            rows = db.execute("SELECT id, ai_score, facts FROM photos").fetchall()
        scores = {photo: score for photo, score, _ in rows}
        yield Pool(catalog, seen, unseen, scores, {photo: json.loads(facts) for photo, _, facts in rows})


@contextlib.contextmanager
def _home(folder: Path) -> Iterator[Path]:
    before = os.environ.get("JUNMAI_HOME")
    os.environ["JUNMAI_HOME"] = str(folder)
    try:
        yield folder
    finally:
        if before is None:
            del os.environ["JUNMAI_HOME"]
        else:
            os.environ["JUNMAI_HOME"] = before


def _processed(catalog: Catalog, paths: Sequence[Path]) -> list[int]:
    ids = catalog.photo_ids(catalog.session(str(paths[0].parent), paths[0].parent), paths)
    for path, photo_id in ids.items():
        process_photo(photo_id, path)
    return list(ids.values())


def run(pool: Pool, taste: str, seed: int, *, approvals_only: bool) -> Run:
    """Have a photographer give his verdicts, look at the photos that he never saw, and take them back."""
    dice = np.random.default_rng(seed)
    order = [pool.seen[number] for number in dice.permutation(len(pool.seen))]
    would = dict(zip(order, dice.random(len(order)) < pool.chances(taste, order), strict=True))
    approved = [photo for photo in order if would[photo]][:VERDICTS]
    if not approvals_only:
        approved = [photo for photo in order[:VERDICTS] if would[photo]]
        pool.catalog.reject([photo for photo in order[:VERDICTS] if not would[photo]])
    before = {photo: pool.scores[photo] for photo in pool.unseen}
    pool.catalog.approve(approved)
    after, habits = pool.catalog.learned_scores(before), pool.catalog.taste().habits()
    pool.catalog.withdraw_all()
    undone = pool.catalog.learned_scores(before) == before
    chances = pool.chances(taste, pool.unseen)
    return Run(figures(before, chances), figures(after, chances), undone, [str(each) for each in habits[:3]])


def figures(scores: Mapping[int, float], chances: Array) -> Figures:
    """Compare an order with how likely each photo is approved; wanted is what is so more often than not."""
    given, wanted = np.array([*scores.values()]), chances > 0.5
    above = given[wanted][:, None] - given[~wanted]
    top = np.argsort(-given, kind="stable")[:TOP]
    return Figures(
        auc=float((above > 0).mean() + (above == 0).mean() / 2),
        spearman=spearman(given, chances),
        precision=float(wanted[top].mean()),
    )


def measure(pool: Pool, photographers: int) -> dict[str, dict[str, list[Run]]]:
    """Runs by what the verdicts are, and by taste."""
    return {
        what: {
            taste: [run(pool, taste, seed, approvals_only=only) for seed in range(photographers)]
            for taste in TASTES
        }
        for what, only in (("40 approvals", True), ("40 verdicts", False))
    }


def shown(what: str, runs: Mapping[str, Sequence[Run]]) -> Table:
    """A row for each taste: medians before and after, and the worst photographer's change."""
    table = Table(title=f"{what}: unseen photos, before -> after")
    for head in (
        "taste",
        "AUC",
        "worst change",
        "Spearman",
        f"of the first {TOP} wanted",
        "what was learned",
    ):
        table.add_column(head, overflow="fold")
    for taste, each in runs.items():
        table.add_row(
            taste,
            _both(each, "auc"),
            f"{worst(each):+.2f}",
            _both(each, "spearman"),
            _both(each, "precision"),
            each[0].habits[0] if each[0].habits else "",
        )
    return table


def worst(runs: Sequence[Run]) -> float:
    """The change of the AUC of the photographer who gained least."""
    return min(map(_gain, runs))


def _both(runs: Sequence[Run], figure: str) -> str:
    before = statistics.median(getattr(each.before, figure) for each in runs)
    after = statistics.median(getattr(each.after, figure) for each in runs)
    return f"{before:.2f} -> {after:.2f}"


def lines(found: Mapping[str, Mapping[str, Sequence[Run]]]) -> list[Line]:
    """What must be so, and whether it is."""
    made = []
    for what, runs in found.items():
        gains = [_gain(each) for taste, many in runs.items() if TASTES[taste] for each in many]
        made.append(
            Line(
                name=f"{what}: photographers for whom the AUC rises",
                figure=sum(gain > 0 for gain in gains),
                least=len(gains),
                form="d",
            )
        )
        lost = max(-_gain(each) for taste, many in runs.items() if not TASTES[taste] for each in many)
        made.append(Line(name=f"{what}: the most it falls without a taste", figure=lost, most=MAY_LOSE))
    everyone = [each for runs in found.values() for many in runs.values() for each in many]
    made.append(
        none_of("runs undone with another score than before", sum(not each.undone for each in everyone))
    )
    return made


def _gain(run: Run) -> float:
    return run.after.auc - run.before.auc


def _document(runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [{"before": asdict(each.before), "after": asdict(each.after)} for each in runs]


def main() -> int:
    """Measure, and show it; 1 where a bound is not met."""
    parser = evaluation.options(__doc__)
    parser.add_argument("--photos", type=at_least(120), default=300, help="to be seen; half as many are not")
    parser.add_argument("--photographers", type=at_least(1), default=12, help="of each taste")
    chosen = parser.parse_args()
    with pool(chosen.photos) as photographs:
        found = measure(photographs, chosen.photographers)
    for what, runs in found.items():
        Console().print(shown(what, runs))
    figures = {what: {taste: _document(each) for taste, each in runs.items()} for what, runs in found.items()}
    return evaluation.concluded(lines(found), figures, chosen.json)


if __name__ == "__main__":
    evaluation.run(main)
