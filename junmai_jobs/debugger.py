"""pdb, for a task: it begins where the task does, and looks at what the task has raised."""

from __future__ import annotations

import inspect
import pdb  # noqa: T100 - to use it
from collections.abc import Callable
from types import FrameType
from typing import Any

from junmai_jobs.wording import clean_lines


class _Clean(pdb.Pdb):
    """Shows nothing that steers a terminal."""

    def message(self, msg: object, *more: Any, **named: Any) -> None:
        """Print text of any source."""
        super().message(clean_lines(str(msg).expandtabs()), *more, **named)

    def error(self, msg: object) -> None:
        """Print what is wrong with what was typed, or has come of it."""
        super().error(clean_lines(msg))


class Debugger(_Clean):
    """Stops first at the first line of a function, by whatever that is wrapped; use ``runcall``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._code = getattr(inspect.unwrap(function), "__code__", None)
        self._is_there = self._code is None
        if self._code is not None:
            place = self._code.co_filename, self._code.co_firstlineno
            self.set_break(*place, funcname=self._code.co_name)

    def user_line(self, frame: FrameType) -> None:
        """Stop, but not on the way to the function."""
        if not self._is_there and frame.f_code is self._code:
            self._is_there = True
            self.clear_break(frame.f_code.co_filename, frame.f_code.co_firstlineno)
        if self._is_there:
            super().user_line(frame)
        else:
            self.set_continue()

    def look_at(self, error: BaseException) -> None:
        """Look around where an error was raised, until the person has seen enough."""
        self.message(f"{type(error).__name__}: {error}")
        after = _Clean()
        after.reset()
        after.interaction(None, error.__traceback__)
