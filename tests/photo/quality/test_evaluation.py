"""What the quality model is taught and judged by does what it says; on small samples."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.photo_quality import distortions, quality, train
from benchmarks.photo_quality.distortions import KINDS, STYLES, severity, spoiler
from benchmarks.photo_quality.examples import Examples
from benchmarks.photo_quality.network import ROWS, Recipe, badness
from benchmarks.photo_quality.pictures import TEST, TRAINING
from benchmarks.photo_quality.ranking import ranked, spearman
from junmai_jobs.photo.quality.measures import TONES, measure
from junmai_jobs.photo.quality.model import FAULTS, model
from tests.photo.studio import texture

SCENE = np.asarray(texture(300, 200).convert("RGB"))


def test_ranks_are_compared_as_spearman_does() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 400]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) == pytest.approx(0.8207826816681233)  # as SciPy has it
    assert spearman([1, 1, 1], [1, 2, 3]) == 0


def test_a_scorer_that_rises_with_the_fault_is_told() -> None:
    falling = ranked(np.array([[5.0, 4, 3], [4.5, 3.5, 2.5]]))
    mixed = ranked(np.array([[5.0, 4, 3], [1.0, 2, 3]]))

    assert (falling.within, falling.worst, falling.adjacent) == (1, 1, 1)
    assert falling.across < 1
    assert (mixed.within, mixed.worst, mixed.adjacent) == (0, -1, 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_picture_is_farther_from_the_scene_the_stronger_the_fault(kind: str) -> None:
    for style in STYLES[kind]:
        spoil = spoiler(kind, style, np.random.default_rng(0))
        apart = [
            float(np.abs(spoil(SCENE, strength).astype(float) - SCENE).mean())
            for strength in quality.STRENGTHS[kind]
        ]
        assert apart == sorted(apart)
        assert apart[0] > 0.2


@pytest.mark.parametrize("sigma", [0.8, 2.0, 5.0])
def test_every_blur_is_as_wide_as_it_says(sigma: float) -> None:
    for kernel in (distortions._disk(2 * sigma), distortions._box(sigma * 12**0.5)):
        at = np.arange(len(kernel)) - len(kernel) // 2
        assert np.sqrt((kernel.sum(axis=0) * at**2).sum()) == pytest.approx(sigma, rel=0.06)


def test_severity_rises_from_nothing_to_all() -> None:
    for kind in KINDS:
        found = [severity(kind, strength, 1000) for strength in (0, *quality.STRENGTHS[kind], 1e6)]
        assert found == sorted(found)
        assert (found[0], round(found[-1], 6)) == (0, 1)


@pytest.mark.parametrize(("spoiled_at", "edges"), [(None, [400, 1600]), (80, [80]), (1600, [1600])])
def test_the_same_copy_comes_in_two_sizes(spoiled_at: int | None, edges: list[int]) -> None:
    seen = list[int]()

    def darker(rgb: distortions.Rgb, strength: float) -> distortions.Rgb:
        seen.append(max(rgb.shape))
        return rgb // int(strength)

    copies = quality.in_sizes(SCENE, darker, 2, spoiled_at)

    assert seen == edges
    assert [max(copy.shape) for copy in copies] == [400, 1600]
    assert [copy.mean() for copy in copies] == pytest.approx([SCENE.mean() / 2] * 2, rel=0.02)


def test_scores_that_agree_in_both_sizes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "SIZES", (60, 90))
    monkeypatch.setattr(quality, "ours", lambda rgb: -float(rgb.std()))
    alike = quality.at_both_sizes([SCENE], lambda _: None)
    monkeypatch.setattr(quality, "ours", lambda rgb: float(rgb.std()) * (1 if max(rgb.shape) == 60 else -1))
    opposite = quality.at_both_sizes([SCENE], lambda _: None)

    assert alike["series"] == opposite["series"] == len(KINDS)
    assert alike["mean"] > 0.8
    assert opposite["mean"] < -0.8


def test_no_photograph_is_learnt_from_and_judged_on() -> None:
    trained = {name for package in TRAINING for name in package.files}
    judged = {name for _, _, names in TEST for name in names}
    assert trained.isdisjoint(judged)
    assert {package.name for package in TRAINING}.isdisjoint(package.requirement for package, _, _ in TEST)


def test_the_model_is_small_and_of_the_faults_that_it_is_trained_on() -> None:
    learnt = model()
    assert FAULTS == KINDS
    assert len(train.stored(learnt)) <= train.MOST_BYTES
    assert learnt.mean.shape == measure(SCENE).vector.shape
    assert (np.diff(learnt.curve[0]) > 0).all()
    assert (np.diff(learnt.curve[1]) > 0).all()


def test_a_network_learns_and_what_is_stored_of_it_says_the_same() -> None:
    dice = np.random.default_rng(0)
    strength = np.tile(np.arange(ROWS) / ROWS, 64)
    kind = np.repeat(np.arange(64) % 6, ROWS)
    severities = np.zeros((len(kind), 6), np.float32)
    severities[np.arange(len(kind)), kind] = strength
    measures = dice.normal(0, 0.1, (len(kind), TONES + 8)).astype(np.float32)
    measures[:, :6] += severities
    measures[:, TONES : TONES + 6] += severities
    some = np.zeros(len(kind), np.int64)
    known = Examples(measures, severities, some, kind, some, some)

    learnt = train.fitted(
        known, 2, Recipe(apart=(slice(0, TONES), slice(3, 5)), hidden=(24, 12), epochs=150, series=16)
    )

    assert spearman(badness(learnt.logits(measures)), strength) > 0.9
    assert (learnt.layers[0][0][:, TONES:, :8] == 0).all()  # exposure is told by the tones alone


def test_the_table_is_made_and_the_score_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "LARGEST", 320)
    photos = quality.photographs(2)

    scores = quality.scored(photos, {"ours": quality.ours}, plain=True)["ours"]
    found = quality.figures(scores)

    assert found.keys() == set(KINDS)
    assert np.mean([each.within for each in found.values()]) > 0.8
    assert quality.table_of("ours", found).row_count == len(KINDS) + 1
