"""The settings of Lightroom's Develop module: their names, in both schemes, and what each may be.

Here they bear the names of Adobe's ``crs`` namespace, those of process version 2012 and later: so they stand
in sidecars and in Lightroom's own presets (``Exposure2012``). A plugin's ``LrDevelopController`` knows seven
of them by another name (``Exposure``); that is understood too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from junmai_jobs import checks
from junmai_jobs.checks import Bad, Check, inside, number, one_of, whole
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


_HUNDRED, _SIGNED = Parameter(0, 100), Parameter(-100, 100)
_FROM_25, _FROM_50 = Parameter(0, 100, 25), Parameter(0, 100, 50)
_ANGLE, _SWITCH = Parameter(0, 359, None), Parameter(0, 1, None)
COLORS = ("Red", "Orange", "Yellow", "Green", "Aqua", "Blue", "Purple", "Magenta")
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
    " ".join(kind + color for kind in _PER_COLOR for color in COLORS): _SIGNED,
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


CONTROLLER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        name: f"{name}2012"
        for name in ("Exposure", "Contrast", "Highlights", "Shadows", "Whites", "Blacks", "Clarity")
    }
)
"""The names of ``LrDevelopController`` that are not those of ``crs``, and these."""
_MEANT = {
    **{
        f"{color}{kind}": f"{kind}Adjustment{color}"
        for color in COLORS
        for kind in ("Hue", "Saturation", "Luminance")
    },
    "SharpeningAmount": "Sharpness",
    "SharpenAmount": "Sharpness",
    "SharpeningRadius": "SharpenRadius",
    "SharpeningDetail": "SharpenDetail",
    "SharpeningMasking": "SharpenEdgeMasking",
    "SharpenMasking": "SharpenEdgeMasking",
    "NoiseReduction": "LuminanceSmoothing",
    "LuminanceNoiseReduction": "LuminanceSmoothing",
    "VignetteAmount": "PostCropVignetteAmount",
    "ColorGradeShadowHue": "SplitToningShadowHue",
    "ColorGradeShadowSat": "SplitToningShadowSaturation",
    "ColorGradeHighlightHue": "SplitToningHighlightHue",
    "ColorGradeHighlightSat": "SplitToningHighlightSaturation",
}
"""What others write, and Lightroom knows nothing of or means something else by: named in the error alone."""


def settings(value: Any) -> Settings:
    """Check an object of settings by either name, and return it by the names of ``crs``: a ``Check``."""
    if not isinstance(value, Mapping):
        raise Bad('must be an object of settings, as in {"Exposure2012": 0.25}')
    found: dict[str, Value] = {}
    for given, setting in value.items():
        name = CONTROLLER_NAMES.get(given, given)
        if name not in _CHECKS:
            raise Bad(_unknown(str(given)), given)
        if name in found:
            raise Bad("is there twice, by both of its names: keep one of them", given)
        found[name] = inside(given, _CHECKS[name], setting)
    if ("Temperature" in found) != ("Tint" in found):
        raise Bad("must have both Temperature and Tint, or neither: together they are the white balance")
    return found


def _unknown(name: str) -> str:
    close = (
        [_MEANT[name]] if name in _MEANT else get_close_matches(name, [*CONTROLLER_NAMES, *_CHECKS], 1, 0.5)
    )
    remedy = f"did you mean {close[0]}?" if close else "use Lightroom's names, as in Exposure2012"
    return f"is no develop setting known here; {remedy}"


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


def checked_settings(given: Settings) -> Settings:
    """Return develop settings by their ``crs`` names.

    Raises:
        PresetError: one is unknown or out of range.
    """
    found: Settings = checked("settings", settings, given)
    return found
