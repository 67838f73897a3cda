"""In which situation a photograph was taken, by readable rules over its EXIF and its scores.

The rules are ``contexts.toml``: contexts, each with a preset, its strength and its rules. The keys, the
operators and the threshold are the original project's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from junmai_jobs import checks
from junmai_jobs.checks import Bad, Check, inside, must_be, number, object_with, one_of, whole
from junmai_jobs.files import read_small
from junmai_jobs.photo.develop.settings import checked
from junmai_jobs.photo.develop.tables import Tables, own_tables, shipped_tables
from junmai_jobs.photo.errors import PresetError, shown, spelt

LEAST_SCORE = 0.5  # below it no context stands out
DEFAULT = "default"

_SECTIONS = ("camera", "settings", "location", "datetime", "context_hints", "quality")


@dataclass(frozen=True, slots=True)
class Rule:
    """One trait: ``field`` is a dotted path, ``weight`` what it counts when it holds."""

    field: str
    operator: str
    value: Any
    weight: float


@dataclass(frozen=True, slots=True)
class Context:
    """A situation that photographers have a word for; the one without rules is the default."""

    name: str
    description: str
    recommended_preset: str
    preset_blend: int
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """All contexts, in the order in which they win ties, and what holds when none stands out."""

    contexts: tuple[Context, ...]
    default: Context


def detect(exif: Mapping[str, Any], quality: Mapping[str, Any], rules: Rules | None = None) -> dict[str, Any]:
    """Find the context that fits best: the largest share of its rules' weight that holds.

    Args:
        exif: as ``reading.read_exif`` returns.
        quality: as ``judging.evaluate`` returns; the rules see it under ``quality``.
        rules: those of ``load_rules``; None for the shipped ones.

    Returns:
        ``context`` (``default`` if no score reaches 0.5), ``score`` (the best one, 0 to 1), ``description``,
        ``recommended_preset``, ``preset_blend`` (percent) and ``all_scores`` by context.
    """
    rules = rules or _shipped()
    facts = {**exif, "quality": quality}
    scores = {context.name: _score(context, facts) for context in rules.contexts}
    best = max(rules.contexts, key=lambda context: scores[context.name])  # the first of equals
    score = scores[best.name]
    found = best if score >= LEAST_SCORE else rules.default
    return {
        "context": found.name,
        "score": score,
        "description": found.description,
        "recommended_preset": found.recommended_preset,
        "preset_blend": found.preset_blend,
        "all_scores": scores,
    }


def blend_of(name: str, rules: Rules) -> int | None:
    """The strength, in percent, at which a context wants its preset; None: there is no such context."""
    known = {context.name: context.preset_blend for context in (rules.default, *rules.contexts)}
    return known.get(name)


def load_rules(path: Path | None = None, own: Path | None = None) -> Rules:
    """Return the shipped contexts, or those of a JSON file, with a TOML file of the user's laid over them.

    The JSON file holds ``default`` and ``contexts``; each has ``description``, ``recommended_preset`` and
    ``preset_blend`` (0 to 100), a context also ``rules``, a list of
    ``{"field": "settings.iso", "operator": ">=", "value": 1600, "weight": 3}``. The fields are those of
    ``read_exif``, and under ``quality`` those of ``evaluate``; a field that is missing or None matches
    nothing. Shutter speeds are text, ``"1/250"``, and compare as seconds.

    The TOML file has a table for each context with the same keys. Under the name of one that is there it
    changes what it names; a new one needs all keys and stands before the others, so that it wins ties.
    ``enabled = false`` takes a context away.

    Args:
        path: the JSON file; None: the shipped contexts.
        own: a file as ``contexts.toml``; it need not be there.

    Raises:
        PresetError: a file cannot be read or is wrong; the message names the place.
    """
    rules = _shipped() if path is None else _from_json(path)
    return rules if own is None else _laid_over(rules, own_tables(own), spelt(own))


def _from_json(path: Path) -> Rules:
    try:
        return _parsed(read_small(path), shown(path))
    except OSError as error:
        raise PresetError(f"the rules {shown(path)} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"the rules {shown(path)} are not UTF-8: save them as that") from error


@cache
def _shipped() -> Rules:
    name = "contexts.toml"
    tables = shipped_tables(name)
    rules: Rules = checked(f"{name}: ", _rules, {"default": tables.pop(DEFAULT), "contexts": tables})
    return rules


def _laid_over(rules: Rules, tables: Tables, file: str) -> Rules:
    contexts, default = {context.name: context for context in rules.contexts}, rules.default
    new: dict[str, Context] = {}
    for name, table in tables.items():
        source = f"{file}: {name}"
        if name == DEFAULT:
            default = replace(default, **checked(source, _default_changes, table))
            continue
        found = checked(source, _changes, table)
        if not found.pop("enabled", True):
            contexts.pop(name, None)
        elif name in contexts:
            contexts[name] = replace(contexts[name], **found)
        elif missing := next((key for key in _CONTEXT if key not in found), None):
            raise PresetError(f'{source} must have "{missing}": no context of this name could be changed')
        else:
            new[name] = Context(name, **found)
    if not new and not contexts:
        raise PresetError(f"{file} must leave at least one context enabled")
    return Rules((*new.values(), *contexts.values()), default)


def _parsed(text: str, name: str) -> Rules:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise PresetError(f"{name}, line {error.lineno}: {error.msg} (column {error.colno})") from None
    except (ValueError, RecursionError) as error:  # too many digits, too many brackets
        raise PresetError(f"{name} is no JSON that can be read here: {error}") from None
    rules: Rules = checked(f"{name}: ", _rules, content)
    return rules


# ---- scores ----------------------------------------------------------------------------------------


def _score(context: Context, facts: Mapping[str, Any]) -> float:
    held = sum(rule.weight for rule in context.rules if _holds(rule, _fact(rule.field, facts)))
    return round(held / sum(rule.weight for rule in context.rules), 4)


def _fact(field: str, facts: Mapping[str, Any]) -> Any:
    fact: Any = facts
    for step in field.split("."):
        fact = fact.get(step) if isinstance(fact, Mapping) else None
    return fact


def _holds(rule: Rule, fact: Any) -> bool:
    return fact is not None and _OPERATORS[rule.operator].holds(fact, rule.value)


def _compares(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def holds(fact: Any, value: Any) -> bool:
        left, right = _number(fact), _number(value)
        return left is not None and right is not None and compare(left, right)

    return holds


def _number(value: Any) -> float | None:
    """Return a number, or a text such as ``1/250`` or ``0.5`` as one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    over, _, under = str(value).partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        return None


# ---- what a file of rules may hold -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Operator:
    holds: Callable[[Any, Any], bool]  # of what the photograph has and of the rule's value
    check: Check  # of the rule's value


_plain = must_be("a text, a number, true or false", lambda value: isinstance(value, str | int | float))
_amount = must_be('a number or a shutter speed as in "1/250"', lambda value: _number(value) is not None)


def _choices(value: Any) -> tuple[Any, ...]:
    items: tuple[Any, ...] = checks.list_of(_plain)(value)
    if not items:
        raise Bad("must name at least one value")
    return items


def _limits(value: Any) -> tuple[Any, ...]:
    limits: tuple[Any, ...] = checks.list_of(_amount)(value)
    if len(limits) != 2 or not _compares(lambda low, high: low < high)(*limits):
        raise Bad("must be two limits, the lower first, as in [5.6, 11]")
    return limits


_OPERATORS: dict[str, _Operator] = {
    "==": _Operator(lambda fact, value: bool(fact == value), _plain),
    "!=": _Operator(lambda fact, value: bool(fact != value), _plain),
    ">": _Operator(_compares(lambda fact, value: fact > value), _amount),
    "<": _Operator(_compares(lambda fact, value: fact < value), _amount),
    ">=": _Operator(_compares(lambda fact, value: fact >= value), _amount),
    "<=": _Operator(_compares(lambda fact, value: fact <= value), _amount),
    "in": _Operator(lambda fact, value: fact in value, _choices),
    "between": _Operator(
        lambda fact, value: _OPERATORS[">="].holds(fact, value[0]) and _OPERATORS["<="].holds(fact, value[1]),
        _limits,
    ),
    "shutter_faster_than": _Operator(_compares(lambda fact, value: fact < value), _amount),
}


def _field(value: Any) -> str:
    parts = value.split(".") if isinstance(value, str) else [""]
    if len(parts) < 2 or not all(parts) or parts[0] not in _SECTIONS:
        raise Bad(f"must be a path as settings.iso that begins with one of {', '.join(_SECTIONS)}")
    return str(value)


def _having(known: dict[str, Check]) -> Check:
    """An object with all of these keys and no others."""
    allowed = object_with(known)

    def check(value: Any) -> dict[str, Any]:
        found: dict[str, Any] = allowed(value)
        for key in known:
            if key not in found:
                raise Bad(f'must have "{key}"')
        return found

    return check


_raw_rule = _having(
    {
        "field": _field,
        "operator": one_of(*_OPERATORS),
        "value": lambda value: value,
        "weight": number(0.01, 1000),
    }
)
_CARD: dict[str, Check] = {
    "description": checks.text,
    "recommended_preset": checks.text,
    "preset_blend": whole(0, 100),
}


def _rule(value: Any) -> Rule:
    found = _raw_rule(value)
    return Rule(**found | {"value": inside("value", _OPERATORS[found["operator"]].check, found["value"])})


def _rule_list(value: Any) -> tuple[Rule, ...]:
    found: tuple[Rule, ...] = checks.list_of(_rule)(value)
    if not found:
        raise Bad("must have at least one rule")
    return found


_CONTEXT: dict[str, Check] = {**_CARD, "rules": _rule_list}
_default, _default_changes = _having(_CARD), object_with(_CARD)
_context, _changes = _having(_CONTEXT), object_with({**_CONTEXT, "enabled": checks.yes_or_no})


def _contexts(value: Any) -> tuple[Context, ...]:
    if not isinstance(value, dict) or not value:
        raise Bad("must be an object with at least one context by its name")
    if DEFAULT in value:
        raise Bad("stands beside contexts, not among them", DEFAULT)
    return tuple(Context(name, **inside(name, _context, item)) for name, item in value.items())


_file = _having({"default": _default, "contexts": _contexts})


def _rules(value: Any) -> Rules:
    found = _file(value)
    return Rules(found["contexts"], Context(DEFAULT, **found["default"]))
