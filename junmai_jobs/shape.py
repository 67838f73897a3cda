"""What a task's function is like; by its parameters' names a call is checked sooner than by binding it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, cast

from junmai_jobs.errors import OptionError

_PLACED = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


class Shape(NamedTuple):
    """The parameters of one function."""

    places: tuple[str, ...]
    """Those that may be given by place."""
    names: frozenset[str]
    """Those that may be given by name."""
    required: frozenset[str]

    @classmethod
    def of(cls, signature: inspect.Signature) -> Shape:
        """Read it off a signature."""
        parameters = [each for each in signature.parameters.values() if each.kind in _PLACED | _NAMED]
        return cls(
            tuple(each.name for each in parameters if each.kind in _PLACED),
            frozenset(each.name for each in parameters if each.kind in _NAMED),
            frozenset(each.name for each in parameters if each.default is each.empty),
        )

    def fits(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether these fit for certain; of what ``*`` and ``**`` would take, it is not."""
        placed = self.places[: len(args)]
        return (
            len(placed) == len(args)
            and kwargs.keys() <= self.names
            and kwargs.keys().isdisjoint(placed)
            and self.required.issubset((*placed, *kwargs))
        )


def check_function(function: Callable[..., Any], *, is_named: bool) -> None:
    """Refuse a function that a worker could not find or run.

    Raises:
        OptionError: it is a generator, or a lambda to which no name is given.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise OptionError(f"{function.__qualname__} is a generator; a task returns its result")
    if not is_named and function.__name__ == "<lambda>":
        raise OptionError("a lambda has no name, by which a worker finds a task: define it with def")


def check_inputs(given: object, function: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters of a function that are files.

    Raises:
        OptionError: it has none of that name.
    """
    single = isinstance(given, str) or not isinstance(given, Iterable)
    several: tuple[object, ...] = (given,) if single else tuple(cast("Iterable[object]", given))
    known = inspect.signature(function).parameters
    names = tuple(each for each in several if isinstance(each, str) and each in known)
    if len(names) != len(several):
        raise OptionError(
            f"input is {given!r}; give the parameter of {function.__name__} that is a file, or several: "
            f"{', '.join(known) or 'it has none'}"
        )
    return names


def check_asked(task: str, **functions: object) -> None:
    """Refuse an option that is to be a function of a task's arguments, and is none.

    Raises:
        OptionError: see there.
    """
    for option, given in functions.items():
        if given is not None and not callable(given):
            raise OptionError(f"{option} is {given!r}; give a function of the arguments of {task}")
