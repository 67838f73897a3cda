"""Junmai Jobs: a job queue on Redis for a photographer's night of work.

Nothing is read, connected or started at import.
"""

from __future__ import annotations

from junmai_jobs.context import RunningJob, current_job
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
from junmai_jobs.retry import RetryPolicy
from junmai_jobs.task import Task, task

__all__ = [
    "Abort", "ConfigError", "Event", "EventsLost", "Hook", "InvalidState", "Job", "JobCancelled", "JobFailed", "JobHandle",
    "JobNotFound", "JobQueue", "JunmaiJobsError", "OptionError", "PayloadError", "Priority", "QueueFull", "ResultExpired",
    "ResultTimeout", "RetryLater", "RetryPolicy", "RunningJob", "ScheduleNotFound", "SoftTimeout", "StaleLease", "Status",
    "StoreUnavailable", "Task", "UnknownTask", "current_job", "task", "use",
]  # fmt: skip
