"""``approve``, ``reject`` and ``taste``, as the photographer types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.cataloged import record
from tests.command_line import CommandLine, home_with_server
from tests.in_process import typed
from tests.photo.pictures.raw_files import cr2
from tests.photographs import scenes
from tests.xmp_reader import read_by_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs.photo.taste.traits import Leaning
    from tests.forks import Forks

SEEN, UNSEEN = range(1, 121), range(121, 181)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a photographer whose catalog has 180 photos; every third has a face on it."""
    home = tmp_path / "home"
    with Catalog(home / CATALOG_FILE) as catalog:
        ids = catalog.photo_ids(
            catalog.session("s", tmp_path), [tmp_path / f"{number:03}.jpg" for number in range(1, 181)]
        )
        for photo_id in ids.values():
            record(catalog, photo_id, faces=photo_id % 3 == 0)
    return home


def leanings(home: Path) -> dict[int, Leaning]:
    with Catalog(home / CATALOG_FILE) as catalog:
        return catalog.leanings([*SEEN, *UNSEEN])


def ranked(home: Path) -> list[int]:
    """The unseen photos, the best first."""
    with Catalog(home / CATALOG_FILE) as catalog:
        scores = {photo: row.ai_score or 0.0 for photo in UNSEEN if (row := catalog.photo_row(photo))}
        learned = catalog.learned_scores(scores)
    return sorted(UNSEEN, key=lambda photo: (-learned[photo], photo))


def with_faces_on_top(home: Path) -> int:
    return sum(photo % 3 == 0 for photo in ranked(home)[:20])


def test_forty_approvals_improve_the_ranking_and_one_command_undoes_them(home: Path) -> None:
    before, order = leanings(home), ranked(home)
    assert with_faces_on_top(home) < 10

    liked = [str(photo) for photo in SEEN if photo % 3 == 0]
    assert len(liked) == 40
    done = typed(home, "approve", *liked)
    assert (done.exit_code, done.output) == (0, "40 photos approved\n")
    assert with_faces_on_top(home) == 20
    shown = typed(home, "taste", "show").output
    assert "you keep photos with faces" in shown
    assert "40 approved, 0 rejected" in shown
    assert leanings(home) != before

    assert typed(home, "taste", "undo").output == "40 verdicts taken back\n"
    assert (leanings(home), ranked(home)) == (before, order)

    typed(home, "approve", *liked[:10])
    typed(home, "reject", "1", "2", "--reason", "blinked")
    refused = typed(home, "taste", "forget")
    assert (refused.exit_code, "needs --yes" in refused.output) == (2, True)
    assert typed(home, "taste", "forget", "--yes").output == "12 verdicts taken back\n"
    assert (leanings(home), ranked(home)) == (before, order)


def test_json(home: Path, tmp_path: Path) -> None:
    def said(*arguments: str) -> Any:
        return json.loads(typed(home, *arguments, "--json").output)

    assert said("approve", str(tmp_path / "003.jpg"), "6") == {"approved": [3, 6]}
    assert said("reject", "4", "--reason", "blinked") == {"rejected": [4]}
    shown = said("taste", "show")
    assert (shown["approved"], shown["rejected"]) == (2, 1)
    assert all(set(habit) == {"photos", "points"} for habit in shown["habits"])
    (withdrawn,) = said("taste", "undo", "4")["withdrawn"]
    assert withdrawn.pop("given_at")
    assert withdrawn == {
        "photo_id": 4, "path": str(tmp_path / "004.jpg"), "verdict": "rejected", "reason": "blinked",
    }  # fmt: skip
    assert [each["photo_id"] for each in said("taste", "forget", "--yes")["withdrawn"]] == [3, 6]


@pytest.mark.parametrize("photo", ["181", "0", "no.jpg", "99999999999999999999", "\u0663", "''"])
def test_a_photo_that_there_is_not(home: Path, photo: str) -> None:
    done = typed(home, "approve", "3", photo.strip("'"))
    assert done.exit_code == 1
    assert f"there is no photo {photo} in the catalog: process its folder first" in done.output
    assert "0 approved, 0 rejected; nothing was learned yet" in typed(home, "taste", "show").output
    done = typed(home, "taste", "undo")
    assert (done.exit_code, "there is no verdict to be taken back" in done.output) == (1, True)


@pytest.fixture
def cli(tmp_path: Path, forks: Forks) -> Iterator[CommandLine]:
    with home_with_server(tmp_path / "home2", forks) as home:
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text('{"ai": {"selection_threshold": 5}}', "utf-8")
        yield CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONCURRENCY": "1"}, forks)


def copied(folder: Path) -> list[Path]:
    """A folder with two photographs."""
    folder.mkdir()
    return [Path(shutil.copy(scene, folder)) for scene in scenes()[:2]]


def test_what_was_approved_is_a_pick_of_the_next_run_and_undone_it_is_not(
    cli: CommandLine, tmp_path: Path
) -> None:
    paths = copied(tmp_path / "shoot")
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        catalog.photo_ids(catalog.session(str(tmp_path / "shoot"), tmp_path / "shoot"), paths)
    cli.json("approve", tmp_path / "shoot" / scenes()[0].name)
    (pick,) = cli.json("process", tmp_path / "shoot")["picks"]
    assert pick["path"] == str(tmp_path / "shoot" / scenes()[0].name)
    assert pick["why"].endswith(" You approved it.")
    assert 1 <= pick["score"] <= 5
    cli.json("taste", "undo")
    undone = cli.json("process", tmp_path / "shoot")
    assert (undone["picks"], undone["started"]) == ([], 0)  # and no photo was looked at again


def test_a_verdict_sets_only_those_sessions_going_whose_picks_it_changes(
    cli: CommandLine, tmp_path: Path
) -> None:
    def jobs() -> int:
        return int(cli.json("stats")["jobs_by_status"]["succeeded"])

    here, there = tmp_path / "here", tmp_path / "there"
    photo, _ = copied(here)
    copied(there)
    assert [cli.json("process", folder)["picks"] for folder in (here, there)] == [[], []]
    cli.json("approve", photo)
    before = jobs()
    assert (cli.json("process", there)["picks"], jobs()) == ([], before)
    first = cli.json("process", here)
    assert ([pick["path"] for pick in first["picks"]], jobs() > before) == ([str(photo)], True)
    before = jobs()
    assert (cli.json("process", here), jobs()) == (first, before)
    cli.json("reject", photo)
    cli.json("approve", photo)
    assert (cli.json("process", here)["picks"], jobs()) == (first["picks"], before)


def test_a_rejected_pick_passes_on_to_the_next_and_loses_its_stars_until_it_is_forgiven(
    cli: CommandLine, tmp_path: Path
) -> None:
    shoot = tmp_path / "shoot"
    shoot.mkdir()
    best, other, *_ = [cr2(shoot / f"IMG_{number}.CR2") for number in (1, 2, 3)]

    def picked() -> tuple[str, str]:
        (pick,) = cli.json("process", shoot)["picks"]
        return pick["path"], pick["why"].partition(".")[0]

    def marks(photo: Path) -> tuple[object, object, bool]:
        tags = read_by_exiftool(photo.with_suffix(".xmp"))
        return tags.get("XMP-xmp:Rating"), tags.get("XMP-xmp:Label"), "XMP-crs:ProcessVersion" in tags

    assert picked()[0] == str(best)
    stars = marks(best)
    assert stars[0] in {3, 4, 5}
    assert stars[1:] == ("Green", True)

    cli.json("reject", best)
    assert picked() == (str(other), "Best of the 2 that you did not reject")
    assert marks(best) == (None, None, True), "the settings stay"
    assert marks(other)[1] == "Green"

    cli.json("taste", "undo")
    assert picked()[0] == str(best)
    assert marks(best) == stars
