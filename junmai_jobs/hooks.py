"""Hooks: code of the user's around the runs of tasks, in the process that runs them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from junmai_jobs.errors import OptionError

if TYPE_CHECKING:
    from junmai_jobs.context import RunningJob

log = logging.getLogger("junmai_jobs.worker")


class Hook:
    """What is done around a run; override what you need.

    Each ``before`` is followed by one ``after`` or one ``failure``, unless the process dies in between.
    ``current_job()`` works in all three; they count for the task's ``timeout``, not for its ``soft_timeout``.
    """

    def before(self, job: RunningJob) -> None:
        """The task is about to run. What this raises is its failure, and it does not run."""

    def after(self, job: RunningJob, result: Any) -> None:
        """The task has returned ``result``; the store does not know yet. What this raises is logged."""

    def failure(self, job: RunningJob, error: BaseException) -> None:
        """The task has raised ``error``, be it ``RetryLater`` or an error. What this raises is logged."""

    def close(self) -> None:
        """No task runs in this process any more, which ends in order. What this raises is logged.

        Only a hook around every task is told, see ``use``.
        """


_for_every_task: list[Hook] = []


def use(hook: Hook) -> None:
    """Have a hook around every task that this process runs.

    Call it in a module of tasks: every process of a worker imports those. The hooks of all tasks come
    before a task's own, in the order of ``use``; after a run they are told in the reverse order.

    Raises:
        OptionError: it is no ``Hook``.
    """
    _for_every_task.extend(check_hooks([hook]))


def hooks_around(own: tuple[Hook, ...]) -> tuple[Hook, ...]:
    """The hooks around a task that has these of its own."""
    return (*_for_every_task, *own)


def close_hooks() -> None:
    """Call every ``close``, the last hook's first."""
    for hook in reversed(_for_every_task):
        try:
            hook.close()
        except Exception:
            log.exception("%r failed to close", hook, extra={"event": "hook.failed"})


def check_hooks(hooks: Iterable[object]) -> tuple[Hook, ...]:
    """Hooks as ``@task(hooks=...)`` takes them.

    Raises:
        OptionError: something among them is no ``Hook``.
    """
    if not isinstance(hooks, Iterable):
        raise OptionError(f"hooks is {hooks!r}; give a list of hooks")
    found = []
    for hook in hooks:
        if not isinstance(hook, Hook):
            raise OptionError(f"{hook!r} is no hook; give an instance of a class that derives from Hook")
        found.append(hook)
    return tuple(found)


def tell_success(hooks: tuple[Hook, ...], job: RunningJob, result: object) -> None:
    """Call every ``after``, the last hook's first."""
    for hook in reversed(hooks):
        try:
            hook.after(job, result)
        except BaseException:
            text = "job %s: %r failed after the run; the job has succeeded all the same"
            log.exception(text, job.id, hook, extra={"event": "hook.failed", **job.fields})


def tell_failure(hooks: tuple[Hook, ...], job: RunningJob, error: BaseException) -> None:
    """Call every ``failure``, the last hook's first."""
    for hook in reversed(hooks):
        try:
            hook.failure(job, error)
        except BaseException:
            text = "job %s: %r failed after the run; it changes nothing for the job"
            log.exception(text, job.id, hook, extra={"event": "hook.failed", **job.fields})
