from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from junmai_jobs.demo.bursts import exposed, noisy, out_of_focus
from junmai_jobs.photo.groups.best_frame import best_of, compared
from junmai_jobs.photo.groups.profile import Profile, profile, unpacked
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from tests import photographs
from tests.bursts import FAULTS, Hand, by_hand, shaken
from tests.photo.studio import take
from tests.photographs import SCIKIT_LEARN, scenes


def judged(pictures: Sequence[Image.Image]) -> tuple[list[float], str]:
    """As grouping compares them; what is there more than once is looked at once."""
    found = {
        id(each): (profiled(each), evaluate(each)["quality"]["exposure_score"])
        for each in {id(each): each for each in pictures}.values()
    }
    profiles, exposures = zip(*(found[id(each)] for each in pictures), strict=True)
    return best_of(profiles, exposures)


def profiled(picture: Image.Image) -> Profile:
    found = unpacked(profile(picture))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def temple() -> Image.Image:
    with Image.open(photographs.unpacked(SCIKIT_LEARN) / "sklearn/datasets/images/china.jpg") as image:
        return image.convert("RGB")


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_good_frame_beats_each_fault_wherever_it_is(path: Path, fault: str) -> None:
    with Image.open(path) as image:
        scene = np.asarray(image.convert("RGB"))
    dice = np.random.default_rng(1)
    shots = [None, fault]
    taken = [by_hand(scene, dice, Hand(crop=0.02, turn=1), FAULTS.get(shot or "")) for shot in shots]
    frames = [Image.open(io.BytesIO(each)).convert("RGB") for each in taken]

    for burst in (frames, frames[1:] + frames[:1]):
        cost, _ = judged(burst)
        assert burst[int(np.argmin(cost))] is not frames[1]


def test_the_reason_names_what_is_wrong_with_the_others(temple: Image.Image) -> None:
    soft, streaked = out_of_focus(temple, 2), shaken(temple, (9, 1))
    dark, light, grainy = exposed(temple, -1), exposed(temple, 1), noisy(temple, 15)
    bursts = [
        ((temple, soft), "Sharpest of 2: 1 is softer."),
        ((soft, temple, soft), "Sharpest of 3: the others are softer."),
        ((streaked, temple), "Sharpest of 2: 1 is blurred by motion."),
        ((temple, dark, temple, light), "Best exposed of 4: 1 is too dark, 1 is too light."),
        ((temple, temple), "As good as any of 2: they hardly differ."),
        ((temple, grainy), "Best of 2: 1 is noisier."),
        ((soft, dark, temple, temple, soft), "Best of 5: 2 are softer, 1 is too dark."),
    ]
    for frames, reason in bursts:
        assert judged(frames)[1] == reason


def test_whatever_the_scale_a_reason_is_short(temple: Image.Image) -> None:
    dark, light, soft = exposed(temple, -1), exposed(temple, 1), out_of_focus(temple, 2)
    frames = [temple] * 12 + [dark] * 11 + [light] * 11 + [soft] * 11

    _, reason = judged(frames)

    assert reason == "Best of 45: 11 are too dark, 11 are too light, 11 are softer."


@pytest.mark.parametrize("angle", [0, 45, 90, 135])
def test_motion_is_told_from_defocus_whatever_its_direction(temple: Image.Image, angle: int) -> None:
    middle = (120, 60, 520, 360)
    turned = temple.rotate(angle, Image.Resampling.BICUBIC)
    moved = shaken(turned, (7, 1)).rotate(-angle, Image.Resampling.BICUBIC).crop(middle)
    still = turned.rotate(-angle, Image.Resampling.BICUBIC).crop(middle)
    soft = out_of_focus(still, 2)

    found = compared([profiled(each) for each in (still, moved, soft)], [4.0] * 3)

    assert found.streak[1] > 0.22 * found.soft[1]
    assert found.streak[2] < 0.2 * found.soft[2]


def test_light_is_measured_in_stops(temple: Image.Image) -> None:
    frames = [exposed(temple, stops) for stops in (-1, -0.5, 0, 0, 0.5)]

    stops = compared([profiled(each) for each in frames], [4.0] * 5).stops

    assert stops == pytest.approx([-1, -0.5, 0, 0, 0.5], abs=0.15)


def test_frames_of_another_shape_and_without_anything_in_them_are_compared(temple: Image.Image) -> None:
    plain = Image.new("RGB", temple.size, (90, 90, 90))
    frames = [temple, temple.rotate(90, expand=True), plain]

    cost, reason = judged(frames)

    assert np.isfinite(cost).all()
    assert len(reason) <= 100
    assert judged(frames) == (cost, reason)


# ---- frames that show not quite the same ---------------------------------------------------------


def window(picture: Image.Image, across: float, down: float) -> Image.Image:
    """Half of a picture, moved by such shares of its edges."""
    width, height = picture.width // 2, picture.height // 2
    left, top = round(width * (0.5 + across)), round(height * (0.5 + down))
    return picture.crop((left, top, left + width, top + height))


def test_a_frame_is_judged_by_nothing_that_it_does_not_show(temple: Image.Image) -> None:
    """Less than a quarter of the middle one is in all of them."""
    moves = [(0, 0), (-0.3, 0), (0.3, 0), (0, -0.3), (0, 0.3)]
    frames = [window(temple, *move) for move in moves]

    found = compared([profiled(each) for each in frames], [4.0] * 5)

    assert np.ptp(found.soft) < 0.15
    assert np.abs(found.stops).max() < 0.1


@pytest.mark.parametrize("sharp", [0, 4])
def test_frames_are_laid_over_the_one_that_all_resemble(temple: Image.Image, sharp: int) -> None:
    """The first and the last have half a view in common; the one in the middle shares more with either."""
    views = [window(temple, 0, step * 0.12 - 0.24) for step in range(5)]
    burst = [view if at == sharp else out_of_focus(view, 0.7) for at, view in enumerate(views)]

    cost, reason = best_of([profiled(each) for each in burst], [4.0] * 5, centre=2)

    assert int(np.argmin(cost)) == sharp
    assert reason == "Sharpest of 5: the others are softer."


# ---- copies --------------------------------------------------------------------------------------


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    size = round(picture.width * factor), round(picture.height * factor)
    return picture.resize(size, Image.Resampling.LANCZOS)


@pytest.mark.parametrize("factor", [0.5, 0.4])
@pytest.mark.parametrize("place", ["temple", "street"])
def test_a_smaller_copy_is_worse_and_an_enlarged_one_is_no_better(
    temple: Image.Image, place: str, factor: float
) -> None:
    original = temple if place == "temple" else load_color(scenes()[-1], WORKING_EDGE)
    small = scaled(original, factor)
    enlarged = small.resize(original.size, Image.Resampling.BICUBIC)

    for copies in ((small, original), (original, small, enlarged), (enlarged, original)):
        cost, _ = judged(copies)
        assert copies[int(np.argmin(cost))] is original
    for copies in ((small, enlarged), (enlarged, small)):
        cost, _ = judged(copies)
        assert cost[copies.index(small)] < cost[copies.index(enlarged)] + 0.15


def test_a_smaller_copy_is_called_one(temple: Image.Image) -> None:
    assert judged((scaled(temple, 0.4), temple))[1] == "Largest of 2: 1 is smaller."


def test_of_two_that_were_reduced_to_be_looked_at_the_larger_is_better(tmp_path: Path) -> None:
    """Its copy was sharpened, as is usual."""
    whole = take(tmp_path / "IMG_1.JPG", 1, 3600)
    with Image.open(whole) as image:
        sharpened = scaled(image, 0.5).filter(ImageFilter.UnsharpMask(0.5, 80, 0))
        sharpened.save(tmp_path / "IMG_1-web.jpg", quality=90)
    frames = [load_color(path, WORKING_EDGE) for path in (tmp_path / "IMG_1-web.jpg", whole)]

    cost, reason = judged(frames)

    assert cost[1] < cost[0]
    assert reason == "Largest of 2: 1 is smaller."


def test_a_size_that_is_not_known_counts_as_the_largest(temple: Image.Image) -> None:
    known = profiled(temple)
    frames = [replace(known, whole=whole) for whole in (6000, 0, 3000)]

    assert compared(frames, [4.0] * 3).reduced.tolist() == [0, 0, 0.5]
