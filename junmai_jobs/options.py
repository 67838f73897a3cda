"""What can be said of a task, or of one submission of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from junmai_jobs.edges import Edge, as_edges, check_edges, merged, written
from junmai_jobs.errors import REUSED, OptionError
from junmai_jobs.hints import meant
from junmai_jobs.job import DEFAULT_MAX_RETRIES, check_id, check_name
from junmai_jobs.lanes import check_needs
from junmai_jobs.limits import Concurrency, Rate, Unique
from junmai_jobs.retry import LONGEST, RetryPolicy

_OF_THE_TIMETABLE = frozenset({"every", "cron", "tz", "catch_up"})
_RENAMED = {"countdown": "delay", "max_retries": "retry=RetryPolicy(max_retries=...)", "ttl": "expires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be said of a task, or of one submission of it. Times are in seconds."""

    queue: str = "default"
    """Where it waits."""
    priority: int = 5
    """0 to 10, larger runs first."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """Whether and when it runs again after an error."""
    timeout: float = 600.0
    """The run is killed after this time."""
    soft_timeout: float | None = None
    """``SoftTimeout`` is raised in the task after this time; None: the lesser of 300 and half of timeout."""
    delay: float = 0.0
    """It must not start earlier than this after submission, or after the end of those it waits for."""
    expires: float | None = None
    """It must not start later than this after submission."""
    after: tuple[Edge, ...] = ()
    """The jobs that must finish first."""
    after_policy: str = "cancel"
    """What it does if one of them does not succeed, see ``edge``."""
    tags: tuple[str, ...] = ()
    """Words that are kept with it, for people."""
    result_ttl: float | None = None
    """The result is forgotten after this time; None: it is kept as long as the job."""
    id: str | None = None
    """None: one is made. The same id with the same content is the same job."""
    batch: str | None = None
    """The batch it belongs to, see ``JobQueue.batch``."""
    unique: Unique | None = None
    """Of the jobs with its key there is one at a time."""
    concurrency: Concurrency | None = None
    """How many of its key run at once."""
    rate: Rate | None = None
    """How many of its key start in a span of time."""
    needs: Mapping[str, float] = field(default_factory=dict)
    """What it takes of a machine while it runs, see ``lanes.check_needs``."""
    durable: bool = False
    """Its submission returns when the server has it on its disk."""
    cache: float | None = None
    """Its result answers for so long for jobs with the same arguments; infinite: until others push it out."""
    reuse: bool = False
    """Whether such a result answers the submission itself, and no job is made."""

    def __post_init__(self) -> None:
        check_name(self.queue, "queue")
        if type(self.priority) is bool or not isinstance(self.priority, int) or not 0 <= self.priority <= 10:
            raise OptionError(no_priority(self.priority))
        retry: object = self.retry
        if not isinstance(retry, RetryPolicy):
            most = retry if type(retry) is int else 3
            raise OptionError(f"retry is {retry!r}; give a RetryPolicy, as RetryPolicy(max_retries={most})")
        _check_seconds("timeout", self.timeout)
        _check_seconds("delay", self.delay, zero=True)
        for name in ("soft_timeout", "expires", "result_ttl"):
            if getattr(self, name) is not None:
                _check_seconds(name, getattr(self, name))
        self._check_cache()
        if not isinstance(self.durable, bool):
            raise OptionError(f"durable is {self.durable!r}; give True or False")
        if self.soft_timeout is not None and self.soft_timeout > self.timeout:
            raise OptionError(
                f"soft_timeout is {self.soft_timeout:g} s, more than timeout, {self.timeout:g} s"
            )
        check_edges(self.after, self.after_policy)
        if self.id is not None:
            check_id(self.id)
            if self.id.startswith(REUSED):
                raise OptionError(f"id {self.id!r}: no job has an id that begins with {REUSED!r}")
        if self.batch is not None:
            check_id(self.batch, "batch")
        self._check_limits()

    def _check_cache(self) -> None:
        if self.cache is not None:
            check_lasting("cache", self.cache)
        if not isinstance(self.reuse, bool):
            raise OptionError(f"reuse is {self.reuse!r}; give True or False")
        if self.reuse and self.cache is None:
            raise OptionError("reuse answers with what cache keeps: say for how long, cache=SECONDS")

    def _check_limits(self) -> None:
        for name, kind in (("unique", Unique), ("concurrency", Concurrency), ("rate", Rate)):
            if not isinstance(getattr(self, name), kind | None):
                raise OptionError(f"{name} is {getattr(self, name)!r}; give a {kind.__name__}")
        waits_otherwise = self.after_policy == "failure" or any(
            each.reads or each.policy == "failure" for each in self.after
        )
        if self.unique is not None and self.unique.keep == "last" and self.after and waits_otherwise:
            raise OptionError(
                "a unique job that keeps the last neither reads results nor waits for a failure: "
                "its parents are those of the first submission"
            )

    @property
    def soft_limit(self) -> float:
        """Seconds after which ``SoftTimeout`` is raised."""
        return min(300.0, self.timeout / 2) if self.soft_timeout is None else self.soft_timeout

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """With other values; also accepts ``eta``, in ``after`` whatever ``as_edges`` does, and short forms.

        Raises:
            OptionError: an option is unknown or wrong.
        """
        given = dict(changes)
        if "eta" in given:
            if "delay" in given:
                raise OptionError("give delay or eta, not both")
            given["delay"] = _seconds_until(given.pop("eta"))
        if "after" in given:
            given["after"] = as_edges(given["after"])
        if "tags" in given:
            given["tags"] = _tags(given["tags"])
        if isinstance(given.get("unique"), str):
            given["unique"] = Unique(given["unique"])
        if type(given.get("concurrency")) is int:
            given["concurrency"] = Concurrency(given["concurrency"])
        if "cache" in given:
            given = _of_cache(given)
        if "needs" in given:
            given["needs"] = check_needs(given["needs"])
        for name in given.keys() - _NAMES:
            raise OptionError(unknown_option(name))
        return replace(self, **given)

    def stored(self, base: Options) -> dict[str, Any]:
        """What of them goes into the job's body: what differs from the task's own and is not in the header.

        A number of retries other than the usual is kept too, for readers that do not know the task.
        """
        stored: dict[str, Any] = {}
        if self.retry != base.retry or self.retry.max_retries != DEFAULT_MAX_RETRIES:
            stored["retry"] = self.retry.encode()
        for name in ("timeout", "soft_timeout", "tags", "result_ttl", "cache"):
            if getattr(self, name) != getattr(base, name):
                stored[name] = getattr(self, name)
        if self.after:
            stored["after"] = self.dependencies
        return stored

    @property
    def dependencies(self) -> str:
        """What ``after`` and ``after_policy`` say, as lua/lib/block.lua reads it."""
        return written(self.after, self.after_policy) if self.after else ""

    @property
    def may_be_answered(self) -> bool:
        """Whether a result that is kept will do: nobody looks for the job by a name, and it is for now."""
        is_named = not (self.id is None and self.batch is None and self.unique is None)
        return self.reuse and not (is_named or self.delay or self.dependencies)

    @property
    def have_keys(self) -> bool:
        """Whether the verbs must know of something that a job's arguments say, see ``extras``."""
        return not (self.unique is None and self.concurrency is None and self.rate is None)

    def reading(self, results: Sequence[Edge]) -> Options:
        """With parents whose results it reads.

        Raises:
            OptionError: see ``check_edges``.
        """
        return replace(self, after=merged((*self.after, *results))) if results else self

    def extras(self, task: str, arguments: Mapping[str, Any]) -> dict[str, str]:
        """What the verbs must know of one job of a task, see ``Body.extras``.

        Raises:
            OptionError: a key names an argument that there is not.
        """
        extras = {}
        if self.batch is not None:
            extras["b"] = self.batch
        if self.unique is not None:
            extras["u"] = self.unique.spec(arguments)
        if self.concurrency is not None:
            extras["c"] = self.concurrency.spec(task, arguments)
        if self.rate is not None:
            extras["r"] = self.rate.spec(task, arguments)
        return extras

    def overlaid(self, stored: Mapping[str, Any]) -> Options:
        """These options of a task with what was stored of a submission."""
        if not stored:
            return self
        changes = {name: value for name, value in stored.items() if name != "after"}
        if "retry" in changes:
            changes["retry"] = RetryPolicy.decode(changes["retry"], code=self.retry)
        return self.changed(changes)


_NAMES = frozenset(each.name for each in fields(Options))


def check_lasting(name: str, seconds: object) -> None:
    """Raise an OptionError unless these are seconds for which a value may be kept, or infinite."""
    if seconds != math.inf:
        _check_seconds(name, seconds)


def _check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise OptionError(f"{name} is {value!r}; give a number of seconds")
    if not (0 if zero else 1e-3) <= value <= LONGEST:
        raise OptionError(f"{name} is {value!r}; give seconds from {0 if zero else 0.001:g} to ten years")


def _seconds_until(eta: object) -> float:
    if not isinstance(eta, datetime) or eta.tzinfo is None:
        raise OptionError(
            f"eta is {eta!r}; give a datetime with a time zone: .astimezone() adds this computer's"
        )
    return max(0.0, (eta - datetime.now(UTC)).total_seconds())


def _of_cache(given: dict[str, Any]) -> dict[str, Any]:
    """With seconds for True, and no reuse of what is not kept."""
    lasts = given["cache"]
    if isinstance(lasts, bool):
        lasts = math.inf if lasts else None
    return ({"reuse": False} if lasts is None else {}) | given | {"cache": lasts}


def _tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise OptionError(f"tags is {tags!r}; give a list of names")
    return tuple(check_id(tag, "tag") for tag in tags)


def is_option(name: str) -> bool:
    """Whether ``with_options`` takes it."""
    return name in _NAMES or name == "eta"


def unknown_option(name: str, others: Iterable[str] = ()) -> str:
    """What is said of an option that there is not; ``others``: what else may be given in its place."""
    if name in _RENAMED:
        return f"no option {name!r}; write {_RENAMED[name]}"
    if name in _OF_THE_TIMETABLE:
        return f"{name} belongs to the task, @task({name}=...), or to a schedule: jobs.schedule(...)"
    if name in {"name", "hooks", "input", "alike", "disk"}:
        return f"{name} belongs to the task, not to one submission: @task({name}=...)"
    known = [*others, *sorted(_NAMES | {"eta"})]
    return f"no option {name!r}; {meant(name, known) or 'there are ' + ', '.join(known)}"


def of_options(task: str, names: Iterable[str]) -> str:
    """What is said of a call that names options as if they were arguments; "" where it does not."""
    options = sorted(set(names) & (_NAMES | {"eta"}))
    return f"; {options[0]} is said of the job: {task}.with_options({options[0]}=...)" if options else ""


def no_priority(given: object) -> str:
    """What is said of something that is none."""
    words = "; Priority.HIGH is 9, MEDIUM 5, LOW 1" if isinstance(given, str) else ""
    return f"priority is {given!r}; give a whole number from 0 to 10{words}"
