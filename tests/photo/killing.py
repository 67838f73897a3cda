"""Calls that are killed at one step after another, in processes of their own, and what that leaves."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed_at(step: int, call: Callable[[], object]) -> bool:
    """Whether a call, in another process, was killed at one of its steps that change or keep something."""
    left = step

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return function(*arguments, **options)

        return called

    child = os.fork()
    if not child:
        for owner, name in ((os, "link"), (os, "open"), (os, "fsync"), (Path, "replace"), (Path, "unlink")):
            setattr(owner, name, counted(getattr(owner, name)))
        try:
            call()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, 9}
    return status == 9


def all_killed(call: Callable[[], object]) -> Iterator[int]:
    """Kill a call at one step after another; what is done to a killed one is the caller's business."""
    for step in itertools.count():
        if not killed_at(step, call):
            assert step > 1
            return
        yield step


def swept(folder: Path) -> dict[str, bytes]:
    """What is in a folder, without what a killed one has left there: hidden, or empty."""
    for path in folder.iterdir():
        if path.suffix == ".tmp" or not path.stat().st_size:
            path.unlink()
    return contents(folder)
