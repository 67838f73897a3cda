"""Junmai Jobs: a job queue on Redis for a photographer's night of work.

Nothing is read, connected or started at import; and a name brings its module when it is first asked for, so
that a command can be interrupted before, and a program that has tasks only does without a client.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junmai_jobs.batch import Batch, BatchProgress
    from junmai_jobs.context import RunningJob, current_job
    from junmai_jobs.edges import edge
    from junmai_jobs.errors import (
        Abort,
        ConfigError,
        DiskFull,
        EventsLost,
        InvalidState,
        JobCancelled,
        JobFailed,
        JobNotFound,
        JunmaiJobsError,
        NotDurable,
        OptionError,
        PayloadError,
        Quarantined,
        QueueFull,
        ResultExpired,
        ResultTimeout,
        RetryLater,
        ScheduleNotFound,
        SoftTimeout,
        StaleLease,
        StoreUnavailable,
        UnknownTask,
    )
    from junmai_jobs.events import Event
    from junmai_jobs.handle import JobHandle
    from junmai_jobs.hooks import Hook, use
    from junmai_jobs.job import Job, Priority, Status
    from junmai_jobs.jobqueue import JobQueue
    from junmai_jobs.limits import Concurrency, Rate, Unique
    from junmai_jobs.retry import RetryPolicy
    from junmai_jobs.task import Task, task
    from junmai_jobs.workflow import Group, Planned, chain, chord, group, result_of

__all__ = [
    "Abort", "Batch", "BatchProgress", "Concurrency", "ConfigError", "DiskFull", "Event", "EventsLost",
    "Group", "Hook", "InvalidState", "Job", "JobCancelled", "JobFailed", "JobHandle", "JobNotFound",
    "JobQueue", "JunmaiJobsError", "NotDurable", "OptionError", "PayloadError", "Planned", "Priority",
    "Quarantined", "QueueFull", "Rate", "ResultExpired", "ResultTimeout", "RetryLater", "RetryPolicy",
    "RunningJob", "ScheduleNotFound", "SoftTimeout", "StaleLease", "Status", "StoreUnavailable", "Task",
    "Unique", "UnknownTask", "chain", "chord", "current_job", "edge", "group", "result_of", "task", "use",
]  # fmt: skip

_HOMES = (
    "errors", "job", "retry", "limits", "edges", "hooks", "workflow", "task",
    "context", "events", "handle", "batch", "jobqueue",
)  # fmt: skip
"""The modules that the names are from, each after those that it imports."""

if not TYPE_CHECKING:  # for a checker the names above are all there are

    def __getattr__(name: str) -> object:
        """A name of ``__all__``, from where it is at home."""
        if name in __all__:
            for home in _HOMES:
                if name in (there := vars(import_module(f"{__name__}.{home}"))):
                    globals()[name] = there[name]
                    return there[name]
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """The import of the module ``task`` must not put it in the place of the decorator."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
