"""The stream of events: what happened comes in order, and after a break what was missed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from junmai_jobs import task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Response

    from tests.bridge.studio import Studio


@task
def nothing() -> None:
    """It is submitted, and never run."""


def told(answer: Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and data of each event of a stream."""
    found: dict[str, str] = {}
    for line in (line for chunk in answer.iter_encoded() for line in chunk.decode().splitlines()):
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield found["id"], json.loads(found["data"])
            found = {}


def test_a_client_sees_what_happens_and_after_a_break_what_it_missed(studio: Studio) -> None:
    answer = studio.ask("GET", "/queue/events")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    first = studio.jobs.submit(nothing)
    events = told(answer)
    cursor, event = next(events)
    assert (event["event"], event["id"], event["queue"]) == ("submitted", first.id, "default")
    answer.close()

    second = studio.jobs.submit(nothing)
    with studio.ask("GET", "/queue/events", headers={"Last-Event-ID": cursor}) as again:
        assert next(told(again))[1]["id"] == second.id


def test_a_client_that_was_away_too_long_is_told_so(studio: Studio) -> None:
    with studio.ask("GET", "/queue/events", headers={"Last-Event-ID": "1-1"}) as answer:
        cursor, event = next(told(answer))
    assert (cursor, [*event]) == ("0", ["error"])


def test_what_is_no_cursor_is_refused(studio: Studio) -> None:
    answer = studio.ask("GET", "/queue/events?after=yesterday")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_value")
