"""What happens to jobs, as it happens: a stream of server-sent events, resumed by Last-Event-ID.

The format is that of the HTML standard, section 9.2. Every client reads the queue by a cursor of its
own, see ``JobQueue.events``; while nothing happens it hears a comment: both sides know the other is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response, request

from junmai_jobs.errors import EventsLost, JunmaiJobsError

if TYPE_CHECKING:
    from junmai_jobs.bridge.site import Site
    from junmai_jobs.events import Event

QUIET = 10.0
"""Seconds between two comments while nothing happens."""
_AGAIN_MS = 2000


def stream(site: Site) -> Response:
    """Follow what happens to jobs, from the event on that the client has seen last.

    Raises:
        OptionError: it has seen no event of ours.
    """
    after = request.headers.get("Last-Event-ID") or request.args.get("after") or site.jobs.broker.listen()
    events = site.jobs.events(after, timeout=QUIET)  # refuses at once
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(_told(site, after, events), mimetype="text/event-stream", headers=headers)


def _told(site: Site, cursor: str, events: Iterator[Event]) -> Iterator[bytes]:
    yield b"retry: %d\n\n" % _AGAIN_MS
    try:
        while True:
            for event in events:
                cursor = event.cursor
                yield _message(cursor, event.word, _document(event))
            yield b": nothing has happened\n\n"
            events = site.jobs.events(cursor, timeout=QUIET)
    except EventsLost as lost:
        yield _message(lost.cursor, "lost", {"error": str(lost)})
    except JunmaiJobsError:
        return  # the client comes back, and is told then


def _document(event: Event) -> dict[str, Any]:
    return {"at": event.at, "event": event.word, "id": event.id, "queue": event.queue, "detail": event.detail}


def _message(cursor: str, word: str, document: dict[str, Any]) -> bytes:
    data = msgspec.json.encode(document)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), word.encode(), data)
