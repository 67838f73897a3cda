"""``watch``: photos are worked on when they are complete, however they come, and none is missed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil
import pytest

from junmai_jobs import JobQueue, folder_watch
from junmai_jobs.folder_watch import LONGEST_WAIT, PAUSE_A_PHOTO, Batch, Flow, Settling, Watcher
from junmai_jobs.job import iso
from junmai_jobs.photo.pictures.files import Photo, find_photos
from junmai_jobs.plan import Wishes
from junmai_jobs.process import process
from junmai_jobs.server import Server
from tests.command_line import CommandLine, home_with_server
from tests.embedded_servers import kill
from tests.homes import in_home
from tests.photographs import camera_photographs, scenes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.forks import Forks

SOON = 90.0
"""Seconds within which something is to come; a whole start of a pool on a busy machine is among it."""


class Watching:
    """A ``watch --json`` that runs, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self._readers = [threading.Thread(target=each) for each in (self._read_reports, self._read_words)]
        for reader in self._readers:
            reader.start()
        self.says("Watching")

    def _read_reports(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._reports.put(json.loads(line))

    def _read_words(self) -> None:
        assert self.process.stderr
        self.said.extend(iter(self.process.stderr.readline, ""))

    def says(self, words: str) -> None:
        wait_until(lambda: any(words in line for line in self.said), SOON, words)

    def report(self, photos: int) -> dict[str, Any]:
        """The first report on so many photos; before it there may be some on fewer."""
        while (found := self._reports.get(timeout=SOON))["photos"] != photos:
            assert found["photos"] < photos
        assert found["event"] == "processed"
        return found

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(SOON)
        for reader in self._readers:
            reader.join(SOON)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[CommandLine]:
    """A home with a worker that is alive."""
    folder = tmp_path_factory.mktemp("watch")
    with home_with_server(folder / "home", forks) as home:
        cli = CommandLine(home, folder / "cwd", {"JUNMAI_CONCURRENCY": "2"}, forks)
        with working(cli):
            yield cli


@contextlib.contextmanager
def working(cli: CommandLine) -> Iterator[None]:
    worker = cli.start("worker", "--no-schedules", stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: cli.json("workers")["workers"], SOON, "the worker")
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        cli.finish(worker)


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    (tmp_path / "Überflug 写真").mkdir()
    return tmp_path / "Überflug 写真"


def watching(cli: CommandLine, folder: Path, *options: str) -> Watching:
    return Watching(cli.start("watch", folder, "--json", *options))


def copy_slowly(photo: Path, file: Path, pieces: int = 150) -> str:
    """As a slow card does it, piece by piece; return when the last one came, as ISO 8601 UTC."""
    content, pause = photo.read_bytes(), threading.Event()
    size = -(-len(content) // pieces)
    with file.open("wb") as target:
        for at in range(0, len(content), size):
            pause.wait(0.03)
            last = iso(time.time())
            target.write(content[at : at + size])
            target.flush()
    return last


def runs_on(cli: CommandLine, name: str) -> list[dict[str, Any]]:
    jobs = cli.json("list", "--task", "process_photo", "--limit", "1000")["jobs"]
    return [job for job in jobs if job["kwargs"]["path"].endswith(name)]


def groupings(cli: CommandLine, session_id: int) -> int:
    jobs = cli.json("list", "--task", "group_similar_photos", "--limit", "100")["jobs"]
    return sum(job["kwargs"]["session_id"] == session_id for job in jobs)


# ---- from outside --------------------------------------------------------------------------------


def test_what_was_there_and_what_comes_slowly(cli: CommandLine, shoot: Path) -> None:
    """It takes longer than a complete file is still, and another one that is complete waits for it."""
    shutil.copy(scenes()[0], shoot / "before.jpg")
    with watching(cli, shoot, "--settle", "2") as watch:
        assert watch.report(1)["succeeded"] == 1
        shutil.copy(scenes()[1], shoot / "quick.jpg")
        complete_at = copy_slowly(scenes()[3], shoot / "slow.jpg")
        report = watch.report(3)
        assert (report["succeeded"], report["failed"], report["started"]) == (3, 0, 2)
        assert Path(report["contact_sheet"]).is_file()
        (quick,), (slow,) = runs_on(cli, "quick.jpg"), runs_on(cli, "slow.jpg")
        assert min(quick["created_at"], slow["created_at"]) > complete_at


def test_a_file_that_gets_its_name_when_it_is_complete(cli: CommandLine, shoot: Path) -> None:
    """It has not to wait; else this would take an hour."""
    with watching(cli, shoot, "--settle", "3600") as watch:
        for number, part in enumerate(("IMG.jpg.part", ".IMG.jpg.tmp")):
            shutil.copy(scenes()[number], shoot / part)
            (shoot / part).rename(shoot / f"IMG_{number}.jpg")
            assert watch.report(number + 1)["succeeded"] == number + 1


def test_many_at_once_are_one_batch(cli: CommandLine, shoot: Path) -> None:
    with watching(cli, shoot, "--settle", "1") as watch:
        for number in range(50):
            photos = camera_photographs()
            shutil.copy(photos[number % len(photos)], shoot / f"IMG_{number:02}.jpg")
        report = watch.report(50)
        assert (report["succeeded"], report["failed"]) == (50, 0)
        assert groupings(cli, report["session_id"]) <= 3


def test_a_copy_that_stalled_is_worked_on_when_it_goes_on(cli: CommandLine, shoot: Path) -> None:
    content = scenes()[3].read_bytes()
    with watching(cli, shoot, "--settle", "0.3") as watch:
        (shoot / "stalled.jpg").write_bytes(content[: len(content) // 2])
        (failure,) = watch.report(1)["failures"]
        assert "cut off" in failure["error"]
        with (shoot / "stalled.jpg").open("ab") as file:
            file.write(content[len(content) // 2 :])
        report = watch.report(1)
        assert (report["succeeded"], report["failures"], report["started"]) == (1, [], 1)


def test_new_ones_are_judged_without_the_others(
    cli: CommandLine, shoot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And grouped with them by the next that does all."""
    for name, value in in_home(cli.home).items():
        monkeypatch.setenv(name, value)
    for number in range(2):
        shutil.copy(scenes()[number], shoot)
    photos = find_photos(shoot)
    with contextlib.closing(JobQueue()) as jobs:
        first = process(jobs, shoot, Wishes(group=False), photos=photos[:1], sheet=False)
        assert (first.photos, first.succeeded, first.started) == (1, 1, 1)
        assert groupings(cli, first.session_id) == 0
        both = process(jobs, shoot, photos=photos, sheet=False)
    assert (both.session_id, both.succeeded, both.started) == (first.session_id, 2, 1)
    assert (groupings(cli, first.session_id), len(both.picks)) == (1, 2)


@pytest.mark.slow
def test_a_photo_that_is_deleted_while_it_waits(cli: CommandLine, shoot: Path) -> None:
    """It is told, and counts no more the next time; what has come is not lost with it."""
    with watching(cli, shoot, "--settle", "0.3") as watch:
        cli.run("pause", "medium_priority")
        try:
            # What was seen in another folder needs no job: these bytes are new.
            (shoot / "deleted.jpg").write_bytes(scenes()[0].read_bytes() + b"new")
            wait_until(lambda: runs_on(cli, f"{shoot.name}/deleted.jpg"), SOON, "its job")
            (shoot / "deleted.jpg").unlink()
            shutil.copy(scenes()[1], shoot / "stays.jpg")
        finally:
            cli.run("resume", "medium_priority")
        (failure,) = watch.report(1)["failures"]
        assert failure["path"] == str(shoot / "deleted.jpg")
        report = watch.report(1)
        assert (report["succeeded"], report["failures"]) == (1, [])


def test_a_folder_that_goes_away_is_waited_for(cli: CommandLine, shoot: Path) -> None:
    shutil.copy(scenes()[0], shoot / "first.jpg")
    with watching(cli, shoot, "--settle", "0.3") as watch:
        watch.report(1)
        away = shoot.rename(shoot.with_name("pulled out"))
        watch.says("is away: waiting until its card or drive is back.")
        shutil.copy(scenes()[1], away / "second.jpg")
        away.rename(shoot)
        watch.says("is back.")
        assert watch.report(2)["succeeded"] == 2
        shutil.rmtree(shoot)
        shoot.mkdir()  # another folder of that name
        for number in range(3):
            shutil.copy(scenes()[number], shoot / f"{number}.jpg")
        assert watch.report(3)["succeeded"] == 3
        shutil.copy(scenes()[3], shoot / "last.jpg")
        assert watch.report(4)["succeeded"] == 4


def test_folders_in_it_and_what_is_no_photo(cli: CommandLine, shoot: Path) -> None:
    with watching(cli, shoot, "--settle", "0.3") as watch:
        (shoot / ".hidden.jpg").write_bytes(scenes()[0].read_bytes())
        (shoot / "notes.txt").write_text("no photo")
        (shoot / "IMG.xmp").write_text("no photo")
        (shoot / "card" / "DCIM").mkdir(parents=True)
        shutil.copy(scenes()[0], shoot / "card" / "DCIM" / "IMG.jpg")
        report = watch.report(1)
        assert (report["succeeded"], report["failed"]) == (1, 0)


def test_where_the_system_tells_nothing(cli: CommandLine, shoot: Path) -> None:
    with watching(cli, shoot, "--settle", "0.2", "--poll", "0.1") as watch:
        shutil.copy(scenes()[0], shoot / "IMG.jpg")
        assert watch.report(1)["succeeded"] == 1


def test_a_server_that_is_killed_under_it_is_started_again(cli: CommandLine, shoot: Path) -> None:
    with watching(cli, shoot, "--settle", "0.3") as watch:
        kill(Server(None, cli.home))
        shutil.copy(scenes()[1], shoot / "IMG.jpg")
        assert watch.report(1)["succeeded"] == 1


def test_it_works_alone_and_ends_cleanly(tmp_path: Path, shoot: Path, forks: Forks) -> None:
    """With a pool of its own, and nothing of it left at the end; ``process`` finds nothing left to do."""
    with home_with_server(tmp_path / "home", forks) as home:
        cli = CommandLine(home, tmp_path / "cwd", {"JUNMAI_CONCURRENCY": "1"}, forks)
        shutil.copy(scenes()[0], shoot / "IMG.jpg")
        with watching(cli, shoot, "--settle", "0.3", "--session", "tethered") as watch:
            watch.report(1)
            family = psutil.Process(watch.process.pid).children(recursive=True)
            assert watch.stop(signal.SIGTERM) == 130
            assert watch.said[-1] == "Stopped. Nothing is lost: run the same command again to go on.\n"
            psutil.wait_procs(family, 10)
            assert not [each for each in family if each.is_running() and "watch" in each.cmdline()]
        report = cli.json("process", shoot, "--session", "tethered")
        assert (report["succeeded"], report["started"]) == (1, 0)


def test_what_a_person_sees(cli: CommandLine, shoot: Path) -> None:
    shutil.copy(scenes()[0], shoot / "IMG.jpg")
    (shoot / "empty.jpg").touch()
    process = cli.start("watch", shoot, "--settle", "0.2")
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    done = cli.finish(process)
    assert done.code == 130
    assert lines[0].startswith(f"failed: {shoot}/empty.jpg: empty.jpg is empty (0 bytes)")
    assert lines[1].startswith("contact sheet: ")
    assert lines[2].endswith("  2 new photos. 2 photos: 1 succeeded, 1 failed, 0 groups, 1 pick\n")
    assert done.err.startswith(f"Watching {shoot}.\n")


def test_what_is_not_there_at_the_start_is_an_error(cli: CommandLine, tmp_path: Path) -> None:
    done = cli.run("watch", tmp_path / "missing")
    assert (done.code, done.out) == (1, "")
    folder = tmp_path / "missing"
    assert done.err == f"Error: the folder {folder} is not there: is its card or drive connected?\n"
    done = cli.run("--redis", "redis://127.0.0.1:9/0", "watch", tmp_path)
    assert (done.code, done.out) == (69, "")
    for wrong in ("0", "-1", "nan", "soon"):
        assert cli.run("watch", tmp_path, "--poll", wrong).code == 2


# ---- what is complete ----------------------------------------------------------------------------


def names(photos: list[Photo]) -> list[str]:
    return [photo.path.name for photo in photos]


def test_a_file_is_complete_when_it_has_not_changed_for_a_while(tmp_path: Path) -> None:
    settling, file = Settling(2.0), tmp_path / "IMG.jpg"

    def look(now: float) -> bool:
        complete, growing = settling.sort(find_photos(tmp_path), now)
        assert len(complete) + len(growing) == 1
        return bool(complete)

    file.write_bytes(b"half")
    assert [look(now) for now in (0.0, 1.0, 1.9)] == [False, False, False]
    file.write_bytes(b"half and half")
    assert [look(now) for now in (2.0, 3.9, 4.0)] == [False, False, True]
    before = file.stat()
    file.write_bytes(b"HALF AND HALF")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert [look(now) for now in (5.0, 6.9, 7.0)] == [False, False, True]


def test_a_raw_waits_for_the_jpeg_that_is_still_copied_beside_it(tmp_path: Path) -> None:
    settling = Settling(2.0)
    (tmp_path / "IMG.nef").write_bytes(b"raw")
    settling.sort(find_photos(tmp_path), 0.0)
    (tmp_path / "IMG.jpg").write_bytes(b"jp")
    assert names(settling.sort(find_photos(tmp_path), 2.0)[1]) == ["IMG.nef"]
    (tmp_path / "IMG.jpg").write_bytes(b"jpeg")
    assert names(settling.sort(find_photos(tmp_path), 3.0)[1]) == ["IMG.nef"]
    assert names(settling.sort(find_photos(tmp_path), 5.0)[0]) == ["IMG.nef"]


def test_only_a_new_name_is_complete_at_once(tmp_path: Path) -> None:
    """A file that was seen under it before may have been replaced by one that still grows."""
    settling, new, old = Settling(2.0), tmp_path / "new.jpg", tmp_path / "old.jpg"
    old.write_bytes(b"old")
    settling.sort(find_photos(tmp_path), 0.0)
    new.write_bytes(b"new")
    old.write_bytes(b"older")
    complete, growing = settling.sort(find_photos(tmp_path), 1.0, [new, old])
    assert (names(complete), names(growing)) == (["new.jpg"], ["old.jpg"])


def test_one_that_cannot_be_opened_is_not_complete(tmp_path: Path) -> None:
    settling, gone = Settling(2.0), [Photo(tmp_path / "gone.jpg")]
    assert [names(settling.sort(gone, now)[0]) for now in (0.0, 5.0)] == [[], []]


# ---- when they are worked on ---------------------------------------------------------------------


def worked_on(
    came: Sequence[float], until: float, *, growing_until: float = 0.0
) -> list[tuple[float, str, int]]:
    """When what was given: all, or those that were new, and how many; what came when, in seconds."""
    flow, given = Flow(), list[tuple[float, str, int]]()
    known = now = 0.0
    while now <= until:
        complete = sum(at <= now for at in came)
        if which := flow.due(complete - int(known), complete, now, growing=now < growing_until):
            given.append((now, which, complete if which == "all" else complete - int(known)))
            flow.given(which, now)
            known = complete
        now += 0.5
    return given


def test_those_that_come_one_by_one_are_grouped_each_time() -> None:
    assert worked_on([1, 100, 200], 300) == [(1.5, "all", 1), (100.5, "all", 2), (200.5, "all", 3)]


def test_in_a_long_copy_each_is_judged_soon_and_all_are_grouped_at_its_end() -> None:
    """An hour and a half, a photo a second, and always another one that is not complete yet."""
    given = worked_on(range(5000), 5100, growing_until=5000)
    assert [photos for _, which, photos in given if which == "new"][:9] == [61, *[60] * 8]
    assert len([which for _, which, _ in given if which == "all"]) == 9
    pauses = [after - before for (before, _, _), (after, _, _) in pairwise(given)]
    assert max(pauses) <= LONGEST_WAIT + 1
    assert given[-1] == (4999 + 5000 * PAUSE_A_PHOTO, "all", 5000)


def test_the_more_there_are_the_longer_a_pause_is_waited_for() -> None:
    """Somebody shoots every three seconds, and then puts the camera down."""
    came = [0] * 1000 + [1000 + 3 * shot for shot in range(100)]
    given = worked_on(came, 1500)
    assert [which for _, which, _ in given] == ["all", *["new"] * 5, "all"]
    assert given[-1][2] == 1100
    assert given[-1][0] == pytest.approx(came[-1] + 1100 * PAUSE_A_PHOTO, abs=0.5)


def test_what_is_gone_before_it_was_given_is_waited_for_no_more() -> None:
    flow = Flow()
    assert flow.due(1, 1, 0.0, growing=True) is None
    assert flow.is_waiting
    assert flow.due(0, 0, 1.0, growing=False) is None
    assert not flow.is_waiting


def test_the_last_of_a_flow_is_given_with_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if nothing more happens, but that what was still being written is taken away."""
    monkeypatch.setattr(folder_watch, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(folder_watch, "_LOOK_ANYWAY", 0.05)
    growing, last = tmp_path / "growing.jpg", tmp_path / "last.jpg"

    def copy(words: str) -> None:
        assert words.startswith("Watching")
        growing.write_bytes(b"half")
        (tmp_path / "last.part").write_bytes(b"whole")
        (tmp_path / "last.part").rename(last)

    with contextlib.closing(Watcher(tmp_path, copy, settle=3600).batches()) as batches:
        assert next(batches) == Batch([Photo(last)], is_all=False)
        growing.unlink()
        assert next(batches) == Batch([Photo(last)], is_all=True)


def test_where_the_system_cannot_tell_any_more_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when other programs have taken all the watches that Linux has."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr("junmai_jobs.folder_watch.Observer.schedule", refuse)
    monkeypatch.setattr(folder_watch, "_LOOK_ANYWAY", 0.05)
    told: list[str] = []
    with contextlib.closing(Watcher(tmp_path, told.append, settle=0.05).batches()) as batches:
        (tmp_path / "first.jpg").write_bytes(b"whole")
        assert names(next(batches).photos) == ["first.jpg"]
        (tmp_path / "second.jpg").write_bytes(b"whole")
        assert names(next(batches).photos) == ["first.jpg", "second.jpg"]
    assert told[0] == (
        f"The system does not tell of changes in {tmp_path} (inotify watch limit reached): looking every 0 s."
    )
