"""Develop presets: those that come along, the user's own laid over them, and how strongly one applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from junmai_jobs import checks
from junmai_jobs.checks import number, object_with, whole
from junmai_jobs.photo.develop.settings import (
    CURVE,
    PARAMETERS,
    Parameter,
    Settings,
    Value,
    checked,
    settings,
)
from junmai_jobs.photo.develop.tables import own_tables, shipped_tables
from junmai_jobs.photo.errors import PresetError, spelt

_FILE = "presets.toml"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named look. ``blend_amount`` is the strength in percent at which it is meant to be applied."""

    name: str
    settings: Settings
    description: str = ""
    context_tags: tuple[str, ...] = ()
    blend_amount: int = 100


_table = object_with(
    {
        "enabled": checks.yes_or_no,
        "settings": settings,
        "description": lambda value: value if value == "" else checks.text(value),
        "context_tags": checks.list_of(checks.text),
        "blend_amount": whole(0, 100),
    }
)


def load_presets(extra: Sequence[Mapping[str, Any]] = (), own: Path | None = None) -> dict[str, Preset]:
    """Return the presets by name: the shipped ones, and laid over them a file of the user's and ``extra``.

    A table of the file, or an object of ``extra`` with its ``name``, has any of ``settings``,
    ``description``, ``context_tags`` and ``blend_amount``. Under the name of a preset that is there it
    changes what it names, of the settings too; a new one needs ``settings``. ``enabled = false`` takes a
    preset away.

    Args:
        extra: ``photo.presets``.
        own: a file as ``presets.toml``; it need not be there.

    Raises:
        PresetError: one of them is wrong; the message names its place, as ``photo.presets[INDEX]``.
    """
    presets = dict(_shipped())
    if own is not None:
        for name, table in own_tables(own).items():
            _lay_over(presets, f"{spelt(own)}: {name}", name, table)
    for index, item in enumerate(extra):
        source, table = f"photo.presets[{index}]", dict(item)
        if "name" not in table:
            raise PresetError(f'{source} must have a "name"')
        _lay_over(presets, source, checked(f"{source}.name", checks.text, table.pop("name")), table)
    return presets


def _lay_over(presets: dict[str, Preset], source: str, name: str, table: Mapping[str, Any]) -> None:
    found = checked(source, _table, table)
    before = presets.get(name)
    if not found.pop("enabled", True):
        presets.pop(name, None)
    elif before is not None:
        both = {**before.settings, **found.get("settings", {})}
        presets[name] = replace(before, **found | {"settings": both})
    elif "settings" in found:
        presets[name] = Preset(name, **found)
    else:
        raise PresetError(f'{source} must have "settings": no preset {name} is there that it could change')


@cache
def _shipped() -> Mapping[str, Preset]:
    presets: dict[str, Preset] = {}
    for name, table in shipped_tables(_FILE).items():
        _lay_over(presets, f"{_FILE}: {name}", name, table)
    return MappingProxyType(presets)


def preset_named(name: str, presets: Mapping[str, Preset]) -> Preset:
    """Return the preset of that name.

    Raises:
        PresetError: there is none; the message names those there are.
    """
    if name not in presets:
        raise PresetError(f"there is no preset {name}: there are {', '.join(sorted(presets))}")
    return presets[name]


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
