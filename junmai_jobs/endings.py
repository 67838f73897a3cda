"""How a run ends: each ending is one verb of running -> elsewhere, with what it needs beside id and token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

How = Literal["asked", "interrupted", "killed"]
"""How a run came to be cancelled: it stopped itself when asked, was interrupted, or was killed."""
STOPPED: Mapping[How, str] = {
    "asked": "it stopped when asked",
    "interrupted": "it was interrupted",
    "killed": "it was killed, as it did not stop",
}
"""The same in words."""
_OUTCOMES = {
    "succeed": "succeeded",
    "retry": "retrying",
    "fail": "failed",
    "defer": "deferred",
    "step_aside": "released",
    "confirm_cancel": "cancelled",
}
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Ending(NamedTuple):
    """How a run ends: a verb of running -> elsewhere and what it needs beside id and token."""

    verb: str
    arguments: tuple[Any, ...]

    @property
    def outcome(self) -> str:
        """For programs: the word that the history has for it, or ``succeeded``."""
        return _OUTCOMES[self.verb]

    def __str__(self) -> str:
        """For the log: what it means, in a few words."""
        match self.verb, self.arguments:
            case "retry", (delay, detail):
                return f"failed, again in {delay / 1000:.1f} s: {_error_in(detail)}"
            case "fail", (_, detail):
                return f"failed for good: {_error_in(detail)}"
            case "defer", (delay, _, detail):
                return f"comes back in {delay / 1000:.1f} s: {json.loads(detail)['reason']}"
            case "step_aside", _:
                return "made way for a more urgent job"
            case "confirm_cancel", (detail,):
                return f"cancelled: {STOPPED[json.loads(detail)['how']]}"
            case _:
                return "succeeded"


def succeed(result: bytes, ttl: float | None = None) -> Ending:
    """running -> succeeded; ``result`` is msgpack, empty for None, forgotten after ``ttl`` seconds."""
    return Ending("succeed", (result, "" if ttl is None else milliseconds(ttl)))


def retry(delay: float, error: Mapping[str, Any]) -> Ending:
    """running -> retrying, due in ``delay`` seconds; spends a retry."""
    return Ending("retry", (milliseconds(delay), json_text({"error": error})))


def fail(
    error: Mapping[str, Any], reason: str = "", input_id: str = "", detail: Mapping[str, Any] = _NOTHING
) -> Ending:
    """running -> failed, for good; ``input_id``: of the input that was refused. History keeps ``detail``."""
    refused = {"input": input_id} if input_id else {}
    return Ending("fail", (reason, json_text({"error": error, **refused, **detail})))


def defer(delay: float, note: str = "", reason: str = "", detail: Mapping[str, Any] = _NOTHING) -> Ending:
    """running -> scheduled, due in ``delay`` seconds; spends no retry.

    The next run sees ``note``; the history keeps ``reason`` and ``detail``.
    """
    return Ending("defer", (milliseconds(delay), note, json_text({"reason": reason, **detail})))


def step_aside() -> Ending:
    """running -> ready, first again in its band; spends no retry."""
    return Ending("step_aside", ())


def confirm_cancel(how: How = "asked") -> Ending:
    """running -> cancelled; the run has ended because it was asked to."""
    return Ending("confirm_cancel", (json_text({"how": how}),))


def milliseconds(seconds: float) -> int:
    """Times travel as whole milliseconds."""
    return round(seconds * 1000)


def json_text(value: Mapping[str, Any]) -> str:
    """Compact JSON, as the verbs keep it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _error_in(detail: str) -> str:
    error = json.loads(detail)["error"]
    return f"{error['type']}: {error['message']}"
