"""The main job on real photographs: what it reports, and that nothing is lost whatever is killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.endings import fail
from junmai_jobs.photo.errors import ReaderMissing, UnreadablePhoto
from junmai_jobs.server import Server
from junmai_jobs.tasks.photos import process_photo
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.command_line import CommandLine
from tests.embedded_servers import kill
from tests.homes import in_home
from tests.photographs import SCENES, camera_photographs, copy_to
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks import Forks

KEYS = {"session_id", "photos", "succeeded", "failed", "groups", "picks", "failures"}
BAD = {"cut off.jpg": "cut off", "empty.jpg": "is empty (0 bytes)", "text.jpg": "is not a picture"}
MANY = 18  # copies of the photographs, for a run that takes long enough to be disturbed


@pytest.fixture
def cli(home: Path, tmp_path: Path, forks: Forks) -> CommandLine:
    """Without a cache: what shows the same is to take as long again."""
    environment = {"JUNMAI_CONCURRENCY": "2", "JUNMAI_CACHE_ENTRIES": "0"}
    return CommandLine(home, tmp_path / "cwd", environment, forks)


@pytest.fixture
def jobs(home: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(config=load_config(environ=in_home(home)))) as jobs:
        yield jobs


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """A folder with real photographs in it, and below it."""
    folder = tmp_path / "Überflug 写真 2026"
    copy_to(folder / "Tag eins" / "夕日")
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(MANY):
        copy_to(tmp_path / "Überflug 写真, alle" / f"{number:02}")
    return tmp_path / "Überflug 写真, alle"


def add_bad_files(folder: Path) -> None:
    """A file for each name in ``BAD``."""
    whole = next(path for path in camera_photographs() if path.name == "large.jpg").read_bytes()
    (folder / "cut off.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture", "utf-8")


def scores(report: dict[str, Any]) -> list[tuple[str, float]]:
    return sorted((pick["path"], pick["score"]) for pick in report["picks"])


def states(cli: CommandLine) -> dict[str, tuple[str, str]]:
    """When each job ended, and by which claim."""
    jobs = cli.json("list", "--limit", "10000")["jobs"]
    return {job["id"]: (job["finished_at"], job["token"]) for job in jobs}


def test_photos_are_scored_and_the_bad_ones_named(cli: CommandLine, shoot: Path) -> None:
    add_bad_files(shoot)
    report = cli.json("process", shoot, code=1)
    assert report.keys() >= KEYS
    assert (report["photos"], report["succeeded"], report["failed"], report["groups"]) == (15, 12, 3, [])
    assert isinstance(report["session_id"], int)
    picks = report["picks"]
    # Those that show something; nobody wants to keep a plain blue square.
    assert {Path(pick["path"]).name for pick in picks} == set(SCENES)
    assert picks[0].keys() == {"path", "score", "why", "group", "preset", "sidecar", "exported"}
    assert [pick["score"] for pick in picks] == sorted((pick["score"] for pick in picks), reverse=True)
    assert picks[0]["why"] == "Sharp, well exposed, strong composition."
    assert {Path(each["path"]).name for each in report["failures"]} == BAD.keys()
    for failure in report["failures"]:
        assert BAD[Path(failure["path"]).name] in failure["error"]
    for job in cli.json("failed")["jobs"]:
        assert (job["attempt"], job["error"]["type"]) == (1, "junmai_jobs.photo.errors.UnreadablePhoto")


def test_a_second_run_does_nothing_new(cli: CommandLine, shoot: Path) -> None:
    add_bad_files(shoot)
    first, before = cli.json("process", shoot, code=1), states(cli)
    second = cli.json("process", shoot, code=1)
    assert (first.pop("started"), second.pop("started")) == (15, 0)
    assert second == first
    assert states(cli) == before
    (shoot / "text.jpg").unlink()
    (shoot / "empty.jpg").write_bytes(camera_photographs()[0].read_bytes())
    third = cli.json("process", shoot, code=1)
    assert (third["photos"], third["succeeded"], third["failed"], third["started"]) == (14, 13, 1, 1)


def test_what_a_person_sees(cli: CommandLine, shoot: Path) -> None:
    done = cli.run("process", shoot)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split() == ["SCORE", "PHOTO", "GROUP", "PRESET", "WHY"]
    assert lines[-1] == "12 photos: 12 succeeded, 0 failed, 0 groups, 4 picks"
    assert "Tag eins/夕日/large.jpg" in lines[1]
    assert float(lines[1].split()[0]) > 4.5
    add_bad_files(shoot)
    code, shown = cli.in_terminal("process", shoot)
    assert code == 1
    for part in (
        "Photos",
        "/15",
        "15 photos: 12 succeeded, 3 failed, 0 groups, 4 picks",
        "empty.jpg is empty (0 bytes)",
    ):
        assert part in shown


def test_a_dry_run_only_counts(cli: CommandLine, shoot: Path) -> None:
    found = cli.json("process", shoot, "--dry-run")
    assert (found["photos"], found["succeeded"], found["failed"], found["started"]) == (12, 0, 0, 12)
    assert not any(str(shoot) in str(job["args"]) for job in cli.json("list")["jobs"])
    shown = cli.run("process", shoot, "--dry-run").out
    assert shown.startswith("12 photos: 0 succeeded, 0 failed, 12 to do, ")
    assert found["plan"]["photos_to_do"] == 12
    assert cli.json("process", shoot)["started"] == 12
    again = cli.json("process", shoot, "--session", "again", "--dry-run")
    assert again["expected_seconds"] > 0, "the first session has taught it how long photos take"
    found, done = cli.json("process", shoot, "--dry-run"), cli.json("process", shoot)
    assert (found["succeeded"], found["started"]) == (12, 0)
    assert found["picks"] == done["picks"]
    assert all(pick["preset"] for pick in found["picks"])


def test_a_dry_run_writes_nothing(home: Path, cli: CommandLine, shoot: Path) -> None:
    def written() -> list[str]:
        with closing(sqlite3.connect(home / CATALOG_FILE)) as db:
            return list(db.iterdump())

    Catalog(home / CATALOG_FILE).close()
    before = written()
    found = cli.json("process", shoot, "--dry-run", "--export", shoot.parent / "out")
    assert (found["session_id"], found["started"]) == (0, 12)
    assert (written(), (shoot.parent / "out").exists()) == (before, False)
    session = cli.json("process", shoot)["session_id"]
    copy_to(shoot / "more")
    before = written()
    found = cli.json("process", shoot, "--dry-run", "--preset", "portrait")
    assert (found["session_id"], found["succeeded"], found["started"]) == (session, 12, 12)
    assert written() == before


def test_a_session_has_a_name(cli: CommandLine, shoot: Path) -> None:
    first = cli.json("process", shoot)
    other = cli.json("process", shoot, "--session", "evening")
    assert other["session_id"] != first["session_id"]
    assert (other["started"], scores(other)) == (12, scores(first))
    assert cli.json("process", shoot / "..", "--session", "evening")["session_id"] == other["session_id"]


def test_a_folder_without_photos_that_is_missing_or_a_file(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    report = cli.json("process", tmp_path / "none")
    assert (report["photos"], report["picks"]) == (0, [])
    assert cli.run("process", tmp_path / "none").out == f"there are no photos in {tmp_path / 'none'}\n"
    missing = cli.run("process", tmp_path / "missing", "--json")
    assert (missing.code, missing.out) == (1, "")
    folder = tmp_path / "missing"
    assert missing.err == f"Error: the folder {folder} is not there: is its card or drive connected?\n"
    (tmp_path / "file.jpg").touch()
    done = cli.run("process", tmp_path / "file.jpg")
    assert (done.code, done.err) == (
        1,
        f"Error: {tmp_path / 'file.jpg'} is a file, not a folder: name the folder that holds it\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_name_that_is_no_text(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9t\xe9")
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(camera_photographs()[0].read_bytes())
    report = cli.json("process", folder)
    assert os.fsencode(report["picks"][0]["path"]).endswith(b"/\xe9t\xe9/\xff.jpg")
    done = cli.run("process", folder)
    assert done.code == 0
    assert r"\udcff.jpg" in done.out


def test_a_running_worker_is_used(cli: CommandLine, shoot: Path) -> None:
    worker = cli.start("worker", "--no-schedules", "--concurrency", "1", stderr=subprocess.DEVNULL)
    try:
        (found,) = wait_until(lambda: cli.json("workers")["workers"], what="the worker")
        report = cli.json("process", shoot, "--session", "by a worker")
        assert report["succeeded"] == 12
        runs = [job["worker"] for job in cli.json("list", "--limit", "12")["jobs"]]
        assert {run.rpartition("/")[0] for run in runs} == {found["name"]}
    finally:
        worker.send_signal(signal.SIGTERM)
        cli.finish(worker)


def test_a_worker_for_other_queues_or_a_dead_one_is_not_waited_for(cli: CommandLine, shoot: Path) -> None:
    worker = cli.start("worker", "--no-schedules", "--queues", "low_priority", stderr=subprocess.DEVNULL)
    wait_until(lambda: cli.json("workers")["workers"], what="the worker")
    try:
        assert cli.json("process", shoot)["succeeded"] == 12
    finally:
        worker.kill()
        cli.finish(worker)
    assert cli.json("process", shoot, "--session", "again")["succeeded"] == 12


def test_what_may_pass_gets_another_try(cli: CommandLine, shoot: Path, jobs: JobQueue) -> None:
    """Cancelled, or failed for a reason that may pass; not what can never work."""
    add_bad_files(shoot)
    assert cli.json("process", shoot, "--dry-run")["started"] == 15
    jobs.pause("medium_priority")
    process = cli.start("process", shoot, "--json")
    wait_until(lambda: jobs.stats()["queues"]["medium_priority"]["queued"] == 15, what="the jobs")
    assert cli.json("purge", "medium_priority", "--yes") == {"purged": 15}
    done = cli.finish(process)
    report = json.loads(done.out)
    assert (done.code, report["succeeded"], report["failed"]) == (1, 0, 15)
    assert "is paused" in done.err
    assert "was cancelled (purged)" in report["failures"][0]["error"]

    gone = {"type": "junmai_jobs.photo.errors.PhotoGone", "message": "not there", "traceback": ""}
    process = cli.start("process", shoot, "--json")
    wait_until(lambda: jobs.stats()["queues"]["medium_priority"]["queued"] == 15, what="the jobs")
    jobs.resume()
    report = json.loads(cli.finish(process).out)
    assert (report["succeeded"], report["failed"], report["started"]) == (12, 3, 15)

    jobs.retry(failed := next(job.id for job in jobs.jobs(status="failed") if "empty" in str(job.kwargs)))
    claimed = jobs.broker.claim("test/0", "1.1", ["medium_priority"])
    assert claimed is not None
    assert claimed.id == failed
    jobs.broker.end(claimed, fail(gone))
    report = cli.json("process", shoot, code=1)
    assert (report["succeeded"], report["failed"], report["started"]) == (12, 3, 1)
    assert any("is empty" in failure["error"] for failure in report["failures"])


def test_a_replaced_catalog_is_filled_again(home: Path, cli: CommandLine, shoot: Path) -> None:
    add_bad_files(shoot)
    first = cli.json("process", shoot, code=1)
    for file in home.glob("catalog.db*"):
        file.unlink()
    second = cli.json("process", shoot, code=1)
    assert scores(second) == scores(first)
    assert second["failures"] == first["failures"]
    assert looks(home, second) == (12, 12)
    assert cli.json("process", shoot, code=1) == second | {"started": 0}


def looks(home: Path, report: dict[str, Any]) -> tuple[int, int]:
    """How many of a session's photos the catalog has a thumbnail and a profile of."""
    with Catalog(home / CATALOG_FILE) as catalog:
        rows = catalog.photos(report["session_id"])
        profiles = catalog.profiles(report["session_id"])
        return sum(catalog.thumbnail(row.id) is not None for row in rows), len(profiles)


def test_what_a_catalog_lacks_that_was_restored_is_looked_at_again(
    home: Path, cli: CommandLine, shoot: Path, tmp_path: Path
) -> None:
    late = shoot / "late.jpg"
    (shoot / "Tag eins" / "夕日" / "large.jpg").rename(late)
    late.rename(tmp_path / "late.jpg")
    cli.json("process", shoot)
    for file in home.glob("catalog.db*"):
        shutil.copy(file, tmp_path)
    (tmp_path / "late.jpg").rename(late)
    first = cli.json("process", shoot)
    for file in home.glob("catalog.db*"):
        file.unlink()
    for file in tmp_path.glob("catalog.db*"):
        shutil.copy(file, home)

    second = cli.json("process", shoot)

    assert (first["started"], second["started"], second["succeeded"]) == (1, 1, 12)
    assert scores(second) == scores(first)
    assert looks(home, second) == (12, 12)
    assert cli.json("process", shoot) == second | {"started": 0}


def test_ctrl_c_leaves_the_rest_for_the_next_run(cli: CommandLine, many: Path, jobs: JobQueue) -> None:
    trace = many.parent / "trace.json"
    process = cli.start("process", many, "--json", "--trace", trace)
    _more_photos(jobs)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    done = cli.finish(process)
    assert (done.code, done.out) == (130, "")
    stopped, traced = done.err.splitlines()
    assert stopped == "Stopped. Nothing is lost: run the same command again to go on."
    assert traced.endswith(f": `{shlex.join(['junmai-jobs', 'trace', str(many), '--output', str(trace)])}`")
    psutil.wait_procs(family, 10)
    assert not [each for each in family if each.is_running()]
    counts = jobs.stats()
    assert counts["queues"]["medium_priority"]["queued"] > 0
    assert (counts["active_tasks"], counts["workers"]) == (0, 0)
    report = cli.json("process", many)
    assert (report["succeeded"], report["started"]) == (12 * MANY, 0)


@pytest.mark.slow
def test_children_killed_at_random_change_nothing(cli: CommandLine, many: Path, jobs: JobQueue) -> None:
    """At most twice the same photo: the third time would be the photo's own fault."""
    chance = random.Random(2026)
    undisturbed = cli.json("process", many, "--session", "undisturbed")
    process = cli.start("process", many, "--json", "--session", "disturbed")
    kills = 0
    while process.poll() is None:
        if victims := _children(process.pid):
            chance.choice(victims).kill()
            kills += 1
            wait_until(lambda: process.poll() is not None or _children(process.pid), what="another child")
        if kills >= 12 or _most_crashes(jobs) >= 2:
            break
    report = json.loads(cli.finish(process).out)
    assert kills > 1
    assert _most_crashes(jobs) > 0
    assert (process.returncode, scores(report)) == (0, scores(undisturbed))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_children_two_workers_and_the_server_killed_change_nothing(
    home: Path, cli: CommandLine, many: Path, jobs: JobQueue
) -> None:
    add_bad_files(many)
    undisturbed = cli.json("process", many, "--session", "undisturbed", code=1)
    worker = _start_worker(cli, jobs)
    process = cli.start("process", many, "--json", "--session", "disturbed")
    try:
        for victim in ("child", "worker", "child", "server", "child", "worker", "child"):
            _more_photos(jobs)  # by then those that were hit before have been worked on
            if victim == "child":
                wait_until(partial(_children, worker.pid), what="a child")[0].kill()
            elif victim == "server":
                kill(Server(None, home))
            else:
                worker.kill()
                cli.finish(worker)
                worker = _start_worker(cli, jobs)
        report = json.loads(cli.finish(process).out)
    finally:
        process.kill()  # it has ended already, unless the test fails; the next one is to find nothing running
        worker.send_signal(signal.SIGTERM)
        cli.finish(worker)
    history = [run for job in jobs.jobs(task="process_photo", limit=24 * MANY) for run in job.history]
    # One that is killed between two photos loses none.
    assert 1 < sum(run["event"] == "crashed" for run in history) <= 4
    assert sum(run["event"] == "lost" for run in history) > 1
    assert (process.returncode, report["succeeded"], report["failed"]) == (1, 12 * MANY, 3)
    assert (scores(report), report["failures"]) == (scores(undisturbed), undisturbed["failures"])


def _start_worker(cli: CommandLine, jobs: JobQueue) -> subprocess.Popen[str]:
    worker = cli.start("worker", "--no-schedules", "--concurrency", "2", stderr=subprocess.DEVNULL)
    wait_until(lambda: any(row["pid"] == worker.pid for row in jobs.workers()), what="the worker")
    return worker


def _processed(jobs: JobQueue) -> int:
    return len(jobs.jobs(task="process_photo", status="succeeded", limit=100 * MANY))


def _more_photos(jobs: JobQueue) -> None:
    before = jobs.stats()["jobs_by_status"]["succeeded"]
    wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] > before + 10, 60, what="some more photos")


def _children(pid: int) -> list[psutil.Process]:
    """The processes that run jobs: those of the fork server."""
    try:
        servers = psutil.Process(pid).children()
        return [child for server in servers for child in server.children()]
    except psutil.NoSuchProcess:
        return []


def _most_crashes(jobs: JobQueue) -> int:
    found = jobs.jobs(task="process_photo", limit=12 * MANY)
    return max((sum(run["event"] == "crashed" for run in job.history) for job in found), default=0)


@pytest.mark.parametrize("session", ["first", pytest.param("second", marks=pytest.mark.slow)])
def test_the_server_killed_under_it_changes_nothing(
    session: str, home: Path, cli: CommandLine, many: Path, jobs: JobQueue
) -> None:
    before = _processed(jobs)
    process = cli.start("process", many, "--json", "--session", session)
    _more_photos(jobs)
    kill(Server(None, home))
    done = cli.finish(process)
    assert done.code == 0, done
    assert json.loads(done.out)["succeeded"] == 12 * MANY
    assert _processed(jobs) == before + 12 * MANY


def test_the_task_records_what_it_finds(tmp_path: Path) -> None:
    """And a RAW file that cannot be decoded here is judged by the JPEG beside it."""
    photo, bad, raw = (tmp_path / name for name in ("photo.jpg", "bad.jpg", "photo.cr3"))
    photo.write_bytes(next(path for path in camera_photographs() if path.name == "large.jpg").read_bytes())
    bad.write_text("no picture", "utf-8")
    raw.write_bytes(b"\0\0\0\x18ftypcrx " + bytes(1000))
    file = tmp_path / "catalog.db"
    with Catalog(file) as catalog:
        ids = catalog.photo_ids(session := catalog.session("s", tmp_path), [photo, bad, raw])
        first, second = (process_photo(ids[photo], str(photo), catalog=file) for _ in range(2))
        assert first | {"processing_time": 0} == second | {"processing_time": 0}
        assert first["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
        with pytest.raises(UnreadablePhoto):
            process_photo(ids[bad], bad, catalog=file)
        with pytest.raises(ReaderMissing):
            process_photo(ids[raw], raw, catalog=file)
        beside = process_photo(ids[raw], raw, companion=photo, catalog=file)
        assert beside["quality"] == first["quality"]
        rows = {row.path: (row.status, row.ai_score, row.error) for row in catalog.photos(session)}
    score = first["quality"]["overall_score"]
    assert rows[photo] == rows[raw] == ("completed", score, None)
    assert rows[bad][:2] == ("failed", None)
    assert "is not a picture" in str(rows[bad][2])


def test_a_raw_and_its_jpeg_are_one_photo(cli: CommandLine, tmp_path: Path) -> None:
    copies = copy_to(tmp_path / "shoot")
    (tmp_path / "shoot" / "large.cr3").write_bytes(b"\0\0\0\x18ftypcrx " + bytes(1000))
    report = cli.json("process", tmp_path / "shoot")
    assert (report["photos"], report["succeeded"]) == (len(copies), len(copies))
    assert report["picks"][0]["path"].endswith("large.cr3")
