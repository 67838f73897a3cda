"""What asks for a job in JSON: a row of ``submit --stdin``, or the body of a request, in the same words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from junmai_jobs.errors import OptionError
from junmai_jobs.job import NewJob, Priority
from junmai_jobs.options import is_option, unknown_option
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.task import Task, find_task

_LEVELS = {level.name.lower(): int(level) for level in Priority}
_FORMS: dict[str, tuple[type, str]] = {
    "eta": (str, "a time as in 2030-01-31T03:00:00Z"),
    "retry": (dict, "an object with any of max_retries, base, factor, cap, jitter"),
    "unique": (str, "a key, as a text"),
    "concurrency": (int, "a whole number"),
}
"""The options for which Python has classes of its own: what JSON has instead."""


class Submission(NamedTuple):
    """A task with its options, and the arguments for one run of it."""

    task: Task[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Submission:
        """Read one.

        Args:
            row: ``task``, its name; ``args``, a list; ``kwargs``, an object; and options by their names.

        Raises:
            OptionError: an option is unknown or wrong, or one of these three is.
            UnknownTask: no task of that name is registered here.
        """
        options = {
            key: value for key, value in row.items() if value is not None or key not in {*_FORMS, "rate"}
        }
        name, args, kwargs = options.pop("task", None), options.pop("args", []), options.pop("kwargs", {})
        if not isinstance(name, str):
            raise OptionError('"task" must be the name of a task, here or as TASK')
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise OptionError('"args" must be a list in [brackets], and "kwargs" an object in {braces}')
        for unknown in (key for key in options if not is_option(key)):
            raise OptionError(unknown_option(unknown, ("args", "kwargs", "task")))
        _check_forms(options)
        if "eta" in options:
            options["eta"] = _moment(options["eta"])
        if "retry" in options:
            options["retry"] = _policy(options["retry"])
        if "priority" in options:
            options["priority"] = priority_of(options["priority"])
        return cls(find_task(name).with_options(**options), tuple(args), kwargs)

    def new_job(self) -> NewJob:
        """The job that it asks for, checked before the server is reached.

        Raises:
            PayloadError: the arguments do not fit the task, or cannot be stored.
        """
        return self.task.new_job(self.args, self.kwargs)


def priority_of(given: object) -> object:
    """The number that a named priority stands for; what is neither is left to the library to refuse."""
    if not isinstance(given, str):
        return given
    text = given.strip().lower()
    return int(text) if text.isdecimal() and len(text) < 20 else _LEVELS.get(text, given)


def _check_forms(options: Mapping[str, Any]) -> None:
    """Refuse what only Python can say, and tell what JSON can."""
    for name, (kind, form) in _FORMS.items():
        if name in options and type(options[name]) is not kind:
            raise OptionError(f"{name} is {json.dumps(options[name])}; give {form}")
    if "rate" in options:
        raise OptionError("rate cannot be given here: say it where the task is, @task(rate=...)")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(f"eta is {text!r}; give a time as in 2030-01-31T03:00:00Z") from None


def _policy(values: dict[str, Any]) -> RetryPolicy:
    try:
        return RetryPolicy(**values)
    except TypeError:
        raise OptionError(f"retry is {json.dumps(values)}; give {_FORMS['retry'][1]}") from None
