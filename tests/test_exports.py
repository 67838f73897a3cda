"""The exports of sessions: apart from each other, and not made anew while their drive is away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.tasks.exports import export_photo
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.command_line import CommandLine, home_with_server
from tests.photo.studio import texture
from tests.photographs import scenes
from tests.sessions import finish_in_a_hurry
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks import Forks

MESSAGE = "is away: what was exported stays as it is recorded"


@pytest.fixture
def cli(tmp_path: Path, forks: Forks) -> Iterator[CommandLine]:
    """Whatever is not spoiled is a pick."""
    with home_with_server(tmp_path / "home") as home:
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text('{"ai": {"selection_threshold": 1}}', "utf-8")
        yield CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONCURRENCY": "1"}, forks)


def make_shoot(folder: Path, *numbers: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        shutil.copy(scenes()[number], folder / f"IMG_{number}.jpg")
    return folder


def exported(report: dict[str, Any]) -> dict[str, str]:
    return {pick["path"]: pick["exported"] for pick in report["picks"]}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def succeeded(cli: CommandLine) -> int:
    return int(cli.json("stats")["jobs_by_status"]["succeeded"])


def test_exports_on_a_drive_that_is_away_stay_as_they_are_recorded(cli: CommandLine, tmp_path: Path) -> None:
    shoot, out = make_shoot(tmp_path / "shoot", 0, 1), tmp_path / "out"
    command = ("process", shoot, "--export", out, "--json")
    first, before, jobs = cli.json(*command), contents(out), succeeded(cli)
    out.rename(tmp_path / "away")

    done = cli.run(*command)

    assert (done.code, done.err.count(f"{out} {MESSAGE}"), done.err.count("\n")) == (0, 1, 1)
    assert json.loads(done.out) == first | {"started": 0}
    assert (out.exists(), succeeded(cli)) == (False, jobs)
    (tmp_path / "away").rename(out)
    assert cli.run(*command).err == ""
    assert (contents(out), succeeded(cli)) == (before, jobs)
    for file in out.iterdir():
        file.unlink()  # and now by its owner
    assert exported(cli.json(*command)) == exported(first)
    assert contents(out) == before


def test_what_is_new_waits_for_the_drive_of_the_exports(cli: CommandLine, tmp_path: Path) -> None:
    shoot, out = make_shoot(tmp_path / "shoot", 0), tmp_path / "out"
    command = ("process", shoot, "--export", out, "--json")
    cli.json(*command)
    out.rename(tmp_path / "away")
    make_shoot(shoot, 1)
    process = cli.start(*command)
    try:
        with closing(JobQueue(config=load_config(environ=cli.variables))) as jobs:
            wait_until(lambda: jobs.jobs(task="export_photo", status="scheduled"), timeout=30, what="parking")
            assert not out.exists()
            (tmp_path / "away").rename(out)
            done = finish_in_a_hurry(cli, process, jobs)
    finally:
        process.kill()
    report = json.loads(done.out)
    assert (done.code, report["failed"], done.err.count(MESSAGE)) == (0, 0, 1)
    assert set(exported(report).values()) == {str(out / name) for name in ("IMG_0.jpg", "IMG_1.jpg")}
    assert contents(out).keys() == {"IMG_0.jpg", "IMG_1.jpg"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a drive")
def test_a_drive_that_is_not_mounted_leaves_an_empty_folder(cli: CommandLine, tmp_path: Path) -> None:
    shoot, drive = make_shoot(tmp_path / "shoot", 0), tmp_path / "drive"
    drive.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", drive], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no drive may be mounted here")
    command = ("process", shoot, "--export", drive, "--json")
    try:
        first = cli.json(*command)
    finally:
        subprocess.run(["umount", drive], check=True)

    done = cli.run(*command)

    assert (done.code, MESSAGE in done.err, list(drive.iterdir())) == (0, True, [])
    assert exported(json.loads(done.out)) == exported(first)


def test_two_sessions_with_photos_of_one_name_in_one_folder(cli: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wedding, party = (make_shoot(tmp_path / name, 0) for name in ("wedding", "party"))
    shutil.copy(scenes()[1], party / "IMG_0.jpg")
    first = cli.json("process", wedding, "--export", out)
    before = contents(out)

    second = cli.json("process", party, "--export", out)

    assert list(exported(first).values()) == [str(out / "IMG_0.jpg")]
    assert list(exported(second).values()) == [str(out / "IMG_0-2.jpg")]
    after, jobs = contents(out), succeeded(cli)
    assert before.items() <= after.items()
    assert len(set(after.values())) == 2
    for folder, report in ((wedding, first), (party, second)):
        assert exported(cli.json("process", folder, "--export", out)) == exported(report)
    (out / "IMG_0-2.jpg").unlink()
    assert exported(cli.json("process", party, "--export", out)) == exported(second)
    assert (contents(out), succeeded(cli) > jobs) == (after, True)


def test_an_export_into_the_folder_of_another_session_is_told_once(cli: CommandLine, tmp_path: Path) -> None:
    """Whoever once had all of his pictures processed may still export below them."""
    wedding = make_shoot(tmp_path / "wedding", 0)
    party = make_shoot(wedding / "party", 1)
    cli.json("process", wedding)
    command = ("process", party, "--export", wedding / "out", "--json")

    first, second = cli.run(*command), cli.run(*command)

    assert (first.code, first.err.count("\n"), second.err) == (0, 1, "")
    assert f"{wedding / 'out'} is in the folder of another session, {wedding}: when that is" in first.err
    assert contents(wedding / "out").keys() == {"IMG_1.jpg"}


def test_no_other_job_exports_into_the_folder_of_a_session(cli: CommandLine, tmp_path: Path) -> None:
    wedding, party = (make_shoot(tmp_path / name, 0) for name in ("wedding", "party"))
    cli.json("process", wedding)
    cli.json("process", party)
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        photo = catalog.find_photo(party / "IMG_0.jpg")
    cli.run("submit", "export_photo", str(photo), "--kwargs",
            json.dumps({"destination": str(wedding / "out" / "a")}))  # fmt: skip
    cli.run("worker", "--burst")
    (job,) = cli.json("failed")["jobs"]
    assert "no exports belong in" in job["error"]["message"]


def test_a_session_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its photos are exported."""
    shoot, home = tmp_path / "shoot", tmp_path / "home"
    home.mkdir()
    preset = {"name": "Web", "file_name": "{session} {score}", "destination": str(tmp_path / "out")}
    (home / "config.json").write_text(json.dumps({"export": {"presets": [preset]}}), "utf-8")
    monkeypatch.setenv("JUNMAI_HOME", str(home))
    shoot.mkdir()
    paths = [shoot / f"{number}.jpg" for number in range(5)]
    for path in paths:
        texture(90, 60).save(path)
    with Catalog(home / CATALOG_FILE) as catalog:
        ids = list(catalog.photo_ids(session := catalog.session(str(shoot), shoot), paths).values())
        catalog.record_groups(session, [], ids, "results")
    calls = 0
    photos = Catalog.photos

    def counted(catalog: Catalog, session_id: int) -> Any:
        nonlocal calls
        calls += 1
        return photos(catalog, session_id)

    monkeypatch.setattr(Catalog, "photos", counted)
    names = [export_photo(photo, session_id=session)["path"].name for photo in reversed(ids)]
    assert names[::-1] == ["shoot unrated.jpg", *(f"shoot unrated-{number}.jpg" for number in range(2, 6))]
    assert calls == 1
    with Catalog(home / CATALOG_FILE) as catalog:
        catalog.record_groups(session, [], ids, "other results")
    export_photo(ids[0], session_id=session)
    assert calls == 2
