from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from junmai_jobs.photo.quality.palette import palette
from junmai_jobs.photo.taste.learning import LIMIT, Shoot, Taste
from junmai_jobs.photo.taste.traits import NEUTRAL, TRAITS, Leaning, Reason, facts_of, named
from tests.cataloged import EXIF, QUALITY

Facts = dict[str, Any]


def photo(dice: random.Random, **more: Any) -> Facts:
    """What is known of some photograph."""
    return {
        "context": dice.choice(("landscape", "stage_event", "street_daylight", "default")),
        "overall_score": dice.uniform(2, 4.5),
        "focus_score": dice.uniform(1, 5),
        "exposure_score": dice.uniform(1, 5),
        "iso": dice.choice((100, 200, 400, 1600, 6400)),
        "focal_length": dice.choice((16.0, 24.0, 50.0, 85.0, 200.0)),
        "exposure.mean_brightness": dice.uniform(40, 180),
        "faces_detected": dice.choice((0, 0, 1, 3)),
    } | more


def photos(count: int, seed: int = 1, **more: Any) -> list[Facts]:
    dice = random.Random(seed)
    return [photo(dice, **more) for _ in range(count)]


def by_faces(facts: list[Facts]) -> Shoot:
    """Who wants faces, whatever else."""
    return Shoot(
        [each for each in facts if each["faces_detected"]],
        [each for each in facts if not each["faces_detected"]],
    )


def test_nothing_is_learned_from_nothing() -> None:
    for shoots in ([], [Shoot([], [])], [Shoot([], [], photos(20))]):
        taste = Taste(shoots)
        assert taste.leanings(photos(5)) == [NEUTRAL] * 5
        assert taste.habits() == []


def test_a_taste_is_learned_and_told_in_words() -> None:
    taste = Taste([by_faces(photos(40))])
    with_face, without = taste.leanings(
        [
            photo(random.Random(5), faces_detected=1, iso=400),
            photo(random.Random(5), faces_detected=0, iso=400),
        ]
    )
    assert with_face.points > 0.3 > -0.3 > without.points
    assert with_face.reasons[0].photos == "photos with faces"
    assert f"{with_face}".startswith(f"{with_face.points:+.1f}: you keep photos with faces")
    assert "you pass over photos without faces" in str(without)
    assert taste.habits()[0].photos == "photos with faces"


def test_approvals_alone_say_something() -> None:
    pool = photos(200)
    taste = Taste(
        [Shoot(by_faces(pool).liked[:40], [], [*by_faces(pool).liked[40:], *by_faces(pool).disliked])]
    )
    found = taste.leanings(photos(100, seed=2))
    faces = [each["faces_detected"] > 0 for each in photos(100, seed=2)]
    points = np.array([each.points for each in found])
    assert points[faces].mean() > 0.15 > -0.15 > points[np.logical_not(faces)].mean()


def test_what_a_whole_shoot_is_of_says_nothing() -> None:
    """Who approves a third of the portraits and a third of the landscapes likes neither better."""
    portraits, views = photos(60, 3, context="portrait"), photos(60, 4, context="landscape")
    taste = Taste([Shoot(portraits[:20], [], portraits[20:]), Shoot(views[:2], [], views[2:])])
    assert {habit.photos for habit in taste.habits()}.isdisjoint({"portrait photos", "landscape photos"})


def test_two_traits_together() -> None:
    """Faces in the dark, and bright views without: neither faces nor darkness is liked by itself."""

    def likes(each: Mapping[str, Any]) -> bool:
        return bool((each["faces_detected"] > 0) == (each["exposure.mean_brightness"] < 110))

    pool = photos(120)
    taste = Taste([Shoot([each for each in pool if likes(each)], [each for each in pool if not likes(each)])])
    habit = taste.habits()[0]
    assert (habit.photos, habit.points < 0) == ("bright photos with faces", True)
    unseen = photos(100, seed=9)
    points = [each.points for each in taste.leanings(unseen)]
    right = [(point > 0) == likes(each) for point, each in zip(points, unseen, strict=True)]
    assert sum(right) > 75


@pytest.mark.parametrize("count", [1, 3])
def test_few_verdicts_move_little(count: int) -> None:
    pool = by_faces(photos(60))
    taste = Taste([Shoot(pool.liked[:count], [], [*pool.liked[count:], *pool.disliked])])
    assert max(abs(each.points) for each in taste.leanings(photos(200, seed=2))) < 0.35


def test_no_taste_moves_more_than_the_limit() -> None:
    taste = Taste([by_faces(photos(2000))])
    points = [each.points for each in taste.leanings(photos(200, seed=2))]
    assert max(map(abs, points)) <= LIMIT
    assert max(points) > 1


def test_who_follows_the_score_has_no_taste_of_his_own() -> None:
    pool = photos(80)
    taste = Taste(
        [
            Shoot(
                [each for each in pool if each["overall_score"] > 3.3],
                [each for each in pool if each["overall_score"] <= 3.3],
            )
        ]
    )
    points = [abs(each.points) for each in taste.leanings(photos(200, seed=2))]
    assert sum(points) / 200 < 0.25


def test_the_same_verdicts_tell_the_same() -> None:
    pool, unseen = by_faces(photos(40)), photos(50, seed=2)
    assert Taste([pool]).leanings(unseen) == Taste([pool]).leanings(unseen)


def test_what_is_not_known_counts_neither_way() -> None:
    taste = Taste([by_faces(photos(40))])
    (nothing, odd) = taste.leanings([{}, {"iso": None, "shutter_speed": "bulb", "focus_score": float("nan")}])
    assert nothing == odd == NEUTRAL
    assert Taste([Shoot([{}], [{}], [{}])]).leanings([{}]) == [NEUTRAL]


def test_one_broken_tag_does_not_change_what_is_usual() -> None:
    """Here by that the ISO of all others would be as far below it as can be."""
    pool = photos(60)
    liked, disliked = ([each for each in pool if (each["iso"] < 1000) == low] for low in (True, False))
    taste = Taste([Shoot(liked, [*disliked, photo(random.Random(3), iso=10**300)])])
    low, high = taste.leanings([photo(random.Random(5), iso=iso) for iso in (100, 6400)])
    assert low.points > 0.5 > -0.5 > high.points


def test_a_text_without_end_is_no_fact() -> None:
    exif = EXIF | {"settings": EXIF["settings"] | {"metering_mode": "x" * 101, "white_balance": "x" * 100}}
    facts = facts_of(exif, QUALITY, None)
    assert ("metering_mode" in facts, len(facts["white_balance"])) == (False, 100)


def test_the_sentence() -> None:
    reasons = (Reason("backlit photos with faces", 0.2), Reason("grainy photos", -0.1))
    told = str(Leaning(0.31, reasons))
    assert told == "+0.3: you keep backlit photos with faces, you pass over grainy photos."
    assert str(NEUTRAL) == str(Leaning(-0.04, reasons)) == ""
    assert str(Leaning(0.3, reasons, "rejected")) == "You rejected it."


def test_a_reason_is_one_for_what_it_comes_to() -> None:
    found = Taste([by_faces(photos(40))]).leanings(photos(200, seed=2))
    told = [(each.points > 0, reason.points > 0) for each in found for reason in each.reasons]
    assert {True, False} == {whole for whole, _ in told}
    assert all(whole == part for whole, part in told)


def test_who_has_only_rejected_is_not_told_what_he_keeps() -> None:
    pool = by_faces(photos(200))
    taste = Taste([Shoot([], pool.disliked[:40], [*pool.disliked[40:], *pool.liked])])
    leanings = taste.leanings(photos(100, seed=2))
    assert max(each.points for each in leanings) > 0.1
    told = [*taste.habits(), *(reason for each in leanings for reason in each.reasons)]
    assert told
    assert all("you pass over" in str(reason) for reason in told)


def test_names_of_several_traits() -> None:
    assert named("dark *") == "dark photos"
    assert named("dark *", "* with faces") == "dark photos with faces"
    assert named("* with faces", "* at the golden hour") == "photos with faces at the golden hour"


def test_facts_are_what_the_tasks_found_out() -> None:
    quality = QUALITY | {"metrics": {"exposure": {"mean_brightness": 90.0, "exposure_category": "dark"}}}
    facts = facts_of(EXIF, quality, "backlit_portrait")
    assert facts["context"] == "backlit_portrait"
    assert (facts["overall_score"], facts["focus_score"], facts["iso"]) == (4.2, 4.5, 100)
    assert (facts["exposure.mean_brightness"], facts["time_of_day"]) == (90.0, "midday")
    known = {name for name, trait in TRAITS.items() if trait.value(facts) is not None}
    assert known >= {"focus", "exposure", "iso", "focal", "aperture", "shutter", "midday", "backlight"}
    assert TRAITS["shutter"].value(facts) == pytest.approx(np.log2(1 / 250))
    assert TRAITS["midday"].value(facts) == 1


def test_the_palette() -> None:
    gray = palette(Image.new("RGB", (300, 200), (90, 90, 90)))
    assert (gray["aspect_ratio"], gray["colorfulness"]) == (1.5, 0)
    assert abs(gray["warmth"]) < 0.1
    assert palette(Image.new("RGB", (200, 300), (200, 150, 60)))["warmth"] > 20
    assert palette(Image.new("RGB", (200, 300), (60, 90, 200)))["warmth"] < -20
    halves = Image.new("RGB", (100, 100), (220, 30, 30))
    halves.paste((30, 30, 220), (0, 0, 50, 100))
    assert palette(halves)["colorfulness"] > 100
