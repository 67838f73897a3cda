"""What is wished of a session beside its picks: presets, edits replaced and restored, exports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.photo.xmp.sidecar import write_sidecar
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.command_line import CommandLine, home_with_server
from tests.photo.pictures.raw_files import cr2, jpeg
from tests.photo.sidecars import EDITED, SETTINGS, beside
from tests.photographs import copy_to
from tests.waiting import wait_until
from tests.xmp_reader import read_by_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks import Forks


@pytest.fixture
def cli(tmp_path: Path, forks: Forks) -> Iterator[CommandLine]:
    with home_with_server(tmp_path / "home", forks) as home:
        (home / "config.json").parent.mkdir(exist_ok=True)
        (home / "config.json").write_text('{"ai": {"selection_threshold": 1}}', "utf-8")
        yield CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONCURRENCY": "1"}, forks)


def test_edits_are_spared_replaced_and_restored(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    sidecar = beside(photo, EDITED)
    before = sidecar.read_bytes()
    (pick,) = cli.json("process", tmp_path / "shoot")["picks"]
    assert (pick["sidecar"], sidecar.read_bytes()) == ("already_edited", before)
    assert "already edited, left as it is" in cli.run("process", tmp_path / "shoot").out

    (pick,) = cli.json("process", tmp_path / "shoot", "--replace-edits")["picks"]
    assert pick["sidecar"] == "written"
    assert sidecar.read_bytes() != before

    refused = cli.run("undo", tmp_path / "shoot")
    assert (refused.code, "needs --yes" in refused.err) == (2, True)
    found = cli.json("undo", tmp_path / "shoot", "--yes")
    assert (found["restored"], found["edited_since"]) == ([str(photo)], [])
    assert sidecar.read_bytes() == before
    assert cli.run("undo", tmp_path / "shoot", "--yes").out == "0 photos restored\n"
    (pick,) = cli.json("process", tmp_path / "shoot")["picks"]
    assert pick["sidecar"] == "already_edited"


@pytest.mark.slow
def test_a_dry_run_counts_what_is_to_be_written_again(cli: CommandLine, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    shoot.mkdir()
    photo = cr2(shoot / "IMG_1.CR2")
    sidecar = photo.with_suffix(".xmp")

    def jobs() -> int:
        return int(cli.json("stats")["jobs_by_status"]["succeeded"])

    def forecast_and_done() -> tuple[int, int]:
        forecast, before = cli.json("process", shoot, "--dry-run")["jobs"], jobs()
        cli.json("process", shoot)
        return forecast, jobs() - before

    assert forecast_and_done() == (4, 4)
    assert forecast_and_done() == (0, 0)
    for spoil in (
        sidecar.unlink,
        lambda: cli.json("undo", shoot, "--yes"),
        lambda: cli.json("reject", photo),
    ):
        spoil()
        shown = cli.run("process", shoot, "--dry-run").out
        assert "groups, presets and exports to do again in 3 jobs" in shown
        assert forecast_and_done() == (3, 3)


def test_one_sidecar_that_cannot_be_restored_keeps_no_other(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photos = [cr2(tmp_path / "shoot" / f"IMG_{number}.CR2") for number in range(3)]
    sidecars = [beside(photo, EDITED, photo.with_suffix(".xmp").name) for photo in photos]
    before = sidecars[2].read_bytes()
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        catalog.photo_ids(catalog.session(str(tmp_path / "shoot"), tmp_path / "shoot"), photos)
    for photo in photos:
        write_sidecar(photo, SETTINGS, preset="p", replace_edits=True)
    sidecars[0].write_text("no XMP", "utf-8")
    found = cli.json("undo", tmp_path / "shoot", "--yes", code=1)
    assert [each["path"] for each in found["failures"]] == [str(photos[0])]
    assert found["restored"] == [str(photo) for photo in photos[1:]]
    assert sidecars[2].read_bytes() == before


def test_an_unknown_session(cli: CommandLine) -> None:
    done = cli.run("undo", "wedding", "--yes")
    assert (done.code, done.err) == (1, "Error: wedding names no session, or several; there are none\n")


def test_a_jpeg_beside_a_raw_is_the_same_photo(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    photo.with_suffix(".JPG").write_bytes(jpeg())
    report = cli.json("process", tmp_path / "shoot")
    assert (report["photos"], report["picks"][0]["path"]) == (1, str(photo))


def exposure(photo: Path) -> str:
    found = re.search(r'crs:Exposure2012="([^"]*)"', photo.with_suffix(".xmp").read_text("utf-8"))
    return found[1] if found else ""


def test_the_preset_that_is_wished_for_last_counts(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    presets = [{"name": name, "settings": {"Exposure2012": ev}} for name, ev in (("a", 1.0), ("b", 2.0))]
    settings = {"photo": {"presets": presets}, "ai": {"selection_threshold": 1}}
    (tmp_path / "other.json").write_text(json.dumps(settings), "utf-8")
    other = ("--config", tmp_path / "other.json")
    for name, shown in (("a", "+1.00"), ("b", "+2.00"), ("a", "+1.00")):
        report = cli.json(
            "process", tmp_path / "shoot", "--preset", name, "--config", tmp_path / "other.json"
        )
        assert (report["picks"][0]["preset"], exposure(photo)) == (name, shown)
    jobs = cli.json("stats")["jobs_by_status"]["succeeded"]
    cli.json("process", tmp_path / "shoot", "--preset", "a", *other)
    assert cli.json("stats")["jobs_by_status"]["succeeded"] == jobs


def test_what_cannot_be_is_said_at_once(cli: CommandLine, tmp_path: Path) -> None:
    copy_to(tmp_path / "shoot")
    (tmp_path / "file").touch()
    for wish, said in (
        (("--preset", "mine"), "there is no preset mine: there are "),
        (("--export", tmp_path / "file"), "is a file: name a folder to export to"),
        (("--export", tmp_path / "shoot" / "out"), "is in the folder of the photos"),
        (("--export", tmp_path / ("x" * 300)), "is longer than a name may be"),
    ):
        done = cli.run("process", tmp_path / "shoot", *wish)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert said in done.err
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        assert catalog.sessions() == []


def test_an_export_never_replaces_what_is_there(cli: CommandLine, tmp_path: Path) -> None:
    copy_to(tmp_path / "shoot")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "large.jpg").write_text("mine", "utf-8")
    report = cli.json("process", tmp_path / "shoot", "--export", tmp_path / "out", code=1)
    (failure,) = report["failures"]
    assert "already and another picture: move it away" in failure["error"]
    assert (tmp_path / "out" / "large.jpg").read_text("utf-8") == "mine"
    (tmp_path / "out" / "large.jpg").unlink()
    report = cli.json("process", tmp_path / "shoot", "--export", tmp_path / "out")
    assert all(Path(pick["exported"]).exists() for pick in report["picks"])


def test_it_ends_also_when_the_groups_are_cancelled(cli: CommandLine, tmp_path: Path) -> None:
    copy_to(tmp_path / "shoot")
    cli.run("pause", "low_priority")
    process = cli.start("process", tmp_path / "shoot", "--export", tmp_path / "out", "--json")
    rows = wait_until(lambda: cli.json("list", "--task", "group_similar_photos")["jobs"], what="the groups")
    cli.run("cancel", rows[0]["id"])
    cli.run("resume", "low_priority")
    report = json.loads(cli.finish(process).out)
    (failure,) = report["failures"]
    assert (failure["path"], "was cancelled" in failure["error"]) == (str(tmp_path / "shoot"), True)
    again = cli.json("process", tmp_path / "shoot", "--export", tmp_path / "out")
    assert again["failures"] == []
    assert all(Path(pick["exported"]).exists() for pick in again["picks"])


def test_what_was_deleted_is_made_again_once(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    command = ("process", tmp_path / "shoot", "--export", tmp_path / "out")
    (pick,) = cli.json(*command)["picks"]
    for made in (photo.with_suffix(".xmp"), Path(pick["exported"])):
        before = made.read_bytes()
        made.unlink()
        (again,) = cli.json(*command)["picks"]
        assert again | {"sidecar": pick["sidecar"]} == pick
        assert made.read_bytes() == before
        jobs = cli.json("stats")["jobs_by_status"]["succeeded"]
        cli.json(*command)
        assert cli.json("stats")["jobs_by_status"]["succeeded"] == jobs


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_photograph_is_written_to_but_with_the_flag(cli: CommandLine, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    photos = copy_to(shoot)[:3]
    for path in set(shoot.iterdir()) - set(photos):
        path.unlink()
    before = everything_in(shoot)
    picks = cli.json("process", shoot)["picks"]
    assert {pick["sidecar"] for pick in picks} == {"no_sidecar"}
    assert everything_in(shoot) == before

    picks = cli.json("process", shoot, "--write-into-files")["picks"]

    assert {pick["sidecar"] for pick in picks} == {"written"}
    picked = [Path(pick["path"]) for pick in picks]
    for path in photos:
        assert (path.read_bytes() != before[path.name]) == (path in picked)
        assert before[path.name] == everything_in(shoot)[path.name + (".original" if path in picked else "")]
    rated = read_by_exiftool(picked[0])
    assert (rated["XMP-xmp:Rating"] in {3, 4, 5}, rated["XMP-xmp:Label"]) == (True, "Green")
    found = cli.json("undo", shoot, "--yes")
    assert (sorted(found["restored"]), found["edited_since"]) == (sorted(map(str, picked)), [])
    assert everything_in(shoot) == before


def test_presets_of_a_file_are_checked_at_once_and_applied_anew(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    photo = cr2(tmp_path / "shoot" / "IMG_1.CR2")
    for text, shown in (("Exposure = 1", "+1.00"), ("Exposure2012 = 2", "+2.00")):
        (cli.home / "presets.toml").write_text(f"[mine.settings]\n{text}\n", "utf-8")
        cli.json("process", tmp_path / "shoot", "--preset", "mine")
        assert exposure(photo) == shown
    for text, said in (
        ("[mine.settings]\nOrangeHue = 2", "presets.toml: mine.settings.OrangeHue is no develop setting"),
        ("[natural]\nenabled = false", "there is no preset natural: there are "),
    ):
        (cli.home / "presets.toml").write_text(text, "utf-8")
        done = cli.run("process", tmp_path / "shoot")
        assert (done.code, done.err.count("\n"), said in done.err) == (2, 1, True), done
