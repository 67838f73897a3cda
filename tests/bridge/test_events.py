"""The stream of events: what happened comes in order, and after a break what was missed."""

from __future__ import annotations

import contextlib
import json
import threading
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue, task
from junmai_jobs.bridge import events, hub
from junmai_jobs.bridge.hub import Hub
from junmai_jobs.config import load_config
from tests.bridge.live import followed, served
from tests.bridge.studio import Studio
from tests.homes import in_home
from tests.servers import RedisProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from werkzeug.wrappers import Response


@task
def be_heard() -> None:
    """It is submitted, and never run."""


def events_in(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and data of each event of a stream."""
    found: dict[str, str] = {}
    for line in (line.decode().rstrip("\n") for line in lines):
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield found["id"], json.loads(found["data"])
            found = {}


def told(answer: Response) -> Iterator[tuple[str, dict[str, Any]]]:
    return events_in(line for chunk in answer.iter_encoded() for line in chunk.splitlines())


def readers() -> set[threading.Thread]:
    """The hubs' that read now; one of a test before may have yet to notice that nobody listens."""
    return {thread for thread in threading.enumerate() if thread.name == "junmai-jobs-events"}


def test_a_client_sees_what_happens_and_after_a_break_what_it_missed(studio: Studio) -> None:
    answer = studio.ask("GET", "/queue/events")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    first = studio.jobs.submit(be_heard)
    found = told(answer)
    cursor, event = next(found)
    assert (event["event"], event["id"], event["queue"]) == ("submitted", first.id, "default")
    answer.close()

    second = studio.jobs.submit(be_heard)
    with studio.ask("GET", "/queue/events", headers={"Last-Event-ID": cursor}) as again:
        assert next(told(again))[1]["id"] == second.id


def test_a_client_that_has_heard_of_nothing_yet_misses_nothing_either(studio: Studio) -> None:
    with studio.ask("GET", "/queue/events") as answer:
        begin = next(answer.iter_encoded()).decode()
    cursor = begin.splitlines()[1].removeprefix("id: ")
    handle = studio.jobs.submit(be_heard)
    with studio.ask("GET", f"/queue/events?after={cursor}") as again:
        assert next(told(again))[1]["id"] == handle.id


def test_a_client_that_was_away_too_long_is_told_so_and_goes_on(studio: Studio) -> None:
    with studio.ask("GET", "/queue/events", headers={"Last-Event-ID": "1-1"}) as answer:
        found = told(answer)
        cursor, event = next(found)
        assert (cursor, [*event]) == ("0", ["error"])
        handle = studio.jobs.submit(be_heard)
        assert next(found)[1]["id"] == handle.id


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("queue=night", [("submitted", "night"), ("cancelled", "night")]),
        ("types=cancelled", [("cancelled", "night"), ("cancelled", "day")]),
        ("types=cancelled,started&queue=day", [("cancelled", "day")]),
        ("job=JOB", [("submitted", "day"), ("cancelled", "day")]),
    ],
)
def test_a_client_hears_of_what_it_asks_for(
    studio: Studio, query: str, wanted: list[tuple[str, str]]
) -> None:
    cursor = studio.jobs.broker.listen()
    jobs = [studio.jobs.submit(be_heard.with_options(queue=queue)) for queue in ("night", "day")]
    for job in jobs:
        studio.jobs.cancel(job.id)
    path = f"/queue/events?after={cursor}&{query.replace('JOB', jobs[1].id)}"
    with studio.ask("GET", path) as answer:
        found = [event for _, event in islice(told(answer), len(wanted))]
    assert [(event["event"], event["queue"]) for event in found] == wanted


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("?after=yesterday", {}),
        ("", {"Last-Event-ID": "yesterday"}),
        ("", {"Last-Event-ID": "99999999999999999999-0"}),
        ("?types=submitted,ended", {}),
        ("?types=", {}),
        ("?job=", {}),
        ("?cursor=0", {}),
        ("?queue=a&queue=b", {}),
    ],
)
def test_what_cannot_be_followed_is_refused(studio: Studio, path: str, headers: dict[str, str]) -> None:
    answer = studio.ask("GET", f"/queue/events{path}", headers=headers)
    assert (answer.status_code, answer.get_json()["code"] in {"bad_value", "bad_request"}) == (400, True)


def test_a_look_at_the_head_follows_nothing(studio: Studio) -> None:
    before = readers()
    answer = studio.ask("HEAD", "/queue/events")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/event-stream", b"")
    assert readers() <= before


def test_while_nothing_happens_there_is_a_comment(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET", 0.05)
    with studio.ask("GET", "/queue/events?types=cancelled") as answer:
        begin, *more = islice(answer.iter_encoded(), 3)
    assert all(chunk.startswith(b": ") and chunk.endswith(begin.partition(b"\n")[2]) for chunk in more)


def test_many_clients_cost_the_server_one_reader_and_are_freed_when_they_go(studio: Studio) -> None:
    def threads() -> int:
        return threading.active_count() - len(readers())

    before, others = threads(), readers()
    with served(studio.app) as port, contextlib.ExitStack() as stack:
        answers = [stack.enter_context(followed(port)) for _ in range(60)]
        for answer in answers:
            assert answer.readline().startswith(b"retry: ")
        handles = [studio.jobs.submit(be_heard) for _ in range(50)]
        for answer in answers:
            found = [event["id"] for _, event in islice(events_in(answer), len(handles))]
            assert found == [handle.id for handle in handles]
        assert len(readers() - others) == 1
        assert threads() > before + 60
        stack.close()

        def all_gone() -> bool:
            studio.jobs.submit(be_heard)
            return threads() <= before + 1

        wait_until(all_gone, what="the threads of the clients to end")
        wait_until(lambda: readers() <= others, what="the reader to end")


def test_a_listener_that_is_behind_what_the_reader_keeps_misses_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_KEPT", 10)
    own = Hub(studio.jobs)
    start = studio.jobs.broker.listen()
    with own.listening(start):
        handles = [studio.jobs.submit(be_heard) for _ in range(55)]
        quick = start
        while (found := own.after(quick, 5)) and found[-1].id != handles[-1].id:
            quick = found[-1].cursor
        slow: list[str] = []
        cursor = start
        while len(slow) < len(handles):
            found = own.after(cursor, 5)
            slow += [event.id for event in found]
            cursor = found[-1].cursor
    assert slow == [handle.id for handle in handles]


def test_all_leave_when_the_process_ends(studio: Studio) -> None:
    own = Hub(studio.jobs)
    start = studio.jobs.broker.listen()
    ended = threading.Event()

    def listen() -> None:
        with own.listening(start):
            while not own.closed:
                own.after(start, 60)
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    wait_until(readers, what="the reader")
    own.close()
    assert ended.wait(10)
    thread.join()


def test_a_stream_outlasts_the_absence_of_the_server_and_has_no_gap(tmp_path: Path) -> None:
    server = RedisProcess(tmp_path).start()
    config = load_config(environ=in_home(tmp_path / "home"))
    try:
        with closing(JobQueue(server.url, config=config)) as jobs:
            studio = Studio(jobs, tmp_path / "shoot")
            with served(studio.app) as port, followed(port) as answer:
                found = events_in(answer)
                first = jobs.submit(be_heard)
                assert next(found)[1]["id"] == first.id
                server.kill()
                away = studio.ask("GET", "/queue/events")
                assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
                server.start()
                more = [jobs.submit(be_heard).id for _ in range(20)]
                assert [event["id"] for _, event in islice(found, 20)] == more
    finally:
        server.stop()
