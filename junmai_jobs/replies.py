"""The server's replies as values. What is damaged reads as nothing: a list must not fail for one entry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from junmai_jobs.codec import DEPTH_LIMIT, RESULT_LIMIT, is_deep
from junmai_jobs.job import is_name
from junmai_jobs.lanes import is_lane, queue_of

_LISTS = {"queues", "order", "tasks", "claimers"}
"""What a worker says of itself in lists of texts."""


def lane_names(found: Iterable[bytes]) -> list[str]:
    """Those that are names of queues or lanes: whatever else there is was not put there by us."""
    return [name for each in found if is_name(queue_of(name := text_of(each))) and is_lane(name)]


def text_of(data: bytes) -> str:
    """A text, also where the bytes are not a valid one."""
    return data.decode("utf-8", "replace")


def json_of(text: bytes) -> Any:
    """What a JSON text stands for; None where it is damaged, or larger than any of ours."""
    try:
        found = json.loads(text) if len(text) <= RESULT_LIMIT else None
    except (ValueError, RecursionError):
        return None
    return None if text.count(b"[") + text.count(b"{") > DEPTH_LIMIT and is_deep(found) else found


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where it is damaged."""
    found = json_of(text)
    return found if isinstance(found, dict) else {}


def as_said(text: bytes) -> dict[str, Any]:
    """What a worker said of itself, without what it cannot have said."""
    known = {
        name: value
        for name, value in json_object(text).items()
        if name not in _LISTS or texts(value) is not None
    }
    if not _is_governor(known.get("governor")):
        known.pop("governor", None)
    return known


def _is_governor(said: object) -> bool:
    """Whether it is what ``resources.Allowance.describe`` gives."""
    match said:
        case {"grade": str(), "slots": int(), "of": int(), "reasons": list(reasons)}:
            return texts(reasons) is not None
    return False


def texts(value: object) -> list[str] | None:
    """A list of texts; None where it is something else."""
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def whole(text: object) -> int | None:
    """What decimal digits stand for; None where they are none, or more than any number of ours has."""
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,20}", text) else None


def seconds(clock: Any) -> float:
    """The reply to TIME, in seconds since 1970."""
    whole, micros = clock
    return int(whole) + int(micros) / 1e6


def mapping(reply: Any) -> dict[bytes, Any]:
    """Fields with values, in the shape of either protocol version."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def claims(record: bytes | None) -> list[tuple[str, str]]:
    """Job and token of all that a claimer's record names (lua/lib/claimer.lua), first what runs."""
    parts = text_of(record or b"").split("|")
    if len(parts) < 4:
        return []
    more = parts[4].split(" ") if len(parts) > 4 else []
    pairs = [(parts[1], parts[2]), *zip(more[::2], more[1::2], strict=False)]
    return [(job_id, token) for job_id, token in pairs if job_id and whole(token) is not None]


def scored(reply: Any) -> list[tuple[str, float]]:
    """Members with scores, in the shape of either protocol version."""
    if reply and isinstance(reply[0], (list, tuple)):
        return [(text_of(member), float(score)) for member, score in reply]
    return [(text_of(reply[at]), float(reply[at + 1])) for at in range(0, len(reply), 2)]
