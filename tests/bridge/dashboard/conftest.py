"""A bridge, a browser, and who looks at the page."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bridge.dashboard.page import Dashboard
from tests.bridge.dashboard.process import Bridge
from tests.bridge.dashboard.scene import Scene
from tests.browser import Browser, browser
from tests.photographs import copy_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import JobQueue
    from tests.servers import RedisProcess


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "Wedding in May"
    copy_to(folder)
    return folder


@pytest.fixture(scope="module")
def bridge(server: RedisProcess, shoot: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path_factory.mktemp("bridge") / "home", server.url, [shoot.parent])
    with closing(bridge.jobs):
        yield bridge.start()
        bridge.kill()


@pytest.fixture
def jobs(bridge: Bridge, server: RedisProcess) -> JobQueue:
    """A queue with nothing in it."""
    with server.client() as client:
        client.flushall()
    return bridge.jobs


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as chromium:
        yield chromium


@pytest.fixture
def visitor(chromium: Browser, bridge: Bridge, jobs: JobQueue, cookie: str) -> Iterator[Dashboard]:
    """Somebody who has not logged in. Nothing is said on the console, no policy is violated."""
    chromium("Network.clearBrowserCookies")
    chromium.complaints.clear()
    yield Dashboard(chromium, bridge.address)
    assert chromium.complaints == []
    chromium.look_at("about:blank", 400)  # and its stream of events ends


@pytest.fixture(scope="module")
def cookie(chromium: Browser, bridge: Bridge) -> str:
    """What a browser has that has logged in."""
    chromium.look_at(bridge.address, 400)
    body, headers = json.dumps({"code": bridge.code()}), {"Content-Type": "application/json"}
    asked = {"method": "POST", "body": body, "headers": headers}
    assert chromium.say(f"fetch('/session', {json.dumps(asked)}).then((answer) => answer.status)") == 200
    (found,) = chromium("Network.getCookies", urls=[bridge.address])["cookies"]
    assert (found["httpOnly"], found["sameSite"]) == (True, "Strict")
    return str(found["value"])


@pytest.fixture
def owner(visitor: Dashboard, cookie: str) -> Dashboard:
    """Somebody who has logged in."""
    visitor.tab("Network.setCookie", name="junmai_jobs", value=cookie, url=visitor.address)
    return visitor


@pytest.fixture
def scene(bridge: Bridge, jobs: JobQueue, shoot: Path) -> Scene:
    """Something of everything, which stands still."""
    session, photos = bridge.photos(shoot)
    broken = {path: f"{path.name} is cut off, its end is missing" for path in list(photos)[:2]}
    return Scene(jobs, session, photos, broken)
