"""What goes wrong with folders, drives and single photographs under a session harms nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from junmai_jobs import JobQueue
from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.job import Status
from junmai_jobs.keys import Keys
from junmai_jobs.tasks.recording import CATALOG_FILE, VOLUME_AWAY
from tests.command_line import CommandLine, home_with_server, in_namespace
from tests.photographs import scenes
from tests.sessions import contents, finish_in_a_hurry, jobs_of, make_shoot, photo_rows
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.forks import Forks

    Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Path]:
    with home_with_server(tmp_path_factory.mktemp("faults") / "home", forks) as home:
        yield home


@pytest.fixture
def cli(home: Path, tmp_path: Path, forks: Forks) -> CommandLine:
    return in_namespace(home, tmp_path / "cwd", forks).having(JUNMAI_CONCURRENCY="2")


@pytest.fixture
def jobs(cli: CommandLine) -> Iterator[JobQueue]:
    with closing(JobQueue(config=load_config(environ=cli.variables))) as jobs:
        yield jobs


@pytest.fixture
def start(cli: CommandLine) -> Iterator[Start]:
    """Starts commands that are ended with the test, whatever becomes of it."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
            process = stack.enter_context(cli.start(*arguments, **options))
            stack.callback(process.kill)
            return process

        yield start


def bound_by_permissions() -> None:
    """Have what is started next be refused what its permissions forbid, even if it is root's (Linux)."""
    drop, override, read_search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    for capability in (override, read_search) if sys.platform == "linux" else ():
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def stored_history(jobs: JobQueue, job_id: str) -> str:
    return str(jobs._link.client.hget(Keys.of(jobs.namespace).histories, job_id).decode())


@contextlib.contextmanager
def held(jobs: JobQueue, queue: str, count: int) -> Iterator[None]:
    """While so many jobs of a queue, which is paused, wait in it; afterwards they run."""
    wait_until(lambda: jobs.stats()["queues"][queue]["queued"] == count, timeout=30, what="the jobs")
    yield
    jobs.resume(queue)


def failures(report: dict[str, Any]) -> dict[str, str]:
    assert len(report["failures"]) == report["failed"]
    return {Path(each["path"]).name: each["error"] for each in report["failures"]}


def test_photos_that_are_lost_or_changed_before_their_turn(
    home: Path, cli: CommandLine, start: Start, jobs: JobQueue, tmp_path: Path
) -> None:
    make_shoot(shoot := tmp_path / "shoot", 3)
    deleted, forbidden, cut_off, replaced = sorted(shoot.rglob("*.JPG"))[:4]
    whole = cut_off.read_bytes()
    jobs.pause("medium_priority")
    process = start("process", shoot, "--json", preexec_fn=bound_by_permissions)
    with held(jobs, "medium_priority", 15):
        deleted.rename(tmp_path / deleted.name)
        forbidden.chmod(0)
        cut_off.write_bytes(whole[:5000])
        with Image.open(scenes()[0]) as image:
            image.save(replaced)
    done = finish_in_a_hurry(cli, process, jobs)

    report = json.loads(done.out)
    assert (done.code, report["photos"], report["succeeded"], report["failed"]) == (1, 15, 12, 3)
    assert failures(report) == {
        deleted.name: f"{deleted.name} is not there: was it moved, or is its card or drive not connected?",
        forbidden.name: f"{forbidden.name} cannot be read just now (Permission denied): "
        "check its permissions and its drive",
        cut_off.name: f"{cut_off.name} is cut off, its end is missing: copy it from the card again",
    }
    rows = {row.path: row for row in photo_rows(home, report["session_id"])}
    assert rows[replaced].sha256 == hashlib.sha256(replaced.read_bytes()).hexdigest()
    jobs_of(home, jobs, report["session_id"])

    (tmp_path / deleted.name).rename(deleted)
    forbidden.chmod(0o644)
    cut_off.write_bytes(whole)
    report = cli.json("process", shoot)
    assert (report["succeeded"], report["failed"], report["started"]) == (15, 0, 4)
    jobs_of(home, jobs, report["session_id"])


def test_a_sharp_frame_that_failed_and_is_back_becomes_the_pick(
    cli: CommandLine, start: Start, jobs: JobQueue, tmp_path: Path
) -> None:
    """No photo's job is a new one then, and yet the photos have to be grouped once more."""
    (burst,) = make_shoot(shoot := tmp_path / "shoot", 1)
    jobs.pause("medium_priority")
    process = start("process", shoot, "--json")
    with held(jobs, "medium_priority", 5):
        burst.sharp.rename(tmp_path / burst.sharp.name)
    first = json.loads(finish_in_a_hurry(cli, process, jobs).out)
    assert (first["failed"], len(first["groups"][0]["photos"]), len(first["picks"])) == (1, 4, 1)
    assert first["picks"][0]["path"] != str(burst.sharp)

    (tmp_path / burst.sharp.name).rename(burst.sharp)
    second = cli.json("process", shoot)

    assert (second["failed"], second["started"], len(second["groups"][0]["photos"])) == (0, 1, 5)
    assert [(pick["path"], pick["sidecar"]) for pick in second["picks"]] == [(str(burst.sharp), "written")]
    assert cli.json("process", shoot) == second | {"started": 0}
    jobs_of(cli.home, jobs, second["session_id"])


@pytest.mark.parametrize("queue", ["medium_priority", "high_priority"], ids=["before", "between"])
def test_a_drive_that_is_away_for_a_while_fails_nothing(
    queue: str, cli: CommandLine, start: Start, jobs: JobQueue, tmp_path: Path
) -> None:
    """Before the photos are judged, and between that and the presets and exports."""
    make_shoot(shoot := tmp_path / "shoot", 2)
    jobs.pause(queue)
    process = start("process", shoot, "--json", "--export", tmp_path / "exports")
    with held(jobs, queue, 10):
        shoot.rename(tmp_path / "away")
    parked = 10 if queue == "medium_priority" else 2  # the sidecar of one pick, the export of the other
    wait_until(lambda: jobs.stats()["jobs_by_status"]["scheduled"] == parked, timeout=30, what="parking")
    for job in jobs.jobs(status="scheduled"):
        assert (job.attempt, {run["event"] for run in job.history}) == (
            1,
            {"deferred"},
        )  # it may have looked twice
        assert f'"reason":"{VOLUME_AWAY}"' in stored_history(jobs, job.id)
        with Catalog(cli.home / CATALOG_FILE) as catalog:
            row = catalog.job_row(job.id)
        assert row is not None
        assert (row.status, row.error, row.finished_at) == (Status.SCHEDULED, VOLUME_AWAY, None)
    assert cli.run("process", shoot).code == 1

    (tmp_path / "away").rename(shoot)
    done = finish_in_a_hurry(cli, process, jobs)

    report = json.loads(done.out)
    assert (done.code, report["succeeded"], report["failed"]) == (0, 10, 0)
    assert done.err.count(f"{shoot} is away: its photos wait until its card or drive is back.\n") == 1
    assert len(contents(tmp_path / "exports")) == len(report["picks"]) == 2
    found = jobs_of(cli.home, jobs, report["session_id"])
    assert {run["event"] for job in found for run in job.history} == {"deferred", "succeeded"}


def test_a_folder_that_cannot_be_read_is_told_in_one_line(
    cli: CommandLine, start: Start, tmp_path: Path
) -> None:
    forbidden, loop, open_one = (tmp_path / name for name in ("forbidden", "loop", "open"))
    open_one.mkdir()
    forbidden.mkdir()
    loop.symlink_to(loop)
    forbidden.chmod(0)
    done = cli.finish(start("process", forbidden, preexec_fn=bound_by_permissions))
    told = f"Error: the folder {forbidden} cannot be read (Permission denied): check its permissions\n"
    assert (done.code, done.out, done.err) == (1, "", told)
    told = "Error: loop is a link that leads to itself: name the folder that it should lead to\n"
    for arguments in ((loop,), (open_one, "--export", loop)):
        done = cli.run("process", *arguments)
        assert (done.code, done.out, done.err) == (1, "", told)


def test_a_folder_in_it_that_cannot_be_read_is_a_failure_and_the_rest_is_done(
    cli: CommandLine, start: Start, tmp_path: Path
) -> None:
    closed = tmp_path / "shoot" / "day" / "closed"
    closed.mkdir(parents=True)
    for number, folder in enumerate((closed.parent, closed)):
        shutil.copy(scenes()[number], folder / f"{number}.jpg")
    assert cli.json("process", tmp_path / "shoot")["succeeded"] == 2
    closed.chmod(0)
    for options, code in (((), 1), (("--dry-run",), 0)):
        command = ("process", tmp_path / "shoot", "--json", *options)
        done = cli.finish(start(*command, preexec_fn=bound_by_permissions))
        report = json.loads(done.out)
        assert (done.code, report["photos"], report["succeeded"], report["failed"]) == (code, 1, 1, 0)
        why = f"the folder {closed} cannot be read (Permission denied): check its permissions"
        assert report["failures"] == [{"path": str(closed), "error": why}]


@pytest.fixture
def small_drive(tmp_path: Path) -> Iterator[Path]:
    """A drive with room for 64 KiB, which the test may make larger."""
    drive = tmp_path / "drive"
    drive.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", drive], check=False)
    if mounted.returncode:
        pytest.skip("nobody but root may mount a drive")
    yield drive
    subprocess.run(["umount", drive], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount a drive")
def test_a_full_drive_fails_the_exports_alone(
    cli: CommandLine, start: Start, jobs: JobQueue, tmp_path: Path, small_drive: Path
) -> None:
    make_shoot(shoot := tmp_path / "shoot", 8)
    command = ("process", shoot, "--json", "--export", small_drive)
    regardless = cli.having(JUNMAI_DISK_RESERVE_MB="off").variables  # else it is refused before it begins
    done = finish_in_a_hurry(cli, start(*command, env=regardless), jobs)

    report = json.loads(done.out)
    exported = {pick["exported"] for pick in report["picks"]} - {None}
    assert (done.code, done.err, report["photos"], len(report["picks"])) == (1, "", 40, 8)
    assert 0 < report["failed"] == 8 - len(exported)
    for error in failures(report).values():
        assert error.endswith("and its drive is full: free some space there")
    assert {str(small_drive / name) for name in contents(small_drive)} == exported
    jobs_of(cli.home, jobs, report["session_id"])

    subprocess.run(["mount", "-o", "remount,size=10m", small_drive], check=True)
    report = json.loads(finish_in_a_hurry(cli, start(*command), jobs).out)
    assert (report["failed"], report["started"]) == (0, 0)
    for pick in report["picks"]:
        with Image.open(pick["exported"]) as image:
            image.load()
    jobs_of(cli.home, jobs, report["session_id"])
