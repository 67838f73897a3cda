"""A preset as the original's Lightroom plugin takes it: a document of ``LrDevConfig`` 1.0."""

from __future__ import annotations

from typing import Any

from junmai_jobs.photo.develop.presets import Preset, blended
from junmai_jobs.photo.develop.settings import COLORS, CURVE

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
        for color in COLORS
    },
    **{
        f"{color}{part}": ("calibration", f"{color.lower()}Primary", part[:3].lower())
        for color in ("Red", "Green", "Blue")
        for part in ("Hue", "Saturation")
    },
}


def lightroom_config(preset: Preset, amount: float, *, photo_path: str) -> dict[str, Any]:
    """Return the document for a preset.

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
