"""The picture in docs/top.md, made anew: ``python -m tests.top.screenshot``."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from junmai_jobs.commands.top.app import Top
from tests.embedded_servers import ROOT
from tests.servers import server_binary
from tests.studios import Studio, opened
from tests.waiting import wait_until

SIZE = (100, 30)
ENOUGH = 900
TASKS = """
from pathlib import Path
from threading import Event

from junmai_jobs import Abort, current_job, task

@task(queue="high_priority")
def export(folder, done):
    for number in range(done, 400):
        current_job().progress(number, 400, message=f"{folder}/IMG_{number:04}.NEF")
        Event().wait(1)

@task
def score(photo):
    Event().wait(0.02)

@task(queue="high_priority", priority=9)
def contact_sheet(folder):
    raise Abort(f"there are no JPEGs in {folder}")
"""
FROM_ELSEWHERE = re.compile(r"\s*(@font-face \{.*?\}|<!--.*?-->)", re.DOTALL)
"""Fonts that a viewer would fetch, though it has others."""


def fill(studio: Studio) -> None:
    """Something of everything."""
    for folder, done in (("church", 310), ("garden", 120)):
        studio.submit("export", f"/shoot/{folder}", str(done))
    for folder in ("rehearsal", "drone"):
        studio.submit("contact_sheet", f"/shoot/{folder}")
    studio.submit("score", "/shoot/garden/IMG_0412.NEF", "--delay", "300")
    rows = "\n".join(f'{{"args": ["/shoot/party/IMG_{number:04}.NEF"]}}' for number in range(2400))
    studio.line.json("submit", "score", "--stdin", stdin=rows)


async def picture_of(studio: Studio) -> str:
    """The view, once there is something in all of it."""
    view = Top(studio.jobs)
    async with view.run_test(size=SIZE) as pilot:
        await pilot.press("tab")
        while sum(view.snapshot.ended) < ENOUGH:
            await pilot.pause(0.1)
        return FROM_ELSEWHERE.sub("", view.export_screenshot(title="junmai-jobs top"))


def main() -> None:
    """Write it."""
    with tempfile.TemporaryDirectory() as name, opened(server_binary(), Path(name)) as studio:
        (studio.line.folder / "scene.py").write_text(TASKS, "utf-8")
        fill(studio)
        studio.work(slots=3)
        wait_until(lambda: studio.jobs.stats()["jobs_by_status"]["failed"] == 2, what="what fails to fail")
        picture = asyncio.run(picture_of(studio))
    (ROOT / "docs" / "images" / "top.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
