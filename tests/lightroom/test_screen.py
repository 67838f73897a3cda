"""The photo on the screen goes first: the bridge is told when it changes, and nothing else comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.lightroom.lightroom import requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio
    from tests.lightroom.conftest import StartLightroom
    from tests.lightroom.lightroom import Lightroom


def told(plugin: Lightroom) -> list[tuple[str, int | None]]:
    """The paths that the bridge was told, in their order, and its answers."""
    calls = [call for call in plugin.calls("http") if call["path"] == "/queue/attention"]
    return [(json.loads(call["body"])["path"], call.get("status")) for call in calls]


def claims(plugin: Lightroom) -> list[int | None]:
    return [call.get("status") for call in plugin.calls("http") if call["path"] == "/job/next"]


def test_each_photo_is_told_once_when_it_comes_and_is_first_in_line(
    studio: Studio, lightroom: StartLightroom
) -> None:
    photos = studio.photos
    waiting = studio.done("POST", "/queue/batch", json={"photo_ids": photos})["task_ids"]
    plugin = lightroom()
    plugin.tells_screen = True
    # What is on the screen each second, by the number in the catalog; 0: nothing, -1: Lightroom is busy.
    plugin.run(screen=[3, 3, 0, -1, 1, 1, 3], polls=4)
    assert told(plugin) == [(str(studio.path(photos[at])), 200) for at in (2, 0, 2)]
    broker = studio.jobs.broker
    claimed = [broker.claim(f"w/{number}", "1.1", ["medium_priority"]) for number in range(3)]
    assert [job and job.id for job in claimed] == [waiting[2], waiting[0], waiting[1]]
    assert claims(plugin) == [404] * 4, "the loop has heard nothing of it"


def test_a_photo_that_the_bridge_does_not_know_is_told_once_and_nothing_comes_of_it(
    studio: Studio, lightroom: StartLightroom, tmp_path: Path
) -> None:
    plugin = lightroom()
    plugin.tells_screen = True
    inside, outside = studio.path(studio.photos[0]).with_name("other.jpg"), tmp_path / "elsewhere.jpg"
    plugin.import_photos([inside, outside])
    plugin.run(screen=[1, 1, 2, 2], polls=3)
    assert told(plugin) == [(str(inside), 404), (str(outside), 400)]
    assert claims(plugin) == [404] * 3
    assert plugin.calls("log") == []


@pytest.mark.parametrize("off", ["the preference", "a job is done"])
def test_it_says_nothing_while_that_is_switched_off_or_the_plugin_itself_selects(
    studio: Studio, lightroom: StartLightroom, off: str
) -> None:
    plugin = lightroom()
    plugin.tells_screen = off != "the preference"
    if off == "the preference":
        plugin.run(polls=3)
        assert told(plugin) == []
        return
    config = {"version": "1.0", "pipeline": [{"stage": "base", "settings": {"Exposure2012": 0.5}}]}
    studio.jobs.submit(lightroom_apply, photo_id=studio.photos[1], config=config)
    plugin.run(takes={"createVirtualCopies": 10}, polls=2)
    shown = str(studio.path(studio.photos[-1]))
    assert told(plugin) == [(shown, 200)], "what was selected before, when the job was done"
    assert requests(plugin.journal())[:2] == [("next", 200), ("result", 200)]


def test_a_bridge_that_is_away_is_told_in_vain_and_the_loop_goes_on(lightroom: StartLightroom) -> None:
    plugin = lightroom()
    plugin.tells_screen, plugin.url = True, "http://127.0.0.1:9"
    plugin.run(screen=[1, 1, 2], polls=3)
    assert [status for _, status in told(plugin)] == [None, None]
    assert claims(plugin) == [None] * 3
