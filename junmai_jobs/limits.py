"""What keeps jobs from running twice, too many at once or too often: ``Unique``, ``Concurrency``, ``Rate``.

Each has a key: jobs with the same key share it, whatever their task. A key may name arguments in braces,
``"folder:{folder}"``: each job gets the key that its own arguments make.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from junmai_jobs.codec import places_in
from junmai_jobs.errors import OptionError
from junmai_jobs.job import check_id, is_id

LONGEST_PERIOD = 366 * 86400.0
_SEPARATOR = re.compile(r"[^A-Za-z0-9]")
_LONGEST_MADE_KEY = 110
"""A key has at most 128 characters; the rest is room for what is put behind it, as the ``~`` of a rate."""


@dataclass(frozen=True, slots=True)
class Unique:
    """At most one job of a key: a second submission gives the handle of the first.

    Args:
        key: text; ``{name}`` in it stands for that argument of the job.
        scope: ``alive``, until the job has finished, or ``waiting``, until it is claimed.
        period: seconds from its submission for which the job has the key in any case, also when it has
            finished: the handle then answers with its result.
        keep: ``first``, or ``last``: a job that waits takes the arguments of the second submission and, if
            that has a delay, waits anew; if the job runs already, the second is accepted and waits for
            its end.
    """

    key: str
    scope: Literal["alive", "waiting"] = "alive"
    period: float | None = None
    keep: Literal["first", "last"] = "first"

    def __post_init__(self) -> None:
        _check_key(self.key, "a unique key")
        if not self.key:
            raise OptionError("a unique key is a text that is not empty")
        if self.scope not in {"alive", "waiting"} or self.keep not in {"first", "last"}:
            raise OptionError("Unique takes scope 'alive' or 'waiting', and keep 'first' or 'last'")
        if self.period is not None:
            _check_number("period", self.period, LONGEST_PERIOD)

    def spec(self, arguments: Mapping[str, Any]) -> str:
        """As lua/lib/unique.lua reads it."""
        period = round((self.period or 0) * 1000)
        return f"{_key_of(self.key, arguments)},{self.scope},{period},{self.keep}"


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most ``count`` jobs of a key run at once, on all workers together; the others keep their places."""

    count: int
    """1 to 1,000."""
    key: str = ""
    """Empty: the task's name."""

    def __post_init__(self) -> None:
        _check_count(self.count, 1000)
        _check_key(self.key, "a limit's key")

    def spec(self, task: str, arguments: Mapping[str, Any]) -> str:
        """As lua/lib/limits.lua reads it."""
        return f"{_key_of(self.key or task, arguments)},{self.count}"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` jobs of a key start in any span of ``per`` seconds; the others keep their places."""

    count: int
    """1 to 10,000."""
    per: float = 1.0
    """Seconds."""
    key: str = ""
    """Empty: the task's name."""

    def __post_init__(self) -> None:
        _check_count(self.count, 10_000)
        _check_number("per", self.per, LONGEST_PERIOD)
        _check_key(self.key, "a limit's key")

    def spec(self, task: str, arguments: Mapping[str, Any]) -> str:
        """As lua/lib/limits.lua reads it; a rate and a number of runs never share a key."""
        return f"{_key_of(self.key or task, arguments)}~,{self.count},{max(1, round(self.per * 1000))}"


def _key_of(key: str, arguments: Mapping[str, Any]) -> str:
    """The key of one job. An argument goes in as its digest if it could be taken for something else.

    So it does if it has characters that a key may not have, or, where a key names several arguments, any that
    may stand between them: ``p:q`` and ``r`` make another key than ``p`` and ``q:r``.
    """
    if "{" not in key:
        return key
    fields = [(before, name) for before, name, *_ in string.Formatter().parse(key) if name is not None]
    several, apart = len(fields) > 1, all(_SEPARATOR.search(before) for before, _ in fields[1:])
    parts = {}
    for _, name in fields:
        text = _text_of(key, name, arguments)
        plain = is_id(text) and (not several or (apart and not _SEPARATOR.search(text)))
        parts[name] = text if plain else _digest(text)
    made = key.format_map(parts)
    return made if len(made) <= _LONGEST_MADE_KEY else _digest(made)


def _text_of(key: str, name: str, arguments: Mapping[str, Any]) -> str:
    if name not in arguments:
        known = ", ".join(arguments) or "none"
        raise OptionError(f"the key {key!r} names {name!r}, which is no argument; there are {known}")
    if places_in(arguments[name]):
        raise OptionError(
            f"the key {key!r} names {name!r}, the result of another job: it is not known at submission"
        )
    return str(arguments[name])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _check_key(key: object, what: str) -> None:
    if not isinstance(key, str):
        raise OptionError(f"{what} is {key!r}; give a text")
    try:
        parts = list(string.Formatter().parse(key))
    except ValueError as error:
        raise OptionError(f"{what} is {key!r}: {error}") from None
    if any(name is not None and (not name.isidentifier() or how or form) for _, name, form, how in parts):
        raise OptionError(f"{what} is {key!r}: in the braces goes the name of an argument")
    literal = "".join(text for text, *_ in parts)
    if literal or len(parts) != 1:
        check_id(literal or "x", what)


def _check_count(count: object, limit: int) -> None:
    if type(count) is not int or not 1 <= count <= limit:
        raise OptionError(f"a limit of {count!r} jobs; give a whole number from 1 to {limit:,}")


def _check_number(name: str, value: object, limit: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e-3 <= value <= limit:
        raise OptionError(f"{name} is {value!r}; give seconds from 0.001 to {limit:g}")
