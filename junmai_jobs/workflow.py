"""Jobs that wait for each other: planned first, each with its id, then submitted together.

A job can only name as its parents what was planned before it, so there are no cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from junmai_jobs import codec
from junmai_jobs.codec import ResultOf
from junmai_jobs.edges import Edge
from junmai_jobs.errors import Abort, OptionError
from junmai_jobs.job import Call, NewJob, new_id

if TYPE_CHECKING:
    from junmai_jobs.handle import JobHandle
    from junmai_jobs.task import Task

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
R = TypeVar("R")
A_contra = TypeVar("A_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Planned(Generic[R_co]):
    """A job that is not submitted yet: ``task.plan(...)`` makes one, ``jobs.submit_workflow`` submits it.

    Others may wait for it (``after=``) or take its result (``result_of``).

    Raises:
        OptionError: the task has the option ``unique``: whoever waits for a job must know its id.
        PayloadError: the arguments do not fit the task, or cannot be stored.
    """

    def __init__(self, task: Task[..., R_co], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if task.options.unique is not None:
            raise OptionError(f"{task.name} is unique, so its job may be another one: plan it without unique")
        self.id = task.options.id or new_id()
        self._task, self._args, self._kwargs = task, args, kwargs
        edges = (*task.options.after, *results_in(args, kwargs))
        self.parents = tuple(dict.fromkeys(each.planned for each in edges if each.planned is not None))
        """The jobs that it waits for, as far as they are planned, too."""
        self.new_job()

    @property
    def as_parent(self) -> Edge:
        """What waiting for it means to another."""
        return Edge(self.id, planned=self)

    def __repr__(self) -> str:
        return f"<planned {self._task.name} {self.id}>"

    def new_job(
        self, batch: str | None = None, watched: Sequence[str] = (), policy: str | None = None
    ) -> NewJob:
        """The job, as a member of a batch.

        Args:
            batch: its id.
            watched: ids of jobs for which it waits, too.
            policy: another ``after_policy``.
        """
        options = self._task.options
        changes: dict[str, Any] = {} if batch is None else {"batch": batch}
        if policy is not None:
            changes |= {"after": (*options.after, *watched), "after_policy": policy}
        task = self._task.with_options(**changes) if changes else self._task
        return task.new_job(self._args, self._kwargs)._replace(id=self.id, asks=None)


@dataclass(frozen=True)
class Group(Generic[R_co]):
    """Planned jobs that may run side by side; ``after=group`` waits for all of them."""

    planned: tuple[Planned[R_co], ...]

    def __iter__(self) -> Iterator[Planned[R_co]]:
        return iter(self.planned)

    def __len__(self) -> int:
        return len(self.planned)


class Step(Protocol[A_contra, R_co]):
    """A task that can be run with one argument."""

    def plan(self, given: A_contra, /) -> Planned[R_co]:
        """See ``Task.plan``."""


@overload
def result_of(job: Planned[R] | JobHandle[R]) -> R: ...
@overload
def result_of(job: Group[R]) -> list[R]: ...
def result_of(job: Any) -> Any:
    """What a job will have returned, anywhere in the arguments of another, which waits for it.

    The task gets the value itself: None of a parent that has not succeeded, where the policy says
    ``continue``; of a group it is a list.

    Raises:
        OptionError: it is no job.
    """
    if isinstance(job, Group):
        return [result_of(each) for each in job]
    if getattr(job, "reused", False):
        return job.result()
    if not isinstance(getattr(job, "id", None), str):
        raise OptionError(f"result_of({job!r:.100}): give a planned job, a group or a handle")
    return ResultOf(job.id, job if isinstance(job, Planned) else None)


@overload
def chain(first: Planned[A], second: Step[A, B], /) -> Planned[B]: ...
@overload
def chain(first: Planned[A], second: Step[A, B], third: Step[B, C], /) -> Planned[C]: ...
@overload
def chain(first: Planned[A], second: Step[A, B], third: Step[B, C], fourth: Step[C, D], /) -> Planned[D]: ...
@overload
def chain(
    first: Planned[A], second: Step[A, B], third: Step[B, C], fourth: Step[C, D], fifth: Step[D, E], /
) -> Planned[E]: ...
def chain(*jobs: Any) -> Planned[Any]:
    """One job after the other, each with the result of the one before as its first argument; gives the last.

    Raises:
        OptionError: it is not a planned job and tasks behind it.
        PayloadError: a task needs more arguments.
    """
    if not jobs or not isinstance(jobs[0], Planned):
        given = f"{jobs[0]!r:.100}, ..." if jobs else ""
        raise OptionError(f"chain({given}): begin with a planned job, chain(task.plan(...), another_task)")
    last, *steps = jobs
    for step in steps:
        last = _as_step(step).plan(result_of(last))
    return last  # type: ignore[no-any-return]


def group(*planned: Planned[R]) -> Group[R]:
    """Jobs that may run side by side.

    Raises:
        OptionError: one of them is not planned.
    """
    if wrong := [each for each in planned if not isinstance(each, Planned)]:
        raise OptionError(f"group({wrong[0]!r:.100}): give planned jobs, task.plan(...)")
    return Group(planned)


def chord(parts: Group[R], callback: Step[list[R], B]) -> Planned[B]:
    """A job that runs once when all of a group have succeeded, with the list of their results.

    With ``callback.with_options(after_policy="continue")`` it runs when all have ended, with None for those
    that have not succeeded.

    Raises:
        OptionError: it is not a group and a task.
        PayloadError: the task needs more arguments.
    """
    if not isinstance(parts, Group):
        raise OptionError(f"chord({parts!r:.100}, ...): give a group, chord(group(...), task)")
    return _as_step(callback).plan(result_of(parts))


def _as_step(given: Any) -> Step[Any, Any]:
    if not callable(getattr(given, "plan", None)):
        raise OptionError(f"{given!r:.100} is not a task: give the task itself, which takes the result")
    return given  # type: ignore[no-any-return]


def ancestors_first(planned: Iterable[Planned[Any]]) -> list[Planned[Any]]:
    """These jobs and all that they wait for, parents before children."""
    graph: dict[Planned[Any], tuple[Planned[Any], ...]] = {}
    rest = list(planned)
    for each in rest:
        if each not in graph:
            graph[each] = each.parents
            rest.extend(each.parents)
    return list(TopologicalSorter(graph).static_order())


def results_in(*values: Any) -> list[Edge]:
    """The edges that ``result_of`` makes, wherever in these arguments it stands."""
    return [Edge(each.id, reads=True, planned=each.planned) for each in codec.places_in(*values)]


def filled_in(call: Call, read: Callable[[Sequence[str]], Mapping[str, bytes]]) -> Call:
    """A stored call with its parents' results in their places.

    Args:
        call: as it is stored.
        read: see ``Broker.inherit``.

    Raises:
        Abort: a result is not kept any more.
    """
    if "+=" not in call.options.get("after", ""):
        return call
    ids = list(dict.fromkeys(each.id for each in results_in(call.args, call.kwargs)))
    results = {job_id: codec.unpack(data) if data else None for job_id, data in read(ids).items()}
    if gone := [each for each in ids if each not in results]:
        raise Abort(f"the result of job {gone[0]}, which this one reads, is not kept any more")
    return call._replace(args=_filled(call.args, results), kwargs=_filled(call.kwargs, results))


def _filled(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, ResultOf):
        return results[value.id]
    if isinstance(value, dict):
        return {name: _filled(item, results) for name, item in value.items()}
    return [_filled(item, results) for item in value] if isinstance(value, list) else value
