"""Junmai Jobs: a job queue on Redis for a photographer's night of work.

Nothing is read, connected or started at import.
"""

from __future__ import annotations

from junmai_jobs.batch import Batch, BatchProgress
from junmai_jobs.context import RunningJob, current_job
from junmai_jobs.edges import edge
from junmai_jobs.errors import (
    Abort,
    ConfigError,
    EventsLost,
    InvalidState,
    JobCancelled,
    JobFailed,
    JobNotFound,
    JunmaiJobsError,
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
    "Abort", "Batch", "BatchProgress", "Concurrency", "ConfigError", "Event", "EventsLost", "Group",
    "Hook", "InvalidState", "Job", "JobCancelled", "JobFailed", "JobHandle", "JobNotFound", "JobQueue",
    "JunmaiJobsError", "OptionError", "PayloadError", "Planned", "Priority", "Quarantined", "QueueFull",
    "Rate", "ResultExpired", "ResultTimeout", "RetryLater", "RetryPolicy", "RunningJob", "ScheduleNotFound",
    "SoftTimeout", "StaleLease", "Status", "StoreUnavailable", "Task", "Unique", "UnknownTask", "chain",
    "chord", "current_job", "edge", "group", "result_of", "task", "use",
]  # fmt: skip
