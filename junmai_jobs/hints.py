"""What an error says of the next step, where several errors say it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

_SUBMITS_ELSEWHERE = {"delay", "apply_async", "submit", "send", "enqueue", "defer", "s", "si"}


def meant(name: str, known: Iterable[str]) -> str:
    """The question whether one of those that are known was meant; "" where none is near."""
    import difflib  # noqa: PLC0415 - only who is wrong needs it

    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]!r}?" if close else ""


def misspelt(names: Iterable[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Those that are none of the known and near one, each with the question for that; others may be right."""
    for name in dict.fromkeys(names):
        if name not in known and (hint := meant(name, known)):
            yield name, hint


def as_name(given: object) -> str:
    """A name of a queue or a task that is near what was given; "" where none is."""
    return re.sub(r"[^a-z0-9._-]+", "_", str(given).lower()).strip("._-")[:128]


def no_attribute(task: object, name: str) -> str:
    """What is said of an attribute that tasks do not have, though those of other libraries may."""
    said = f"; a job is made by a queue: JobQueue().submit({task}, ...)" if name in _SUBMITS_ELSEWHERE else ""
    return f"a task has no {name!r}{said}"


def no_task(given: object) -> str:
    """What is said of something that is to be submitted and is no task."""
    if callable(given):
        name = getattr(given, "__name__", "it")
        return f"{name} is a plain function: define it with a name and put @task before it"
    return f"{given!r:.100} is not a task: submit(task, arguments), not submit(task(arguments))"


@contextmanager
def extra(name: str) -> Iterator[None]:
    """While it lasts what an extra brings is imported; without it the error says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("junmai_jobs"):
            raise
        what = f'{error.name} is missing: pip install "junmai-jobs[{name}]"'
        raise ModuleNotFoundError(what, name=error.name) from error
