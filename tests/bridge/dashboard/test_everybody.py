"""The dashboard is for everybody: large and small, light and dark, by eye, by ear and by keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from junmai_jobs import JobQueue
    from tests.bridge.dashboard.page import Dashboard
    from tests.bridge.dashboard.scene import Scene

SCREENS = [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_it_can_be_used_by_everybody(
    visitor: Dashboard, scene: Scene, width: int, scheme: str, language: str
) -> None:
    visitor.open(width, scheme=scheme, language=language)
    assert visitor.tab.say("document.documentElement.lang") == language
    visitor.tab.say("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    visitor.wait_for("document.querySelector('.jobs li') !== null")
    assert visitor.complaints_of_axe() == []
    assert not visitor.is_too_wide


@pytest.mark.parametrize("width", [360, 1400])
def test_each_dialog_can_be_used_by_everybody(owner: Dashboard, scene: Scene, width: int) -> None:
    owner.open(width)
    names = ("Process a folder…", "Clear Normal…", "Details of 02.jpg")
    for name in names:
        owner.press(name)
        owner.wait_for("document.querySelector('dialog[open] h2') !== null")
        assert owner.complaints_of_axe() == []
        assert not owner.is_too_wide
        owner.tab.press("Escape", 27)
        owner.wait_for("document.querySelector('dialog[open]') === null")
        assert owner.tab.say("document.activeElement.ariaLabel ?? document.activeElement.innerText") == name


def test_what_is_brought_up_to_date_takes_the_focus_from_nobody(
    visitor: Dashboard, jobs: JobQueue, scene: Scene
) -> None:
    """Else it would jump to what has the focus, under the eyes of who reads there."""
    visitor.open(height=400)
    visitor.press("Details of 02.jpg")
    visitor.wait_for_text("History", "dialog[open]")
    visitor.tab.say("document.activeElement.blur()")
    visitor.tab.say("document.querySelector('dialog').scrollTop = 0")
    shown = visitor.overview["timestamp"]
    jobs.resume()
    wait_until(lambda: visitor.overview["timestamp"] != shown)
    assert visitor.tab.say("document.activeElement === document.body")
    assert visitor.tab.say("document.querySelector('dialog').scrollTop") == 0


def test_keys_alone_will_do(owner: Dashboard, scene: Scene) -> None:
    owner.open()
    owner.focus("Pause all")
    assert owner.tab.say("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    owner.enter()
    owner.wait_for_text("Everything is paused", "header")
    assert owner.tab.say("document.activeElement.innerText") == "Resume all"
    owner.focus("Clear Normal…")
    owner.enter()
    for _ in range(6):
        owner.tab.press("Tab", 9)
        assert owner.tab.say(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    owner.tab.press("Escape", 27)
    owner.wait_for("document.activeElement.ariaLabel === 'Clear Normal…'")
    owner.focus("Retry 02.jpg")
    owner.enter()  # at which it is gone
    owner.wait_for("document.activeElement.id === 'failed'")
