"""A session comes to the same end whatever is killed, purged or run twice, and no photograph is changed."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PIL import Image

from junmai_jobs import JobQueue
from junmai_jobs.config import load_config
from junmai_jobs.job import Job
from junmai_jobs.server import Server
from tests.command_line import CommandLine
from tests.embedded_servers import kill
from tests.homes import in_home
from tests.photo.pictures.raw_files import cr2, jpeg, nef, raf, rw2
from tests.photo.sidecars import EDITED
from tests.photographs import copy_to
from tests.sessions import MOST, contents, jobs_of, make_shoot, photo_rows
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forks import Forks


@pytest.fixture
def cli(home: Path, tmp_path: Path, forks: Forks) -> CommandLine:
    """Without a cache: what shows the same is to take as long again."""
    environment = {"JUNMAI_CONCURRENCY": "2", "JUNMAI_CACHE_ENTRIES": "0"}
    return CommandLine(home, tmp_path / "cwd", environment, forks)


@pytest.fixture
def jobs(home: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(config=load_config(environ=in_home(home)))) as jobs:
        yield jobs


def outcome(report: dict[str, Any]) -> dict[str, Any]:
    """What two sessions of one folder must agree on."""
    picks = [{**pick, "exported": None, "sidecar": None} for pick in report["picks"]]
    others = {"session_id": None, "started": None, "contact_sheet": None}
    return report | others | {"picks": sorted(picks, key=lambda pick: str(pick["path"]))}


def runs_of(found: list[Job], task: str = "process_photo") -> dict[int, tuple[str | None, str | None]]:
    """For each photo the claim by which its one job of this task succeeded, and when it ended."""
    succeeded = [job for job in found if job.task == task and job.status == "succeeded"]
    runs = {job.kwargs["photo_id"]: (job.token, job.finished_at) for job in succeeded}
    assert len(runs) == len(succeeded)
    return runs


def await_more(jobs: JobQueue, task: str, count: int = 14) -> None:
    """Until so many more jobs of a task have succeeded."""
    find = partial(jobs.jobs, task=task, status="succeeded", limit=MOST)
    before = len(find())
    wait_until(lambda: len(find()) >= before + count, timeout=30, what=f"more of {task}")


def start_worker(cli: CommandLine, jobs: JobQueue) -> subprocess.Popen[str]:
    worker = cli.start("worker", "--no-schedules", "--concurrency", "2", stderr=subprocess.DEVNULL)
    wait_until(lambda: any(row["pid"] == worker.pid for row in jobs.workers()), what="the worker")
    return worker


def kill_whole(cli: CommandLine, process: subprocess.Popen[str]) -> None:
    """``kill -9`` a command; the processes that it has started must end by themselves."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    cli.finish(process)
    _, alive = psutil.wait_procs(family, 10)
    assert not alive


@pytest.mark.parametrize("bursts", [16, pytest.param(40, marks=pytest.mark.slow)])
def test_process_a_worker_and_the_server_killed_change_nothing(
    home: Path, cli: CommandLine, jobs: JobQueue, tmp_path: Path, bursts: int
) -> None:
    make_shoot(shoot := tmp_path / "Hochzeit 写真", bursts)
    photos = 5 * bursts
    originals = contents(shoot)
    disturbed = ("process", shoot, "--json", "--session", "disturbed", "--export", tmp_path / "disturbed")

    process = cli.start(*disturbed)
    await_more(jobs, "process_photo")
    kill_whole(cli, process)
    worker = start_worker(cli, jobs)
    process = cli.start(*disturbed)
    await_more(jobs, "process_photo")
    kill_whole(cli, worker)
    await_more(jobs, "process_photo")
    kill(Server(None, home))
    await_more(jobs, "process_photo")
    await_more(jobs, "export_photo", 1)
    kill_whole(cli, process)
    report = json.loads(cli.finish(cli.start(*disturbed)).out)

    found, rows = jobs_of(home, jobs, report["session_id"]), photo_rows(home, report["session_id"])
    assert sum(run["event"] == "lost" for job in found for run in job.history) > 0
    assert len(found) == 3 * photos + 2
    assert runs_of(found).keys() == {row.id for row in rows}
    assert {job.status for job in found} == {"succeeded"}

    whole = cli.json("process", shoot, "--session", "undisturbed", "--export", tmp_path / "undisturbed")
    assert outcome(report) == outcome(whole)
    assert rows == photo_rows(home, whole["session_id"])
    assert (whole["photos"], whole["succeeded"], whole["failed"]) == (photos, photos, 0)
    # Unchanged: the run that wrote it was killed before it could say so.
    sidecars = {pick["sidecar"] for pick in report["picks"]} - {"unchanged"}
    assert sidecars == {"written", "no_sidecar"}
    assert {"unchanged", "no_sidecar"} == {pick["sidecar"] for pick in whole["picks"]}
    exports = {Path(pick["exported"]) for pick in whole["picks"]}
    assert exports == set((tmp_path / "undisturbed").rglob("*.*"))
    assert contents(tmp_path / "undisturbed").items() <= contents(tmp_path / "disturbed").items()
    assert originals.items() <= contents(shoot).items()


def test_two_runs_at_once_share_the_work(
    home: Path, cli: CommandLine, jobs: JobQueue, tmp_path: Path
) -> None:
    make_shoot(shoot := tmp_path / "shoot", 6)
    both = [cli.start("process", shoot, "--json", "--export", tmp_path / "exports") for _ in range(2)]
    done = [cli.finish(process) for process in both]
    assert [(each.code, each.err) for each in done] == [(0, ""), (0, "")]
    first, second = (json.loads(each.out) | {"started": None} for each in done)
    assert first == second
    assert (first["photos"], first["succeeded"]) == (30, 30)
    found = jobs_of(home, jobs, first["session_id"])
    assert len(runs_of(found)) == 30
    assert {run["event"] for job in found for run in job.history} == {"succeeded"}


def test_no_photograph_is_changed_whatever_its_format(cli: CommandLine, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    copy_to(shoot)
    cr2(shoot / "canon.cr2")
    rw2(shoot / "panasonic.rw2")
    raf(shoot / "fujifilm.raf", jpeg())
    scene = shoot / "large.jpg"
    for name in ("nikon.nef", "edited.nef"):
        nef(shoot / name, scene.read_bytes())
    with Image.open(scene) as image:
        for name in ("a.png", "b.tif", "c.webp", "d.jpeg"):
            image.save(shoot / name)
    shutil.copy(scene, shoot / "nikon.JPG")  # the camera's, beside the RAW
    (shoot / "edited.xmp").write_text(EDITED, "utf-8")
    (shoot / "link.jpg").symlink_to("large.jpg")
    before = contents(shoot)
    states = {path: path.lstat() for path in shoot.iterdir()}

    report = cli.json("process", shoot, "--export", tmp_path / "exports")

    assert report["failed"] == 0
    assert len(contents(tmp_path / "exports")) == len(report["picks"]) > 0
    after = contents(shoot)
    assert before.items() <= after.items()
    assert {Path(name).suffix for name in after.keys() - before.keys()} == {".xmp"}
    for path, state in states.items():
        now = path.lstat()
        assert (now.st_mtime_ns, now.st_ino, now.st_mode) == (state.st_mtime_ns, state.st_ino, state.st_mode)
    for folder in (shoot, shoot / "exports"):
        done = cli.run("process", shoot, "--export", folder)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert f"{folder} is in the folder of the photos" in done.err
    assert contents(shoot) == after


def test_the_sharp_frame_is_deleted_and_comes_back(
    home: Path, cli: CommandLine, jobs: JobQueue, tmp_path: Path
) -> None:
    """Meanwhile the burst has another pick; each run does only what is missing."""
    (burst,) = make_shoot(shoot := tmp_path / "shoot", 1)
    first = cli.json("process", shoot)
    burst.sharp.rename(kept := tmp_path / burst.sharp.name)

    without = cli.json("process", shoot)

    (pick,) = without["picks"]
    assert Path(pick["path"]) in burst.frames
    assert (without["photos"], without["started"], pick["group"]) == (4, 0, 4)
    done = len(jobs_of(home, jobs, first["session_id"]))
    cli.json("approve", pick["path"])
    assert [each["path"] for each in cli.json("process", shoot)["picks"]] == [pick["path"]]
    assert len(jobs_of(home, jobs, first["session_id"])) == done
    cli.json("taste", "undo", pick["path"])
    kept.rename(burst.sharp)
    assert outcome(cli.json("process", shoot)) == outcome(first)
    assert len(runs_of(jobs_of(home, jobs, first["session_id"]))) == 5


def test_the_sharp_frame_of_an_old_burst_comes_later(
    home: Path, cli: CommandLine, jobs: JobQueue, tmp_path: Path
) -> None:
    late, other = make_shoot(shoot := tmp_path / "shoot", 2)
    late.sharp.rename(kept := tmp_path / late.sharp.name)
    first = cli.json("process", shoot)
    before = runs_of(jobs_of(home, jobs, first["session_id"]))
    picked = {pick["path"] for pick in first["picks"]}
    assert (first["photos"], len(first["groups"]), str(other.sharp) in picked) == (9, 2, True)

    kept.rename(late.sharp)
    second = cli.json("process", shoot)

    assert (second["started"], second["photos"], second["succeeded"]) == (1, 10, 10)
    assert {pick["path"] for pick in second["picks"]} == {str(late.sharp), str(other.sharp)}
    assert sorted(map(len, (group["photos"] for group in second["groups"]))) == [5, 5]
    after = runs_of(jobs_of(home, jobs, second["session_id"]))
    assert (before.items() <= after.items(), len(after)) == (True, 10)
    assert cli.json("process", shoot) == second | {"started": 0}
    assert runs_of(jobs_of(home, jobs, second["session_id"])) == after


def test_everything_purged_in_the_middle_is_made_up_for(
    home: Path, cli: CommandLine, jobs: JobQueue, tmp_path: Path
) -> None:
    make_shoot(shoot := tmp_path / "shoot", 12)
    process = cli.start("process", shoot, "--json", "--session", "purged")
    before = jobs.stats()["jobs_by_status"]["succeeded"]
    wait_until(lambda: jobs.stats()["jobs_by_status"]["succeeded"] > before + 5, 60, "some photos")
    purged = jobs.purge()
    done = cli.finish(process)
    report = json.loads(done.out)
    assert purged > 60  # presets at least
    assert (done.code, report["photos"]) == (1, 60)
    assert report["failed"] == 60  # photos that are judged have no preset
    assert {failure["error"] for failure in report["failures"]} == {
        "its job was cancelled (purged): run this again to have it worked on"
    }
    jobs_of(home, jobs, report["session_id"])

    again = cli.json("process", shoot, "--session", "purged")

    assert outcome(again) == outcome(cli.json("process", shoot, "--session", "not purged"))
    assert 0 < again["started"] < 60
    assert len(runs_of(jobs_of(home, jobs, again["session_id"]))) == 60
