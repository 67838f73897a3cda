"""Develop presets: what they may hold, how strongly they apply, and how Lightroom is told of them.

Settings bear the names of Adobe's ``crs`` namespace, those of process version 2012 and later: so they stand
in sidecars, in Lightroom's own presets and in the original project's (``Exposure2012``, not ``Exposure``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from junmai_jobs import checks
from junmai_jobs.checks import Bad, Check, inside, number, object_with, one_of, whole
from junmai_jobs.photo.errors import PresetError

Curve = list[list[int]]  # points [x, y] of a tone curve, both 0 to 255, x rising
Value = float | bool | str | Curve
Settings = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting of Camera Raw that is a number.

    ``neutral`` is Camera Raw's default for a RAW file, where a blend begins; None where nothing lies between
    on and off, as for the angle of a hue. ``decimals`` are those that Camera Raw writes.
    """

    low: float
    high: float
    neutral: float | None = 0.0
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Preset:
    """A named look. ``blend_amount`` is the strength in percent at which it is meant to be applied."""

    name: str
    settings: Settings
    description: str = ""
    context_tags: tuple[str, ...] = ()
    blend_amount: int = 100


_HUNDRED, _SIGNED = Parameter(0, 100), Parameter(-100, 100)
_FROM_25, _FROM_50 = Parameter(0, 100, 25), Parameter(0, 100, 50)
_ANGLE, _SWITCH = Parameter(0, 359, None), Parameter(0, 1, None)
_COLORS = ("Red", "Orange", "Yellow", "Green", "Aqua", "Blue", "Purple", "Magenta")
_PER_COLOR = ("HueAdjustment", "SaturationAdjustment", "LuminanceAdjustment", "GrayMixer")
_NUMBERS = {
    "Exposure2012": Parameter(-5, 5, decimals=2),
    "Contrast2012 Highlights2012 Shadows2012 Whites2012 Blacks2012": _SIGNED,
    "Texture Clarity2012 Dehaze Vibrance Saturation": _SIGNED,
    "Temperature": Parameter(2000, 50_000, None),
    "Tint": Parameter(-150, 150, None),
    "ParametricShadows ParametricDarks ParametricLights ParametricHighlights": _SIGNED,
    "SplitToningShadowHue SplitToningHighlightHue ColorGradeMidtoneHue ColorGradeGlobalHue": _ANGLE,
    "SplitToningShadowSaturation SplitToningHighlightSaturation": _HUNDRED,
    "ColorGradeMidtoneSat ColorGradeGlobalSat": _HUNDRED,
    "ColorGradeShadowLum ColorGradeMidtoneLum ColorGradeHighlightLum ColorGradeGlobalLum": _SIGNED,
    "SplitToningBalance": _SIGNED,
    "ColorGradeBlending": _FROM_50,
    "Sharpness": Parameter(0, 150, 40),
    "SharpenRadius": Parameter(0.5, 3, 1, decimals=1),
    "SharpenDetail": _FROM_25,
    "SharpenEdgeMasking": _HUNDRED,
    "LuminanceSmoothing LuminanceNoiseReductionContrast": _HUNDRED,
    "LuminanceNoiseReductionDetail": _FROM_50,
    "ColorNoiseReduction": _FROM_25,
    "ColorNoiseReductionDetail ColorNoiseReductionSmoothness": _FROM_50,
    "DefringePurpleAmount DefringeGreenAmount": Parameter(0, 20),
    "AutoLateralCA LensProfileEnable": _SWITCH,
    "GrainAmount": _HUNDRED,
    "GrainSize": _FROM_25,
    "GrainFrequency": _FROM_50,
    "PostCropVignetteAmount PostCropVignetteRoundness": _SIGNED,
    "PostCropVignetteMidpoint PostCropVignetteFeather": _FROM_50,
    "PostCropVignetteHighlightContrast": _HUNDRED,
    "PostCropVignetteStyle": Parameter(1, 3, None),
    "ShadowTint RedHue RedSaturation GreenHue GreenSaturation BlueHue BlueSaturation": _SIGNED,
    " ".join(kind + color for kind in _PER_COLOR for color in _COLORS): _SIGNED,
}
PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {name: parameter for names, parameter in _NUMBERS.items() for name in names.split()}
)
CURVE = "ToneCurvePV2012"
_WHITE_BALANCES = (
    "As Shot", "Auto", "Daylight", "Cloudy", "Shade", "Tungsten", "Fluorescent", "Flash", "Custom"
)  # fmt: skip
_CURVE_NAMES = ("Linear", "Medium Contrast", "Strong Contrast", "Custom")


def _curve(value: Any) -> Curve:
    expected = "must be a list of 2 to 16 points [x, y] from 0 to 255, x rising, as in [[0, 0], [255, 255]]"
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= 16:
        raise Bad(expected)
    level, points = whole(0, 255), []
    for index, point in enumerate(value):
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise Bad(expected, index)
        points.append([inside(index, level, part) for part in point])
        if index and points[-2][0] >= points[-1][0]:
            raise Bad(expected, index)
    return points


_CHECKS: Mapping[str, Check] = {
    **{name: number(parameter.low, parameter.high) for name, parameter in PARAMETERS.items()},
    "ConvertToGrayscale": checks.yes_or_no,
    "WhiteBalance": one_of(*_WHITE_BALANCES),
    "ToneCurveName2012": one_of(*_CURVE_NAMES),
    CURVE: _curve,
}


def _settings(value: Any) -> Settings:
    if not isinstance(value, Mapping):
        raise Bad('must be an object of settings, as in {"Exposure2012": 0.25}')
    for name in value:
        if name not in _CHECKS:
            close = get_close_matches(str(name), _CHECKS, 1, cutoff=0.5)
            raise Bad(
                "is no develop setting known here; "
                + (f"did you mean {close[0]}?" if close else "use Lightroom's names, as in Exposure2012"),
                name,
            )
    checked = {name: inside(name, _CHECKS[name], setting) for name, setting in value.items()}
    if ("Temperature" in checked) != ("Tint" in checked):
        raise Bad("must have both Temperature and Tint, or neither: together they are the white balance")
    return checked


_tags = checks.list_of(checks.text)
_preset = object_with(
    {
        "name": checks.text,
        "settings": _settings,
        "description": lambda value: value if value == "" else checks.text(value),
        "context_tags": _tags,
        "blend_amount": whole(0, 100),
    }
)


def checked(source: str, check: Callable[[Any], Any], value: Any) -> Any:
    """Check a value that came from ``source``, as in ``photo.presets[2]`` or ``rules.json: ``.

    Raises:
        PresetError: tells the place, as in ``photo.presets[2].settings.Exposure2012``, and the remedy.
    """
    try:
        return check(value)
    except Bad as bad:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in bad.where)
        if source.endswith(" "):
            place = place.removeprefix(".")
        raise PresetError(f"{(source + place).rstrip()} {bad}") from None


def checked_settings(settings: Settings) -> Settings:
    """Return develop settings if all are known and in range, else raise a ``PresetError``."""
    found: Settings = checked("settings", _settings, settings)
    return found


def load_presets(extra: Sequence[Mapping[str, Any]] = ()) -> dict[str, Preset]:
    """Return the presets by name: those of ``presets.json``, with the user's own laid over them.

    An object of ``extra`` has a ``name`` and any of ``settings``, ``description``, ``context_tags`` and
    ``blend_amount``. Under the name of a shipped preset it changes what it has; a new one needs ``settings``.

    Raises:
        PresetError: an object of ``extra`` is wrong; the message names it as ``photo.presets[INDEX]``.
    """
    presets = dict(_shipped())
    for index, item in enumerate(extra):
        source = f"photo.presets[{index}]"
        found = checked(source, _preset, dict(item))
        name = found.get("name")
        if name is None:
            raise PresetError(f'{source} must have a "name"')
        if name in presets:
            presets[name] = replace(presets[name], **found)
        elif "settings" in found:
            presets[name] = Preset(**found)
        else:
            raise PresetError(
                f'{source} must have "settings": no preset {name} is shipped that it could change'
            )
    return presets


def preset_named(name: str, presets: Mapping[str, Preset]) -> Preset:
    """Return the preset of that name.

    Raises:
        PresetError: there is none; the message names those there are.
    """
    if name not in presets:
        raise PresetError(f"there is no preset {name}: there are {', '.join(sorted(presets))}")
    return presets[name]


@cache
def _shipped() -> Mapping[str, Preset]:
    text = files("junmai_jobs.photo").joinpath("presets.json").read_text("utf-8")
    return {
        item["name"]: Preset(**checked(f"presets.json[{index}]", _preset, item))
        for index, item in enumerate(json.loads(text))
    }


def blended(preset: Preset, amount: float) -> dict[str, Value]:
    """Return a preset's settings at a strength of ``amount`` percent, 0 to 100, as Camera Raw rounds them.

    A number goes from its neutral value in proportion; a tone curve from the straight line. What has nothing
    in between is taken whole at any amount above 0, and left out at 0: words, switches, hues (their strength
    is the saturation beside them), and the white balance, since a RAW's neutral one is its own, as shot.
    Beside Temperature stands WhiteBalance ``Custom``, beside a curve ToneCurveName2012 ``Custom``, without
    which Camera Raw would pass over both.
    """
    checked("amount", number(0, 100), amount)
    share = amount / 100
    blend: dict[str, Value] = {}
    for name, value in preset.settings.items():
        parameter = PARAMETERS.get(name)
        if isinstance(value, list):
            blend[name] = [[x, round(x + (y - x) * share)] for x, y in value]
        elif parameter is not None and parameter.neutral is not None:
            assert isinstance(value, int | float)
            blend[name] = _rounded(parameter.neutral + (value - parameter.neutral) * share, parameter)
        elif amount:
            blend[name] = value if parameter is None else round(float(value))
    if "Temperature" in blend:
        blend["WhiteBalance"] = "Custom"
    if CURVE in blend:
        blend["ToneCurveName2012"] = "Custom"
    return blend


def _rounded(value: float, parameter: Parameter) -> float:
    return round(value, parameter.decimals) + 0.0 if parameter.decimals else round(value)


_STAGES = ("base", "toneCurve", "HSL", "detail", "effects", "calibration")  # in the order they are applied
_PLACES: dict[str, tuple[str, ...]] = {
    CURVE: ("toneCurve", "rgb"),
    "Temperature": ("base", "settings", "WB", "temp"),
    "Tint": ("base", "settings", "WB", "tint"),
    "Sharpness": ("detail", "sharpen", "amount"),
    "SharpenRadius": ("detail", "sharpen", "radius"),
    "SharpenDetail": ("detail", "sharpen", "detail"),
    "SharpenEdgeMasking": ("detail", "sharpen", "masking"),
    "LuminanceSmoothing": ("detail", "nr", "luminance"),
    "ColorNoiseReduction": ("detail", "nr", "color"),
    "GrainAmount": ("effects", "grain", "amount"),
    **{
        f"PostCropVignette{part}": ("effects", "vignette", part.lower())
        for part in ("Amount", "Midpoint", "Roundness", "Feather")
    },
    **{
        f"{prefix}Adjustment{color}": ("HSL", key, color.lower())
        for prefix, key in (("Hue", "hue"), ("Saturation", "sat"), ("Luminance", "lum"))
        for color in _COLORS
    },
    **{
        f"{color}{part}": ("calibration", f"{color.lower()}Primary", part[:3].lower())
        for color in ("Red", "Green", "Blue")
        for part in ("Hue", "Saturation")
    },
}


def lightroom_config(preset: Preset, amount: float, *, photo_path: str) -> dict[str, Any]:
    """Return a preset as the original's Lightroom plugin takes it: a document of ``LrDevConfig`` 1.0.

    ``amount`` is the strength in percent; the plugin blends nothing itself. A setting for which the format
    has no place of its own stands under ``base`` by its name.
    """
    settings, places = blended(preset, amount), _PLACES
    settings.pop("ToneCurveName2012", None)
    if "Temperature" in settings:  # the plugin's WB is whole or fails; a white balance by name is a setting
        places = places | {"WhiteBalance": ("base", "settings", "WB", "mode")}
    stages: dict[str, Any] = {}
    for name, value in settings.items():
        *path, last = places.get(name, ("base", "settings", name))
        place = stages
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return {
        "version": "1.0",
        "target": {"scope": "selected", "identifier": photo_path, "createVirtualCopy": True},
        "pipeline": [{"stage": stage, **stages[stage]} for stage in _STAGES if stage in stages],
        "safety": {"snapshot": True, "dryRun": False},
    }
