"""To keep a namespace in a file and to bring it back from there: ``export`` and ``import``.

An export reads while work goes on. Each job is read whole, as it is at one moment, in calls that block the
server no longer than other verbs do; one that is there all the time stands in it once. An import writes
aside, where no worker looks, and puts all of it in its place in one call: it is never there in part.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from junmai_jobs.archive import COLLECTIONS, FORMAT, End, Header, Row, StoredJob, Writer
from junmai_jobs.archive_reader import ArchiveError, KnownIds, is_export, read
from junmai_jobs.files import aside, open_regular, private, put_in_place, remove_leftovers
from junmai_jobs.job import iso
from junmai_jobs.template import VERSIONS

if TYPE_CHECKING:
    from junmai_jobs.broker_keeping import BrokerKeeping
    from junmai_jobs.inspector.keeping import InspectorKeeping

Tell = Callable[[int, int], None]
"""Is told how many jobs are done, and of how many."""
_MOST_JOBS, _MOST_ROWS, _MOST_BYTES = 50, 200, 1024 * 1024
"""That much goes in one call."""
_LEFT_BEHIND = 24 * 3600.0  # s; nobody takes so long to write a file


class Exported(NamedTuple):
    """What ``export_to`` has written."""

    jobs: int
    rows: int
    left_out: int
    """Jobs and rows that are none of ours: they are none that this version, or another, has stored."""
    sha256: str


class Imported(NamedTuple):
    """What ``import_from`` has brought back, and what of."""

    header: Header
    jobs: int
    rows: int
    sha256: str


def export_to(
    file: IO[bytes], broker: BrokerKeeping, inspector: InspectorKeeping, namespace: str, tell: Tell
) -> Exported:
    """Write a namespace into a file.

    Raises:
        StoreUnavailable: the server could not be reached; the file has no end then.
        OSError: the file cannot be written.
    """
    count = inspector.job_count()
    writer, seen, left_out = Writer(file), KnownIds(), 0
    made_by, newest, now = version("junmai-jobs"), VERSIONS[-1].decode(), iso(inspector.now())
    writer.header(Header(FORMAT, made_by, newest, namespace, now, count))
    for ids in inspector.job_ids():
        for job in broker.extract([job_id for job_id in ids if seen.add(job_id)]):
            left_out += not writer.job(job)
        tell(writer.jobs, max(count, writer.jobs))
    for name in COLLECTIONS:  # after the jobs: the last token and place in line are not behind any of theirs
        foreign = sum(not writer.row(row) for row in inspector.rows(name))
        left_out += foreign if name != "meta" else 0  # of which some fields are of no use elsewhere
    end = writer.end()
    return Exported(end.jobs, end.rows, left_out, end.sha256)


def write_file(path: Path, write: Callable[[IO[bytes]], Exported]) -> Exported:
    """Write an export to a file of this user alone, which is there when it is whole; ``.gz``: compressed.

    Raises:
        OSError: it cannot be written, or something that is no export is there; it is there still.
    """
    path, is_packed = path.resolve(), path.suffix == ".gz"  # a link stays one: it may lead to the larger disk
    with aside(path) as made:
        _check_replaceable(path)
        remove_leftovers(path.parent, until=time.time() - _LEFT_BEHIND)
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(open(made, "wb", opener=private))
            if is_packed:
                packed = gzip.GzipFile("", "wb", compresslevel=3, fileobj=file, mtime=0)
                file = cast("IO[bytes]", stack.enter_context(packed))
            found = write(file)
        put_in_place(made, path, last_look=lambda: _check_replaceable(path))
    return found


def _check_replaceable(path: Path) -> None:
    """Make sure that what is to be replaced, if anything, is an export."""
    if path.exists():
        with open_regular(path) as there:
            if not is_export(there):
                raise OSError(0, "it is there and no export")


def import_from(file: BinaryIO, broker: BrokerKeeping, tell: Tell) -> Imported:
    """Bring an export back into a namespace that is empty.

    All of it is read and looked at before anything is written. What is written when an error ends it is
    thrown away; what a killed process has left is when there is another import, or goes on with the same.

    Raises:
        ArchiveError: it is no export, or a damaged one, or of a newer version.
        InvalidState: the namespace is not empty, or another import into it has begun meanwhile.
        StoreUnavailable, QueueFull: the server is away, or out of memory.
    """
    absent = set[bytes]()
    header, end, counters = _look_at(file, absent)
    broker.stage(end.sha256)
    try:
        done = 0
        broker.restore(end.sha256, "meta", counters)  # first: who gets a place only now is behind all others
        for into, count, values in _pages(file, end, absent):
            broker.restore(end.sha256, into, values)
            done += count if into == "jobs" else 0
            tell(done, end.jobs)
        broker.adopt(end.sha256)
    except BaseException:
        with suppress(Exception):  # what went wrong first is what is told
            broker.discard(end.sha256)
        raise
    return Imported(header, end.jobs, end.rows, end.sha256)


def _look_at(file: BinaryIO, absent: set[bytes]) -> tuple[Header, End, list[bytes]]:
    """Its first record, its last, and the names and values of its ``meta``."""
    records, counters = read(file, absent), list[bytes]()
    header = next(records)
    for last in records:
        if isinstance(last, Row) and last.into == "meta":
            counters += last.name, last.value
    return cast("Header", header), cast("End", last), counters


def _pages(file: BinaryIO, expected: End, absent: set[bytes]) -> Iterator[tuple[str, int, list[bytes]]]:
    """What goes in one call each: into what, how many, and their values."""
    into, values, count, size = "", list[bytes](), 0, 0
    for record in read(file):
        if isinstance(record, Row) and record.into == "meta":
            continue  # it came first
        place, parts = _parts(record, expected, absent)
        most = _MOST_JOBS if into == "jobs" else _MOST_ROWS
        if place != into or count == most or size > _MOST_BYTES:
            if values:
                yield into, count, values
            values, count, size = [], 0, 0
        into, count, size = place, count + 1, size + sum(map(len, parts))
        values += parts


def _parts(
    record: Header | StoredJob | Row | End, expected: End, absent: set[bytes]
) -> tuple[str, tuple[bytes, ...]]:
    match record:
        case StoredJob() if absent and record.dependencies:
            # A parent that has ended, and was forgotten before its turn to be exported, is not waited for.
            known = (each for each in record.dependencies.split() if each.partition(b"=")[2] not in absent)
            return "jobs", record._replace(dependencies=b" ".join(known))
        case StoredJob():
            return "jobs", record
        case Row(into, name, value):
            return into, (name, value)
        case End() if record != expected:
            raise ArchiveError("the file was changed while it was read: import it again")
    return "", ()
