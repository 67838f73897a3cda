"""What a photographer's taste can be about, and how it is told.

That is traits of a photograph, with the words for having them or not. They are read off what was found out
about it once, the facts; a fact that is missing is a trait unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
"""What is known of a photograph, by name: numbers, texts, true and false, or None."""
_LONGEST = 100  # characters of a text among the facts: a camera may write down novels
_LEAST, _MOST = 1e-4, 1e7  # of what is measured in doublings: seconds, millimetres, f-numbers, ISO


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that photographs have more or less of, or have or have not.

    ``value`` reads it off the facts, None where they do not tell; ``spread`` is a difference that is seen.
    ``low`` and ``high`` are the words for photos, the ``*`` in them, that have less or more than usual.
    """

    low: str
    high: str
    value: Callable[[Facts], float | None]
    spread: float = 0.5  # of having or not


@dataclass(frozen=True, slots=True)
class Reason:
    """Photos in words, and the points that being one of them makes."""

    photos: str
    points: float

    def __str__(self) -> str:
        return f"you {'keep' if self.points > 0 else 'pass over'} {self.photos}"


@dataclass(frozen=True, slots=True)
class Leaning:
    """What a taste adds to the score of a photo, and the main reasons."""

    points: float = 0.0
    reasons: tuple[Reason, ...] = ()
    verdict: str | None = None
    """approved or rejected, if the photographer has said so of this very photo."""

    def __str__(self) -> str:
        """A sentence for the photographer; none where there is next to nothing to be told."""
        if self.verdict is not None:
            return f"You {self.verdict} it."
        points = f"{self.points:+.1f}"
        is_nothing = not self.reasons or float(points) == 0
        return "" if is_nothing else f"{points}: {', '.join(map(str, self.reasons))}."


NEUTRAL = Leaning()


def facts_of(exif: Mapping[str, Any], quality: Mapping[str, Any], context: str | None) -> dict[str, Any]:
    """Gather the facts about a photograph.

    Args:
        exif: as ``reading.read_exif`` returns.
        quality: as ``judging.evaluate`` returns; what it measured is a fact as ``noise.noise_level`` is.
        context: its name.

    Returns:
        What is a number, or a text of at most 100 characters.
    """
    facts = {"context": context, "overall_score": quality.get("overall_score")} | quality.get("quality", {})
    for section in ("settings", "datetime", "context_hints"):
        facts |= exif.get(section, {})
    for section, measured in quality.get("metrics", {}).items():
        facts |= {f"{section}.{name}": fact for name, fact in measured.items()}
    return {
        name: fact
        for name, fact in facts.items()
        if isinstance(fact, int | float) or (isinstance(fact, str) and len(fact) <= _LONGEST)
    }


def of_context(name: str) -> Trait:
    """The trait of being of a context, one of the user's own too."""
    words = name.replace("_", " ")
    return Trait(f"* that are no {words}", f"{words} *", _is("context", name))


def named(*words: str) -> str:
    """Name photos that have all these traits: ``dark *`` and ``* at dusk`` make dark photos at dusk."""
    name = "*"
    for each in words:
        name = each.replace("*", name)
    return name.replace("*", "photos")


def _number(name: str, scale: Callable[[float], float] = float) -> Callable[[Facts], float | None]:
    def value(facts: Facts) -> float | None:
        fact = facts.get(name)
        return scale(fact) if isinstance(fact, int | float) and math.isfinite(fact) else None

    return value


def _is(name: str, *wanted: object) -> Callable[[Facts], float | None]:
    def value(facts: Facts) -> float | None:
        fact = facts.get(name)
        return None if fact is None else float(fact in wanted)

    return value


def _stops(value: float) -> float:
    """Doublings; what no camera has, as a broken tag may, is as little or as much as it gets."""
    return math.log2(min(max(value, _LEAST), _MOST))


def _share(percent: float) -> float:
    return math.log2(1 + max(percent, 0.0))


def _shutter(facts: Facts) -> float | None:
    text = facts.get("shutter_speed")
    try:
        over, _, under = str(text).partition("/")
        return None if text is None else _stops(float(over) / float(under or 1))
    except (ValueError, ZeroDivisionError):
        return None


def _focal(facts: Facts) -> float | None:
    on_full_frame = _number("focal_length_35mm", _stops)(facts)
    return _number("focal_length", _stops)(facts) if on_full_frame is None else on_full_frame


def _backlit(facts: Facts) -> float | None:
    clipped, brightness = (
        facts.get(f"exposure.{name}") for name in ("highlight_clip_percent", "mean_brightness")
    )
    if clipped is None or brightness is None:
        return _is("context", "backlit_portrait")(facts)
    return float(clipped > 3 and brightness < 110)  # as the context of that name has it


_GOLDEN, _BLUE = ((f"{hour}_hour_morning", f"{hour}_hour_evening") for hour in ("golden", "blue"))
TRAITS: Mapping[str, Trait] = {
    "focus": Trait("soft *", "sharp *", _number("focus_score"), 1),
    "exposure": Trait("oddly exposed *", "well exposed *", _number("exposure_score"), 1),
    "composition": Trait("plainly composed *", "strongly composed *", _number("composition_score"), 1),
    "tilt": Trait("* with a level horizon", "* with a tilted horizon",
                  _number("composition.horizon_tilt", abs), 2),
    "noise": Trait("clean *", "grainy *", _number("noise.noise_level", _share), 1),
    "brightness": Trait("dark *", "bright *", _number("exposure.mean_brightness"), 40),
    "highlights": Trait("* without burnt highlights", "* with burnt highlights",
                        _number("exposure.highlight_clip_percent", _share), 1),
    "shadows": Trait("* without deep blacks", "* with deep blacks",
                     _number("exposure.shadow_clip_percent", _share), 1),
    "contrast": Trait("* of little contrast", "* of strong contrast", _number("exposure.dynamic_range"), 50),
    "iso": Trait("* at low ISO", "* at high ISO", _number("iso", _stops), 1.5),
    "focal": Trait("wide-angle *", "telephoto *", _focal, 1),
    "aperture": Trait("* at open apertures", "* at small apertures", _number("aperture", _stops), 1.5),
    "shutter": Trait("* of short exposure", "* of long exposure", _shutter, 3),
    "faces": Trait("* without faces", "* with faces", _number("faces_detected", lambda faces: min(faces, 1))),
    "people": Trait("* of few people", "* of several people",
                    _number("faces_detected", lambda faces: faces > 2)),
    "upright": Trait("landscape-format *", "portrait-format *",
                     _number("palette.aspect_ratio", lambda ratio: ratio < 1)),
    "color": Trait("muted *", "colourful *", _number("palette.colorfulness"), 25),
    "warmth": Trait("cool *", "warm *", _number("palette.warmth"), 8),
    "golden": Trait("* outside the golden hour", "* at the golden hour", _is("time_of_day", *_GOLDEN)),
    "blue": Trait("* outside the blue hour", "* at the blue hour", _is("time_of_day", *_BLUE)),
    "night": Trait("* by day", "* by night", _is("time_of_day", "night", "evening")),
    "midday": Trait("* outside midday", "* at midday", _is("time_of_day", "midday")),
    "backlight": Trait("* without backlight", "backlit *", _backlit),
    "indoors": Trait("* under the sky", "* indoors", _number("likely_indoor")),
}  # fmt: skip
"""By name. Those of the contexts come to them, see ``of_context``."""

PAIRED = (
    "brightness",
    "focal",
    "aperture",
    "iso",
    "faces",
    "upright",
    "color",
    "warmth",
    "golden",
    "backlight",
)
"""The traits that may matter together though neither matters alone."""
