"""Work in a thread of its own, of which nobody has to wait for the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begun(work: Callable[[], T]) -> Future[T]:
    """What this will give or raise. Its thread keeps no process from ending, as those of a pool do."""
    answer = Future[T]()

    def go() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            answer.set_exception(error)

    threading.Thread(target=go, daemon=True).start()
    return answer


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same, the next always made while the last is used."""
    coming = begun(lambda: next(items, None))
    while (item := coming.result()) is not None:
        coming = begun(lambda: next(items, None))
        yield item
