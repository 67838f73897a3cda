"""Values that were made before: what one is known by, and how it is found, or made and kept.

A key says all that a value was made of: task, version of the code, and a digest of the rest, as of what files
hold, arguments and settings. So nothing is ever out of date, and nothing has to be thrown away by hand.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from junmai_jobs import codec
from junmai_jobs.broker import Broker
from junmai_jobs.errors import OptionError, PayloadError, QueueFull, StoreUnavailable
from junmai_jobs.job import Call
from junmai_jobs.quarantine import code_version
from junmai_jobs.task import Task

VALUE_LIMIT = 256 * 1024
"""Bytes of a value, compressed, above which it is not kept."""
DEFAULT_ENTRIES = 20_000
_FORMAT = 1
"""Of what is digested; another makes other keys."""


def key_of(task: Task[..., Any], *parts: object, code: Iterable[str] = ()) -> str:
    """``TASK VERSION DIGEST`` of whatever values are made of in a task.

    Args:
        task: the source of its module is part of the version.
        parts: anything that can be an argument of a job.
        code: packages and modules whose source counts, too.

    Raises:
        PayloadError: a part cannot be stored.
        OptionError: there is no such module.
    """
    sources = [source_digest(module) for module in code]
    packed = codec.pack([_FORMAT, *parts, sources], limit=codec.RESULT_LIMIT, place="what the value is of")
    return f"{task.name} {code_version(task.function.__module__)} {hashlib.sha256(packed).hexdigest()}"


def key_of_call(task: Task[..., Any], call: Call, input_id: str) -> str:
    """The key of a call's result: files that are the task's ``input`` count by what they hold, not by place.

    Empty where that is not known (``input_id``), or where the arguments have become too large.
    """
    if task.inputs and not input_id:
        return ""
    given = task.arguments(call.args, call.kwargs)
    content = {name: given[name] is not None for name in task.inputs if name in given}
    with suppress(PayloadError):
        return key_of(task, "call", given | content, input_id.rpartition(" ")[2])
    return ""


def through(
    broker: Broker,
    key: str,
    token: str,
    make: Callable[[], Any],
    *,
    lasts: float,
    most: int,
    again: bool = False,
    worth_keeping: Callable[[Any], bool] = lambda _value: True,
) -> Any:
    """What is kept under a key; else what ``make`` gives, which is kept. It is as stored: a tuple is a list.

    A server that is away, or full, costs the work, not the job. Where two make it at once the last is kept.

    Args:
        broker: for the server.
        key: see ``key_of``; empty: none is looked for, none is kept.
        token: of the run.
        make: what it raises passes, and nothing is kept.
        lasts: seconds for which the value is kept; infinite: until others push it out.
        most: how many values are kept; 0: none is looked for.
        again: make it whatever is kept.
        worth_keeping: asked about what was made.

    Raises:
        PayloadError: what ``make`` gives cannot be stored.
    """
    if not (key and most):
        return _stored(make())[1]
    if not again:
        with suppress(StoreUnavailable, PayloadError):  # what cannot be read is made again
            if (kept := broker.recall(key, token)) is not None:
                return codec.unpack(kept)
    data, value = _stored(make())
    if len(data) <= VALUE_LIMIT and worth_keeping(value):
        with suppress(StoreUnavailable, QueueFull):
            broker.remember(key, token, data, lasts=lasts, most=most)
    return value


def _stored(value: Any) -> tuple[bytes, Any]:
    data = codec.pack(value, limit=codec.RESULT_LIMIT, place="the result")
    return codec.shrunk(data), codec.unpack(data)


@functools.cache
def source_digest(name: str) -> str:
    """Of all files of a package, or of a module's source, as they are when this process first asks.

    Raises:
        OptionError: there is no such module.
    """
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(name)
    if spec is None:
        raise OptionError(f"code names {name!r}, which cannot be imported; give a module's full name")
    digest = hashlib.sha256()
    for file in _files_of(spec):
        with suppress(OSError):  # it may stand in an archive
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files_of(spec: ModuleSpec) -> list[Path]:
    if spec.submodule_search_locations is None:
        return [Path(spec.origin or "")]
    found = (file for folder in spec.submodule_search_locations for file in Path(folder).rglob("*"))
    return sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)
