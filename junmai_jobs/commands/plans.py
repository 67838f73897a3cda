"""What a submission would take, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from junmai_jobs.commands.output import moment, print_table, say
from junmai_jobs.job import iso
from junmai_jobs.room import in_mb
from junmai_jobs.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.outlook import Outlook, Share

_COLUMNS = ("TASK", "QUEUE", "PRIORITY", "JOBS", "AT ONCE", "SECONDS EACH", "MEMORY EACH")


def show_outlook(outlook: Outlook) -> None:
    """Print it: a table of the jobs, then a line for each thing to know."""
    if outlook.shares:
        print_table(_COLUMNS, [_row(share) for share in outlook.shares])
    for line in lines_of(outlook):
        say(line)


def _row(share: Share) -> tuple[object, ...]:
    memory = "" if share.known.memory is None else in_mb(share.known.memory)
    half, most = share.seconds or (None, None)
    seconds = "unknown" if half is None else f"{half:.2g}, at most {most:.2g}"
    return share.task, share.queue, share.priority, share.jobs, share.at_once, seconds, memory


def lines_of(outlook: Outlook) -> Iterator[str]:
    """When, with what memory, on which disk, and what is in the way."""
    if outlook.existing:
        yield f"{outlook.existing:,} of {outlook.jobs:,} jobs are there already"
    if outlook.reused:
        yield f"{count(outlook.reused, 'result')} kept already: answered at once, without a job"
    yield from _times(outlook)
    if outlook.memory is not None:
        yield f"memory: a run takes up to {in_mb(outlook.memory)}; {in_mb(outlook.memory_free)} are free"
    for room in outlook.rooms:
        yield f"disk of {room.folder}: about {in_mb(room.bytes)} to be written; {in_mb(room.free_bytes)} free"
    for problem in outlook.problems:
        yield f"problem: {problem}"


def _times(outlook: Outlook) -> Iterator[str]:
    if outlook.start is not None and outlook.jobs:
        yield f"starts: {_at(outlook, outlook.start)}"
    if outlook.finish is not None:
        half, most = (_at(outlook, seconds) for seconds in outlook.finish)
        yield f"finished: about {half}; nine times in ten by {most}"
    elif outlook.jobs:
        why = "; ".join(outlook.unknown) or "it does not run, as things are"
        yield f"finished: nobody knows: {why}"


def _at(outlook: Outlook, seconds: float) -> str:
    return f"{moment(iso(outlook.now + seconds))} (in {_span(seconds)})"


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:,.0f} s"
    minutes = seconds / 60
    return f"{minutes:,.0f} min" if minutes < 100 else f"{minutes / 60:,.1f} h"
