from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from junmai_jobs.demo.bursts import Burst, make_burst
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.groups import grouping
from junmai_jobs.photo.groups.best_frame import best_of
from junmai_jobs.photo.groups.grouping import Frame, Group, fingerprint, group
from junmai_jobs.photo.groups.profile import Profile, profile
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from tests.photographs import SCIKIT_LEARN, camera_photographs, scenes, unpacked

START = datetime.fromisoformat("2024-05-01T12:00:00")


def frame(photo_id: int, bits: int = 0, after: float | None = 0, **scores: float) -> Frame:
    """A frame whose hash has ``bits`` ones, so many seconds after the start."""
    captured = None if after is None else START + timedelta(seconds=after)
    rated = {"overall": 4.0, "focus": 4.0, "exposure": 4.0, "composition": 4.0} | scores
    return Frame(
        photo_id=photo_id,
        fingerprint=f"{(1 << bits) - 1:016x}",
        captured=captured,
        overall=rated["overall"],
        focus=rated["focus"],
        exposure=rated["exposure"],
        composition=rated["composition"],
        name=f"IMG_{photo_id:04}.JPG",
    )


def judged(path: Path, photo_id: int) -> Frame:
    picture = load_color(path, WORKING_EDGE)
    found = evaluate(picture)
    return Frame(
        photo_id=photo_id,
        fingerprint=fingerprint(picture.convert("L")),
        captured=datetime.fromisoformat(read_exif(path)["datetime"]["capture_time"]),
        overall=found["overall_score"],
        focus=found["quality"]["focus_score"],
        exposure=found["quality"]["exposure_score"],
        composition=found["quality"]["composition_score"],
        name=path.name,
    )


def members(frames: Iterable[Frame]) -> list[tuple[int, ...]]:
    return [found.members for found in group(list(frames))]


# ---- real photographs ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> list[Burst]:
    """A burst of each scene, all in one folder and in the same second."""
    folder = tmp_path_factory.mktemp("card")
    return [make_burst(path, folder, start=START, seed=seed) for seed, path in enumerate(scenes())]


def test_the_bursts_of_all_scenes_fall_apart_and_of_each_the_sharp_frame_is_picked(
    bursts: list[Burst],
) -> None:
    paths = [path for burst in bursts for path in burst.frames]
    found = group([judged(path, number) for number, path in enumerate(paths)])

    together = [{paths[member] for member in one.members} for one in found]
    assert sorted(map(sorted, together)) == sorted(burst.frames for burst in bursts)
    assert {paths[one.pick] for one in found} == {burst.sharp for burst in bursts}
    assert len({burst.frames.index(burst.sharp) for burst in bursts}) > 1


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
@pytest.mark.parametrize("seed", range(5))
def test_wherever_the_sharp_frame_is_it_is_picked(path: Path, tmp_path: Path, seed: int) -> None:
    burst = make_burst(path, tmp_path, start=START, seed=seed)

    (found,) = group([judged(frame, number) for number, frame in enumerate(burst.frames)])

    assert found.members == (0, 1, 2, 3, 4)
    assert burst.frames[found.pick] == burst.sharp


@pytest.mark.parametrize("path", scenes(), ids=lambda path: path.name)
def test_the_frames_of_a_burst_have_the_exif_of_its_scene_and_moments_of_their_own(
    path: Path, tmp_path: Path
) -> None:
    burst = make_burst(path, tmp_path, start=START)
    of_scene, of_frames = read_exif(path), [read_exif(frame) for frame in burst.frames]

    moments = [exif["datetime"]["capture_time"][:19] for exif in of_frames]
    assert moments == [f"2024-05-01T12:00:0{second}" for second in range(5)]
    for exif in of_frames:
        assert (exif["camera"], exif["settings"]) == (of_scene["camera"], of_scene["settings"])


def test_plain_pictures_have_no_fingerprint_and_scenes_have_one_of_16_hex_digits() -> None:
    plain = [path for path in camera_photographs() if path not in scenes()]
    dice = np.random.default_rng(0)
    wall = Image.fromarray(dice.normal(128, 20, (1000, 1500)).clip(0, 255).astype(np.uint8))

    assert {fingerprint(load_color(path, WORKING_EDGE).convert("L")) for path in plain} == {None}
    assert fingerprint(wall) is None
    for path in scenes():
        found = fingerprint(load_color(path, WORKING_EDGE).convert("L"))
        assert found is not None
        assert len(found) == 16
        assert int(found, 16).bit_count() > 20


def test_fingerprints_are_those_of_the_catalogs_there_are() -> None:
    """As ImageHash's ``phash`` made them; two bits may differ, as the small copy is made in two steps."""
    known = {
        "02.jpg": "9efce129db0cf300",
        "L01.jpg": "b2f34f08fc0ec01f",
        "L02.jpg": "deaca19163566da1",
        "large.jpg": "9f835c3cada448ba",
    }
    for path in scenes():
        found = fingerprint(load_color(path, WORKING_EDGE).convert("L"))
        assert found is not None
        assert (int(found, 16) ^ int(known[path.name], 16)).bit_count() <= 2


# ---- what is linked ------------------------------------------------------------------------------


def test_exact_copies_at_unknown_times_are_grouped() -> None:
    assert members([frame(1, after=None), frame(2, after=None), frame(3, bits=30)]) == [(1, 2)]


@pytest.mark.parametrize(
    ("bits", "after", "linked"),
    [
        (10, 30, True),
        (16, 2, True),
        (17, 0, False),
        (11, 2.001, False),
        (10, 30.001, False),
        (8, 3600, False),
        (4, 86_400, True),
        (5, 86_400, False),
        (10, None, True),
        (11, None, False),
    ],
)
def test_the_limits_of_likeness_and_time(bits: int, after: float | None, *, linked: bool) -> None:
    assert members([frame(1), frame(2, bits=bits, after=after)]) == ([(1, 2)] if linked else [])


def test_frames_are_grouped_around_the_one_that_most_resemble() -> None:
    assert members([frame(3, bits=16, after=50), frame(1), frame(2, bits=8, after=25)]) == [(1, 2, 3)]


def test_a_slow_pan_is_not_one_group() -> None:
    pan = [frame(number, bits=number, after=number) for number in range(65)]

    found = members(pan)

    assert sorted(member for one in found for member in one) == list(range(65))
    assert max(max(one) - min(one) for one in found) <= 2 * 10


def test_an_evening_of_similar_frames_is_not_one_group() -> None:
    dice, hashes = random.Random(0), list[int]()
    while len(hashes) < 300:
        drawn = sum(1 << bit for bit in dice.sample(range(64), 5))
        if all((drawn ^ other).bit_count() > 4 for other in hashes):  # none is a copy; 10 bits at most
            hashes.append(drawn)
    evening = [
        replace(frame(number, after=10 * number), fingerprint=f"{drawn:016x}")
        for number, drawn in enumerate(hashes)
    ]

    assert {len(one) for one in members(evening)} <= set(range(2, 8))


def test_a_frame_without_fingerprint_is_in_no_group() -> None:
    plain = replace(frame(3), fingerprint=None)

    assert group([]) == group([plain]) == group([plain, replace(plain, photo_id=4)]) == []
    assert members([plain, frame(1), frame(2)]) == [(1, 2)]


def test_members_and_groups_are_in_order_of_capture_then_name_and_unknown_times_are_last() -> None:
    first, second = replace(frame(9, after=5), name="A"), replace(frame(8, after=5), name="B")
    later = [frame(1, bits=40, after=60), frame(2, bits=40, after=59)]
    unknown = [frame(4, bits=64, after=None), frame(3, bits=64, after=None)]

    assert members([*unknown, *later, second, frame(7, after=6), first]) == [(9, 8, 7), (2, 1), (3, 4)]


def test_a_zone_is_passed_over() -> None:
    zoned = replace(frame(1, bits=8), captured=START.replace(tzinfo=UTC))

    assert members([frame(2), zoned]) == [(1, 2)]


# ---- which one is picked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([frame(1), frame(2, overall=4.5, focus=5.0, exposure=4.5)], (2, "Sharpest of 2.")),
        (
            [frame(1, overall=3.0, focus=1.0), frame(2, overall=4.4, exposure=5.0), frame(3)],
            (2, "Best exposed of 3."),
        ),
        ([frame(1), frame(2, overall=4.1, composition=4.5)], (2, "Best composed of 2.")),
        (
            [frame(1), frame(2, focus=5.0, overall=3.9), frame(3, focus=4.5, overall=4.2)],
            (3, "Best overall of 3."),
        ),
        ([frame(1, focus=3.0, exposure=5.0), frame(2)], (2, "Sharpest of 2.")),
        ([frame(1, composition=3.0), frame(2)], (2, "Best composed of 2.")),
        ([frame(3, after=2), frame(1, after=4), frame(2, after=3)], (3, "First of 3: no other is better.")),
    ],
)
def test_the_pick_and_its_reason(frames: list[Frame], expected: tuple[int, str]) -> None:
    (found,) = group(frames)

    assert (found.pick, found.reason) == expected


# ---- whatever the order, however many ------------------------------------------------------------

SCORES = st.sampled_from([1.0, 3.5, 5.0])
FRAMES = st.lists(
    st.builds(
        Frame,
        photo_id=st.integers(1, 10**6),
        fingerprint=st.none() | st.integers(0, 64).map(lambda bits: f"{(1 << bits) - 1:016x}"),
        captured=st.none() | st.integers(0, 100).map(lambda after: START + timedelta(seconds=after)),
        overall=SCORES,
        focus=SCORES,
        exposure=SCORES,
        composition=SCORES,
        name=st.sampled_from(["IMG_1.JPG", "IMG_2.JPG"]),
    ),
    max_size=12,
    unique_by=lambda frame: frame.photo_id,
)


@given(FRAMES, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order(frames: list[Frame], dice: random.Random) -> None:
    shuffled = dice.sample(frames, len(frames))

    assert group(shuffled) == group(frames)
    assert {frozenset(found.members) for found in group(frames)} == naive_groups(frames)


@given(FRAMES)
def test_no_member_is_better_than_the_pick(frames: list[Frame]) -> None:
    by_id = {frame.photo_id: frame for frame in frames}
    for found in group(frames):
        assert (found.ranked[0], sorted(found.ranked)) == (found.pick, sorted(found.members))
        ranks = {
            member: (of.overall, of.focus, of.exposure, of.composition)
            for member in found.members
            for of in [by_id[member]]
        }
        assert ranks[found.pick] == max(ranks.values())


def naive_groups(frames: list[Frame]) -> set[frozenset[int]]:
    """The groups by the words of the docstring: around those most others resemble, of equals the first."""
    latest = datetime.max  # noqa: DTZ901
    left = sorted(frames, key=lambda one: (one.captured or latest, one.name, one.photo_id))
    near = {one.photo_id: {other.photo_id for other in left if linked(one, other)} for one in left}
    groups, remaining = set(), {one.photo_id for one in left}
    for centre in sorted(left, key=lambda one: -len(near[one.photo_id])):
        found = near[centre.photo_id] & remaining if centre.photo_id in remaining else set()
        if len(found) > 1:
            groups.add(frozenset(found))
            remaining -= found
    return groups


def linked(one: Frame, other: Frame) -> bool:
    if one.fingerprint is None or other.fingerprint is None:
        return False
    bits = (int(one.fingerprint, 16) ^ int(other.fingerprint, 16)).bit_count()
    if one.captured is None or other.captured is None:
        return bits <= 10
    apart = abs(one.captured - other.captured).total_seconds()
    return bits <= 4 or (bits <= 10 and apart <= 30) or (bits <= 16 and apart <= 2)


def many_frames(count: int) -> list[Frame]:
    """A long day: bursts of five, the later frames of which differ from the first in up to 12 bits."""
    dice = random.Random(0)
    frames: list[Frame] = []
    while len(frames) < count:
        scene, begin = dice.getrandbits(64), dice.randrange(36_000)
        for number in range(5):
            flipped = sum(1 << bit for bit in dice.sample(range(64), dice.randrange(13)))
            after = None if dice.random() < 0.1 else begin + 15 * number
            frames.append(replace(frame(len(frames), after=after), fingerprint=f"{scene ^ flipped:016x}"))
    return frames


def test_many_frames_are_grouped_as_a_naive_reference_does_it() -> None:
    frames = many_frames(700)

    found = {frozenset(one.members) for one in group(frames)}

    assert found == naive_groups(frames)
    assert len(found) > 70


def test_5000_copies_are_one_group() -> None:
    assert group([frame(number) for number in range(5000)]) == [
        Group(tuple(range(5000)), 0, "First of 5000: no other is better.")
    ]


# ---- by their profiles ---------------------------------------------------------------------------


def seen(number: int, picture: Image.Image, after: float | None = 0) -> Frame:
    """A frame that shows ``picture``."""
    captured = None if after is None else START + timedelta(seconds=after)
    shown = fingerprint(picture.convert("L"))
    return replace(frame(number), fingerprint=shown, captured=captured, profile=profile(picture))


def windows(offsets: Iterable[int], width: int = 320) -> list[Image.Image]:
    """Views of a temple, each so many px further to the right."""
    with Image.open(unpacked(SCIKIT_LEARN) / "sklearn/datasets/images/china.jpg") as image:
        return [image.crop((left, 40, left + width, 40 + width * 3 // 4)) for left in offsets]


@pytest.mark.parametrize("after", [3.0, None])
def test_what_the_hash_leaves_open_is_told_by_the_profiles(after: float | None) -> None:
    (still,) = windows([100])
    turned = still.rotate(3, Image.Resampling.BICUBIC).crop((20, 20, 300, 220))
    one, other = seen(1, still), seen(2, turned, after)
    assert not linked(one, other)

    assert members([one, other]) == [(1, 2)]
    assert members([one, replace(other, profile=None)]) == []
    assert members([one, replace(other, captured=START + timedelta(seconds=31))]) == []


def test_a_view_that_overlaps_another_is_another() -> None:
    frames = [seen(at, view) for at, view in enumerate(windows([0, 4, 8, 120, 124, 128]))]

    assert members(frames) == [(0, 1, 2), (3, 4, 5)]


def test_a_slow_pan_falls_into_views() -> None:
    frames = [seen(at, view, after=at / 10) for at, view in enumerate(windows(range(0, 320, 8)))]

    found = members(frames)

    assert sum(map(len, found)) == 40
    assert max(max(one) - min(one) for one in found) * 8 < 320


def test_of_frames_with_profiles_the_scores_do_not_decide() -> None:
    (sharp,) = windows([100])
    soft = sharp.filter(ImageFilter.GaussianBlur(1.5))
    frames = [replace(seen(1, sharp), overall=1.0, focus=1.0), seen(2, soft)]

    (found,) = group(frames)

    assert (found.pick, found.reason) == (1, "Sharpest of 2: 1 is softer.")
    (by_scores,) = group([frames[0], replace(frames[1], profile=b"damaged")])
    assert by_scores.pick == 2


def test_the_frames_of_a_burst_that_drifts_are_laid_over_the_one_that_links_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last is sharp; with the first it has three fifths in common."""
    centres = []

    def spied(profiles: Sequence[Profile], *rest: Any) -> tuple[list[float], str]:
        centres.append((len(profiles), rest[1]))
        return best_of(profiles, *rest)

    monkeypatch.setattr(grouping, "best_of", spied)
    views = windows(range(80, 230, 30), width=300)
    soft = [view.filter(ImageFilter.GaussianBlur(0.7)) for view in views[:4]]

    (found,) = group([seen(at, view, after=at) for at, view in enumerate([*soft, views[4]])])

    assert centres == [(5, 2)]
    assert (found.members, found.pick) == ((0, 1, 2, 3, 4), 4)
    assert found.reason == "Sharpest of 5: the others are softer."
