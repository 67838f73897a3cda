"""What happens to jobs, as it happens: the stream of changes, read by cursor.

The verbs note changes only while somebody listens, and keep about 10,000 of them. Every consumer has a
cursor of its own and sees every change after it, or is told that it has missed some.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junmai_jobs.broker import Broker
from junmai_jobs.errors import EventsLost, OptionError
from junmai_jobs.job import iso
from junmai_jobs.replies import text_of
from junmai_jobs.waiting import deadline_in

if TYPE_CHECKING:
    from junmai_jobs.connection import ClientLink

OLDEST = "0"
"""The cursor before everything that is kept."""
_PAGE = 100
_LISTEN_EVERY = 1200.0
"""Seconds; interest lasts an hour."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
_CURSOR = re.compile(r"([0-9]{1,20})-([0-9]{1,20})(?:/[0-9]{1,3})?")
"""An entry of the stream, and how many of the jobs it tells of have been seen, if not all."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one job, or of what a worker may run."""

    cursor: str
    """Give it as ``after`` to go on behind this event."""
    at: str
    """ISO 8601, UTC, by the server's clock."""
    word: str
    """submitted, started, succeeded, failed, retrying, scheduled, released or cancelled; or governed."""
    id: str
    """The job's; of ``governed`` the worker's name."""
    queue: str
    detail: str = ""
    """Of ``governed``: what the worker may run now, and why."""


def follow(
    link: ClientLink, broker: Broker, after: str | None = None, timeout: float | None = None
) -> Iterator[Event]:
    """The changes after a cursor, see ``JobQueue.events``; listening begins with this call."""
    if after is not None and not _is_cursor(after):
        raise OptionError(f"after is {after!r}; give the cursor of an event, '0' for the oldest, or None")
    deadline_in(timeout)  # refuses what is no time; each wait has a deadline of its own
    newest = broker.listen()
    return _follow(link, broker, newest if after is None else after, timeout)


def _is_cursor(given: object) -> bool:
    """Whether the server can read it as one: two numbers of 64 bits."""
    found = _CURSOR.fullmatch(given) if isinstance(given, str) else None
    return given == OLDEST or (found is not None and all(int(part) < 2**64 for part in found.groups()))


def _follow(link: ClientLink, broker: Broker, cursor: str, timeout: float | None) -> Iterator[Event]:
    """By asking, at first every 10 ms, later every 0.2 s: any number of consumers share a connection."""
    listen_at = time.monotonic() + _LISTEN_EVERY
    waiting_since, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        if time.monotonic() > listen_at:
            broker.listen()
            listen_at = time.monotonic() + _LISTEN_EVERY
        found = _read(link, broker.keys.event_stream, cursor)
        for event in found:
            if event.word == "gap" and cursor != OLDEST:
                raise EventsLost(
                    f"nobody listened until {event.at}: what happened before is not known", event.cursor
                )
            cursor = event.cursor
            if event.word != "gap":
                yield event
        if found:
            waiting_since, pause = time.monotonic(), _FIRST_PAUSE
            continue
        left = _LONGEST_PAUSE if timeout is None else waiting_since + timeout - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _read(link: ClientLink, stream: str, cursor: str) -> list[Event]:
    """Some events after the cursor. Its own is asked for as well: while that is kept, so are all after it."""
    seen, _, count = cursor.partition("/")
    start = "-" if cursor == OLDEST else seen
    reply: list[Any] = link.insist(
        lambda: link.client.execute_command("XRANGE", stream, start, "+", "COUNT", _PAGE + 1)
    )
    found = [event for entry, fields in reply for event in _events(entry.decode(), fields)]
    if cursor == OLDEST:
        return found
    own = sum(event.cursor.partition("/")[0] == seen for event in found)
    if not own:
        raise EventsLost(f"what follows {cursor} is not kept any more, or not all of it", OLDEST)
    return found[min(int(count or own), own) :]


def _events(entry: str, fields: Sequence[bytes] | dict[bytes, bytes]) -> Iterator[Event]:
    """None: it is no entry of ours."""
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    if fields.keys() >= {b"word", b"id", b"queue"}:
        word, ids, queue = (text_of(fields[name]) for name in (b"word", b"id", b"queue"))
        at, jobs = iso(int(entry.partition("-")[0]) / 1000), ids.split(" ")
        detail = text_of(fields.get(b"detail", b""))
        for number, job_id in enumerate(jobs, 1):
            yield Event(
                entry if number == len(jobs) else f"{entry}/{number}", at, word, job_id, queue, detail
            )
