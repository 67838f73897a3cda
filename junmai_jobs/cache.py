"""Values that were made before: what one is known by, and how it is found, or made and kept.

A key says all that a value was made of: task, version of the code, and a digest of the rest, as of what files
hold, arguments and settings. So nothing is ever out of date, and nothing has to be thrown away by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from junmai_jobs import codec
from junmai_jobs.broker import Broker
from junmai_jobs.errors import PayloadError, QueueFull, StoreUnavailable
from junmai_jobs.job import Call
from junmai_jobs.sources import code_version, source_digest
from junmai_jobs.task import Task

VALUE_LIMIT = 256 * 1024
"""Bytes of a value, compressed, above which it is not kept."""
MEGABYTE = 2**20
_FORMAT = 1
"""Of what is digested; another makes other keys."""


class Bounds(NamedTuple):
    """How many values are kept, and how many bytes of them: of more those go that were unused for longest."""

    entries: int = 20_000
    """0: none is kept, and none is looked for."""
    bytes: int = 256 * MEGABYTE


NOTHING = Bounds(0, 0)


def key_of(task: Task[..., Any], *parts: object, code: Iterable[str] = ()) -> str:
    """``TASK VERSION DIGEST`` of whatever values are made of in a task.

    Empty where the code has changed since the process began: nobody can tell by which of both it makes them.

    Args:
        task: the source of its module is part of the version.
        parts: anything that can be an argument of a job.
        code: packages and modules whose source counts, too.

    Raises:
        PayloadError: a part cannot be stored.
        OptionError: there is no such module.
    """
    version, sources = code_version(task.function.__module__), [source_digest(each) for each in code]
    whole = [_FORMAT, *parts, [each.digest for each in sources]]
    digest = hashlib.sha256(codec.pack(whole, limit=codec.RESULT_LIMIT, place="what the value is of"))
    is_sure = all(each.is_sure for each in (version, *sources))
    return f"{task.name} {version.digest} {digest.hexdigest()}" if is_sure else ""


def key_of_call(task: Task[..., Any], call: Call, input_id: str) -> str:
    """The key of a call's result: files that are the task's ``input`` count by what they hold, not by place.

    Empty also where that is not known (``input_id``), or where the arguments have become too large.
    """
    if task.inputs and not input_id:
        return ""
    given = task.arguments(call.args, call.kwargs)
    content = {name: given[name] is not None for name in task.inputs if name in given}
    with suppress(PayloadError):
        return key_of(task, "call", given | content, input_id.rpartition(" ")[2])
    return ""


class _Uses:
    count = 0


def spared() -> int:
    """How often in this process a value that was made before was taken for a new one."""
    return _Uses.count


def through(
    broker: Broker,
    key: str,
    token: str,
    make: Callable[[], Any],
    *,
    lasts: float,
    bounds: Bounds,
    again: bool = False,
    worth_keeping: Callable[[Any], bool] = lambda _value: True,
) -> Any:
    """What is kept under a key; else what ``make`` gives, which is kept. It is as stored: a tuple is a list.

    A server that is away, or full, costs the work, not the job. Where two make it at once the last is kept.

    Args:
        broker: for the server.
        key: see ``key_of``; empty: none is looked for, and none is kept.
        token: of the run.
        make: what it raises passes, and nothing is kept.
        lasts: seconds for which the value is kept; infinite: until others push it out.
        bounds: of all that is kept.
        again: make it whatever is kept.
        worth_keeping: asked about what was made.

    Raises:
        PayloadError: what ``make`` gives cannot be stored.
    """
    if not (key and bounds.entries):
        return _stored(make())[1]
    if not again:
        with suppress(StoreUnavailable, PayloadError):  # what cannot be read is made again
            if (kept := broker.recall(key, token)) is not None:
                value = codec.unpack(kept)
                _Uses.count += 1
                return value
    data, value = _stored(make())
    if len(data) <= VALUE_LIMIT and worth_keeping(value):
        with suppress(StoreUnavailable, QueueFull):
            broker.remember(key, token, data, lasts=lasts, most=bounds.entries, room=bounds.bytes)
    return value


def _stored(value: Any) -> tuple[bytes, Any]:
    data = codec.pack(value, limit=codec.RESULT_LIMIT, place="the result")
    return codec.shrunk(data), codec.unpack(data)
