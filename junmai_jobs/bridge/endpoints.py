"""Endpoints: functions whose annotations say what comes in and goes out, for checks and for the description.

An endpoint is a function of the site and, by name, of the parts of its path; ``body`` and ``query``, where it
has them, are structs. What it returns is JSON of the type it is annotated with: with the status 200, or with
another one in an ``Answer``. One that takes ``once`` is given what the header ``Idempotency-Key`` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta

from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.codec import DEPTH_LIMIT, from_json, is_deep
from junmai_jobs.errors import InvalidState
from junmai_jobs.idempotency import IdempotencyConflict, Once

if TYPE_CHECKING:
    from junmai_jobs.bridge.site import Site

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
IDEMPOTENCY_KEY = "Idempotency-Key"
LARGEST_BODY = 1 << 20
"""Bytes."""
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_UNSTORABLE = {
    UnicodeEncodeError: "a text in it has half a character, a lone surrogate",
    OverflowError: "a number in it is an integer of more than 64 bits",
}
JobId = Annotated[str, Meta(min_length=1, description="Of a job; it may have slashes in it.")]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A document with a status of its own."""

    document: T
    status: ClassVar[int] = 200


class Created(Answer[T]):
    """Something was made, and is there."""

    status = 201


class Accepted(Answer[T]):
    """Something will be done."""

    status = 202


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
    public: bool = False
    """Whether it is answered without any right, see ``Gate.public``."""

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The types of its parameters and, as ``return``, of its answer."""
        return get_type_hints(self.answers, include_extras=True)

    @property
    def documents(self) -> dict[int, Any]:
        """The type of the document that it answers with, by status."""
        kind = self.hints["return"]
        kinds = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
        return dict(map(_document_of, kinds))


class Endpoints:
    """Endpoints that belong together; its methods are decorators."""

    def __init__(self) -> None:
        self._all: list[Endpoint] = []

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._all)

    def get(self, rule: str, *refuses: int, changes: bool = False, public: bool = False) -> Callable[[F], F]:
        """What only looks, unless it ``changes`` something all the same."""
        return partial(self._add, "GET", rule, refuses, changes=changes, public=public)

    def post(self, rule: str, *refuses: int, public: bool = False) -> Callable[[F], F]:
        """What changes something, unless it is ``public``."""
        return partial(self._add, "POST", rule, refuses, changes=not public, public=public)

    def put(self, rule: str, *refuses: int) -> Callable[[F], F]:
        """What sets something, with the same outcome however often."""
        return partial(self._add, "PUT", rule, refuses)

    def _add(
        self, method: str, rule: str, refuses: tuple[int, ...], function: F, *, changes: bool = True,
        public: bool = False,
    ) -> F:  # fmt: skip
        self._all.append(Endpoint(method, rule, function, refuses, changes, public))
        return function

    def register(self, blueprint: Blueprint, site: Site) -> None:
        """Have a blueprint answer at all of them."""
        for endpoint in self._all:
            name = f"{endpoint.answers.__module__.rpartition('.')[2]}_{endpoint.answers.__name__}"
            view = _view(endpoint, site)
            # An id may have two slashes in a row; its client would be sent elsewhere.
            blueprint.add_url_rule(endpoint.rule, name, view, methods=[endpoint.method], merge_slashes=False)


def _document_of(kind: Any) -> tuple[int, Any]:
    """The status and the type of the document of one way to answer."""
    answer = get_origin(kind)
    if isinstance(answer, type) and issubclass(answer, Answer):
        return answer.status, get_args(kind)[0]
    return Answer.status, kind


def _view(endpoint: Endpoint, site: Site) -> Callable[..., Response]:
    hints = endpoint.hints

    def view(**parts: Any) -> Response:
        if endpoint.changes:
            site.gate.check_may_change()
        given = {name: _part(text, hints[name]) for name, text in parts.items()}
        if kind := hints.get("body"):
            given["body"] = _body(kind)
        if kind := hints.get("query"):
            given["query"] = query_of(kind)
        if "once" in hints:
            given["once"] = _once(given.get("body"))
        return _answered(endpoint, site, given)

    return site.gate.public(view) if endpoint.public else view


def _answered(endpoint: Endpoint, site: Site, given: Mapping[str, Any]) -> Response:
    try:
        told = endpoint.answers(site, **given)
    except InvalidState as error:
        if given.get("once") is None:
            raise
        raise IdempotencyConflict from error  # another request with this key came at the same time
    return as_json(told.document, told.status) if isinstance(told, Answer) else as_json(told)


def as_json(document: object, status: int = 200) -> Response:
    """An answer with a document; what JSON has no form for is text in it, and ``?`` what no text can hold."""
    try:
        told = msgspec.json.encode(document, enc_hook=str)
    except UnicodeEncodeError:  # the name of a file
        plain = json.dumps(msgspec.to_builtins(document, enc_hook=str), ensure_ascii=False)
        told = plain.encode("utf-8", "replace")
    return Response(told, status, mimetype="application/json")


def _part(text: str, kind: Any) -> Any:
    """A part of the path.

    Raises:
        Refusal: there can be nothing of that name.
    """
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.MsgspecError:
        raise Refusal(404, f"there is nothing of the name {text[:100]}") from None


def _body(kind: type[Any]) -> Any:
    """The body of the request; none at all is an empty object.

    Raises:
        Refusal: it is not JSON, or not of this kind; a text or a number in it is one that nothing can store.
    """
    try:
        data = request.get_data(cache=False)
    except OSError:
        raise Refusal(400, "the body did not arrive whole") from None
    if len(data) > LARGEST_BODY:
        raise Refusal(413, f"a body has at most {LARGEST_BODY:,} bytes")
    if data and not request.is_json:
        raise Refusal(415, "send JSON, and say so: Content-Type: application/json")
    try:
        found = from_json(data or b"{}")
        if is_deep(found):
            raise Refusal(400, f"it is nested more than {DEPTH_LIMIT} deep", "bad_value")
        msgspec.json.encode(found)  # refuses lone surrogates, and integers of more than 64 bits
        return msgspec.convert(found, kind)
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        _refuse(error)


def _once(body: Any) -> Once | None:
    """What the request's key says; None: it has none.

    Raises:
        OptionError: that is no key.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    content = [request.method, request.path, msgspec.to_builtins(body)]
    return Once(key, json.dumps(content, sort_keys=True).encode())


def query_of(kind: type[Any]) -> Any:
    """What the request has behind its path.

    Raises:
        Refusal: it is not of this kind.
    """
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
    text = _UNSTORABLE.get(type(error), str(error))
    if found := _MISSING.match(text):
        raise Refusal(400, f"{found[1]} is required", "bad_value") from None
    if not text[1:2].isupper():  # as in NaN, which is no sentence
        text = text[:1].lower() + text[1:]
    raise Refusal(400, text, "bad_value") from None
