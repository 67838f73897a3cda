"""``@task``, a function that can be submitted; its options; the registry: what is not in it never runs."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from junmai_jobs.errors import OptionError, PayloadError, UnknownTask
from junmai_jobs.hints import meant, no_attribute, no_task
from junmai_jobs.hooks import Hook, check_hooks
from junmai_jobs.job import NewJob, check_name, new_id
from junmai_jobs.lanes import lane_of
from junmai_jobs.options import Options, of_options
from junmai_jobs.room import Disk, declared
from junmai_jobs.schedule import Schedule, Timetable
from junmai_jobs.shape import Shape, check_asked, check_function, check_inputs
from junmai_jobs.template import Template
from junmai_jobs.workflow import Planned, results_in

P = ParamSpec("P")
R = TypeVar("R")
Opener = Callable[[Path, Mapping[str, Any]], AbstractContextManager[BinaryIO]]
"""Opens one of a call's input files for its digest; the second argument: the call's arguments by name."""
Alike = Callable[..., str | None]
"""Tells, of a call's arguments, in a short text what calls that take about as long have in common."""
_LONGEST_KIND, _MOST_READ = 64, 1000


class Task(Generic[P, R]):
    """A registered function. Calling it runs it here and now; ``JobQueue.submit`` has a worker run it."""

    def __init__(
        self,
        function: Callable[P, Any],
        name: str,
        options: Options,
        base: Options,
        hooks: tuple[Hook, ...] = (),
        *,
        inputs: tuple[str, ...] = (),
        opener: Opener | None = None,
        alike: Alike | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.function = function
        self.name = name
        self.options = options
        self.hooks = hooks
        self.inputs = inputs
        """Its parameters that are files, whose content is watched, see docs/guide/quarantine.md."""
        self.opener = opener
        """How these are opened for that; None: whatever regular file a path names."""
        self.alike = alike
        """What of its calls are alike, see ``kind_of``."""
        self.disk = disk
        """What a call will write; None: it does not say."""
        self.timetable: Timetable | None = None
        """When its own schedule is due, where it has one."""
        self._base = base
        self._signature = inspect.signature(function)
        self._shape = Shape.of(self._signature)
        self._template: Template | None = None
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here and now, outside any queue."""
        return self.function(*args, **kwargs)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            raise AttributeError(no_attribute(vars(self).get("name"), name))

    @property
    def is_ours(self) -> bool:
        """Whether it is one of this library's own."""
        return self.function.__module__.startswith("junmai_jobs.")

    def with_options(self, /, **options: Any) -> Self:
        """The same task, to be submitted with other options, ``id`` and ``after`` among them.

        Raises:
            OptionError: an option is unknown or wrong.
        """
        made = copy.copy(self)
        made.options, made.timetable = self.options.changed(options), None
        made._template = None  # noqa: SLF001 - it is our own class
        return made

    def arguments(self, args: Iterable[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call, by the function's parameters.

        Raises:
            TypeError: they do not fit the function.
        """
        return self._signature.bind(*args, **kwargs).arguments

    def kind_of(self, args: Iterable[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Of which kind a call is, by ``alike``, in at most 64 characters; None: of none that is known."""
        try:
            text = self.alike(*args, **kwargs) if self.alike else None
        except (Exception, SystemExit):  # noqa: BLE001 - it is a user's, and what it tells can be done without
            text = None
        if not isinstance(text, str):
            return None
        text = text[:_MOST_READ].encode("utf-8", "replace").decode()  # the name of a file may be no text
        return " ".join(text.replace("|", " ").split())[:_LONGEST_KIND] or None

    def new_job(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> NewJob:
        """A job that runs this task with these arguments.

        Raises:
            PayloadError: the arguments do not fit the function, or cannot be stored.
        """
        bound = {} if self._shape.fits(args, kwargs) else self._bound(args, kwargs)
        options = self.options.reading(results_in(args, kwargs))
        if options is not self.options or options.have_keys:
            template = self._template_of(options, bound or self._bound(args, kwargs))
        else:
            template = self._template = self._template or self._template_of(options, bound)
        disk = self.disk if options is self.options else None  # who reads results cannot tell yet
        return NewJob(
            options.id or new_id(),
            template.filled(args, kwargs),
            options.delay,
            options.dependencies,
            options.durable,
            self if options.reuse and options.may_be_answered else None,
            disk and declared(disk, self.name, args, kwargs),
        )

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            hint = of_options(self.name, kwargs.keys() - self._signature.parameters.keys())
            raise PayloadError(f"{self.name}{self._signature}: {error}{hint}") from None
        bound.apply_defaults()
        return bound.arguments

    def _template_of(self, options: Options, arguments: Mapping[str, Any]) -> Template:
        return Template.of(
            self.name,
            lane_of(options.queue, options.needs),
            options.priority,
            options.stored(self._base),
            expires=options.expires,
            extras=options.extras(self.name, arguments),
            stamp=options.id is not None,
        )

    def plan(self, *args: P.args, **kwargs: P.kwargs) -> Planned[R]:
        """A job of a workflow, see ``Planned``; nothing is submitted yet."""
        return Planned(self, args, kwargs)

    def scheduled(
        self,
        name: str,
        timetable: Timetable,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
        *,
        in_code: bool = False,
    ) -> Schedule:
        """A schedule that submits this task with these arguments.

        Raises:
            OptionError: the name cannot be that of a schedule, or ``id`` or ``after`` is among the options.
            PayloadError: see ``new_job``.
        """
        if self.options.id is not None or self.options.dependencies:
            raise OptionError("a schedule names its jobs, which wait for no other: leave out id and after")
        # Of an id that is given the server notes the time of submission; which id it is stands in no body.
        job = self.with_options(id="tick").new_job(args, kwargs)
        if job.dependencies:
            raise OptionError(
                "a schedule's jobs wait for no other: leave out result_of, and read it in the task"
            )
        return Schedule(name=name, timetable=timetable, body=job.body, delay=job.delay, in_code=in_code)

    def own_schedule(self) -> Schedule | None:
        """The schedule that stands in the code, ``@task(every=...)``; it has the task's name.

        Raises:
            OptionError: the task needs arguments, or its name is too long.
        """
        if self.timetable is None:
            return None
        try:
            return self.scheduled(self.name, self.timetable, in_code=True)
        except PayloadError as error:
            raise OptionError(f"a schedule at its task gives no arguments: {error}") from None


class AsyncTask(Task[P, R]):
    """A registered ``async def`` function; a worker awaits it, and the job's result is what that gives."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:  # type: ignore[override]
        """The coroutine, to be awaited here, outside any queue."""
        return self.function(*args, **kwargs)  # type: ignore[no-any-return]


class Register(Protocol):
    """What ``@task(...)`` with options gives: it makes a task of a function."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


_registry: dict[str, Task[..., Any]] = {}


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    hooks: Iterable[Hook] = (),
    input: str | Iterable[str] = (),
    opener: Opener | None = None,
    alike: Alike | None = None,
    disk: Disk | None = None,
    **options: Any,
) -> Register: ...
def task(
    function: Callable[P, Any] | None = None,
    /,
    *,
    name: str | None = None,
    hooks: Iterable[Hook] = (),
    input: str | Iterable[str] = (),  # noqa: A002 - as a user writes it
    opener: Opener | None = None,
    alike: Alike | None = None,
    disk: Disk | None = None,
    every: Any = None,
    cron: str | None = None,
    tz: str | None = None,
    catch_up: str | None = None,
    **options: Any,
) -> Any:
    """Register a function, plain or ``async def``, as a task.

    Args:
        function: the function, where the decorator stands bare.
        name: the task's; None: its function's.
        hooks: called around its runs, see ``Hook``.
        input: its parameter that is a file, or several: a content that kills processes is not tried for ever.
        opener: opens such a file for its digest, where not every path may be read.
        alike: tells of a call's arguments which calls take about as long, see docs/guide/estimates.md.
        disk: tells of a call's arguments how many bytes it writes, by folder, see docs/guide/planning.md.
        every: together with the next three: the task has a schedule, see ``JobQueue.schedule``.
        cron: see there.
        tz: see there.
        catch_up: see there.
        **options: see ``Options``, or docs/options.md.

    Raises:
        OptionError: an option is unknown or wrong, or the name is taken.
    """
    if function is not None and not callable(function):
        raise OptionError(f"{function!r} is no function; options are given by name, as in @task(queue=...)")
    if "id" in options:
        raise OptionError("an id belongs to one submission: task.with_options(id=...)")
    base, own_hooks = Options().changed(options), check_hooks(hooks)
    has_schedule = any(each is not None for each in (every, cron, tz, catch_up))
    timetable = Timetable.of(every, cron, tz, catch_up) if has_schedule else None

    def register(each: Callable[P, Any]) -> Task[P, Any]:
        check_function(each, is_named=name is not None)
        kind: type[Task[P, Any]] = AsyncTask if inspect.iscoroutinefunction(each) else Task
        inputs, own_name = check_inputs(input, each), check_name(name or each.__name__, "task")
        if opener is not None and not inputs:
            raise OptionError(f"opener is for the files of {own_name}: say which parameters they are, input=")
        check_asked(own_name, alike=alike, disk=disk)
        told: Any = {"inputs": inputs, "opener": opener, "alike": alike, "disk": disk}
        made = kind(each, own_name, base, base, own_hooks, **told)
        made.timetable = timetable
        return _registered(made)

    return register if function is None else register(function)


def _registered(made: Task[P, Any]) -> Task[P, Any]:
    made.own_schedule()  # it must be one that a worker can store
    known = _registry.get(made.name)
    if known is not None and _origin(known.function) != _origin(made.function):
        raise OptionError(
            f"two functions want the task name {made.name!r}, {_origin(known.function)} and "
            f"{_origin(made.function)}: give one of them a name="
        )
    _registry[made.name] = made
    return made


def as_task(given: Any) -> Task[..., Any]:
    """What is to be submitted, if it is a task.

    Raises:
        OptionError: it is a plain function, the result of calling a task, or anything else.
    """
    if not isinstance(given, Task):
        raise OptionError(no_task(given))
    return given


def find_task(name: str) -> Task[..., Any]:
    """A registered task.

    Raises:
        UnknownTask: there is none of that name.
    """
    try:
        return _registry[name]
    except KeyError:
        hint = meant(name, _registry) or "name its module with --tasks MODULE"
        raise UnknownTask(f"no task {name!r} is registered here; {hint}") from None


def forget_task(name: str) -> None:
    """Have no task of that name any more."""
    del _registry[name]


def task_names() -> list[str]:
    """The tasks that are registered here."""
    return sorted(_registry)


def task_modules() -> list[str]:
    """The modules whose import registers the tasks that are registered here."""
    return sorted({each.function.__module__ for each in _registry.values()})


def _origin(function: Callable[..., Any]) -> str:
    module = "__main__" if function.__module__ == "__mp_main__" else function.__module__
    return f"{module}.{function.__qualname__}"
