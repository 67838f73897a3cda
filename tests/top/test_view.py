"""``top`` without a terminal: what its parts do when things go another way."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from junmai_jobs import JobQueue, task
from junmai_jobs.commands.charts import Column, Glyphs
from junmai_jobs.commands.top import feed as feeding
from junmai_jobs.commands.top import is_terminal
from junmai_jobs.commands.top.app import Top
from junmai_jobs.commands.top.feed import Away, Broken, Feed, Fresh, Opened, Told
from junmai_jobs.commands.top.pane import Pane, Row
from junmai_jobs.commands.top.snapshot import MOST, SECONDS, Reader
from junmai_jobs.errors import StoreUnavailable
from tests.in_process import typed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.message import Message
    from textual.pilot import Pilot

    from junmai_jobs.job import Job


@pytest.fixture
def noop(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})

    @task(name="noop")
    def noop(value: object = None) -> None: ...

    return noop


def drive(
    jobs: JobQueue, act: Callable[[Top, Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)
) -> Top:
    """Have a view run while something is done with it."""

    async def run() -> Top:
        view = Top(jobs)
        async with view.run_test(size=size) as pilot:
            await act(view, pilot)
        return view

    return asyncio.run(run())


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await pilot.pause(0.02)


def line(view: Top, name: str) -> str:
    return str(view.query_one(f"#{name}", Static).content).strip()


def pane(view: Top, name: str) -> str:
    return view.query_one(f"#{name}", Pane).render().plain


def test_a_key_that_fails_says_why(jobs: JobQueue, noop: Any) -> None:
    handle = jobs.submit(noop)
    gone = jobs.submit(noop)

    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab")
        await until(pilot, lambda: handle.id in pane(view, "waiting"))
        jobs.cancel(handle.id)
        view._cancel(handle.id, agreed=True)
        await until(pilot, lambda: "cancelled" in line(view, "told"))
        assert handle.id in line(view, "told")
        jobs._link.client.flushall()
        view.query_one("#waiting", Pane).show("WAITING", [Row(gone.id, [""] * 6)])
        await pilot.press("enter")
        await until(pilot, lambda: line(view, "told").startswith(f"no job {gone.id}"))

    drive(jobs, act)


def test_what_waits_goes_first_when_told_to(jobs: JobQueue, noop: Any) -> None:
    first, second = jobs.submit(noop), jobs.submit(noop)

    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab")
        await until(pilot, lambda: second.id in pane(view, "waiting"))
        await pilot.press("j", "b")
        await until(pilot, lambda: line(view, "told") == f"{second.id} goes first")
        await until(
            pilot, lambda: pane(view, "waiting").index(second.id) < pane(view, "waiting").index(first.id)
        )

    drive(jobs, act)


def test_a_key_that_means_nothing_here_says_where_it_does(jobs: JobQueue) -> None:
    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("c")
        assert line(view, "told") == "that key is for the list of running or waiting: tab goes there"
        await pilot.press("tab", "p")
        assert "the list of queues" in line(view, "told")
        await pilot.press("enter", "r")  # nothing runs that it could open
        assert "the list of failed" in line(view, "told")

    drive(jobs, act)


@pytest.mark.parametrize("size", [(1, 1), (9, 4), (20, 10), (300, 90)])
def test_any_size_will_do(jobs: JobQueue, noop: Any, size: tuple[int, int]) -> None:
    jobs.submit_many(noop, [(number,) for number in range(70)])

    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab", "end", "?", "q")
        for each in view.query(Pane):
            assert max(map(len, each.render().plain.split("\n"))) <= size[0]

    drive(jobs, act, size)


def test_where_there_is_little_room_the_list_with_the_focus_has_it(jobs: JobQueue, noop: Any) -> None:
    job_id = jobs.submit(noop).id

    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab")
        await until(pilot, lambda: job_id in pane(view, "waiting"))
        heights = {each.id: each.size.height for each in view.query(Pane)}
        assert heights == {"queues": 3, "running": 0, "waiting": 3, "failed": 0}

    drive(jobs, act, (80, 11))


def test_a_page_is_shown_once_and_no_key_reaches_below_it(jobs: JobQueue, noop: Any) -> None:
    job_id = jobs.submit(noop).id

    async def act(view: Top, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab")
        await until(pilot, lambda: job_id in pane(view, "waiting"))
        for _ in range(3):  # faster than there is an answer
            view.action_open()
        await until(pilot, lambda: len(view.screen_stack) > 1)
        before = view.snapshot
        await until(pilot, lambda: view.snapshot is not before)
        await pilot.press("p", "c", "r")
        assert len(view.screen_stack) == 2
        assert "c cancel" in line(view, "keys")
        assert line(view, "told") == ""
        await pilot.press("q")
        view.post_message(Opened.read(jobs, job_id))  # that nobody waits for any more
        await pilot.pause()
        assert len(view.screen_stack) == 1

    drive(jobs, act)


def test_a_mistake_of_ours_ends_it_and_is_raised(jobs: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(view: Top, pilot: Pilot[None]) -> None:
        monkeypatch.setattr(Reader, "read", lambda *_: 1 / 0)
        await until(pilot, lambda: view.error)

    assert isinstance(drive(jobs, act).error, ZeroDivisionError)


# ---- the pane ------------------------------------------------------------------------------------


class Lone(App[None]):
    """A view of one pane."""

    def compose(self) -> ComposeResult:
        glyphs = Glyphs.of(io.TextIOWrapper(io.BytesIO(), "utf-8"))
        yield Pane("lone", [Column("NAME", least=3)], glyphs, "nothing")


def test_the_cursor_stays_with_its_row() -> None:
    def rows(*names: str) -> list[Row]:
        return [Row(name, [name]) for name in names]

    async def act() -> None:
        view = Lone()
        async with view.run_test(size=(10, 5)) as pilot:
            lone = view.query_one(Pane)
            assert (lone.selected, lone.render().plain.split("\n")[2].strip()) == (None, "nothing")
            lone.show("T", rows(*"abcdefgh"))
            await pilot.press("j", "down")
            assert lone.selected == "c"
            lone.show("T", rows(*"xyabcdefgh"))
            assert lone.selected == "c"
            assert "c" in lone.render().plain
            lone.show("T", rows(*"xyabdefgh"))
            assert lone.selected == "d"  # in its place
            await pilot.press("G")
            assert lone.render().plain.split()[-3:] == ["f", "g", "h"]
            await pilot.press("j", "pagedown")
            assert lone.selected == "h"
            await pilot.press("home", "k", "pageup")
            assert lone.selected == "x"
            lone.show("T", rows("only"))
            assert lone.selected == "only"

    asyncio.run(act())


# ---- the feed ------------------------------------------------------------------------------------


class Slow:
    """A reader that takes long, and knows how many have read at once."""

    def __init__(self, took: float) -> None:
        self.took, self.inside, self.most = took, 0, 0
        self.times: list[float] = []

    def read(self, _queue: str | None = None) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.times.append(time.monotonic())
        threading.Event().wait(self.took)
        self.inside -= 1
        return "read"


def test_a_reading_that_takes_long_is_followed_by_a_rest(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, told = Slow(0.5), list[Any]()
    feed = Feed(jobs, told.append)
    monkeypatch.setattr(feed, "_reader", slow)
    feed.start()
    wait_until(lambda: len(slow.times) == 2, what="two readings")
    assert slow.times[1] - slow.times[0] >= 2.0
    monkeypatch.setattr(feeding, "_SHARE", 1000)  # the second still goes on
    feed.order(lambda _: Told("done"))
    wait_until(lambda: len(slow.times) == 3, what="a reading at once")
    assert slow.most == 1
    kinds = [type(each) for each in told]
    assert kinds[:3] == [Fresh, Fresh, Told]
    monkeypatch.setattr(feed, "_reader", None)  # which ends it
    feed.order(lambda _: Told("done"))
    feed.join(60)
    assert isinstance(told[-1], Broken)


def test_no_reading_comes_between_two_keys_that_wait(jobs: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[Any]()
    feed = Feed(jobs, told.append)
    monkeypatch.setattr(feed, "_reader", Slow(0.1))
    for number in range(5):
        feed.order(lambda _, number=number: Told(str(number)))  # type: ignore[misc]
    feed.start()
    wait_until(lambda: len(told) >= 7, what="a second reading")
    assert [type(each) for each in told[:7]] == [Fresh, *[Told] * 5, Fresh]
    monkeypatch.setattr(feed, "_reader", None)  # which ends it
    feed.join(60)


def test_a_server_that_is_away_is_told_of_and_asked_again(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception] = [StoreUnavailable("it is away"), StoreUnavailable("still"), ValueError("ours")]

    def read(*_: object) -> None:
        raise answers.pop(0)

    told: list[Message] = []
    feed = Feed(jobs, told.append)
    monkeypatch.setattr(feed, "_reader", type("Gone", (), {"read": read})())
    feed.start()
    feed.join(60)
    assert [type(each) for each in told] == [Away, Away, Broken]


def test_what_stands_where_it_stood_is_not_read_again(
    jobs: JobQueue, noop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handles = jobs.submit_many(noop, [(number,) for number in range(MOST + 10)])
    reader, loaded, load = Reader(jobs), list[list[str]](), jobs.inspector.load

    def noted(ids: list[str]) -> list[Job]:
        loaded.append(ids)
        return load(ids)

    monkeypatch.setattr(jobs.inspector, "load", noted)
    assert [job.id for job in reader.read().waiting] == [each.id for each in handles[:MOST]]
    handles[0].cancel()
    found = reader.read()
    assert found.waiting[0].id == handles[1].id
    assert [ids for ids in loaded if ids] == [[each.id for each in handles[:MOST]], [handles[MOST].id]]
    assert len(found.ended) == SECONDS


def test_a_clock_that_is_set_back_starts_the_curve_anew(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stats = Reader(jobs), jobs.inspector.stats
    reader.read()
    monkeypatch.setattr(jobs.inspector, "stats", lambda: stats() | {"timestamp": "2026-01-01T00:00:00.000Z"})
    assert reader.read().ended == (0,) * SECONDS


# ---- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_it_wants_a_terminal_and_a_person(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = typed(tmp_path, "top", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "stats --json" in done.stderr


@pytest.mark.parametrize(
    ("term", "closed", "is_one"),
    [("xterm", "", True), ("dumb", "", False), ("xterm", "stdin", False), ("xterm", "stderr", False)],
)
def test_what_is_a_terminal(monkeypatch: pytest.MonkeyPatch, term: str, closed: str, *, is_one: bool) -> None:
    monkeypatch.setenv("TERM", term)
    for name in ("stdin", "stdout", "stderr"):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda name=name: name != closed)
        monkeypatch.setattr(sys, name, stream)
    assert is_terminal() == is_one


def test_hardware_is_told_as_json_could_hold_it(jobs: JobQueue) -> None:
    found = Reader(jobs).read().hardware
    assert json.loads(json.dumps(found))["memory_percent"] > 0
