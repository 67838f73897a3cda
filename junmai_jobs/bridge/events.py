"""What happens to jobs, as it happens: a stream of server-sent events, resumed by Last-Event-ID.

The format is that of the HTML standard, section 9.2. Every client has a cursor of its own, see
``JobQueue.events``, and is told it also while it hears of nothing: so whoever comes back misses nothing.
While nothing happens it hears a comment: both sides know the other is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from flask import Response, request
from msgspec import Meta, Struct

from junmai_jobs.bridge.endpoints import query_of
from junmai_jobs.bridge.problems import Refusal
from junmai_jobs.errors import EventsLost, StoreUnavailable

if TYPE_CHECKING:
    from junmai_jobs.bridge.hub import Hub
    from junmai_jobs.events import Event
    from junmai_jobs.jobqueue import JobQueue

QUIET = 10.0
"""Seconds between two comments while nothing happens."""
WORDS = frozenset({
    "submitted", "started", "succeeded", "failed", "cancelled", "retrying", "scheduled", "released",
    "governed",
})  # fmt: skip
_AGAIN_MS = 2000
_AGAIN = 1.0
"""Seconds until a client that is behind is read for again while the server is away."""
_Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Wanted(Struct, forbid_unknown_fields=True):
    """After which event, and which of all: of one queue, of one job, ``types`` with commas between them."""

    after: Annotated[str, Meta(max_length=64)] | None = None
    queue: _Name | None = None
    job: _Name | None = None
    types: Annotated[str, Meta(max_length=200)] | None = None

    def matcher(self) -> Matcher:
        """What picks them.

        Raises:
            Refusal: there is no such type.
        """
        words = WORDS if self.types is None else frozenset(self.types.split(","))
        if unknown := words - WORDS:
            raise Refusal(400, f"no type {min(unknown)!r}; there are {', '.join(sorted(WORDS))}", "bad_value")
        return Matcher(self.queue, self.job, words)


class Matcher(Struct, frozen=True):
    """Which events a client wants."""

    queue: str | None
    job: str | None
    words: frozenset[str]

    def __call__(self, event: Event) -> bool:
        """Whether it wants this one."""
        return event.word in self.words and self.queue in {None, event.queue} and self.job in {None, event.id}


def stream(jobs: JobQueue, hub: Hub) -> Response:
    """Follow what happens to jobs, from the event on that the client has seen last.

    Raises:
        OptionError: it has seen no event of ours.
    """
    wanted = query_of(Wanted)
    matches = wanted.matcher()
    cursor = request.headers.get("Last-Event-ID") or wanted.after or jobs.broker.listen()
    jobs.events(cursor, timeout=0)  # refuses what is no cursor, and listens from now on
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(_told(hub, cursor, matches), mimetype="text/event-stream", headers=headers)


def _told(hub: Hub, cursor: str, matches: Matcher) -> Iterator[bytes]:
    yield b"retry: %d\nid: %b\n\n" % (_AGAIN_MS, cursor.encode())
    quiet_till = time.monotonic() + QUIET
    with hub.listening(cursor):
        while not hub.closed:
            told = b""
            try:
                found = hub.after(cursor, max(0.0, quiet_till - time.monotonic()))
            except EventsLost as lost:
                cursor = lost.cursor
                told = _message(cursor, "lost", {"error": str(lost)})
            except StoreUnavailable:
                time.sleep(_AGAIN)
            else:
                cursor = found[-1].cursor if found else cursor
                told = b"".join(
                    _message(each.cursor, each.word, _document(each)) for each in found if matches(each)
                )
            if not told and time.monotonic() >= quiet_till:
                told = b": nothing has happened\nid: %b\n\n" % cursor.encode()
            if told:
                yield told
                quiet_till = time.monotonic() + QUIET


def _document(event: Event) -> dict[str, Any]:
    return {"at": event.at, "event": event.word, "id": event.id, "queue": event.queue, "detail": event.detail}


def _message(cursor: str, word: str, document: dict[str, Any]) -> bytes:
    data = msgspec.json.encode(document)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), word.encode(), data)
