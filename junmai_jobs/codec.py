"""Arguments and results as msgpack: what may be stored, and a clear word about what may not.

Beside msgpack's own types (None, bool, 64-bit int, float, str, bytes, list, dict with str keys; a tuple
comes back as a list) three extension types are kept: 1, a ``datetime`` as ISO 8601 text; 2, a ``Path`` as the
bytes of ``os.fsencode``; 3, the place of another job's result (``ResultOf``) as that job's id. Nothing else
is ever rebuilt from stored bytes: no class, no import.
"""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import msgpack

from junmai_jobs.errors import PayloadError

PAYLOAD_LIMIT = 256 * 1024
RESULT_LIMIT = 1024 * 1024
DEPTH_LIMIT = 64
_DATETIME, _PATH, _RESULT = 1, 2, 3
_PLAIN = frozenset({type(None), bool, float, bytes})
_pack = msgpack.Packer(default=lambda value: _extension(value)).pack  # noqa: PLW0108 - defined below


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
    _check(value, place, 0)
    data: bytes = _pack(value)
    if len(data) > limit:
        raise PayloadError(
            f"{place} takes {len(data):,} bytes, the limit is {limit:,}: store a path to a file instead"
        )
    return data


def unpack(data: bytes) -> Any:
    """Decode what ``pack`` made.

    Raises:
        PayloadError: the bytes are not such a value.
    """
    try:
        return msgpack.unpackb(data, ext_hook=_rebuild)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise PayloadError(f"stored bytes cannot be read: {error}") from error


def _check(value: object, place: str, depth: int) -> None:
    """Refuse what msgpack would refuse too late, silently change, or name badly."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, (str, int)):
        _check_range(value, place)
    elif depth >= DEPTH_LIMIT:
        raise PayloadError(f"{place} is nested more than {DEPTH_LIMIT} deep, or contains itself")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise PayloadError(f"{place} has the key {key!r}; keys must be text")
            _check(key, f"a key of {place}", depth + 1)
            _check(item, f"{place}.{key}", depth + 1)
    elif not isinstance(value, (datetime, PurePath, float, bytes, ResultOf)):
        raise PayloadError(
            f"{place} is a {kind.__name__}, which cannot be stored; "
            "use None, bool, int, float, str, bytes, list, dict, datetime or Path"
        )


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
    raise PayloadError(f"a {type(value).__name__} cannot be stored")


def _rebuild(code: int, data: bytes) -> object:
    if code == _DATETIME:
        return datetime.fromisoformat(data.decode())
    if code == _PATH:
        return Path(os.fsdecode(data))
    if code == _RESULT:
        return ResultOf(data.decode())
    raise ValueError(f"unknown extension type {code}")


def places_in(*values: object) -> list[ResultOf]:
    """The places for results, wherever in these arguments they stand."""
    places: list[ResultOf] = []
    rest, seen = list(values), set()
    for value in rest:
        if isinstance(value, ResultOf):
            places.append(value)
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            rest.extend(value.values() if isinstance(value, dict) else value)
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
