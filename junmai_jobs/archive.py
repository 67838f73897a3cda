"""A namespace in one file, see docs/export-format.md: what it consists of, and how that is written.

JSON lines: a header, jobs, rows of what else there is, and an end with their numbers and a digest, by which
a file that was cut off or changed is known. Stored bytes are base64, stored text is text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from typing import IO, Any, NamedTuple

from junmai_jobs import codec
from junmai_jobs.keys import FINISHED_HOMES, QUEUE_HOMES

FORMAT = 1
HEAD = b'{"junmai_jobs":"export",'
"""How each begins that ``Writer`` has written."""
_NAME_LIMIT = 1024


class StoredJob(NamedTuple):
    """All that is stored of a job; empty: there is none of it."""

    id: bytes
    home: bytes
    """One of ``keys.QUEUE_HOMES`` or ``keys.FINISHED_HOMES``; empty: it is in none."""
    lane: bytes
    score: bytes
    """In that home."""
    body: bytes
    state: bytes = b""
    result: bytes = b""
    history: bytes = b""
    progress: bytes = b""
    checkpoint: bytes = b""
    log: bytes = b""
    expires: bytes = b""
    """When its result is forgotten, ms."""
    unique: bytes = b""
    """What is kept of its unique key, while that is its."""
    dependencies: bytes = b""
    """Those that are open, see ``NewJob.dependencies``."""


class Row(NamedTuple):
    """Something else that is stored: a name and its value of a hash, or a member and its score."""

    into: str
    """One of ``COLLECTIONS``."""
    name: bytes
    value: bytes


class Header(NamedTuple):
    """The first line: who has made the export, and of what."""

    format: int
    made_by: str
    schema: str
    """The newest version of a body that the maker knows."""
    namespace: str
    time: str
    """Of the server, ISO 8601."""
    jobs: int
    """How many there were when it began."""


class End(NamedTuple):
    """The last line: how many there are of each, and the SHA-256 of all lines before."""

    jobs: int
    rows: int
    sha256: str


class Collection(NamedTuple):
    """What its rows have to be."""

    is_set: bool
    name: re.Pattern[bytes]
    value: re.Pattern[bytes] | None = None
    """Of a text; None: the value of a hash is any bytes, a score any number."""


def _set(name: bytes) -> Collection:
    return Collection(is_set=True, name=re.compile(name))


def _hash(name: bytes, value: bytes | None = None) -> Collection:
    return Collection(
        is_set=False, name=re.compile(name), value=re.compile(value, re.DOTALL) if value else None
    )


_ANY, _INPUT, _TEXT = rb"[^\s|]+", rb"\S+ \S+ \S+", rb".*"
COLLECTIONS = {
    "needed": _set(rb"\S+ \S+"),
    "queues": _set(_ANY),
    "paused": _hash(_ANY, rb"[01]"),
    "schedules": _hash(_ANY),
    "ticks": _set(_ANY),
    "limits_due": _set(rb"[^,\s]+,\d+(,\d+)?"),
    "starts": _set(rb"\S+ \d{16} \S+"),
    "suspects": _hash(_INPUT, _TEXT),
    "suspected": _set(_INPUT),
    "cached": _hash(_INPUT),
    "cache_uses": _set(_INPUT),
    "ages": _set(rb"\d+"),
    "minutes": _set(rb"\d+\|\d+\|\d+\|\d+\|\d*\|\d*"),
    "hours": _set(rb"\d+\|\d+\|\d+\|\d+\|\d*\|\d*"),
    "meta": _hash(rb"token|sequence|furthest|announced|cache_hits|cache_misses|cache_bytes", _TEXT),
}
"""What is kept beside the jobs, by the names of ``Keys``, in the order of the file."""
BINARY = {"body": codec.BODY_LIMIT, "result": codec.RESULT_LIMIT, "checkpoint": codec.RESULT_LIMIT}
TEXTS = dict.fromkeys(("state", "history", "progress", "log", "unique"), codec.RESULT_LIMIT)
TEXTS["dependencies"] = codec.BODY_LIMIT


_HOMES = {b"", *map(str.encode, QUEUE_HOMES), *map(str.encode, FINISHED_HOMES)}
_LANE = re.compile(rb"[^\s|]*")
_UNIQUE = re.compile(rb"\S+ (alive|waiting) \d+( \S+)?")
_META = re.compile(rb"(token|cache_\w+) [0-8]?\d{1,15}|(sequence|furthest) \d{1,12}|announced .*", re.DOTALL)
"""Name and value: what counts has to be exact as a double, with what is added to it."""
_DEPENDENCIES = re.compile(rb"((cancel|continue|failure)\+?=\S+( |$))*")


class Writer:
    """Writes an export into a binary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._encode = json.JSONEncoder(separators=(",", ":")).encode
        self.jobs = self.rows = 0

    def header(self, header: Header) -> None:
        """The first line."""
        self._write({"junmai_jobs": "export", **header._asdict()})

    def job(self, job: StoredJob) -> bool:
        """A job, without what there is not of it. False: it is none of ours, and is left out."""
        if flaw_of(job):
            return False
        line: dict[str, Any] = {"job": as_text(job.id), "home": as_text(job.home), "lane": as_text(job.lane)}
        line["score"], line["body"] = _number(job.score), _base64(job.body)
        for name, value in zip(job._fields[5:], job[5:], strict=True):
            if value:
                line[name] = _base64(value) if name in BINARY else as_text(value)
        if job.expires:
            line["expires"] = _number(job.expires)
        self._write(line)
        self.jobs += 1
        return True

    def row(self, row: Row) -> bool:
        """A row. False: it is none of ours, and is left out."""
        if not is_row(row):
            return False
        line: dict[str, Any] = {"in": row.into, "name": as_text(row.name)}
        kind = COLLECTIONS[row.into]
        if kind.is_set:
            line["score"] = _number(row.value)
        else:
            line["value"] = as_text(row.value) if kind.value else _base64(row.value)
        self._write(line)
        self.rows += 1
        return True

    def end(self) -> End:
        """The last line."""
        end = End(self.jobs, self.rows, self._digest.hexdigest())
        self._write({"end": end._asdict()})
        return end

    def _write(self, line: dict[str, Any]) -> None:
        data = self._encode(line).encode() + b"\n"
        self._digest.update(data)
        self._file.write(data)


def flaw_of(job: StoredJob) -> str:
    """Why it is none that we have stored; empty: it may be."""
    is_its = job.unique.startswith(job.id + b" ") and _UNIQUE.fullmatch(job.unique)
    flaws = {
        "there is no id, or it is too long": not 0 < len(job.id) <= _NAME_LIMIT,
        "there is no such home": job.home not in _HOMES,
        "this is no name of a queue": len(job.lane) > _NAME_LIMIT or not _LANE.fullmatch(job.lane),
        "this is not what is kept of a unique key": job.unique and not is_its,
        "these are no dependencies": not _DEPENDENCIES.fullmatch(job.dependencies),
    }
    return next((flaw for flaw, is_so in flaws.items() if is_so), "") or _excess_of(job)


def _excess_of(job: StoredJob) -> str:
    if sum(map(len, job)) <= codec.RESULT_LIMIT:
        return ""
    sizes = ((name, len(getattr(job, name)), limit) for name, limit in (BINARY | TEXTS).items())
    large = next(((name, size, limit) for name, size, limit in sizes if size > limit), None)
    return "" if large is None else "{} takes {:,} bytes, the limit is {:,}".format(*large)


def parents_in(dependencies: bytes) -> list[bytes]:
    """The jobs that are waited for."""
    return [each.partition(b"=")[2] for each in dependencies.split()]


def is_row(row: Row) -> bool:
    """Whether it is one that we have written."""
    kind = COLLECTIONS[row.into]
    if len(row.name) > _NAME_LIMIT or len(row.value) > codec.BODY_LIMIT or not kind.name.fullmatch(row.name):
        return False
    if row.into == "meta" and not _META.fullmatch(row.name + b" " + row.value):
        return False
    return kind.is_set or (kind.value is None or kind.value.fullmatch(row.value)) is not None


def as_text(data: bytes) -> str:
    """As text, also where the bytes are none: then with escapes, from which they can be had again."""
    return data.decode("utf-8", "surrogateescape")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _number(text: bytes) -> int | float | str:
    """A score, as the server writes it, as JSON has it: infinity is a text."""
    number = float(text)
    if math.isinf(number):
        return text.decode()
    return int(number) if number.is_integer() else number
