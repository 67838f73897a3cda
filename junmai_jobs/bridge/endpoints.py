"""Endpoints: functions whose annotations say what comes in and goes out, for checks and for the description.

An endpoint is a function of the site and, by name, of the parts of its path; ``body`` and ``query``, where it
has them, are structs. What it returns is JSON of the type it is annotated with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_type_hints

import msgspec
from flask import Blueprint, Response, request

from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.codec import from_json

if TYPE_CHECKING:
    from junmai_jobs.bridge.site import Site

F = TypeVar("F", bound=Callable[..., Any])
_MISSING = re.compile(r"Object missing required field `(\w+)`")


@dataclass(frozen=True)
class Endpoint:
    """One path and method, and the function that answers."""

    method: str
    rule: str
    answers: Callable[..., Any]
    refuses: tuple[int, ...]
    """With which statuses, beside those that any endpoint may answer with."""
    changes: bool
    """Whether it needs the right to change something."""

    @property
    def hints(self) -> dict[str, Any]:
        """The types of its parameters and, as ``return``, of its answer."""
        return get_type_hints(self.answers, include_extras=True)


class Endpoints:
    """Endpoints that belong together; its methods are decorators."""

    def __init__(self) -> None:
        self._all: list[Endpoint] = []

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def get(self, rule: str, *refuses: int, changes: bool = False) -> Callable[[F], F]:
        """What only looks, unless it ``changes`` something all the same."""
        return partial(self._add, "GET", rule, refuses, changes=changes)

    def post(self, rule: str, *refuses: int) -> Callable[[F], F]:
        """What changes something."""
        return partial(self._add, "POST", rule, refuses)

    def put(self, rule: str, *refuses: int) -> Callable[[F], F]:
        """What sets something, with the same outcome however often."""
        return partial(self._add, "PUT", rule, refuses)

    def _add(
        self, method: str, rule: str, refuses: tuple[int, ...], function: F, *, changes: bool = True
    ) -> F:
        self._all.append(Endpoint(method, rule, function, refuses, changes))
        return function

    def register(self, blueprint: Blueprint, site: Site) -> None:
        """Have a blueprint answer at all of them."""
        for endpoint in self._all:
            name = f"{endpoint.answers.__module__.rpartition('.')[2]}_{endpoint.answers.__name__}"
            view = _view(endpoint, site)
            blueprint.add_url_rule(endpoint.rule, name, view, methods=[endpoint.method])


def _view(endpoint: Endpoint, site: Site) -> Callable[..., Response]:
    hints = endpoint.hints

    def view(**parts: Any) -> Response:
        if endpoint.changes:
            site.gate.check_may_change()
        if kind := hints.get("body"):
            parts["body"] = _body(kind)
        if kind := hints.get("query"):
            parts["query"] = _query(kind)
        return as_json(endpoint.answers(site, **parts))

    return view


def as_json(document: object, status: int = 200) -> Response:
    """An answer with a document; what JSON has no form for is told as text."""
    return Response(msgspec.json.encode(document, enc_hook=str), status, mimetype="application/json")


def _body(kind: type[Any]) -> Any:
    """The body of the request; none at all is an empty object.

    Raises:
        Refusal: it is not JSON, or not of this kind.
    """
    data = request.get_data(cache=False)
    if data and not request.is_json:
        raise Refusal(415, "send JSON, and say so: Content-Type: application/json")
    try:
        return msgspec.convert(from_json(data or b"{}"), kind)
    except (ValueError, msgspec.MsgspecError) as error:
        _refuse(error)


def _query(kind: type[Any]) -> Any:
    given = request.args.to_dict(flat=False)
    repeated = [name for name, values in given.items() if len(values) > 1]
    if repeated:
        raise Refusal(400, f"{repeated[0]} is given more than once")
    try:
        return msgspec.convert({name: values[0] for name, values in given.items()}, kind, strict=False)
    except msgspec.MsgspecError as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    """Tell it as the original does where it does."""
    text = str(error)
    if found := _MISSING.match(text):
        raise Refusal(400, f"{found[1]} is required", "bad_value") from None
    raise Refusal(400, text[:1].lower() + text[1:], "bad_value") from None
