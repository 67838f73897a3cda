"""What happens to jobs is told to whoever listens, and who has missed something is told that."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import EventsLost, JobQueue
from junmai_jobs import endings as verbs
from junmai_jobs.errors import OptionError
from junmai_jobs.replies import seconds
from tests.verbs.store import ERROR, new_job
from tests.waiting import wait_until
from tests.worker.tasks import quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.events import Event


def told(events: Iterator[Event]) -> list[tuple[str, str]]:
    return [(event.word, event.id) for event in events]


def stream(jobs: JobQueue) -> tuple[Any, str]:
    """A client, and the key of the stream."""
    return jobs.inspector._link.client, jobs.inspector.keys.event_stream


def stop_listening(jobs: JobQueue) -> None:
    client, _ = stream(jobs)
    client.hset(jobs.inspector.keys.meta, "listened", 1)


def test_a_job_is_followed_from_its_submission_to_its_end(jobs: JobQueue) -> None:
    events = jobs.events(timeout=10)
    with jobs.worker(concurrency=1):
        handle = jobs.submit(quick.with_options(queue="night"), 7)
        # The worker's own chores, which are due when they are due, tell of themselves as well.
        found = list(islice((event for event in events if event.id == handle.id), 3))
    assert [event.word for event in found] == ["submitted", "started", "succeeded"]
    assert {event.queue for event in found} == {"night"}
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert found[0].at.endswith("Z")


def test_every_word(jobs: JobQueue) -> None:
    broker, events = jobs.broker, jobs.events(timeout=0)
    broker.enqueue([new_job("a"), new_job("b", after=("a",)), new_job("c", delay=60)])
    numbers = iter(range(1, 100))

    def run() -> Any:
        return broker.claim("w/1", f"1.{next(numbers)}", ["default"])

    broker.end(run(), verbs.retry(0, ERROR))
    broker.promote(["default"])
    run()
    broker.release("w/1", f"1.{next(numbers)}")
    broker.end(run(), verbs.defer(0, "later"))
    broker.promote(["default"])
    broker.end(run(), verbs.fail(ERROR))
    broker.cancel("c", "person.1")
    words = [event.word for event in events]
    assert set(words) == {
        "submitted", "started", "retrying", "released", "scheduled", "failed", "cancelled",
    }  # fmt: skip
    assert words.count("started") == 4
    assert words.count("failed") == 1


def test_nothing_is_noted_while_nobody_listens(jobs: JobQueue) -> None:
    client, key = stream(jobs)
    jobs.submit(quick)
    assert not client.exists(key)


def test_listening_begins_with_the_call_not_with_the_first_event_taken(jobs: JobQueue) -> None:
    events = jobs.events(timeout=0)
    handle = jobs.submit(quick)
    assert told(events) == [("submitted", handle.id)]


@pytest.mark.parametrize("at_once", [1, 60, 250])
def test_every_consumer_sees_all_and_goes_on_where_it_was(jobs: JobQueue, at_once: int) -> None:
    first, second = jobs.events(timeout=0), jobs.events(timeout=0)
    handles = [
        handle
        for begin in range(0, 250, at_once)
        for handle in jobs.submit_many(quick, [()] * min(at_once, 250 - begin))
    ]
    wanted = [("submitted", handle.id) for handle in handles]
    seen = list(islice(first, 120))
    assert [(event.word, event.id) for event in seen] == wanted[:120]
    assert told(second) == wanted
    assert told(jobs.events(after=seen[-1].cursor, timeout=0)) == wanted[120:]
    assert told(jobs.events(after="0", timeout=0)) == wanted
    assert told(jobs.events(timeout=0)) == []


def test_of_jobs_submitted_at_once_each_has_a_cursor(jobs: JobQueue) -> None:
    events = jobs.events(timeout=0)
    jobs.submit_all([(quick.with_options(queue=queue), {}) for queue in ("a", "a", "b", "a")])
    found = list(events)
    assert [event.queue for event in found] == ["a", "a", "a", "b"], "those of a queue are told together"
    for number, event in enumerate(found, 1):
        assert list(jobs.events(after=event.cursor, timeout=0)) == found[number:]


def test_an_event_ends_the_waiting(jobs: JobQueue) -> None:
    events = jobs.events(timeout=10)
    submit = threading.Timer(0.3, jobs.submit, [quick])
    submit.start()
    assert next(events).word == "submitted"
    submit.join()


def test_it_ends_when_nothing_happens_for_the_timeout(jobs: JobQueue) -> None:
    assert told(jobs.events(timeout=0.05)) == []


def test_who_was_away_too_long_is_told_and_can_go_on(jobs: JobQueue) -> None:
    client, key = stream(jobs)
    events = jobs.events(timeout=0)
    jobs.submit(quick)
    cursor = next(events).cursor
    handles = [jobs.submit(quick) for _ in range(3)]
    client.xtrim(key, maxlen=2, approximate=False)
    with pytest.raises(EventsLost, match=f"what follows {cursor} is not kept any more") as lost:
        next(jobs.events(after=cursor, timeout=0))
    found = told(jobs.events(after=lost.value.cursor, timeout=0))
    assert found == [("submitted", handle.id) for handle in handles[1:]]


def test_who_follows_slower_than_events_are_dropped_is_told(jobs: JobQueue) -> None:
    client, key = stream(jobs)
    events = jobs.events(timeout=0)
    for _ in range(150):
        jobs.submit(quick)
    next(events)
    client.xtrim(key, maxlen=2, approximate=False)
    with pytest.raises(EventsLost):
        list(events)


def test_what_happened_while_nobody_listened_is_a_loss(jobs: JobQueue) -> None:
    events = jobs.events(timeout=0)
    jobs.submit(quick)
    cursor = next(events).cursor
    stop_listening(jobs)
    jobs.submit(quick)
    late = jobs.events(after=cursor, timeout=0)
    handle = jobs.submit(quick)
    with pytest.raises(EventsLost, match=r"nobody listened until .*look at the jobs themselves") as lost:
        next(late)
    assert told(jobs.events(after=lost.value.cursor, timeout=0)) == [("submitted", handle.id)]


def test_a_reader_from_the_oldest_on_is_told_of_a_gap_inside(jobs: JobQueue) -> None:
    first = jobs.events(timeout=0)
    handle = jobs.submit(quick)
    stop_listening(jobs)
    jobs.submit(quick)
    events = jobs.events(after="0", timeout=0)
    assert next(events).id == handle.id
    with pytest.raises(EventsLost):
        next(events)
    assert next(first).id == handle.id


def test_a_server_that_was_emptied(jobs: JobQueue) -> None:
    client, _ = stream(jobs)
    events = jobs.events(timeout=0)
    jobs.submit(quick)
    cursor = next(events).cursor
    # A stream that begins in the same millisecond would give out the same cursors.
    wait_until(lambda: seconds(client.time()) > (int(cursor.partition("-")[0]) + 1) / 1000)
    client.flushall()
    with pytest.raises(EventsLost):
        next(jobs.events(after=cursor, timeout=0))


TOO_LARGE = str(2**64)


@pytest.mark.parametrize(
    "after",
    ["", "newest", "12", "1-2-3", "1-2/", "1-2/x", "²-0", f"{TOO_LARGE}-0", f"0-{TOO_LARGE}", 12, b"0"],
)
def test_what_is_no_cursor(jobs: JobQueue, after: str) -> None:
    with pytest.raises(OptionError, match=r"after is .*; give the cursor of an event, '0' for the oldest"):
        jobs.events(after=after)


@pytest.mark.parametrize("timeout", [-1, "1", True])
def test_what_is_no_timeout(jobs: JobQueue, timeout: float) -> None:
    with pytest.raises(OptionError, match=r"timeout is .*; give seconds, or None"):
        jobs.events(timeout=timeout)
