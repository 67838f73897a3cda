"""A job as a value: its id, its stored body, what a claim hands out and what people see of it."""

from __future__ import annotations

import functools
import os
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeGuard

from junmai_jobs import codec
from junmai_jobs.errors import JobNotFound, OptionError, PayloadError
from junmai_jobs.hints import as_name
from junmai_jobs.lanes import lane_of, needs_of, queue_of
from junmai_jobs.template import VERSIONS, Header, Template

DEFAULT_MAX_RETRIES = 3
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_DAMAGED = "the job's body is damaged"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
_MINTED_ID = re.compile(r"[0-9a-v]{22}")
_OF_A_STAMPED_HEADER = 3  # of "|"
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_A_DIGIT = (_DIGITS * 8).encode()
"""For each byte one of the digits."""
_chance = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_chance.seed)


class Status(StrEnum):
    """What a person calls the home a job is in."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """Whether a job of this status will never run again by itself."""
        return self in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}

    @property
    def home(self) -> str:
        """The last part of the key of the sorted set that holds jobs of this status."""
        return {Status.QUEUED: "ready", Status.RUNNING: "leases"}.get(self, self.value)

    @classmethod
    def of_word(cls, word: str) -> Status:
        """The status of a state's word (lua/lib/state.lua)."""
        return cls.QUEUED if word == "ready" else cls(word)


WAITING = (Status.QUEUED, Status.SCHEDULED, Status.RETRYING, Status.BLOCKED)


class Priority(IntEnum):
    """The three priorities with a name; any integer from 0 to 10 will do, larger runs first."""

    HIGH = 9
    MEDIUM = 5
    LOW = 1


def is_name(name: object) -> TypeGuard[str]:
    """Whether it can be the name of a queue, a task or a namespace."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_name(name: object, what: str) -> str:
    """A queue's, task's or namespace's name.

    Raises:
        OptionError: it is not one.
    """
    if is_name(name):
        return name
    near = as_name(name)
    raise OptionError(
        f"{what} {name!r} is not a name: up to 128 of a-z, 0-9, '.', '_' and '-', the first a letter or digit"
        + (f"; {near!r} is one" if near else "")
    )


def is_id(job_id: object) -> TypeGuard[str]:
    """Whether it can be the id of a job, or a unique key."""
    return isinstance(job_id, str) and _ID.fullmatch(job_id) is not None


def check_id(job_id: object, what: str = "id") -> str:
    """A job's id, or a unique key.

    Raises:
        OptionError: it is not one.
    """
    if is_id(job_id):
        return job_id
    raise OptionError(
        f"{what} {job_id!r} is not an id: 1 to 128 of A-Z, a-z, 0-9, '.', '_', ':', '/' and '-'"
    )


def stored_id(job_id: object) -> str:
    """Text that can be looked for: what somebody else has put into the store can be shown, too.

    Raises:
        JobNotFound: it is none, so there can be no such job.
    """
    try:
        if isinstance(job_id, str) and job_id.encode():
            return job_id
    except UnicodeEncodeError:
        pass
    raise JobNotFound(f"no job {job_id!r}: `junmai-jobs list` shows those there are")


def new_id() -> str:
    """22 characters of lower-case base32: 48 bits of milliseconds, 60 of chance. Sorts by time."""
    return _time_digits(time.time_ns() // 1_000_000) + _chance.randbytes(12).translate(_A_DIGIT).decode()


@functools.lru_cache(maxsize=1)
def _time_digits(moment: int) -> str:
    return "".join([_DIGITS[moment << 2 >> place & 31] for place in range(45, -1, -5)])


def time_in_id(job_id: str) -> float | None:
    """When a minted id was made, in seconds since 1970, for display; None for an id that was given."""
    if not _MINTED_ID.fullmatch(job_id):
        return None
    return (int(job_id[:10], 32) >> 2) / 1000


class Call(NamedTuple):
    """What is to be run, and with which options: all of a body that a worker's child needs."""

    task: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = MappingProxyType({})
    options: Mapping[str, Any] = MappingProxyType({})

    @classmethod
    def decode(cls, body: bytes) -> Call:
        """Read a body's second half, after its line of text.

        Raises:
            PayloadError: it cannot be read, or is of a newer version.
        """
        if not body.startswith(VERSIONS):
            raise PayloadError("the job's body cannot be read by this version of junmai-jobs")
        parts = codec.unpack(body.partition(b"\n")[2], limit=codec.BODY_LIMIT)
        kinds = (str, list, dict, dict)  # task, args, kwargs, options
        if (
            not isinstance(parts, list)
            or not 0 < len(parts) <= len(kinds)
            or not all(map(isinstance, parts, kinds))
        ):
            raise PayloadError(_DAMAGED)
        call = cls(*parts)
        if not isinstance(call.options.get("after", ""), str):
            raise PayloadError(_DAMAGED)
        return call


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is stored of a job from submission on. ``options`` are those that differ from the task's own."""

    queue: str
    priority: int
    task: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    created: float | None = None
    """Seconds since 1970, server time; stored only where the id has no time in it, or the job expires."""
    expires: float | None = None
    """Seconds after ``created`` from which on it must not start."""
    needs: Mapping[str, float] = field(default_factory=dict)
    """What it takes of a machine while it runs."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """What the verbs must know of it beside all that: lua/lib/body.lua."""

    @property
    def lane(self) -> str:
        """The lane it waits in."""
        return lane_of(self.queue, self.needs)

    def encode(self, *, stamp: bool = False) -> bytes:
        """The stored form: a line of text that Lua reads, then msgpack, trailing empty parts left out.

        Args:
            stamp: ask the server to note the time of submission, as the id that is given does not tell it.

        Raises:
            PayloadError: an argument cannot be stored.
        """
        template = Template.of(
            self.task,
            self.lane,
            self.priority,
            self.options,
            expires=self.expires,
            extras=self.extras,
            stamp=stamp,
        )
        return template.filled(self.args, self.kwargs)

    @classmethod
    def decode(cls, data: bytes) -> Body:
        """Read the stored form.

        Raises:
            PayloadError: it cannot be read, or is of a newer version.
        """
        header, call = Header.read(data), Call.decode(data)
        if header is None:
            raise PayloadError(_DAMAGED)
        own = header._asdict()
        lane, _ = own.pop("lane"), own.pop("version")
        try:
            return cls(queue=queue_of(lane), needs=needs_of(lane), **own, **call._asdict())
        except ValueError:
            raise PayloadError(_DAMAGED) from None


class NewJob(NamedTuple):
    """A job to be enqueued."""

    id: str
    body: bytes
    delay: float = 0.0
    """Seconds."""
    dependencies: str = ""
    """The jobs that must finish first: ``POLICY=ID`` or ``POLICY+=ID``, separated by blanks.

    When a parent does not succeed the job is cancelled (``cancel``) or runs all the same (``continue``);
    ``failure``: it runs only then. With a ``+`` it will read the parent's result.
    """
    durable: bool = False
    """Whether it is accepted only when it is on the server's disk."""
    asks: Any = None
    """Its task, if a result that is kept will do in its place, see ``reuse.py``."""
    writes: Mapping[Path, int] | None = None
    """Bytes that it will write, by folder; None: its task does not say."""
    behind: int = 0
    """So many places it stands further back, if it may run at once: see shortest.py."""
    answer: bytes | None = None
    """What ``asks`` has found: no job is made."""

    @property
    def has_extras(self) -> bool:
        """Whether the verbs must know of more than its queue and its times: a key, a limit, a batch."""
        return self.body.count(b"|", 0, self.body.index(b"\n")) > _OF_A_STAMPED_HEADER


class Claimed(NamedTuple):
    """A job as a claim hands it out."""

    id: str
    token: str
    """Fencing token: digits, larger with every claim in the namespace; server microseconds when it can be."""
    body: bytes
    failures: int = 0
    """Retries spent so far."""
    note: str = ""
    """What the last deferral left, see ``endings.defer``."""
    holds: str = ""
    """What the run holds of limits and machines (lua/lib/holders.lua)."""

    @property
    def attempt(self) -> int:
        """1 for the first run; crashes, releases and deferrals do not count."""
        return self.failures + 1

    @property
    def fields(self) -> dict[str, object]:
        """What the log says of it, see docs/logs.md."""
        return {"job": self.id, "attempt": self.attempt, "token": self.token, "queue": self.queue}

    @property
    def queue(self) -> str:
        """The queue it was claimed from, as its body's first line tells."""
        return queue_of(self.body[1:].partition(b"|")[0].decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as people and programs see it; ``as_dict`` is the JSON. Times are ISO 8601, UTC."""

    id: str
    task: str
    queue: str
    priority: int
    status: Status
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    attempt: int
    max_retries: int
    retry_count: int
    created_at: str | None
    started_at: str | None
    finished_at: str | None
    run_at: str | None
    worker: str | None
    progress: Mapping[str, Any] | None
    result: Any
    reason: str | None
    error: Mapping[str, Any] | None
    history: Sequence[Mapping[str, Any]]
    log: Sequence[str] = ()
    """Lines the task has written: time, text."""
    tags: Sequence[str] = ()
    token: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The keys and plain values of a JSON document."""
        return asdict(self)


def iso(seconds: float) -> str:
    """A time as ISO 8601 UTC text with milliseconds."""
    return (
        datetime.fromtimestamp(max(0.0, min(seconds, _LAST_SECOND)), UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
