"""Chromium without a window, spoken to over a pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_COMPLAINTS = {
    "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Network.loadingFailed",
}  # fmt: skip
_OPTIONS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip

_LOAD_PICTURES = """Promise.all([...document.images].map((each) => {
  each.loading = "eager";
  return each.decode();
})).then(() => true)"""


def found_browser() -> str:
    """The program. In CI a test fails without one; elsewhere it is skipped and says what is missing."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    missing = "there is no Chromium to look at pages with: apt install chromium, or put one on PATH"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


class Browser:
    """One tab. ``complaints`` has what its console, its policies and its network said."""

    def __init__(self, send: int, receive: int, patience: float) -> None:
        self.complaints: list[str] = []
        self._patience = patience
        self._send, self._receive, self._kept = send, receive, b""
        self._number, self._session = 0, ""
        self._seen: set[str] = set()
        self._home = ""
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done, and give what comes of it."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + self._patience
        while (answer := self._next(deadline)).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def look_at(self, page: Path | str, width: int, height: int = 1000, scheme: str = "light") -> Self:
        """Open a file or an address in a window of so many px, for a person who likes it light or dark.

        An address is a page's own home: what it asks for there is no complaint.
        """
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **size)
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._seen.clear()
        self._home = page if isinstance(page, str) else ""
        self("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        deadline = time.monotonic() + self._patience
        while "Page.loadEventFired" not in self._seen:
            self._note(self._next(deadline))
        return self

    def say(self, expression: str) -> Any:
        """The value of an expression of JavaScript, as JSON could hold it."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def load_pictures(self) -> None:
        """Have all pictures of the page decoded, those that are out of sight too."""
        self.say(_LOAD_PICTURES)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key and let it go."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self) -> bytes:
        """A PNG of what is in the window."""
        return base64.b64decode(self("Page.captureScreenshot", format="png")["data"])

    def _note(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method", ""), event.get("params", {})
        self._seen.add(method)
        asked = parameters.get("request", {}).get("url", "") if method == "Network.requestWillBeSent" else ""
        is_far = asked.startswith(("http", "ws", "ftp")) and not (self._home and asked.startswith(self._home))
        if is_far or (method in _COMPLAINTS and not parameters.get("canceled")):
            self.complaints.append(json.dumps(parameters)[:3000])

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._kept:
            ready, _, _ = select.select([self._receive], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._receive, 2**20)
            assert piece, "the browser has ended"
            self._kept += piece
        message, _, self._kept = self._kept.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(profile: Path, patience: float = 60.0) -> Iterator[Browser]:
    """Run it, with a profile of its own; it fails what takes longer than ``patience`` seconds."""
    to_child, send = os.pipe()
    receive, from_child = os.pipe()
    command = [found_browser(), *_OPTIONS, f"--user-data-dir={profile}"]
    line = f'exec "$0" "$@" 3<&{to_child} 4>&{from_child}'  # the two numbers that it listens and speaks on
    process = subprocess.Popen(
        ["/bin/bash", "-c", line, *command], pass_fds=(to_child, from_child), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_child)
    os.close(from_child)
    try:
        yield Browser(send, receive, patience)
    finally:
        os.close(send)  # at which it ends
        os.close(receive)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
