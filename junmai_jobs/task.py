"""``@task``, a function that can be submitted; its options; the registry: what is not in it never runs."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Generic, ParamSpec, TypeVar, overload

from junmai_jobs.errors import OptionError, PayloadError, UnknownTask
from junmai_jobs.job import DEFAULT_MAX_RETRIES, Body, NewJob, check_id, check_name, new_id
from junmai_jobs.retry import RetryPolicy

P = ParamSpec("P")
R = TypeVar("R")

LONGEST = 10 * 365 * 86400.0
"""The longest delay, timeout or expiry, in seconds."""
PARENTS_LIMIT = 20_000
_NOT_BUILT = frozenset({"unique", "cache", "needs", "result_ttl", "every", "cron"})
_RENAMED = {"countdown": "delay", "max_retries": "retry=RetryPolicy(max_retries=...)", "ttl": "expires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be said of a task, or of one submission of it. Times are in seconds."""

    queue: str = "default"
    priority: int = 5
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float = 600.0
    """The run is killed after this time."""
    soft_timeout: float | None = None
    """``SoftTimeout`` is raised in the task after this time; None: the lesser of 300 and half of timeout."""
    delay: float = 0.0
    expires: float | None = None
    """It must not start later than this after submission."""
    after: tuple[str, ...] = ()
    """Ids of jobs that must finish first."""
    after_policy: str = "cancel"
    tags: tuple[str, ...] = ()
    id: str | None = None

    def __post_init__(self) -> None:
        check_name(self.queue, "queue")
        if type(self.priority) is bool or not isinstance(self.priority, int) or not 0 <= self.priority <= 10:
            raise OptionError(f"priority is {self.priority!r}; give a whole number from 0 to 10")
        if not isinstance(self.retry, RetryPolicy):
            raise OptionError(f"retry is {self.retry!r}; give a RetryPolicy")
        _check_seconds("timeout", self.timeout)
        _check_seconds("delay", self.delay, zero=True)
        for name in ("soft_timeout", "expires"):
            if getattr(self, name) is not None:
                _check_seconds(name, getattr(self, name))
        if self.soft_timeout is not None and self.soft_timeout > self.timeout:
            raise OptionError(
                f"soft_timeout is {self.soft_timeout:g} s, more than timeout, {self.timeout:g} s"
            )
        if self.after_policy not in {"cancel", "continue"}:
            raise OptionError(f"after_policy is {self.after_policy!r}; give 'cancel' or 'continue'")
        if self.id is not None:
            check_id(self.id)

    @property
    def soft_limit(self) -> float:
        """Seconds after which ``SoftTimeout`` is raised."""
        return min(300.0, self.timeout / 2) if self.soft_timeout is None else self.soft_timeout

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """With other values; also accepts ``eta`` and handles in ``after``.

        Raises:
            OptionError: an option is unknown, wrong or not built yet.
        """
        given = dict(changes)
        if "eta" in given:
            if "delay" in given:
                raise OptionError("give delay or eta, not both")
            given["delay"] = _seconds_until(given.pop("eta"))
        if "after" in given:
            given["after"] = _ids(given["after"])
        if "tags" in given:
            given["tags"] = _tags(given["tags"])
        for name in given.keys() - _NAMES:
            raise OptionError(_unknown_option(name))
        return replace(self, **given)

    def stored(self, base: Options) -> dict[str, Any]:
        """What of them goes into the job's body: what differs from the task's own and is not in the header.

        A number of retries other than the usual is kept too, for readers that do not know the task.
        """
        stored: dict[str, Any] = {}
        if self.retry != base.retry or self.retry.max_retries != DEFAULT_MAX_RETRIES:
            stored["retry"] = self.retry.encode()
        for name in ("timeout", "soft_timeout", "tags"):
            if getattr(self, name) != getattr(base, name):
                stored[name] = getattr(self, name)
        return stored

    def overlaid(self, stored: Mapping[str, Any]) -> Options:
        """These options of a task with what was stored of a submission."""
        if not stored:
            return self
        changes = dict(stored)
        if "retry" in changes:
            changes["retry"] = RetryPolicy.decode(changes["retry"], self.retry.never)
        return self.changed(changes)


_NAMES = frozenset(each.name for each in fields(Options))


class Task(Generic[P, R]):
    """A registered function. Calling it runs it here and now; ``JobQueue.submit`` has a worker run it."""

    def __init__(self, function: Callable[P, R], name: str, options: Options, base: Options) -> None:
        self.function = function
        self.name = name
        self.options = options
        self._base = base
        self._signature = inspect.signature(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here and now, outside any queue."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def with_options(self, **options: Any) -> Task[P, R]:
        """The same task, to be submitted with other options, ``id`` and ``after`` among them.

        Raises:
            OptionError: an option is unknown, wrong or not built yet.
        """
        return Task(self.function, self.name, self.options.changed(options), self._base)

    def new_job(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> NewJob:
        """A job that runs this task with these arguments.

        Raises:
            PayloadError: the arguments do not fit the function, or cannot be stored.
        """
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise PayloadError(f"{self.name}{self._signature}: {error}") from None
        options = self.options
        body = Body(
            queue=options.queue,
            priority=options.priority,
            task=self.name,
            args=args,
            kwargs=kwargs,
            options=options.stored(self._base),
            expires=options.expires,
        )
        return NewJob(
            id=options.id or new_id(),
            body=body.encode(stamp=options.id is not None),
            delay=options.delay,
            after=options.after,
            after_policy=options.after_policy,
        )


_registry: dict[str, Task[..., Any]] = {}


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(*, name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Callable[P, R] | None = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Register a function as a task; bare, or with options (see ``Options``) and a ``name``.

    Raises:
        OptionError: an option is unknown, wrong or not built yet, or the name is taken.
    """
    if "id" in options:
        raise OptionError("an id belongs to one submission: task.with_options(id=...)")
    base = Options().changed(options)

    def register(each: Callable[P, R]) -> Task[P, R]:
        if inspect.iscoroutinefunction(each) or inspect.isgeneratorfunction(each):
            raise OptionError(f"{each.__qualname__} is async or a generator; a task is a plain function")
        made = Task(each, check_name(name or each.__name__, "task"), base, base)
        known = _registry.get(made.name)
        if known is not None and _origin(known.function) != _origin(each):
            raise OptionError(
                f"two functions want the task name {made.name!r}, {_origin(known.function)} and "
                f"{_origin(each)}: give one of them a name="
            )
        _registry[made.name] = made
        return made

    return register if function is None else register(function)


def as_task(given: Any) -> Task[..., Any]:
    """What is to be submitted, if it is a task.

    Raises:
        OptionError: it is a plain function, the result of calling a task, or anything else.
    """
    if isinstance(given, Task):
        return given
    if callable(given):
        name = getattr(given, "__name__", "it")
        raise OptionError(f"{name} is a plain function: define it with a name and put @task before it")
    raise OptionError(f"{given!r:.100} is not a task: submit(task, arguments), not submit(task(arguments))")


def find_task(name: str) -> Task[..., Any]:
    """A registered task.

    Raises:
        UnknownTask: there is none of that name.
    """
    try:
        return _registry[name]
    except KeyError:
        close = difflib.get_close_matches(name, _registry, 1)
        hint = f"did you mean {close[0]!r}?" if close else "name its module with --tasks MODULE"
        raise UnknownTask(f"no task {name!r} is registered here; {hint}") from None


def task_names() -> list[str]:
    """The tasks that are registered here."""
    return sorted(_registry)


def task_modules() -> list[str]:
    """The modules whose import registers the tasks that are registered here."""
    return sorted({each.function.__module__ for each in _registry.values()})


def _origin(function: Callable[..., Any]) -> str:
    module = "__main__" if function.__module__ == "__mp_main__" else function.__module__
    return f"{module}.{function.__qualname__}"


def _check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise OptionError(f"{name} is {value!r}; give a number of seconds")
    if not (0 if zero else 1e-3) <= value <= LONGEST:
        raise OptionError(f"{name} is {value!r}; give seconds from {0 if zero else 0.001:g} to ten years")


def _seconds_until(eta: object) -> float:
    if not isinstance(eta, datetime) or eta.tzinfo is None:
        raise OptionError(f"eta is {eta!r}; give a datetime with a time zone")
    return max(0.0, (eta - datetime.now(UTC)).total_seconds())


def _ids(after: object) -> tuple[str, ...]:
    parents = [after] if isinstance(after, str) or not isinstance(after, Iterable) else list(after)
    if len(parents) > PARENTS_LIMIT:
        raise OptionError(f"after names {len(parents):,} jobs, the limit is {PARENTS_LIMIT:,}")
    return tuple(dict.fromkeys(check_id(getattr(parent, "id", parent), "after") for parent in parents))


def _tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise OptionError(f"tags is {tags!r}; give a list of names")
    return tuple(check_id(tag, "tag") for tag in tags)


def _unknown_option(name: str) -> str:
    if name in _NOT_BUILT:
        return f"the option {name!r} is not built yet"
    if name in _RENAMED:
        return f"no option {name!r}; write {_RENAMED[name]}"
    if name == "name":
        return "a name belongs to the task, not to one submission: @task(name=...)"
    close = difflib.get_close_matches(name, _NAMES | {"eta"}, 1)
    known = ", ".join(sorted(_NAMES | {"eta"}))
    return f"no option {name!r}" + (f"; did you mean {close[0]!r}?" if close else f"; there are {known}")
