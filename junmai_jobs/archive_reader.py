"""To read a namespace from a file, see ``archive.py``, and to refuse what is not as it was written."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TypeVar, cast

from junmai_jobs import codec
from junmai_jobs.archive import (
    BINARY,
    COLLECTIONS,
    FORMAT,
    HEAD,
    TEXTS,
    End,
    Header,
    Row,
    StoredJob,
    as_text,
    flaw_of,
    is_row,
    parents_in,
)
from junmai_jobs.errors import JunmaiJobsError

R = TypeVar("R")
K = TypeVar("K")
GZIP = b"\x1f\x8b"
LINE_LIMIT = 32 * 1024 * 1024
"""Bytes: more than the largest job with all that is kept of it."""
_NO_EXPORT = "this is no export of junmai-jobs"
_PLACES = {name: place for place, name in enumerate(COLLECTIONS)}


class ArchiveError(JunmaiJobsError):
    """It is no export, or a damaged one, or of a newer version; the message names the line."""


def read(file: BinaryIO, absent: set[bytes] | None = None) -> Iterator[Header | StoredJob | Row | End]:
    """What an export consists of, line by line: the header first, then the jobs, and the end last.

    Args:
        file: it can be read from its beginning.
        absent: gets the ids of jobs for which others wait and which are not in it, before the end is given.

    Raises:
        ArchiveError: it is no export of a version that is known, or is damaged in any place. What was given
            before stands in it, but only when the end has been given is the file known to be whole.
    """
    with _unpacked(file) as lines:
        yield from _Reader(lines, set() if absent is None else absent).records()


def is_export(file: BinaryIO) -> bool:
    """Whether it begins as an export does, compressed or not."""
    with _unpacked(file) as lines, contextlib.suppress(EOFError, zlib.error, gzip.BadGzipFile):
        return lines.read(len(HEAD)) == HEAD
    return False


@contextlib.contextmanager
def _unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    """Its lines, from the beginning."""
    file.seek(0)
    is_zipped = file.read(len(GZIP)) == GZIP
    file.seek(0)
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(gzip.GzipFile(fileobj=file)) if is_zipped else file
        yield cast("BinaryIO", lines)


class _Reader:
    """Reads one export."""

    def __init__(self, lines: BinaryIO, absent: set[bytes]) -> None:
        self._lines = lines
        self._absent = absent
        self._digest = hashlib.sha256()
        self._number = self._jobs = self._rows = 0
        self._seen = KnownIds()
        self._place = -1
        """Of the collection whose rows are read; before them stand the jobs."""

    def records(self) -> Iterator[Header | StoredJob | Row | End]:
        """All of them, see ``read``."""
        record: Header | StoredJob | Row | End = self._next(self._header)
        while not isinstance(record, End):
            yield record
            record = self._next(self._record)
        if self._line():
            raise self._wrong("there is more behind the end")
        self._absent |= self._seen.absent()
        yield record

    def _next(self, understand: Callable[[dict[str, Any]], R]) -> R:
        if not (line := self._line()):
            raise self._wrong("it is cut off: the end is missing")
        if self._number == 1 and not line.startswith(b"{"):
            raise self._wrong(_NO_EXPORT)
        if len(line) > LINE_LIMIT or not line.endswith(b"\n"):
            raise self._wrong("it is cut off" if len(line) <= LINE_LIMIT else "a line is too long")
        try:
            record = understand(_object(line))
        except (ValueError, _WrongLineError) as error:
            raise self._wrong(str(error)) from None
        self._digest.update(line)
        return record

    def _line(self) -> bytes:
        self._number += 1
        try:
            return self._lines.readline(LINE_LIMIT + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._wrong(f"it is damaged or cut off ({error})") from None

    def _wrong(self, what: str) -> ArchiveError:
        return ArchiveError(f"line {self._number}: {what}; nothing was imported")

    def _header(self, line: dict[str, Any]) -> Header:
        if line.pop("junmai_jobs", None) != "export":
            raise _WrongLineError(_NO_EXPORT)
        if _of(line, "format", int) < 1:
            raise _WrongLineError("format is not what it should be")
        if line["format"] > FORMAT:
            made_by = str(line.get("made_by"))[:40]
            raise _WrongLineError(
                f"the export is of format {line['format']}, made by junmai-jobs {made_by}, "
                f"and this version knows {FORMAT}: update this one"
            )
        made_by, schema = _of(line, "made_by", str), _of(line, "schema", str)
        namespace, time = _of(line, "namespace", str), _of(line, "time", str)
        return Header(line["format"], made_by, schema, namespace, time, _of(line, "jobs", int))

    def _record(self, line: dict[str, Any]) -> StoredJob | Row | End:
        if "job" in line:
            return self._job(line)
        if "in" in line:
            return self._row(line)
        if "end" in line:
            return self._end(_of(line, "end", dict))
        raise _WrongLineError("it is neither a job nor a row nor the end")

    def _job(self, line: dict[str, Any]) -> StoredJob:
        if self._place >= 0:
            raise _WrongLineError("a job stands behind rows")
        job = _job_of(line)
        if not self._seen.add(job.id):
            raise _WrongLineError(f"the job {as_text(job.id)} stands in it twice")
        self._seen.awaits(parents_in(job.dependencies))
        self._jobs += 1
        return job

    def _row(self, line: dict[str, Any]) -> Row:
        into = _of(line, "in", str)
        kind = COLLECTIONS.get(into)
        if kind is None:
            raise _WrongLineError(f"there is no collection {into[:40]!r}")
        if _PLACES[into] < self._place:
            raise _WrongLineError(f"the rows of {into} stand in the wrong order")
        self._place = _PLACES[into]
        if kind.is_set:
            value = _score(line, "score")
        else:
            value = _bytes_of(line, "value") if kind.value else _decoded(line, "value")
        row = Row(into, _bytes_of(line, "name"), value)
        if not is_row(row):
            raise _WrongLineError(f"this is no row of {into}")
        _no_more(line, {"in", "name", "score" if kind.is_set else "value"})
        self._rows += 1
        return row

    def _end(self, line: dict[str, Any]) -> End:
        end = End(_of(line, "jobs", int), _of(line, "rows", int), _of(line, "sha256", str))
        if (end.jobs, end.rows) != (self._jobs, self._rows):
            raise _WrongLineError("there are not as many jobs and rows as there were when it was made")
        if end.sha256 != self._digest.hexdigest():
            raise _WrongLineError("it is damaged: its SHA-256 is not what it was when it was made")
        return end


class KnownIds:
    """Which ids there were: on the disk, so that millions take no more memory than a few."""

    def __init__(self) -> None:
        import sqlite3  # noqa: PLC0415 - who submits and works does without

        self._db = sqlite3.connect("", isolation_level=None)  # a file without a name, which goes with it
        self._db.execute("PRAGMA cache_size = -65536")  # KiB
        for name in ("ids", "awaited"):
            self._db.execute(f"CREATE TABLE {name} (id BLOB PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, job_id: bytes) -> bool:
        """Note an id. False: it is known."""
        return self._db.execute("INSERT OR IGNORE INTO ids VALUES (?)", (job_id,)).rowcount == 1

    def awaits(self, job_ids: Iterable[bytes]) -> None:
        """Note that there should be these."""
        self._db.executemany("INSERT OR IGNORE INTO awaited VALUES (?)", ((each,) for each in job_ids))

    def absent(self) -> set[bytes]:
        """Those that should be there, and are not."""
        return {row[0] for row in self._db.execute("SELECT id FROM awaited EXCEPT SELECT id FROM ids")}


class _WrongLineError(Exception):
    """What is wrong with a line."""


def _object(line: bytes) -> dict[str, Any]:
    found = codec.from_json(line)
    if not isinstance(found, dict):
        raise _WrongLineError("it is no JSON object")
    return found


def _job_of(line: dict[str, Any]) -> StoredJob:
    values = {name: _bytes_of(line, name) for name in TEXTS if name in line}
    values |= {name: _decoded(line, name) for name in BINARY if name in {*line, "body"}}
    if "expires" in line:
        values["expires"] = _score(line, "expires")
    job_id, home, lane = (_bytes_of(line, name) for name in ("job", "home", "lane"))
    job = StoredJob(job_id, home, lane, _score(line, "score"), **values)
    if wrong := flaw_of(job):
        raise _WrongLineError(wrong)
    _no_more(line, {"job", *job._fields[1:]})
    return job


def _no_more(line: dict[str, Any], names: set[str]) -> None:
    if unknown := line.keys() - names:
        raise _WrongLineError(f"there is no field {min(unknown)[:40]!r}")


def _of(line: dict[str, Any], name: str, kind: type[K]) -> K:
    value = line.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _WrongLineError(f"{name} is not what it should be")
    return value


def _bytes_of(line: dict[str, Any], name: str) -> bytes:
    try:
        return _of(line, name, str).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _WrongLineError(f"{name} is no text") from None


def _decoded(line: dict[str, Any], name: str) -> bytes:
    return base64.b64decode(_of(line, name, str), validate=True)


def _score(line: dict[str, Any], name: str) -> bytes:
    value = line.get(name)
    if (isinstance(value, int | float) and not isinstance(value, bool)) or value in ("inf", "-inf"):
        with contextlib.suppress(OverflowError):
            return f"{float(value):.17g}".encode()
    raise _WrongLineError(f"{name} is no number")
