from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.photo.develop.contexts import LEAST_SCORE, detect, load_rules
from junmai_jobs.photo.develop.presets import load_presets
from junmai_jobs.photo.errors import PresetError
from junmai_jobs.photo.exif.reading import read_exif
from junmai_jobs.photo.pictures.decoding import load_color
from junmai_jobs.photo.quality.judging import WORKING_EDGE, evaluate
from tests.photo.develop.rules import rule, rules_file
from tests.photographs import camera_photographs

KEYS = {"context", "score", "description", "recommended_preset", "preset_blend", "all_scores"}


def exif(**facts: Any) -> dict[str, dict[str, Any]]:
    """What ``read_exif`` finds, of which only ``section__key`` is known."""
    found: dict[str, dict[str, Any]] = read_exif(camera_photographs()[0])
    empty: dict[str, dict[str, Any]] = {section: dict.fromkeys(keys) for section, keys in found.items()}
    empty["location"] |= {"has_gps": False, "location_type": "unknown"}
    empty["context_hints"] |= {"likely_indoor": False, "backlight_risk": False}
    for place, value in facts.items():
        section, key = place.split("__")
        assert key in empty[section]
        empty[section][key] = value
    return empty


def quality(brightness: float = 120.0, highlights: float = 0.0, shadows: float = 0.0) -> dict[str, Any]:
    exposure = {
        "mean_brightness": brightness,
        "highlight_clip_percent": highlights,
        "shadow_clip_percent": shadows,
    }
    return {"overall_score": 3.0, "metrics": {"exposure": exposure}}


def golden(focal: str, aperture: float) -> dict[str, Any]:
    return exif(
        context_hints__special_lighting="golden_hour",
        context_hints__subject_type=focal,
        settings__aperture=aperture,
    )


NIGHT = {"datetime__time_of_day": "night"}
MIDDAY = {"datetime__time_of_day": "midday", "context_hints__lighting": "good_light"}
PORTRAIT_LENS = {"context_hints__subject_type": "portrait"}
SCENES = [
    ("golden_hour_portrait", golden("portrait", 1.8), quality()),
    ("golden_hour_landscape", golden("wide", 11.0), quality()),
    (
        "night_sky",
        exif(
            **NIGHT,
            settings__shutter_speed="20",
            settings__iso=3200,
            settings__aperture=2.8,
            context_hints__subject_type="ultra_wide",
        ),
        quality(25),
    ),
    ("night_cityscape", exif(**NIGHT, settings__shutter_speed="1/15", settings__iso=800), quality(60)),
    (
        "blue_hour",
        exif(context_hints__special_lighting="blue_hour", settings__shutter_speed="1/30"),
        quality(95),
    ),
    (
        "stage_event",
        exif(
            settings__iso=3200,
            settings__aperture=2.8,
            settings__shutter_speed="1/250",
            context_hints__subject_type="telephoto",
            context_hints__likely_indoor=True,
        ),
        quality(70),
    ),
    (
        "low_light_indoor",
        exif(
            settings__iso=3200,
            settings__shutter_speed="1/60",
            context_hints__likely_indoor=True,
            context_hints__lighting="low_light",
            context_hints__subject_type="wide",
        ),
        quality(),
    ),
    (
        "wildlife",
        exif(settings__shutter_speed="1/1000", context_hints__subject_type="super_telephoto"),
        quality(),
    ),
    (
        "sports_action",
        exif(
            settings__shutter_speed="1/1600",
            settings__iso=800,
            settings__aperture=4.0,
            context_hints__subject_type="telephoto",
        ),
        quality(),
    ),
    ("backlit_portrait", exif(**PORTRAIT_LENS, settings__aperture=4.0), quality(95, highlights=8)),
    (
        "studio_portrait",
        exif(**PORTRAIT_LENS, settings__aperture=8.0, settings__shutter_speed="1/125", settings__iso=100),
        quality(),
    ),
    (
        "natural_light_portrait",
        exif(**PORTRAIT_LENS, **MIDDAY, settings__aperture=1.8, settings__shutter_speed="1/320"),
        quality(),
    ),
    (
        "close_up",
        exif(**PORTRAIT_LENS, settings__focal_length=100.0, settings__aperture=11.0, settings__iso=800),
        quality(),
    ),
    (
        "long_exposure",
        exif(
            **MIDDAY,
            settings__shutter_speed="4",
            settings__iso=100,
            settings__aperture=11.0,
            context_hints__subject_type="standard",
        ),
        quality(),
    ),
    (
        "landscape",
        exif(
            **MIDDAY,
            context_hints__subject_type="wide",
            settings__aperture=8.0,
            settings__iso=100,
            settings__shutter_speed="1/250",
        ),
        quality(),
    ),
    ("harsh_light", exif(**MIDDAY), quality(120, highlights=6, shadows=3)),
    ("high_key", exif(settings__iso=100, settings__exposure_compensation=1.0), quality(200)),
    (
        "street_daylight",
        exif(
            **MIDDAY,
            context_hints__subject_type="standard",
            settings__shutter_speed="1/500",
            settings__aperture=4.0,
        ),
        quality(),
    ),
]


@pytest.mark.parametrize(("name", "facts", "scores"), SCENES, ids=[scene[0] for scene in SCENES])
def test_a_scene_as_a_photographer_would_call_it(
    name: str, facts: dict[str, Any], scores: dict[str, Any]
) -> None:
    found = detect(facts, scores)

    assert found["context"] == name
    assert found["score"] == max(found["all_scores"].values()) >= 0.7


def test_every_shipped_context_has_a_scene_here() -> None:
    assert {scene[0] for scene in SCENES} == {context.name for context in load_rules().contexts}


def test_a_picture_of_which_nothing_is_known_is_the_default() -> None:
    found = detect(exif(), quality())

    assert found.keys() == KEYS
    assert (found["context"], found["recommended_preset"]) == ("default", "natural")
    assert found["score"] == max(found["all_scores"].values()) < LEAST_SCORE


def test_a_picture_without_any_facts_at_all() -> None:
    assert detect({}, {})["score"] == 0


def test_one_missing_trait_does_not_make_a_daylight_view_a_golden_hour() -> None:
    day = exif(**MIDDAY, context_hints__subject_type="wide", settings__aperture=8.0, settings__iso=100)

    assert detect(day, quality())["all_scores"]["golden_hour_landscape"] < LEAST_SCORE


@pytest.mark.parametrize("path", camera_photographs(), ids=lambda path: path.name)
def test_real_photographs_give_the_originals_keys_as_json(path: Path) -> None:
    found = detect(read_exif(path), evaluate(load_color(path, WORKING_EDGE)))

    assert found.keys() == KEYS
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["recommended_preset"] in load_presets()


def test_every_field_of_the_rules_exists() -> None:
    path = camera_photographs()[0]
    facts: Any = {**read_exif(path), "quality": evaluate(load_color(path, WORKING_EDGE))}
    for context in load_rules().contexts:
        for each in context.rules:
            place = facts
            for step in each.field.split("."):
                assert step in place, f"{context.name}: {each.field}"
                place = place[step]


def test_rules_and_presets_agree() -> None:
    presets, rules = load_presets(), load_rules()

    for context in (*rules.contexts, rules.default):
        assert context.name in presets[context.recommended_preset].context_tags
    recommended = {context.name: context.recommended_preset for context in (*rules.contexts, rules.default)}
    for name, preset in presets.items():
        assert all(recommended[tag] == name for tag in preset.context_tags)


@pytest.mark.parametrize(
    ("operator", "value", "holds", "fails"),
    [
        ("==", 400, [400, 400.0], [401, None, "400", True]),
        ("!=", 400, [401], [400, None]),
        (">", 400, [401], [400, None, "many", True]),
        ("<", 400, [399, 0], [400, None]),
        (">=", 400, [400], [399, None]),
        ("<=", 400, [400], [401, None]),
        ("in", [100, 200], [100, 200], [300, None]),
        ("between", [100, 200], [100, 150, 200], [99, 201, None, "x"]),
    ],
)
def test_operators(tmp_path: Path, operator: str, value: Any, holds: list[Any], fails: list[Any]) -> None:
    rules = load_rules(rules_file(tmp_path, rule("settings.iso", operator, value)))

    assert [detect({"settings": {"iso": iso}}, {}, rules)["score"] for iso in holds] == [1.0] * len(holds)
    assert [detect({"settings": {"iso": iso}}, {}, rules)["score"] for iso in fails] == [0.0] * len(fails)


@pytest.mark.parametrize(
    ("operator", "value", "holds", "fails"),
    [
        ("shutter_faster_than", "1/500", ["1/501", "1/8000"], ["1/500", "1/60", "2", "", "1/0", None]),
        (">=", "0.5", ["0.5", "1/2", "30"], ["0.4", "1/250"]),
        ("between", ["1/250", "1/60"], ["1/250", "1/125", "1/60"], ["1/320", "1/50"]),
    ],
)
def test_shutter_speeds_compare_as_seconds(
    tmp_path: Path, operator: str, value: Any, holds: list[Any], fails: list[Any]
) -> None:
    rules = load_rules(rules_file(tmp_path, rule("settings.shutter_speed", operator, value)))

    def score(speed: str | None) -> Any:
        return detect({"settings": {"shutter_speed": speed}}, {}, rules)["score"]

    assert [score(speed) for speed in holds] == [1.0] * len(holds)
    assert [score(speed) for speed in fails] == [0.0] * len(fails)


def test_the_score_is_the_share_of_the_weight_that_holds(tmp_path: Path) -> None:
    path = rules_file(tmp_path, rule("settings.iso", ">", 1, 3), rule("camera.make", "==", "Leica", 1))

    found = detect({"settings": {"iso": 100}}, {}, load_rules(path))

    assert (found["context"], found["score"], found["all_scores"]) == ("first", 0.75, {"first": 0.75})


@pytest.mark.parametrize(("weight", "context"), [(1, "first"), (1.1, "default")])
def test_half_the_weight_is_enough(tmp_path: Path, weight: float, context: str) -> None:
    path = rules_file(tmp_path, rule("settings.iso", ">", 1), rule("settings.iso", "<", 1, weight))

    assert detect({"settings": {"iso": 100}}, {}, load_rules(path))["context"] == context


def test_of_equal_scores_the_first_in_the_file_wins(tmp_path: Path) -> None:
    same = rule("quality.overall_score", ">", 3)
    rules = load_rules(rules_file(tmp_path, same, second=[same]))

    found = detect({}, {"overall_score": 4.2}, rules)

    assert (found["context"], found["all_scores"]) == ("first", {"first": 1.0, "second": 1.0})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("default",), None, "rules.json: default must be an object"),
        (("contexts",), {}, "rules.json: contexts must be an object with at least one context"),
        (("contexts", "default"), {}, "contexts.default stands beside contexts"),
        (("contexts", "first", "presett"), 1, "contexts.first.presett is not known"),
        (("contexts", "first", "preset_blend"), 120, "contexts.first.preset_blend must be a whole number"),
        (("contexts", "first", "rules"), [], "contexts.first.rules must have at least one rule"),
        (("contexts", "first", "rules", 0, "field"), "iso", r"rules\[0\].field must be a path"),
        (("contexts", "first", "rules", 0, "field"), "setting.iso", "begins with one of camera, settings"),
        (("contexts", "first", "rules", 0, "operator"), "=>", r"rules\[0\].operator must be one of"),
        (("contexts", "first", "rules", 0, "value"), "lots", r"rules\[0\].value must be a number"),
        (("contexts", "first", "rules", 0, "value"), [1], r"rules\[0\].value must be a number"),
        (("contexts", "first", "rules", 0, "weight"), 0, r"rules\[0\].weight must be a number from 0.01"),
        (("contexts", "first", "rules", 0), {"field": "settings.iso"}, r'rules\[0\] must have "operator"'),
        (("contexts", "first", "rules", 0), rule("camera.make", "in", []), "value must name at least one"),
        (("contexts", "first", "rules", 0), rule("settings.iso", "between", [9, 2]), "the lower first"),
        (("contexts", "first", "rules", 0), rule("settings.iso", "between", [9]), "must be two limits"),
    ],
)
def test_what_is_wrong_in_a_file_of_rules_is_named_with_its_place(
    tmp_path: Path, place: tuple[Any, ...], value: Any, message: str
) -> None:
    path = rules_file(tmp_path, rule("settings.iso", ">", 100))
    content = json.loads(path.read_text())
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = copy.deepcopy(value)
    path.write_text(json.dumps(content))

    with pytest.raises(PresetError, match=message) as error:
        load_rules(path)

    assert "\n" not in str(error.value)


def test_a_file_of_rules_that_lacks_a_part(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"contexts": {}}')
    with pytest.raises(PresetError, match=r"rules\.json: contexts must be"):
        load_rules(path)
    path.write_text('{"default": {"description": "d", "recommended_preset": "p", "preset_blend": 1}}')
    with pytest.raises(PresetError, match=r'rules\.json: must have "contexts"'):
        load_rules(path)


def test_a_file_of_rules_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{\n  "default": ,\n}')

    with pytest.raises(PresetError, match=r"rules\.json, line 2: .*column"):
        load_rules(path)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (f"1{5000 * '0'}", "is no JSON that can be read here: Exceeds the limit"),
        (100_000 * "[", "is no JSON that can be read here: maximum recursion"),
        (f"1{400 * '0'}", r"contexts\.first\.rules\[0\]\.weight must be a number from 0\.01"),
    ],
)
def test_a_file_of_rules_with_too_much_of_something(tmp_path: Path, number: str, message: str) -> None:
    path = rules_file(tmp_path, rule("settings.iso", ">", 100, 12345))
    path.write_text(path.read_text().replace("12345", number))

    with pytest.raises(PresetError, match=message):
        load_rules(path)


def test_a_limit_that_nothing_reaches(tmp_path: Path) -> None:
    rules = load_rules(rules_file(tmp_path, rule("settings.iso", ">", 10**400)))

    assert detect({"settings": {"iso": 6400}}, {}, rules)["score"] == 0.0


def test_a_file_of_rules_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"the rules none\.json cannot be read \(No such file"):
        load_rules(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
    with pytest.raises(PresetError, match=r"the rules latin\.json are not UTF-8"):
        load_rules(tmp_path / "latin.json")
