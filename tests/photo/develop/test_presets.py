from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from junmai_jobs.photo.develop.lightroom import lightroom_config
from junmai_jobs.photo.develop.presets import Preset, blended, load_presets
from junmai_jobs.photo.develop.settings import CONTROLLER_NAMES, PARAMETERS, checked_settings
from junmai_jobs.photo.errors import PresetError

SHIPPED = (
    "natural", "portrait", "golden_hour", "backlit", "night", "night_sky", "landscape", "high_iso", "action",
    "close_up", "black_and_white",
)  # fmt: skip


def preset(**settings: Any) -> Preset:
    return Preset("mine", checked_settings(settings))


def test_the_shipped_presets() -> None:
    presets = load_presets()

    assert tuple(presets) == SHIPPED
    assert all(name == each.name and each.description for name, each in presets.items())


def test_a_shipped_preset_leaves_the_white_balance_to_the_camera() -> None:
    for each in load_presets().values():
        assert each.settings.keys().isdisjoint({"Temperature", "Tint", "WhiteBalance"})


def test_presets_can_be_stored_and_sent() -> None:
    for each in load_presets().values():
        assert json.loads(json.dumps(dataclasses.asdict(each)))["settings"] == each.settings
        assert copy.deepcopy(each) == each


def test_a_preset_of_the_user_stands_beside_the_shipped_ones() -> None:
    mine = {
        "name": "kaguya",
        "description": "Pale and clear.",
        "context_tags": ["portrait"],
        "blend_amount": 60,
        "settings": {"Exposure2012": 0.3, "Vibrance": -5},
    }

    presets = load_presets([mine])

    assert tuple(presets) == (*SHIPPED, "kaguya")
    assert presets["kaguya"] == Preset(
        "kaguya", {"Exposure2012": 0.3, "Vibrance": -5.0}, "Pale and clear.", ("portrait",), 60
    )


def test_a_preset_of_the_user_changes_what_it_names_of_a_shipped_one() -> None:
    shipped = load_presets()["portrait"]

    changed = load_presets([{"name": "portrait", "blend_amount": 40}])["portrait"]

    assert changed == dataclasses.replace(shipped, blend_amount=40)
    assert load_presets()["portrait"] == shipped


def test_a_plugins_names_mean_the_same(tmp_path: Path) -> None:
    for short, name in CONTROLLER_NAMES.items():
        assert checked_settings({short: 1}) == checked_settings({name: 1}) == {name: 1.0}
    (tmp_path / "presets.toml").write_text("[p.settings]\nExposure = 1\nVibrance = 3", "utf-8")
    assert load_presets(own=tmp_path / "presets.toml")["p"].settings == {"Exposure2012": 1, "Vibrance": 3}


def test_a_file_of_the_users_is_laid_over_the_shipped_presets(tmp_path: Path) -> None:
    file, shipped = tmp_path / "presets.toml", load_presets()
    file.write_text(
        """
        [portrait]
        blend_amount = 60
        settings = { Clarity2012 = -10, Dehaze = 1 }
        ["my look"]
        settings.Vibrance = 8
        [action]
        enabled = false
        """,
        "utf-8",
    )

    presets = load_presets([{"name": "my look", "blend_amount": 30}], file)

    mine = {**shipped["portrait"].settings, "Clarity2012": -10.0, "Dehaze": 1.0}
    assert presets["portrait"] == dataclasses.replace(shipped["portrait"], blend_amount=60, settings=mine)
    assert presets["my look"] == Preset("my look", {"Vibrance": 8.0}, blend_amount=30)
    assert set(presets) == {*SHIPPED, "my look"} - {"action"}
    assert load_presets() == shipped


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert load_presets(own=tmp_path / "presets.toml") == load_presets()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\nsettings.Exposure2012 = 9", r"a\.settings\.Exposure2012 must be a number from -5 to 5"),
        ("[a]\nsettings.OrangeHue = 9", r"a\.settings\.OrangeHue is no .* did you mean HueAdjustmentOrange"),
        ("[a]\nblend_amount = 9", 'a must have "settings"'),
        ("[a]\nblend_amont = 9", r"a\.blend_amont is not known; did you mean blend_amount"),
        ("[a]\nsettings = 5", r"a\.settings must be an object of settings"),
        ("[portrait]\nenabled = 0", r"portrait\.enabled must be true or false"),
        ('[a]\nname = "portrait"\nsettings.Texture = 1', r"a\.name is not known"),
        (f"[a]\nsettings.Exposure2012 = 1{400 * '0'}", r"a\.settings\.Exposure2012 must be a number from -5"),
        (f"[a]\nblend_amount = 1{5000 * '0'}", "is no TOML: Exceeds the limit"),
        ("a = 5", "a stands in no table"),
        ("[a]\nx = ", r"is no TOML: Invalid value \(at line 2, column 5\)|end of document"),
        ("[a]\n[a]", "is no TOML: Cannot declare"),
        (b"[a]\n# \xe9", "is not UTF-8: save it as that"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    file = tmp_path / "presets.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)

    with pytest.raises(PresetError, match=r"presets\.toml:? " + message) as error:
        load_presets(own=file)

    assert "\n" not in str(error.value)


def test_the_last_of_the_users_presets_wins() -> None:
    first, last = ({"name": "a", "settings": {"Texture": value}} for value in (1, 2))

    assert load_presets([first, last])["a"].settings == {"Texture": 2}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"settings": {}}, 'must have a "name"'),
        ({"name": "kaguya"}, 'must have "settings": no preset kaguya is there'),
        ({"name": " ", "settings": {}}, ".name must be a text that is not empty"),
        ({"name": "a", "setings": {}}, ".setings is not known; did you mean settings?"),
        ({"name": "a", "settings": []}, ".settings must be an object of settings"),
        (
            {"name": "a", "blend_amount": 101, "settings": {}},
            ".blend_amount must be a whole number from 0 to",
        ),
        ({"name": "a", "settings": {"Exposure": 6}}, r"settings\.Exposure must be a number from -5 to 5"),
        (
            {"name": "a", "settings": {"Exposure": 1, "Exposure2012": 1}},
            "Exposure2012 is there twice, by both",
        ),
        ({"name": "a", "settings": {"exposure": 1}}, "did you mean Exposure"),
        ({"name": "a", "settings": {"OrangeHue": 1}}, "did you mean HueAdjustmentOrange"),
        ({"name": "a", "settings": {"AquaLuminance": 1}}, "did you mean LuminanceAdjustmentAqua"),
        ({"name": "a", "settings": {"SharpeningAmount": 1}}, "did you mean Sharpness"),
        ({"name": "a", "settings": {"SharpeningMasking": 1}}, "did you mean SharpenEdgeMasking"),
        ({"name": "a", "settings": {"LuminanceNoiseReduction": 1}}, "did you mean LuminanceSmoothing"),
        ({"name": "a", "settings": {"VignetteAmount": 1}}, "did you mean PostCropVignetteAmount"),
        ({"name": "a", "settings": {"highlights": 1}}, "did you mean Highlights"),
        ({"name": "a", "settings": {"Temp": 5000}}, "did you mean Temperature"),
        ({"name": "a", "settings": {"xyz": 1}}, "use Lightroom's names, as in Exposure2012"),
        ({"name": "a", "settings": {"Contrast2012": 101}}, "Contrast2012 must be a number from -100 to 100"),
        ({"name": "a", "settings": {"Exposure2012": "0.5"}}, "Exposure2012 must be a number"),
        ({"name": "a", "settings": {"Exposure2012": True}}, "Exposure2012 must be a number"),
        ({"name": "a", "settings": {"Exposure2012": float("nan")}}, "Exposure2012 must be a number"),
        ({"name": "a", "settings": {"ConvertToGrayscale": 1}}, "ConvertToGrayscale must be true or false"),
        ({"name": "a", "settings": {"Temperature": 5000}}, "must have both Temperature and Tint"),
        ({"name": "a", "settings": {"WhiteBalance": "warm"}}, "must be one of As Shot, Auto, Daylight"),
        ({"name": "a", "settings": {"ToneCurvePV2012": [[0, 0]]}}, "must be a list of 2 to 16 points"),
        ({"name": "a", "settings": {"ToneCurvePV2012": [[0, 0], [0, 9]]}}, r"\[1\] must be .* x rising"),
        ({"name": "a", "settings": {"ToneCurvePV2012": [[0, 0], [9]]}}, r"\[1\] must be"),
        ({"name": "a", "settings": {"ToneCurvePV2012": [[0, 0], [255, 256]]}}, r"\[1\] must be a whole"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_a_remedy(wrong: dict[str, Any], message: str) -> None:
    good = {"name": "b", "settings": {}}

    with pytest.raises(PresetError, match=r"^photo\.presets\[1\].*" + message) as error:
        load_presets([good, wrong])

    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 220


@pytest.mark.parametrize(("amount", "expected"), [(0, 0.0), (25, 0.25), (33, 0.33), (100, 1.0)])
def test_a_number_goes_from_neutral_in_proportion(amount: float, expected: float) -> None:
    assert blended(preset(Exposure2012=1), amount) == {"Exposure2012": expected}


def test_neutral_is_camera_raws_default_where_that_is_not_zero() -> None:
    half = blended(preset(Sharpness=60, SharpenRadius=2, ColorNoiseReduction=5, GrainFrequency=60), 50)

    assert half == {"Sharpness": 50, "SharpenRadius": 1.5, "ColorNoiseReduction": 15, "GrainFrequency": 55}


def test_values_are_rounded_as_camera_raw_has_them() -> None:
    third = blended(preset(Exposure2012=-0.01, Contrast2012=-100, SharpenRadius=0.9), 33)

    assert third == {"Exposure2012": 0.0, "Contrast2012": -33, "SharpenRadius": 1.0}
    assert str(third["Exposure2012"]) == "0.0"  # no negative zero
    assert type(third["Contrast2012"]) is int


@pytest.mark.parametrize("amount", [1, 50, 100])
def test_what_has_nothing_in_between_is_taken_whole(amount: float) -> None:
    found = blended(
        preset(SplitToningShadowHue=230, ConvertToGrayscale=True, LensProfileEnable=1, WhiteBalance="Auto"),
        amount,
    )

    assert found == {
        "SplitToningShadowHue": 230,
        "ConvertToGrayscale": True,
        "LensProfileEnable": 1,
        "WhiteBalance": "Auto",
    }


def test_at_an_amount_of_zero_nothing_of_the_preset_is_left() -> None:
    every = {"SplitToningShadowHue": 230, "ConvertToGrayscale": True, "Temperature": 5000, "Tint": 3}

    assert blended(preset(**every, Contrast2012=50), 0) == {"Contrast2012": 0}


def test_a_white_balance_is_whole_and_custom() -> None:
    found = blended(preset(Temperature=5250, Tint=-4), 10)

    assert found == {"Temperature": 5250, "Tint": -4, "WhiteBalance": "Custom"}


def test_a_tone_curve_goes_from_the_straight_line() -> None:
    found = blended(preset(ToneCurvePV2012=[[0, 20], [128, 128], [255, 235]]), 50)

    assert found == {"ToneCurvePV2012": [[0, 10], [128, 128], [255, 245]], "ToneCurveName2012": "Custom"}


@pytest.mark.parametrize("amount", [-1, 100.5, float("nan"), "50"])
def test_an_amount_is_a_percentage(amount: Any) -> None:
    with pytest.raises(PresetError, match="amount must be a number from 0 to 100"):
        blended(preset(), amount)


@pytest.mark.parametrize("amount", [0, 37, 100])
def test_every_blend_of_every_shipped_preset_is_in_range(amount: float) -> None:
    for each in load_presets().values():
        assert checked_settings(blended(each, amount))


def test_every_neutral_value_is_in_range() -> None:
    for name, parameter in PARAMETERS.items():
        assert parameter.neutral is None or parameter.low <= parameter.neutral <= parameter.high, name


def test_the_document_for_the_lightroom_plugin() -> None:
    everything = preset(
        Exposure2012=-0.15,
        Highlights2012=-18,
        ToneCurvePV2012=[[0, 0], [255, 250]],
        HueAdjustmentOrange=-4,
        SaturationAdjustmentOrange=-6,
        LuminanceAdjustmentAqua=4,
        Sharpness=50,
        SharpenEdgeMasking=20,
        LuminanceSmoothing=10,
        GrainAmount=15,
        PostCropVignetteAmount=-10,
        BlueSaturation=8,
        Temperature=5000,
        Tint=2,
    )

    assert lightroom_config(everything, 100, photo_path="/shoot/IMG_1.NEF") == {
        "version": "1.0",
        "target": {"scope": "selected", "identifier": "/shoot/IMG_1.NEF", "createVirtualCopy": True},
        "pipeline": [
            {
                "stage": "base",
                "settings": {
                    "Exposure2012": -0.15,
                    "Highlights2012": -18,
                    "WB": {"mode": "Custom", "temp": 5000, "tint": 2},
                },
            },
            {"stage": "toneCurve", "rgb": [[0, 0], [255, 250]]},
            {"stage": "HSL", "hue": {"orange": -4}, "sat": {"orange": -6}, "lum": {"aqua": 4}},
            {"stage": "detail", "sharpen": {"amount": 50, "masking": 20}, "nr": {"luminance": 10}},
            {"stage": "effects", "grain": {"amount": 15}, "vignette": {"amount": -10}},
            {"stage": "calibration", "bluePrimary": {"sat": 8}},
        ],
        "safety": {"snapshot": True, "dryRun": False},
    }


def test_the_document_has_the_blended_values_and_only_the_stages_there_are() -> None:
    document = lightroom_config(preset(Exposure2012=1, WhiteBalance="Daylight"), 50, photo_path="a.NEF")

    assert document["pipeline"] == [
        {"stage": "base", "settings": {"Exposure2012": 0.5, "WhiteBalance": "Daylight"}}
    ]


def test_every_setting_of_every_shipped_preset_is_in_its_document() -> None:
    def leaves(value: Any) -> int:
        return sum(map(leaves, value.values())) if isinstance(value, dict) else 1

    for each in load_presets().values():
        stages = lightroom_config(each, 100, photo_path="a.NEF")["pipeline"]
        assert sum(leaves(stage) - 1 for stage in stages) == len(each.settings)
