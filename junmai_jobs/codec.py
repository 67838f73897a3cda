"""Arguments and results as msgpack: what may be stored, and a clear word about what may not.

Beside msgpack's own types (None, bool, 64-bit int, float, str, bytes, list, dict with str keys; a tuple
comes back as a list) three extension types are kept: 1, a ``datetime`` as ISO 8601 text; 2, a ``Path`` as the
bytes of ``os.fsencode``; 3, the place of another job's result (``ResultOf``) as that job's id. Nothing else
is ever rebuilt from stored bytes: no class, no import. And nothing is read that ``pack`` would not have made:
what is larger, deeper or of more parts, or has a key twice, is refused before it fills the memory.

What is large may be stored compressed (``shrunk``); it is read as if it were not.
"""

from __future__ import annotations

import base64
import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, NoReturn

import msgpack

from junmai_jobs.errors import PayloadError

PAYLOAD_LIMIT = 256 * 1024
RESULT_LIMIT = 1024 * 1024
BODY_LIMIT = 4 * 1024 * 1024
"""A payload beside 20,000 parents of the longest ids."""
DEPTH_LIMIT = 64
_PARTS_LIMIT = PAYLOAD_LIMIT
"""Lists, dicts and extensions in one value: an empty dict takes a byte when stored, and 80 in memory."""
_OPENERS = bytes([*range(0x80, 0xA0), *range(0xC7, 0xCA), *range(0xD4, 0xD9), *range(0xDC, 0xE0)])
"""With one of these bytes each of them begins; text may have the same."""
_DATETIME, _PATH, _RESULT = 1, 2, 3
_SAFE = frozenset({type(None), bool, float, bytes})
_PLAIN = _SAFE | {int, str}
"""Of these types anything can be stored, or is refused by msgpack itself; of the first always the former."""
_TIMESTAMPS = (b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")
_SHRUNK = b"\xc1"
"""With this byte no msgpack begins."""
_WORTH_SHRINKING = 4096
"""Smaller ones are left: what is saved is not worth the time."""
_SHARE = 0.7
"""The part of its size that it may still take: numbers and pictures take more, and are left as they are."""


@dataclass(frozen=True, slots=True)
class ResultOf:
    """Where a job's arguments will have the result of another one."""

    id: str
    planned: Any = field(default=None, compare=False, repr=False)
    """The other one, where it may not be submitted yet; it is not stored."""


def pack(value: object, *, limit: int = PAYLOAD_LIMIT, place: str = "value") -> bytes:
    """Encode a value.

    Args:
        value: what to encode.
        limit: the most bytes it may take.
        place: what to call it in an error, as in ``args[0].mask``.

    Raises:
        PayloadError: it is of a type, size, depth or range that cannot be stored.
    """
    if type(value) not in _PLAIN:
        _check(value, place, 0)
    try:
        # Not by a packer that is kept: while it calls ``_extension``, another thread might use it.
        data: bytes = msgpack.Packer(default=_extension).pack(value)
    except (OverflowError, UnicodeEncodeError):
        _check(value, place, 0, plain=_SAFE)
        raise
    check_size(data, limit, place)
    if len(data) > _PARTS_LIMIT:
        unpack(data, limit=limit, complaint=f"{place} cannot be stored")
    return data


def check_size(data: bytes, limit: int, place: str) -> bytes:
    """The same, if it is not too large.

    Raises:
        PayloadError: it is.
    """
    if len(data) > limit:
        raise PayloadError(
            f"{place} takes {len(data):,} bytes, the limit is {limit:,}: store a path to a file instead"
        )
    return data


def unpack(data: bytes, *, limit: int = RESULT_LIMIT, complaint: str = "stored bytes cannot be read") -> Any:
    """Decode what ``pack`` made.

    Args:
        data: what is stored.
        limit: the most bytes that it can be.
        complaint: how the error begins.

    Raises:
        PayloadError: the bytes are not such a value.
    """
    if len(data) > limit:
        raise PayloadError(f"{complaint}: they are {len(data):,}, the limit is {limit:,}")
    if data.startswith(_SHRUNK):
        data = _grown(data, limit, complaint)
    parts = len(data) - len(data.translate(None, _OPENERS))  # at most
    rebuild, as_dict, as_list = _rebuild, _dict, None
    if parts > _PARTS_LIMIT:
        left = iter(range(_PARTS_LIMIT))
        rebuild, as_dict, as_list = _counted(_rebuild, left), _counted(_dict, left), _counted(list, left)
    try:
        value = msgpack.unpackb(data, ext_hook=rebuild, object_pairs_hook=as_dict, list_hook=as_list)
    except (ValueError, TypeError, OverflowError, MemoryError, msgpack.UnpackException) as error:
        raise PayloadError(f"{complaint}: {error}") from error
    if parts > DEPTH_LIMIT and is_deep(value):
        raise PayloadError(f"{complaint}: they are nested more than {DEPTH_LIMIT} deep")
    if b"\xff" in data and any(mark in data for mark in _TIMESTAMPS) and _has_timestamp(value):
        raise PayloadError(f"{complaint}: unknown extension type -1")
    return value


def shrunk(data: bytes) -> bytes:
    """What ``pack`` made, compressed where that pays; ``unpack`` reads both."""
    beginning = data[:_WORTH_SHRINKING]
    if len(beginning) < _WORTH_SHRINKING or len(zlib.compress(beginning, 1)) > _WORTH_SHRINKING * _SHARE:
        return data
    made = _SHRUNK + zlib.compress(data, 1)
    return made if len(made) <= len(data) * _SHARE else data


def _grown(data: bytes, limit: int, complaint: str) -> bytes:
    """What ``shrunk`` was given; no more than ``limit`` bytes are made, whatever the data would give."""
    reader = zlib.decompressobj()
    try:
        made = reader.decompress(data[len(_SHRUNK) :], limit + 1)
    except zlib.error as error:
        raise PayloadError(f"{complaint}: {error}") from error
    if len(made) > limit:
        raise PayloadError(f"{complaint}: they become more than {limit:,}")
    if not reader.eof or reader.unused_data:
        raise PayloadError(f"{complaint}: they do not end where they should")
    return made


def _check(value: object, place: str, depth: int, *, plain: frozenset[type] = _PLAIN) -> None:
    """Refuse what msgpack would refuse too late, silently change, or name badly.

    Args:
        value: what is to be stored.
        place: what to call it.
        depth: how deep it stands.
        plain: the types that are not looked at.
    """
    if isinstance(value, (str, int)):
        _check_range(value, place)
    elif depth >= DEPTH_LIMIT:
        raise PayloadError(f"{place} is nested more than {DEPTH_LIMIT} deep, or contains itself")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if type(item) not in plain:
                _check(item, f"{place}[{index}]", depth + 1, plain=plain)
    elif isinstance(value, dict):
        _check_items(value, place, depth + 1, plain)
    elif not isinstance(value, (datetime, PurePath, float, bytes, ResultOf)):
        kind = type(value).__name__
        raise PayloadError(
            f"{place} is {'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}, which cannot be stored; "
            "use None, bool, int, float, str, bytes, list, dict, datetime or Path"
        )


def _check_items(value: dict[Any, Any], place: str, depth: int, plain: frozenset[type]) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise PayloadError(f"{place} has the key {key!r}; keys must be text")
        if str not in plain:
            _check_range(key, f"a key of {place}")
        if type(item) not in plain:
            _check(item, f"{place}.{key}", depth, plain=plain)


def _check_range(value: str | int, place: str) -> None:
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise PayloadError(f"{place} is an integer of more than 64 bits; pass it as text")
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PayloadError(f"{place} has a lone surrogate; a file name goes in as a Path") from None


def _extension(value: object) -> msgpack.ExtType:
    if isinstance(value, datetime):
        return msgpack.ExtType(_DATETIME, value.isoformat().encode())
    if isinstance(value, PurePath):
        return msgpack.ExtType(_PATH, os.fsencode(value))
    if isinstance(value, ResultOf):
        return msgpack.ExtType(_RESULT, value.id.encode())
    raise OverflowError(value)  # of an integer that is too large msgpack asks, too


def _rebuild(code: int, data: bytes) -> object:
    if code == _DATETIME:
        return datetime.fromisoformat(data.decode())
    if code == _PATH:
        return Path(os.fsdecode(data))
    if code == _RESULT:
        return ResultOf(data.decode())
    raise ValueError(f"unknown extension type {code}")


def _dict(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    if not all(isinstance(key, str) for key in made):
        raise ValueError("a key is no text")
    return made


def _counted(make: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    """``make``, as long as anything is ``left``."""

    def count(*given: Any) -> Any:
        if next(left, None) is None:
            raise ValueError(f"there are more than {_PARTS_LIMIT:,} lists, dicts and extensions in one value")
        return make(*given)

    return count


def is_deep(value: Any) -> bool:
    """Whether lists and dicts are nested in it more than ``DEPTH_LIMIT`` deep."""
    # Of the values so deep, those that may hold others.
    level = [value] if isinstance(value, (list, dict)) else []
    for _ in range(DEPTH_LIMIT):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, (list, dict))
        ]
        if not level:
            return False
    return True


def _has_timestamp(value: Any) -> bool:
    """Whether there is one of msgpack's own, which it rebuilds without asking."""
    rest = [value]
    for each in rest:
        if isinstance(each, (list, dict)):
            rest.extend(each.values() if isinstance(each, dict) else each)
    return any(isinstance(each, msgpack.Timestamp) for each in rest)


def places_in(*values: object) -> list[ResultOf]:
    """The places for results, wherever in these arguments they stand."""
    places: list[ResultOf] = []
    rest, seen = [value for value in values if type(value) not in _PLAIN], set()
    for value in rest:
        if isinstance(value, ResultOf):
            places.append(value)
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            items = value.values() if isinstance(value, dict) else value
            rest += [item for item in items if type(item) not in _PLAIN]
    return places


def as_json(value: Any) -> Any:
    """A stored value as JSON has it: paths and times are text, bytes are base64, NaN and infinity null."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, ResultOf):
        return {"result_of": value.id}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value) if isinstance(value, datetime | PurePath) else value


def from_json(text: str | bytes) -> Any:
    """JSON in the strict sense: no NaN, no number beyond a float, and no name twice in an object.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_name_twice
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text:.40} is too large a number")
    return number


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{json.dumps(twice)} stands in it twice")
    return found
