"""The server's replies as values. What is damaged reads as nothing: a list must not fail for one entry."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from junmai_jobs.job import is_name
from junmai_jobs.lanes import queue_of


def lane_names(found: Iterable[bytes]) -> list[str]:
    """Those that are names of queues or lanes: whatever else there is was not put there by us."""
    return [name for each in found if is_name(queue_of(name := text_of(each)))]


def text_of(data: bytes) -> str:
    """A text, also where the bytes are not a valid one."""
    return data.decode("utf-8", "replace")


def json_of(text: bytes) -> Any:
    """What a JSON text stands for; None where it is damaged."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where it is damaged."""
    found = json_of(text)
    return found if isinstance(found, dict) else {}


def seconds(clock: Any) -> float:
    """The reply to TIME, in seconds since 1970."""
    whole, micros = clock
    return int(whole) + int(micros) / 1e6


def scored(reply: Any) -> list[tuple[str, float]]:
    """Members with scores, in the shape of either protocol version."""
    if reply and isinstance(reply[0], (list, tuple)):
        return [(text_of(member), float(score)) for member, score in reply]
    return [(text_of(reply[at]), float(reply[at + 1])) for at in range(0, len(reply), 2)]
