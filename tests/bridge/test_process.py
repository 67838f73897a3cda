"""A folder that is processed over HTTP: the jobs of the command, for folders below ``photo.roots`` alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.process import process
from tests.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.studio import Studio
    from tests.servers import RedisProcess


def asked(studio: Studio, folder: Path, **more: Any) -> dict[str, Any]:
    answer = studio.ask("POST", "/queue/process", json={"folder": str(folder)} | more)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.get_json()
    return told


def test_it_submits_what_the_command_does_and_waits_for_nothing(rooted: Studio, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    told = asked(rooted, shoot)
    photos = len(rooted.photos)
    assert told == {
        "session": str(shoot), "session_id": told["session_id"], "photo_count": photos, "left_out": 0,
        "submitted": 2 * photos + 2, "job_id": told["job_id"],
    }  # fmt: skip
    last = rooted.jobs.job(told["job_id"])
    assert (last.task, last.status, last.kwargs["session_id"]) == (
        "finish_session",
        "blocked",
        told["session_id"],
    )
    by_status = rooted.jobs.stats()["jobs_by_status"]
    assert (by_status["queued"], by_status["blocked"]) == (photos, photos + 2)
    assert process(rooted.jobs, shoot, dry_run=True).started == 0


def test_the_same_again_submits_nothing(rooted: Studio, tmp_path: Path) -> None:
    first = asked(rooted, tmp_path / "shoot")
    assert asked(rooted, tmp_path / "shoot") == first | {"submitted": 0}


def test_what_failed_is_tried_again(rooted: Studio, tmp_path: Path) -> None:
    asked(rooted, tmp_path / "shoot")
    assert rooted.jobs.purge("medium_priority") == len(rooted.photos)
    assert asked(rooted, tmp_path / "shoot")["submitted"] >= len(rooted.photos)


def test_a_session_has_the_name_and_the_preset_that_are_asked_for(rooted: Studio, tmp_path: Path) -> None:
    told = asked(rooted, tmp_path / "shoot", session="Hochzeit", preset="natural")
    assert told["session"] == "Hochzeit"
    with rooted.catalog() as catalog:
        row = catalog.session_row(told["session_id"])
    assert row
    assert (row.name, row.import_folder) == ("Hochzeit", tmp_path / "shoot")
    (job, *_) = rooted.jobs.jobs(task="apply_preset", limit=1)
    assert job.kwargs["preset_name"] == "natural"


def test_a_folder_without_photos_has_no_jobs(rooted: Studio, tmp_path: Path) -> None:
    (tmp_path / "shoot" / "empty").mkdir()
    told = asked(rooted, tmp_path / "shoot" / "empty")
    assert (told["photo_count"], told["submitted"], told["job_id"]) == (0, 0, None)


def test_photos_behind_links_that_lead_out_are_left_out(rooted: Studio, tmp_path: Path) -> None:
    elsewhere, shoot = tmp_path / "elsewhere", tmp_path / "shoot"
    elsewhere.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(shoot / "L01.jpg", elsewhere / name)
    (shoot / "linked").symlink_to(elsewhere)
    (shoot / "c.jpg").symlink_to(elsewhere / "a.jpg")
    told = asked(rooted, shoot)
    assert (told["photo_count"], told["left_out"]) == (len(rooted.photos), 3)
    with rooted.catalog() as catalog:
        paths = {row.path for row in catalog.photos(told["session_id"])}
    assert all(path.parent == shoot and not path.is_symlink() for path in paths)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"folder": "missing"}, "path_not_allowed"),
        ({"folder": "ROOT/missing"}, "bad_folder"),
        ({"folder": "ROOT/L01.jpg"}, "bad_folder"),
        ({"folder": "ROOT", "preset": "no such preset"}, "bad_value"),
        ({"folder": "ROOT", "session": ""}, "bad_value"),
        ({"folder": 3}, "bad_value"),
        ({"folder": "ROOT", "write_into_files": True}, "bad_value"),
        ({"folder": "ROOT", "export": "ROOT/../out"}, "bad_value"),
        ({}, "bad_value"),
        ({"folder": "ROOT/.."}, "path_not_allowed"),
        ({"folder": "/"}, "path_not_allowed"),
    ],
    ids=str,
)
def test_what_cannot_be_processed_is_told_and_nothing_is_noted(
    rooted: Studio, tmp_path: Path, body: dict[str, Any], code: str
) -> None:
    with rooted.catalog() as catalog:
        before = catalog.sessions()
    shoot = str(tmp_path / "shoot")
    given = {
        key: value.replace("ROOT", shoot) if isinstance(value, str) else value for key, value in body.items()
    }
    answer = rooted.ask("POST", "/queue/process", json=given)
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    with rooted.catalog() as catalog:
        assert catalog.sessions() == before
    assert rooted.jobs.stats()["total_pending"] == 0


def test_without_roots_no_folder_is_processed(studio: Studio, tmp_path: Path) -> None:
    answer = studio.ask("POST", "/queue/process", json={"folder": str(tmp_path / "shoot")})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "path_not_allowed")
    assert "photo.roots" in answer.get_json()["error"]


def test_a_worker_does_all_of_it(rooted: Studio, server: RedisProcess, tmp_path: Path) -> None:
    told = asked(rooted, tmp_path / "shoot")
    command = CommandLine(rooted.jobs.config.home, tmp_path / "cwd", {"JUNMAI_REDIS_URL": server.url})
    done = command.run("worker", "--burst", "--concurrency", "2", "--no-schedules")
    assert done.code == 0, done
    found = rooted.jobs.job(told["job_id"]).result
    assert (found["photos"], found["succeeded"], found["failed"]) == (
        len(rooted.photos),
        len(rooted.photos),
        0,
    )
    assert found["picks"] > 0
