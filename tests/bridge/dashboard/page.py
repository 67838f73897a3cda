"""The dashboard as a person uses it: by the names of what stands on it, with the mouse or with the keys."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.photographs import Package, unpacked
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.browser import Browser

AXE = Package(
    "axe-playwright-python==0.1.8",
    "axe_playwright_python-0.1.8-py3-none-any.whl",
    "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
    ("--only-binary", ":all:"),
)
"""It carries axe-core, the checker of accessibility, which is of the licence MPL 2.0; for tests alone."""
_PATIENCE = 30.0
_NAMED = """(name) => {
  const place = document.querySelector("dialog[open]") ?? document;
  const label = (each) => (each.ariaLabel ?? each.innerText).trim();
  return [...place.querySelectorAll("button, summary")]
    .find((each) => label(each) === name && each.checkVisibility());
}"""
_AXE_FINDS = """axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 200))}`))"""


@cache
def _axe() -> str:
    (found,) = unpacked(AXE).rglob("axe.min.js")
    return found.read_text("utf-8")


@dataclass
class Dashboard:
    """The page at an address, in a tab."""

    tab: Browser
    address: str

    def open(
        self, width: int = 1400, height: int = 1000, scheme: str = "light", language: str = "en"
    ) -> None:
        """Open it for somebody with this window and system, and wait until it shows what goes on."""
        agent = self.tab("Browser.getVersion")["userAgent"]
        self.tab("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        # Before it is loaded: it would begin in the language that an earlier visitor has chosen.
        self.tab("Storage.clearDataForOrigin", origin=self.address, storageTypes="local_storage")
        self.tab.look_at(self.address, width, height, scheme)
        self.wait_for("document.querySelector('main') !== null")

    def wait_for(self, expression: str) -> Any:
        """Until an expression of JavaScript is true of the page; its value then."""
        return wait_until(lambda: self.tab.say(expression), _PATIENCE, expression)

    def wait_for_text(self, text: str, within: str = "body") -> None:
        """Until a part of the page has this text in it."""
        self.wait_for(f"document.querySelector({within!r})?.innerText.includes({json.dumps(text)})")

    def text(self, selector: str) -> str:
        found: str = self.tab.say(f"document.querySelector({selector!r}).innerText")
        return found

    def press(self, name: str) -> None:
        """Press the button of this name; of the dialog, where one is open."""
        self.wait_for(f"(({_NAMED})({json.dumps(name)}))?.checkVisibility() ?? false")
        self.tab.say(f"((each) => {{ each.focus(); each.click(); }})(({_NAMED})({json.dumps(name)}))")

    def press_twice(self, name: str) -> None:
        """Press a button as a double click of the mouse does."""
        where = f"(({_NAMED})({json.dumps(name)}))"
        self.wait_for(f"{where} !== undefined")
        self.tab.say(f"{where}.scrollIntoView({{ block: 'center' }})")
        box = self.tab.say(f"{where}.getBoundingClientRect().toJSON()")
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left"}
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                self.tab("Input.dispatchMouseEvent", type=kind, clickCount=count, **at)

    def offers(self, name: str) -> bool:
        """Whether there is a button of this name."""
        return bool(self.tab.say(f"(({_NAMED})({json.dumps(name)})) !== undefined"))

    def focus(self, name: str) -> None:
        """Go to a button by the key Tab alone."""
        target = f"document.activeElement === (({_NAMED})({json.dumps(name)}))"
        most = self.tab.say("document.querySelectorAll('button, select, input, summary, [tabindex]').length")
        for _ in range(most + 2):
            if self.tab.say(target):
                return
            self.tab.press("Tab", 9)
        raise AssertionError(f"no key leads to {name}")

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self.tab("Input.insertText", text=text)

    def enter(self) -> None:
        self.tab.press("Enter", 13, "\r")

    def complaints_of_axe(self) -> list[str]:
        """What is hard or impossible to use for some people."""
        if not self.tab.say("typeof axe === 'object'"):
            self.tab.say(_axe())
        found: list[str] = self.tab.say(_AXE_FINDS)
        return found

    @property
    def pauses(self) -> list[float]:
        """Seconds from each request for what goes on to the next."""
        starts: list[float] = self.tab.say(
            "performance.getEntriesByType('resource')"
            ".filter(({ name }) => name.endsWith('/overview')).map(({ startTime }) => startTime)"
        )
        return [(later - earlier) / 1000 for earlier, later in itertools.pairwise(starts)]

    @property
    def overview(self) -> dict[str, Any]:
        """What it shows just now, as the bridge has told it."""
        found: dict[str, Any] = self.tab.say(
            "import('/assets/state.js').then((found) => found.state.overview)"
        )
        return found

    @property
    def is_too_wide(self) -> bool:
        """Whether it has to be moved sideways to be read."""
        return bool(self.tab.say("document.documentElement.scrollWidth > innerWidth"))
