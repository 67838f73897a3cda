"""Tasks that are parents and children of each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from junmai_jobs import Abort, task
from tests.worker.tasks import note


@task
def add(first: int, second: int = 0) -> int:
    return first + second


@task
def total(numbers: list[int | None]) -> int:
    return sum(number or 0 for number in numbers)


@task
def as_text(number: int) -> str:
    return f"= {number}"


@task
def fail() -> int:
    raise Abort("it cannot be done")


@task
def wait_for_file(path: str) -> int:
    while not Path(path).exists():
        Event().wait(0.01)
    return 1


@task
def nothing() -> None:
    """Its result is None."""


@task
def take(value: Any, **named: Any) -> Any:
    return [value, named]


@task
def link(journal: str, name: str, given: Sequence[str | None], *, fails: bool = False) -> str:
    """One node of a graph: it tells when it begins and ends, and gives its name."""
    note(journal, "start")
    Event().wait(0.004)
    note(journal, "end")
    if fails:
        raise Abort("as planned")
    return name + "".join(f"<{each}" for each in given)


@task
def collect(parts: list[Any]) -> list[Any]:
    return parts
