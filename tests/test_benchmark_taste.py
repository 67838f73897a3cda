"""What ``benchmarks.photo_quality.taste`` measures, on few photographs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.photo_quality import taste

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def pool() -> Iterator[taste.Pool]:
    with taste.pool(48) as pool:
        yield pool


@pytest.mark.parametrize("approvals_only", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_photographer_is_measured_and_leaves_nothing(pool: taste.Pool, approvals_only: bool) -> None:
    first, again = (taste.run(pool, "no high ISO", 5, approvals_only=approvals_only) for _ in range(2))
    assert first == again
    assert first.undone
    assert first.habits
    assert first.after.auc > first.before.auc
    assert pool.catalog.verdicts() == []


def test_figures_of_a_perfect_order_and_of_its_reverse() -> None:
    chances = np.linspace(0.1, 0.9, 40)
    best = taste.figures(dict(enumerate(chances)), chances)
    worst = taste.figures(dict(enumerate(-chances)), chances)
    assert (best.auc, round(best.spearman, 9), best.precision) == (1, 1, 1)
    assert (worst.auc, round(worst.spearman, 9), worst.precision) == (0, -1, 0)


def test_what_is_not_met_is_told() -> None:
    good, bad = (taste.Figures(auc, auc, auc) for auc in (0.8, 0.6))
    better = taste.Run(bad, good, undone=True, habits=())
    worse = taste.Run(good, bad, undone=False, habits=())
    found = {"40": {"faces": [better, better], "by the score alone": [better]}}
    assert [line.met for line in taste.lines(found)] == [True, True, True]
    found = {"40": {"faces": [better, worse], "by the score alone": [worse]}}
    assert [line.met for line in taste.lines(found)] == [False, False, False]


@pytest.mark.parametrize(("after", "status"), [(0.8, 0), (0.5, 1)])
def test_a_bound_that_is_missed_is_the_exit_status(
    after: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = taste.Figures(0.6, 0.6, 0.6)
    better = taste.Run(before, taste.Figures(after, after, after), undone=True, habits=())
    monkeypatch.setattr(taste, "pool", lambda _: nullcontext())
    monkeypatch.setattr(
        taste, "measure", lambda *_: {"40": {"faces": [better], "by the score alone": [better]}}
    )
    monkeypatch.setattr("sys.argv", ["taste"])
    assert taste.main() == status
