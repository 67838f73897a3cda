"""Looked up instead of made again, as the command line shows it; photographs among it."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.recording import CATALOG_FILE, CONTEXTS_FILE
from tests.photographs import scenes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import CommandLine

JUDGING = """
from junmai_jobs import task

@task(cache=True)
def judge(photo):
    print("judging", photo)
    return photo.upper()

@task(cache=60)
def measure(photo):
    return len(photo)
"""
CONTEXT = """
[everything]
description = "Whatever it is."
recommended_preset = "natural"
preset_blend = 50
rules = [{ field = "quality.overall_score", operator = ">=", value = 1, weight = 1 }]
"""


@pytest.fixture
def judging(cli: CommandLine) -> CommandLine:
    (cli.folder / "judging.py").write_text(JUDGING, "utf-8")
    return cli.having(JUNMAI_TASKS="judging")


def work(cli: CommandLine, *calls: tuple[str, str]) -> list[Any]:
    """Submit these and have a worker run them: their results."""
    ids = [cli.run("submit", *call).out.strip() for call in calls]
    done = cli.run("worker", "--burst", "--concurrency", "1")
    assert done.code == 0, done
    return [cli.json("show", job_id)["result"] for job_id in ids]


def test_it_is_shown_and_cleared(judging: CommandLine) -> None:
    assert judging.run("cache").out == "0 values kept: used 0 times, made 0 times; 0 bytes\n"
    assert "cache" not in judging.run("stats").out
    assert work(judging, ("judge", "a"), ("judge", "a"), ("judge", "b"), ("measure", "abc")) == [*"AAB", 3]

    found = judging.json("cache")
    assert judging.json("stats")["cache"] == {"entries": 3, "hits": 1, "misses": 3}
    assert found == {
        "entries": 3, "hits": 1, "misses": 3,
        "bytes": sum(row["bytes"] for row in found["tasks"].values()),
        "tasks": {
            "judge": {"entries": 2, "bytes": 2 * len(b" \xa1A")},
            "measure": {"entries": 1, "bytes": len(b"1764000000000 \x03")},
        },
    }  # fmt: skip
    shown = judging.run("cache").out
    assert [line.split() for line in shown.splitlines()[:2]] == [
        ["TASK", "VALUES", "BYTES"],
        ["judge", "2", "6"],
    ]
    assert "3 values kept: used 1 time, made 3 times" in shown
    assert "cache: 3 values kept: used 1 time, made 3 times" in judging.run("stats").out

    assert judging.run("cache", "clear").code == 2, "nobody can be asked"
    assert judging.json("cache", "clear", "--task", "judge", "--yes") == {"cleared": 2}
    assert judging.run("cache", "clear", "--yes").out == "1 value thrown away\n"
    assert work(judging, ("judge", "a")) == ["A"]
    assert judging.json("stats")["cache"] == {"entries": 1, "hits": 1, "misses": 4}


def test_a_name_that_no_task_has(judging: CommandLine) -> None:
    assert judging.json("cache", "clear", "--yes", "--task", "other") == {"cleared": 0}
    done = judging.run("cache", "clear", "--yes", "--task", "A B")
    assert (done.code, "is not a name" in done.err) == (2, True)


def test_who_keeps_nothing(judging: CommandLine) -> None:
    config = judging.folder / "config.json"
    config.write_text('{"cache": {"max_entries": 0}}', "utf-8")
    assert work(judging.having(JUNMAI_CONFIG=str(config)), ("judge", "a"), ("judge", "a")) == [*"AA"]
    assert judging.json("stats")["cache"] == {"entries": 0, "hits": 0, "misses": 0}


# ---- photographs ---------------------------------------------------------------------------------


def processed(cli: CommandLine, folder: Path) -> list[dict[str, Any]]:
    """Process a folder: of each photo what the catalog has of it but for where it is, by name."""
    report = cli.json("process", folder)
    assert (report["succeeded"], report["failed"]) == (len(list(folder.iterdir())), 0)
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        rows = sorted(catalog.photos(report["session_id"]), key=lambda row: row.path.name)
    elsewhere = {"id", "path", "group_id"}
    return [{name: value for name, value in asdict(row).items() if name not in elsewhere} for row in rows]


def test_the_same_photographs_in_another_session_are_looked_up(cli: CommandLine, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("card", "backup", "once more")]
    for folder in folders:
        folder.mkdir()
        for scene in scenes()[:3]:
            shutil.copy(scene, folder / f"{folder.name[0]}{scene.name}")
    first, again = (processed(cli, folder) for folder in folders[:2])
    assert cli.json("stats")["cache"] == {"entries": 3, "hits": 3, "misses": 3}
    assert first == again
    assert len({row["fingerprint"] for row in first}) == 3

    assert cli.json("cache", "clear", "--yes", "--task", "process_photo") == {"cleared": 3}
    assert processed(cli, folders[2]) == first
    assert cli.json("stats")["cache"] == {"entries": 3, "hits": 3, "misses": 6}


def test_a_catalog_that_is_new_gets_what_photographs_look_like(cli: CommandLine, tmp_path: Path) -> None:
    (shoot := tmp_path / "shoot").mkdir()
    shutil.copy(scenes()[0], shoot)
    first = processed(cli, shoot)
    for file in cli.home.glob(f"{CATALOG_FILE}*"):
        file.unlink()
    assert processed(cli, shoot) == first
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        [session] = catalog.sessions()
        assert len(catalog.thumbnails(session.id)) == 1
    assert cli.json("stats")["cache"] == {"entries": 1, "hits": 0, "misses": 2}


@pytest.mark.parametrize(
    ("environment", "uses"),
    [({}, (1, 1)), ({"JUNMAI_CACHE_ENTRIES": "0"}, (0, 1))],
    ids=["known", "whatever is known"],
)
def test_a_photo_is_looked_at_again_where_somebody_insists(
    cli: CommandLine, tmp_path: Path, environment: dict[str, str], uses: tuple[int, int]
) -> None:
    for folder in (tmp_path / "card", tmp_path / "backup"):
        folder.mkdir()
        shutil.copy(scenes()[0], folder)
    first = processed(cli, tmp_path / "card")
    assert processed(cli.having(**environment), tmp_path / "backup") == first
    counts = cli.json("stats")["cache"]
    assert (counts["hits"], counts["misses"]) == uses


def test_contexts_of_ones_own_are_another_setting(cli: CommandLine, tmp_path: Path) -> None:
    for folder in (tmp_path / "card", tmp_path / "backup"):
        folder.mkdir()
        shutil.copy(scenes()[0], folder)
    processed(cli, tmp_path / "card")
    (cli.home / CONTEXTS_FILE).write_text(CONTEXT, "utf-8")
    try:
        [row] = processed(cli, tmp_path / "backup")
    finally:
        (cli.home / CONTEXTS_FILE).unlink()
    assert row["context_tag"] == "everything"
    assert cli.json("stats")["cache"]["hits"] == 0
