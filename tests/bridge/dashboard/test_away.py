"""The bridge or its server goes away while the page is open, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bridge.dashboard import tasks
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.bridge.dashboard.page import Dashboard
    from tests.bridge.dashboard.process import Bridge
    from tests.bridge.dashboard.scene import Scene
    from tests.servers import RedisProcess

_SLOW = """(() => {
  const [Source, ask] = [EventSource, fetch];
  Object.assign(globalThis, { sources: [], asked: [] });
  const gone = new Promise((letGo) => { globalThis.letGo = letGo; });
  globalThis.EventSource = class extends Source {
    constructor(path) { sources.push(super(path)); }
  };
  globalThis.fetch = async (...request) => {
    asked.push(request);
    await gone;
    return ask(...request);
  };
  globalThis.show = (isSeen) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !isSeen });
    document.dispatchEvent(new Event("visibilitychange"));
  };
})()"""
"""Requests wait from now on until they are let go; ``show`` puts the page in sight or out of it."""


def test_it_tells_that_the_bridge_is_away_and_goes_on_by_itself(
    visitor: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    visitor.open()
    visitor.wait_for_text("Nothing to do", "header")
    bridge.kill()
    visitor.wait_for_text("Junmai Jobs does not answer", "[role=status]")
    bridge.start()
    bridge.submit(shoot, tasks.develop, tmp_path / "release", 2)
    visitor.wait_for("document.querySelector('.banner p') === null")
    visitor.wait_for_text("2 waiting", "header")
    visitor.tab.complaints.clear()


def test_it_tells_that_the_server_is_away_and_goes_on_by_itself(
    visitor: Dashboard, server: RedisProcess, scene: Scene
) -> None:
    visitor.open()
    server.kill()
    visitor.wait_for_text("The queue's server is away", "[role=status]")
    assert "02.jpg" in visitor.text("main")  # as of before
    server.start()
    visitor.wait_for("document.querySelector('.banner p') === null")
    visitor.tab.complaints.clear()


def test_a_page_that_is_put_out_of_sight_while_it_asks_follows_nothing(
    visitor: Dashboard, scene: Scene
) -> None:
    visitor.open()
    visitor.tab.say(_SLOW)
    visitor.tab.say("show(false)")
    visitor.tab.say("show(true)")
    visitor.wait_for("asked.length > 0")
    visitor.tab.say("show(false)")
    shown = visitor.overview["timestamp"]
    visitor.tab.say("letGo()")
    wait_until(lambda: visitor.overview["timestamp"] != shown)
    assert visitor.tab.say("sources.every(({ readyState }) => readyState === EventSource.CLOSED)")
    visitor.tab.say("show(true)")
    visitor.wait_for("sources.length === 1 && sources[0].readyState === EventSource.OPEN")
