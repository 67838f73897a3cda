"""What a person sees and does on the dashboard, and that names do nothing there."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from flask import Flask

from junmai_jobs.bridge import create_blueprint
from tests.bridge.dashboard import tasks
from tests.bridge.dashboard.page import Dashboard
from tests.bridge.dashboard.scene import Scene
from tests.bridge.live import served
from tests.photographs import scenes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from junmai_jobs import JobQueue
    from tests.bridge.dashboard.process import Bridge
    from tests.browser import Browser

NAMES = (
    "<script>alert(1)</script>.jpg",
    "<img src=x onerror='window.hacked=1'>.jpg",
    '"><b>&amp;{{x}}${x}.jpg',
)
"""What must show as it is called, and do nothing; of the first a folder is called ``<script>alert(1)<``."""


def test_a_folder_is_processed_once_a_code_was_given(visitor: Dashboard, bridge: Bridge, shoot: Path) -> None:
    visitor.open()
    visitor.press("Process a folder…")
    visitor.wait_for_text("Changes need a code", "dialog[open]")
    visitor.type(bridge.code().lower().replace("-", " "))
    visitor.enter()
    visitor.wait_for_text("Every photo is judged", "dialog[open]")
    visitor.type(str(shoot.parent / "nowhere"))
    visitor.enter()
    visitor.wait_for("document.querySelector('dialog[open] [role=alert]')?.innerText.length > 10")
    visitor.tab.say("document.querySelector('dialog input').select()")
    visitor.type(str(shoot))
    visitor.tab.complaints.clear()  # of the folder that is not there
    visitor.enter()
    visitor.wait_for_text("12 photos are being processed.")
    with bridge.worker(2):
        visitor.wait_for_text("12 of 12 photos")
        visitor.wait_for_text("Nothing to do", "header")
    assert not bridge.jobs.jobs(status="failed")


def test_a_wrong_code_changes_nothing(visitor: Dashboard) -> None:
    visitor.open()
    visitor.press("Log in")
    visitor.type("ABCD-EFGH")
    visitor.enter()
    visitor.wait_for_text("This is not the code", "dialog[open]")
    visitor.tab.complaints.clear()  # that it was refused
    visitor.press("Close")
    assert visitor.offers("Log in")


def test_a_code_is_given_once_however_often_enter_is_pressed(visitor: Dashboard, bridge: Bridge) -> None:
    visitor.open()
    visitor.press("Log in")
    visitor.type(bridge.code())
    visitor.enter()
    visitor.enter()
    visitor.wait_for_text("Logged in.")
    visitor.wait_for("document.querySelector('dialog[open]') === null")
    assert not visitor.offers("Log in")


def test_a_login_in_one_tab_is_one_in_all(visitor: Dashboard, scene: Scene, cookie: str) -> None:
    visitor.open()
    assert visitor.offers("Log in")
    visitor.tab("Network.setCookie", name="junmai_jobs", value=cookie, url=visitor.address)
    wait_until(lambda: not visitor.offers("Log in"), what="the page to know of the login")


def test_a_double_click_does_once_what_a_click_does(owner: Dashboard, scene: Scene) -> None:
    owner.open()
    owner.press_twice("Retry 02.jpg")
    owner.wait_for("!document.querySelector('.failures').innerText.includes('02.jpg')")
    owner.wait_for_text("1 job waits again.")


def test_what_waits_is_called_by_its_photo(visitor: Dashboard, scene: Scene) -> None:
    visitor.open()
    visitor.press("Show what waits")
    visitor.wait_for("document.querySelectorAll('.jobs li').length > 3")
    assert "Photo " not in visitor.text(".jobs")


def test_what_runs_is_watched_stopped_and_held_up(
    owner: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    first, second, third = bridge.submit(shoot, tasks.develop, tmp_path / "release", 3)
    owner.open()
    owner.wait_for_text("3 waiting", "header")
    with bridge.worker():
        owner.wait_for_text("02.jpg", ".cards")
        owner.wait_for("document.querySelector('.card progress').position === 0.75")
        owner.wait_for("document.querySelector('.card img').naturalWidth > 0")
        owner.press("Pause all")
        owner.wait_for_text("Everything is paused", "header")
        owner.press("Cancel 02.jpg")
        wait_until(lambda: jobs.job(first).status == "cancelled", 60)
        owner.wait_for_text("Nothing is being worked on.")
        owner.press("Resume all")
        owner.wait_for_text("L01.jpg", ".cards")
        owner.press("Show what waits")
        owner.press("L02.jpg first")
        wait_until(lambda: jobs.job(third).priority == 10, 60)
        owner.press("Cancel L02.jpg")
        wait_until(lambda: jobs.job(third).status == "cancelled", 60)
        owner.press("Pause Other")
        owner.wait_for("document.querySelector('.rows .mark')?.innerText === 'Paused'")
        assert jobs.stats()["queues"]["default"]["paused"]
        owner.press("Resume Other")
        (tmp_path / "release").touch()
        wait_until(lambda: jobs.job(second).status == "succeeded", 60)
        owner.wait_for_text("Nothing to do", "header")


def test_however_much_happens_it_asks_at_most_once_a_second(
    visitor: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    (tmp_path / "release").touch()
    visitor.open()
    with bridge.worker():
        while len(visitor.pauses) < 3:
            ids = bridge.submit(shoot, tasks.develop, tmp_path / "release", 12)
            wait_until(lambda last=ids[-1]: jobs.job(last).status == "succeeded")  # type: ignore[misc]
        visitor.wait_for_text("Nothing to do", "header")
    assert min(visitor.pauses) > 0.95


def test_what_has_failed_is_looked_at_and_tried_again(
    owner: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    ids = bridge.submit(shoot, tasks.misjudge, tmp_path / "mended", 3)
    owner.open()
    with bridge.worker():
        owner.wait_for("document.querySelectorAll('.failures li').length === 3")
        owner.wait_for_text("the lens cap was on", ".failures")
        owner.press("Details of 02.jpg")
        owner.wait_for_text("What went wrong", "dialog[open]")
        owner.wait_for_text("History", "dialog[open]")
        assert "Traceback" not in owner.text("dialog")
        owner.press("Technical details")
        owner.wait_for_text("Traceback", "dialog[open]")
        owner.press("Close")
        (tmp_path / "mended").touch()
        owner.press("Retry 02.jpg")
        wait_until(lambda: jobs.job(ids[0]).status == "succeeded", 60)
        owner.press("Retry all")
        wait_until(lambda: all(jobs.job(each).status == "succeeded" for each in ids))
        owner.wait_for_text("Nothing has failed.")


def test_what_waits_is_cancelled_only_after_a_question(
    owner: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    ids = bridge.submit(shoot, tasks.develop, tmp_path / "release", 3)
    owner.open()
    owner.press("Clear Other…")
    owner.wait_for_text("3 jobs will be cancelled", "dialog[open]")
    owner.press("Keep them")
    assert owner.text("header").count("3 waiting") == 1
    owner.press("Clear Other…")
    owner.press("Cancel 3 jobs")
    owner.wait_for_text("3 jobs cancelled.")
    assert {jobs.job(each).status for each in ids} == {"cancelled"}


def test_from_another_computer_looking_needs_a_code_too(
    visitor: Dashboard, bridge: Bridge, scene: Scene
) -> None:
    visitor.tab("Network.setExtraHTTPHeaders", headers={"X-Forwarded-For": "192.0.2.7"})
    try:
        visitor.tab.look_at(visitor.address, 400)
        visitor.wait_for_text("From here, looking needs a code", "[role=status]")
        assert not visitor.offers("Pause all")
        visitor.press("Log in")
        visitor.type(bridge.code())
        visitor.enter()
        visitor.wait_for_text("02.jpg", "main")
        visitor.wait_for("document.querySelector('.card img')?.naturalWidth > 0")
    finally:
        visitor.tab("Network.setExtraHTTPHeaders", headers={})
    visitor.tab.complaints.clear()  # that looking was refused


def test_the_code_is_asked_for_again_when_the_cookie_is_gone(owner: Dashboard, scene: Scene) -> None:
    owner.open()
    owner.tab("Network.clearBrowserCookies")
    owner.press("Pause all")
    owner.wait_for_text("Changes need a code", "dialog[open]")
    owner.tab.complaints.clear()  # that it was refused


def test_names_and_errors_are_shown_and_do_nothing(
    owner: Dashboard, bridge: Bridge, jobs: JobQueue, shoot: Path
) -> None:
    folder = shoot.parent / "<script>alert(2)</script>".replace("/", " ")
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scenes()[0], path)
    for number in range(5):
        shutil.copy(scenes()[0], folder / f"plain {number}.jpg")
    session, photos = bridge.photos(folder)
    ordered = dict(sorted(photos.items(), key=lambda each: "plain" in each[0].name))
    Scene(jobs, session, ordered, {next(iter(ordered)): "<img src=x onerror='window.hacked=2'> is cut off"})
    jobs.resume()
    owner.open()
    owner.press("Show what waits")
    owner.press(f"Details of {next(iter(ordered)).name}")
    owner.wait_for_text("History", "dialog[open]")
    owner.press("Technical details")
    shown = owner.tab.say("document.body.textContent")
    for name in NAMES:
        assert name.rpartition("/")[2] in shown
    assert "<img src=x onerror='window.hacked=2'>" in shown
    assert owner.tab.say("window.hacked ?? 0") == 0
    assert (
        owner.tab.say("document.querySelectorAll('script, [onerror], main b').length") == 1
    )  # our own script


def test_it_works_inside_another_site_too(chromium: Browser, jobs: JobQueue, scene: Scene) -> None:
    host = Flask("host", static_folder=None)
    host.register_blueprint(create_blueprint(jobs, auth="local"), url_prefix="/studio")
    with served(host) as port:
        chromium.complaints.clear()
        page = Dashboard(chromium, f"http://127.0.0.1:{port}/studio/")
        page.open()
        page.wait_for("document.querySelector('.card img')?.naturalWidth > 0")
        page.press("Pause all")
        page.wait_for_text("Everything is paused", "header")
        assert chromium.complaints == []
        chromium.look_at("about:blank", 400)
