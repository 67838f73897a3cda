"""Looked up instead of made again, as the command line shows it; photographs among it."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.tasks.recording import CATALOG_FILE, CONTEXTS_FILE
from tests.contexts import EVERYTHING
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

@task
def look(photo):
    return photo
"""
LARGE = """
import random
from junmai_jobs import current_job, task

@task
def render(seed):
    return len(current_job().cached(seed, lambda: random.Random(int(seed)).randbytes(200_000)))
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


def test_a_submission_is_answered_at_once(judging: CommandLine) -> None:
    assert work(judging, ("judge", "once")) == ["ONCE"]
    told = judging.json("submit", "judge", "once", "--reuse")
    assert told == {
        "id": told["id"], "status": "succeeded", "existing": False, "reused": True, "result": "ONCE"
    }  # fmt: skip
    done = judging.run("submit", "judge", "once", "--reuse", "--wait")
    assert (done.code, done.out) == (0, "ONCE\n")
    assert done.err == "it was answered with a result that is kept, without a job\n"
    rows = '{"args": ["once"]}\n{"args": ["twice"]}\n{"args": ["once"], "reuse": false}\n'
    submitted = judging.json("submit", "judge", "--stdin", "--reuse", stdin=rows)["submitted"]
    assert [each.get("result") for each in submitted] == ["ONCE", None, None]
    assert len(judging.json("list")["jobs"]) == 3


def test_it_is_shown_and_cleared(judging: CommandLine) -> None:
    assert judging.run("cache").out == "0 values kept: used 0 times, made 0 times; 0 bytes\n"
    assert "cache" not in judging.run("stats").out
    assert work(judging, ("judge", "a"), ("judge", "a"), ("judge", "b"), ("measure", "abc")) == [*"AAB", 3]

    found = judging.json("cache")
    assert judging.json("stats")["cache"] == {name: found[name] for name in found if name != "tasks"}
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
    assert shown.endswith("3 values kept: used 1 time, made 3 times; 21 bytes\n")
    assert "cache: 3 values kept: used 1 time, made 3 times; 21 bytes" in judging.run("stats").out

    assert judging.run("cache", "clear").code == 2, "nobody can be asked"
    assert judging.json("cache", "clear", "--task", "judge", "--yes") == {"cleared": 2}
    assert judging.run("cache", "clear", "--yes").out == "1 value thrown away\n"
    assert work(judging, ("judge", "a")) == ["A"]
    assert judging.json("stats")["cache"] == {"entries": 1, "bytes": 3, "hits": 1, "misses": 4}


def test_a_name_that_no_task_has(judging: CommandLine) -> None:
    assert judging.json("cache", "clear", "--yes", "--task", "other") == {"cleared": 0}
    done = judging.run("cache", "clear", "--yes", "--task", "A B")
    assert (done.code, "is not a name" in done.err) == (2, True)


def test_who_keeps_nothing(judging: CommandLine) -> None:
    config = judging.folder / "config.json"
    config.write_text('{"cache": {"max_entries": 0}}', "utf-8")
    assert work(judging.having(JUNMAI_CONFIG=str(config)), ("judge", "a"), ("judge", "a")) == [*"AA"]
    assert judging.json("stats")["cache"] == {"entries": 0, "bytes": 0, "hits": 0, "misses": 0}


def test_who_has_room_for_less(judging: CommandLine) -> None:
    (judging.folder / "judging.py").write_text(LARGE, "utf-8")
    config = judging.folder / "config.json"
    config.write_text('{"cache": {"max_megabytes": 1}}', "utf-8")
    with_less = judging.having(JUNMAI_CONFIG=str(config))
    assert work(with_less, *(("render", f"{number}") for number in range(7))) == [200_000] * 7
    found = judging.json("cache")
    assert found["entries"] == 2**20 // 200_000
    assert 1_000_000 < found["bytes"] <= 2**20
    assert judging.json("stats")["cache"]["bytes"] == found["bytes"]


@pytest.mark.parametrize("temporary", ["", "x" * 90], ids=["by a forkserver", "spawned"])
def test_code_that_was_replaced_under_a_worker(judging: CommandLine, tmp_path: Path, temporary: str) -> None:
    """What the old code makes is not taken for what the new code makes: not even if it is asked but then."""
    (folder := tmp_path / temporary).mkdir(exist_ok=True)
    old = judging.having(TMPDIR=str(folder)) if temporary else judging
    with old.start("worker", "--concurrency", "1") as worker:
        try:
            assert judging.json("submit", "look", "a", "--wait")["result"] == "a"
            (judging.folder / "judging.py").write_text(JUDGING.replace("upper", "capitalize"), "utf-8")
            assert judging.json("submit", "judge", "a bride", "--wait")["result"] == "A BRIDE"
        finally:
            worker.terminate()
            _, told = worker.communicate(timeout=30)
    assert told.count("judging, or a library, was replaced") == 1
    assert work(judging, ("judge", "a bride"), ("judge", "a bride")) == ["A bride"] * 2
    assert judging.json("stats")["cache"]["hits"] == 1


# ---- photographs ---------------------------------------------------------------------------------


def counts(cli: CommandLine) -> tuple[int, int, int]:
    """How many values are kept, how often one was used, and how often one was made."""
    found = cli.json("stats")["cache"]
    return found["entries"], found["hits"], found["misses"]


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
    assert counts(cli) == (3, 3, 3)
    assert first == again
    assert len(cli.json("list", "--task", "process_photo")["jobs"]) == 3, "the others need no job"
    assert len({row["fingerprint"] for row in first}) == 3

    assert cli.json("cache", "clear", "--yes", "--task", "process_photo") == {"cleared": 3}
    assert processed(cli, folders[2]) == first
    assert counts(cli) == (3, 3, 6)


def test_a_catalog_that_is_new_gets_what_photographs_look_like(cli: CommandLine, tmp_path: Path) -> None:
    (shoot := tmp_path / "shoot").mkdir()
    shutil.copy(scenes()[0], shoot)
    first = processed(cli, shoot)
    for file in cli.home.glob(f"{CATALOG_FILE}*"):
        file.unlink()
    assert processed(cli, shoot) == first
    with Catalog(cli.home / CATALOG_FILE) as catalog:
        [session] = catalog.sessions()
        assert [bool(catalog.thumbnail(row.id)) for row in catalog.photos(session.id)] == [True]
    assert counts(cli) == (1, 0, 2)


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
    assert counts(cli)[1:] == uses


def test_contexts_of_ones_own_are_another_setting(cli: CommandLine, tmp_path: Path) -> None:
    for folder in (tmp_path / "card", tmp_path / "backup"):
        folder.mkdir()
        shutil.copy(scenes()[0], folder)
    processed(cli, tmp_path / "card")
    (cli.home / CONTEXTS_FILE).write_text(EVERYTHING, "utf-8")
    try:
        [row] = processed(cli, tmp_path / "backup")
    finally:
        (cli.home / CONTEXTS_FILE).unlink()
    assert row["context_tag"] == "everything"
    assert counts(cli)[1] == 0
