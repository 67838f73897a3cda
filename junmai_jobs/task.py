"""``@task``, a function that can be submitted; its options; the registry: what is not in it never runs."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, overload

from junmai_jobs.errors import OptionError, PayloadError, UnknownTask
from junmai_jobs.job import Body, NewJob, check_name, new_id
from junmai_jobs.options import Options

P = ParamSpec("P")
R = TypeVar("R")


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
