"""Everything that can go wrong, in one tree.

JunmaiJobsError
├── OptionError (ValueError)      a task or submit option is unknown, wrong or not built yet
├── PayloadError (ValueError)     an argument or result cannot be stored
├── ConfigError                   config.json or the environment is wrong
├── UnknownTask                   no task of that name is registered here
├── JobNotFound                   no job of that id
├── ScheduleNotFound              no schedule of that name
├── InvalidState                  the job's state does not allow it
├── QueueFull                     the queue or the server has no room
├── DiskFull                      a disk has no room for what jobs will write
├── NotDurable                    it is not known that a job is on the server's disk
├── StoreUnavailable              the server cannot be reached or cannot be used
│   └── CallRefused               the server answers one call with an error
├── StaleLease                    the job was given to someone else meanwhile
├── Quarantined                   too many processes have died of the job's input
├── EventsLost                    a reader of events has missed some
├── JobFailed, JobCancelled, ResultTimeout, ResultExpired      answers of handle.result()
└── SoftTimeout, RetryLater, Abort                             raised inside a running task
"""

from __future__ import annotations

from collections.abc import Sequence


class JunmaiJobsError(Exception):
    """The root of all errors of this library."""


class OptionError(JunmaiJobsError, ValueError):
    """An option is unknown, has a bad value, or is not built yet."""


class PayloadError(JunmaiJobsError, ValueError):
    """Arguments or a result that cannot be stored; the message names the place, as in ``args[0].mask``."""


class ConfigError(JunmaiJobsError):
    """The configuration is wrong; the message names file, place and what to write instead."""


class UnknownTask(JunmaiJobsError):
    """No task of that name is registered in this process."""


REUSED = "reused:"
"""How the ids begin of submissions that were answered at once: they name no job."""


class JobNotFound(JunmaiJobsError):
    """No job with that id is stored."""

    @classmethod
    def of(cls, job_id: str) -> JobNotFound:
        """It, with a hint."""
        if job_id.startswith(REUSED):
            return cls(
                f"no job {job_id}: its submission was answered with a result that is kept, without a job"
            )
        return cls(f"no job {job_id}: `junmai-jobs list` shows those there are")


class ScheduleNotFound(JunmaiJobsError):
    """No schedule of that name is stored."""

    @classmethod
    def of(cls, name: str) -> ScheduleNotFound:
        """It, with a hint."""
        return cls(f"no schedule {name}: `junmai-jobs schedule list` shows those there are")


class InvalidState(JunmaiJobsError):
    """The job is in a state that does not allow what was asked."""


class QueueFull(JunmaiJobsError):
    """The queue or the server has no room for more jobs, or the queue none for another lane."""


class DiskFull(JunmaiJobsError):
    """A disk has no room for what jobs say that they will write, so none of them was submitted."""


class NotDurable(JunmaiJobsError):
    """A job that was to be on the server's disk is not known to be there."""

    def __init__(self, message: str, ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.ids = list(ids)
        """Of the jobs that are accepted all the same; empty: nothing was submitted."""

    @classmethod
    def of(cls, ids: Sequence[str], wrong: str) -> NotDurable:
        """It, for jobs that are accepted by a server of which this is wrong."""
        which = f"job {ids[0]} is" if len(ids) == 1 else f"{len(ids)} jobs, {ids[0]} to {ids[-1]}, are"
        return cls(
            f"{which} accepted, but the server {wrong}. Then submit the same again with the same id, "
            "which adds nothing",
            ids,
        )


class StoreUnavailable(JunmaiJobsError):
    """The server cannot be reached, or cannot be used as it is set up."""


class CallRefused(StoreUnavailable):
    """The server is there, and answers this one call with an error; others may go well."""


class StaleLease(JunmaiJobsError):
    """The lease is over and the job belongs to someone else; this run's outcome does not count."""


class Quarantined(JunmaiJobsError):
    """A job's input has killed so many processes that it is not tried any more."""

    def __init__(self, message: str, input_id: str = "") -> None:
        super().__init__(message)
        self.input_id = input_id
        """What stands for the input, see ``quarantine.input_id``."""


class EventsLost(JunmaiJobsError):
    """A reader of events has missed some: look at the jobs themselves, then go on after ``cursor``."""

    def __init__(self, what: str, cursor: str) -> None:
        super().__init__(f"{what}; look at the jobs themselves, then go on with after={cursor!r}")
        self.cursor = cursor


class JobFailed(JunmaiJobsError):
    """The awaited job has failed for good."""


class JobCancelled(JunmaiJobsError):
    """The awaited job was cancelled; inside a task: stop now, somebody asked for it."""


class ResultTimeout(JunmaiJobsError):
    """The job has not ended within the time given."""


class ResultExpired(JunmaiJobsError):
    """The job has succeeded, but its result is no longer kept."""


class SoftTimeout(JunmaiJobsError):
    """Raised inside a task that has used up its ``soft_timeout``: tidy up and leave."""


class RetryLater(JunmaiJobsError):
    """Raise it inside a task to run again in ``seconds``, from 0 to ten years; no retry is spent."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        super().__init__(reason or f"asked to run again in {seconds} s")
        self.seconds = seconds


class Abort(JunmaiJobsError):
    """Raise it inside a task to fail at once and for good: no retry can help."""
