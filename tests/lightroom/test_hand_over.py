"""From the main job to Lightroom: what is handed over, and that nobody else takes it or waits for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.tasks.lightroom import lightroom_apply
from tests.command_line import CommandLine

if TYPE_CHECKING:
    from tests.bridge.studio import Studio
    from tests.lightroom.conftest import StartLightroom
    from tests.servers import RedisProcess


@pytest.fixture
def cli(server: RedisProcess, studio: Studio, tmp_path: Path) -> CommandLine:
    """The command line, in the studio's home and on its server."""
    environment = {"JUNMAI_REDIS_URL": server.url, "JUNMAI_TASKS": "studio"}
    return CommandLine(studio.jobs.config.home, tmp_path / "cwd", environment)


@pytest.fixture
def handing_over(cli: CommandLine) -> CommandLine:
    """The same where the plugin is installed, and every photo is good enough to be a pick."""
    settings = {"bridge": {"lightroom": True}, "ai": {"selection_threshold": 1}}
    (cli.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    return cli.having(JUNMAI_CONFIG=str(cli.folder / "config.json"))


def small_shoot(studio: Studio, folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    return [Path(shutil.copy(studio.path(photo), folder)) for photo in studio.photos[:count]]


def for_lightroom(studio: Studio) -> dict[str, Any]:
    return {job.id: job for job in studio.jobs.jobs(queue="lightroom", limit=100)}


def test_picks_are_handed_over_once_and_done_by_lightroom(
    studio: Studio, handing_over: CommandLine, lightroom: StartLightroom, tmp_path: Path
) -> None:
    cli, day = handing_over, tmp_path / "day"
    photos = small_shoot(studio, day, 3)
    report = cli.json("process", "--no-sheet", day)
    handed = for_lightroom(studio)
    assert len(handed) == len(report["picks"]) > 0
    assert {job.status for job in handed.values()} == {"queued"}, "process waits for none of them"

    plugin = lightroom()
    plugin.import_photos(photos)
    plugin.run()
    assert {job.status for job in for_lightroom(studio).values()} == {"succeeded"}
    assert sorted(copy["path"] for copy in plugin.copies()) == sorted(
        pick["path"] for pick in report["picks"]
    )

    new = shutil.copy(studio.path(studio.photos[3]), day)
    cli.json("process", "--no-sheet", day)
    (job,) = (job for job_id, job in for_lightroom(studio).items() if job_id not in handed)
    assert job.kwargs["config"]["target"]["identifier"] == str(new), "what is done is not done again"


def test_of_what_waits_the_last_settings_count_and_an_undo_takes_it_back(
    studio: Studio, handing_over: CommandLine, tmp_path: Path
) -> None:
    cli, day = handing_over, tmp_path / "day"
    small_shoot(studio, day, 1)
    cli.json("process", "--no-sheet", day)
    (first,) = for_lightroom(studio).values()
    cli.json("process", "--no-sheet", "--preset", "portrait", day)
    (last,) = for_lightroom(studio).values()
    assert first.id == last.id
    assert first.kwargs["config"]["pipeline"] != last.kwargs["config"]["pipeline"]

    assert cli.run("undo", "--yes", day).code == 0
    assert studio.jobs.job(last.id).status == "cancelled"
    cli.json("process", "--no-sheet", "--preset", "portrait", day)
    (again,) = (job for job in for_lightroom(studio).values() if job.status == "queued")
    assert again.kwargs == last.kwargs


def test_without_the_setting_nothing_is_handed_over(studio: Studio, cli: CommandLine, tmp_path: Path) -> None:
    small_shoot(studio, tmp_path / "day", 2)
    cli.json("process", "--no-sheet", tmp_path / "day")
    assert for_lightroom(studio) == {}


def test_no_worker_takes_what_is_for_lightroom_or_waits_for_it(studio: Studio, cli: CommandLine) -> None:
    waiting = studio.jobs.submit(lightroom_apply, photo_id=1, config={}).id
    other = cli.json("submit", "add", "1")["id"]
    done = cli.run("worker", "--burst")
    assert done.code == 0, done
    assert (studio.jobs.job(other).status, studio.jobs.job(waiting).status) == ("succeeded", "queued")


def test_a_worker_cannot_be_told_to_take_it(cli: CommandLine) -> None:
    done = cli.run("worker", "--queues", "default,lightroom")
    assert done.code == 2, done
    assert "the queue lightroom is served from outside, by the bridge" in done.err
