"""An input that kills three processes, under whichever jobs, is tried again only when somebody insists."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from PIL import Image

from junmai_jobs import JobFailed, JobQueue, OptionError, StoreUnavailable, task
from junmai_jobs.board import Board
from junmai_jobs.config import load_config
from junmai_jobs.job import Call
from junmai_jobs.keys import Keys
from junmai_jobs.quarantine import input_id
from junmai_jobs.task import Task
from junmai_jobs.worker import Worker
from tests.photographs import scenes
from tests.sessions import finish_in_a_hurry
from tests.waiting import wait_until
from tests.worker.deadly_tasks import DEADLY, decode, decode_both, decode_unless_killed
from tests.worker.harness import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from junmai_jobs import JobHandle
    from junmai_jobs.task import Opener
    from tests.command_line import CommandLine


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.jpg"
    path.write_bytes(DEADLY + b" content")
    return path


@contextlib.contextmanager
def worker(jobs: JobQueue, slots: int = 1) -> Iterator[None]:
    with jobs.worker(concurrency=slots, queues=["default"], loglevel="CRITICAL"):
        yield


def hurry(jobs: JobQueue) -> None:
    """Make due what waits for its time after a crash."""
    client, keys = jobs._link.client, Keys.of(jobs.namespace)
    home = keys.queue("default", "retrying")
    for job_id in client.zrange(home, 0, -1):
        client.zadd(home, {job_id: 0}, xx=True)
    if not client.llen(keys.alarm):
        client.rpush(keys.alarm, 1)


def wait_for_the_end(jobs: JobQueue, handles: list[JobHandle[Any]]) -> None:
    """Without the pause that follows a job's second crash."""

    def have_ended() -> bool:
        hurry(jobs)
        return all(handle.status in {"failed", "succeeded"} for handle in handles)

    wait_until(have_ended, what="the end of the jobs")


def reasons(handles: list[JobHandle[Any]]) -> list[str | None]:
    return [handle.job().reason for handle in handles]


def quarantined(jobs: JobQueue, bad: Path, journal: Journal) -> JobHandle[int]:
    """A job whose input has killed three processes."""
    handle = jobs.submit(decode, str(bad), str(journal))
    wait_for_the_end(jobs, [handle])
    assert (reasons([handle]), len(journal.runs())) == (["crashed"], 3)
    return handle


def test_whoever_comes_later_is_refused_at_once(
    jobs: JobQueue, bad: Path, journal: Journal, tmp_path: Path
) -> None:
    (other_path := tmp_path / "copy of bad.jpg").write_bytes(bad.read_bytes())
    with worker(jobs):
        first = quarantined(jobs, bad, journal)
        later = jobs.submit(decode, str(other_path), str(journal))
        with pytest.raises(JobFailed, match="Quarantined: copy of bad"):
            later.result(timeout=60)
    job = later.job()
    assert (job.status, job.reason, job.attempt, len(journal.runs())) == ("failed", "quarantined", 1, 3)
    assert job.error == {
        "type": "junmai_jobs.errors.Quarantined",
        "message": "copy of bad.jpg is in quarantine: decode has died of it 3 times (SIGSEGV; job "
        f"{first.id}); replace the file, update, or try it once more: junmai-jobs retry --force {later.id}",
        "traceback": job.error["traceback"] if job.error else "",
    }
    assert [entry["event"] for entry in job.history] == ["failed"]


def test_jobs_at_the_same_time_share_the_count(jobs: JobQueue, bad: Path, journal: Journal) -> None:
    handles = [jobs.submit(decode, str(bad), str(journal)) for _ in range(4)]
    with worker(jobs):
        wait_for_the_end(jobs, handles)
    assert len(journal.runs()) == 3
    assert reasons(handles).count("quarantined") >= 3
    assert all("SIGSEGV" in str(handle.job().error) for handle in handles)


def test_with_several_processes_at_once_few_more_die(jobs: JobQueue, bad: Path, journal: Journal) -> None:
    """Those that ran already when the third died."""
    handles = [jobs.submit(decode, str(bad), str(journal)) for _ in range(9)]
    with worker(jobs, slots=3):
        wait_for_the_end(jobs, handles)
    assert 3 <= len(journal.runs()) <= 5
    assert all(handle.status == "failed" for handle in handles)


def test_a_run_that_ends_well_clears_its_input(
    jobs: JobQueue, bad: Path, journal: Journal, tmp_path: Path
) -> None:
    (killer := tmp_path / "killer").touch()
    with worker(jobs):
        for last in (2, 5):
            killer.touch()
            handle = jobs.submit(decode_unless_killed, str(bad), str(journal), str(killer))
            journal.wait_for(last)
            killer.unlink()
            wait_for_the_end(jobs, [handle])
            assert handle.status == "succeeded"
    assert not jobs.broker.suspicion(id_of(bad, of=decode_unless_killed)).deaths


def test_what_is_not_concerned(jobs: JobQueue, bad: Path, journal: Journal, tmp_path: Path) -> None:
    """Another task, other content under the same path, and a file that cannot be read."""
    with worker(jobs):
        quarantined(jobs, bad, journal)
        other_task = jobs.submit(decode_both, str(bad), str(journal))
        wait_until(lambda: len(journal.runs()) > 3, what="its first run")
        other_task.cancel()
        bad.write_bytes(b"fine")
        assert jobs.submit(decode, str(bad), str(journal)).result(timeout=60) == 4
        os.mkfifo(tmp_path / "pipe")
        nowhere = jobs.submit(decode, str(tmp_path / "nowhere"), str(journal))
        wait_until(lambda: nowhere.status == "retrying", what="the failure")
        assert "FileNotFoundError" in str(nowhere.job().error)
        nowhere.cancel()


def test_a_retry_without_force_is_refused_and_one_with_it_is_tried(
    jobs: JobQueue, bad: Path, journal: Journal
) -> None:
    with worker(jobs):
        first = quarantined(jobs, bad, journal)
        later = jobs.submit(decode, str(bad), str(journal))
        wait_for_the_end(jobs, [later])

        for _ in range(2):
            assert set(jobs.retry_all()) == {first.id, later.id}
            wait_for_the_end(jobs, [first, later])
            assert reasons([first, later]) == ["quarantined"] * 2
        assert len(journal.runs()) == 3

        jobs.retry(first.id, force=True)
        wait_for_the_end(jobs, [first])
        assert (reasons([first]), len(journal.runs())) == (["crashed"], 6)
        jobs.retry(later.id)
        wait_for_the_end(jobs, [later])
        assert (reasons([later]), len(journal.runs())) == (["quarantined"], 6)


def test_insisting_on_the_command_line(cli: CommandLine, bad: Path, journal: Journal) -> None:
    mine = {name: value for name, value in cli.variables.items() if name != "JUNMAI_TASKS"}
    with contextlib.closing(JobQueue(config=load_config(environ=mine))) as jobs, worker(jobs):
        handle = quarantined(jobs, bad, journal)
        assert cli.json("retry", handle.id) == {"retried": [handle.id]}
        wait_for_the_end(jobs, [handle])
        (shown,) = cli.json("failed")["jobs"]
        assert (shown["reason"], len(journal.runs())) == ("quarantined", 3)
        assert cli.json("retry", "--force", handle.id) == {"retried": [handle.id]}
        wait_for_the_end(jobs, [handle])
        assert (reasons([handle]), len(journal.runs())) == (["crashed"], 6)


# ---- what stands for an input --------------------------------------------------------------------


def id_of(*args: Any, of: Any = decode, **kwargs: Any) -> str:
    return input_id(of, Call(of.name, list(args), kwargs, {}))


def test_an_id_is_of_the_content_and_not_of_the_path(bad: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(bad, tmp_path / "copy"))
    name, version, digest = id_of(str(bad), "journal").split()
    assert (name, len(version), len(digest)) == ("decode", 16, 64)
    assert id_of(path=copy, journal="another") == id_of(bad, "journal")
    copy.write_bytes(b"fine")
    assert id_of(copy, "journal").split()[:2] == [name, version]
    assert id_of(copy, "journal") != id_of(bad, "journal")


def test_an_id_of_several_files(bad: Path, tmp_path: Path) -> None:
    (fine := tmp_path / "fine").write_bytes(b"fine")
    ids = [
        id_of(bad, "journal", of=decode_both),
        id_of(bad, "journal", fine, of=decode_both),
        id_of(fine, "journal", bad, of=decode_both),
    ]
    assert all(ids)
    assert len(set(ids)) == 3


def test_no_id_where_there_is_nothing_to_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nowhere", tmp_path, tmp_path / "pipe", None, 7, "\0", ["a"]):
        assert not id_of(path, "journal")
        assert not id_of(path, "journal", __file__, of=decode_both)
    assert not id_of()


def test_the_longest_id_has_room_on_the_board() -> None:
    size = Board.input_id.size
    assert len("x" * 128 + " " + "0" * 16 + " " + "0" * 64) < size


def test_an_opener_that_fails_is_not_the_end_of_the_job(jobs: JobQueue, bad: Path, journal: Journal) -> None:
    opened: list[tuple[Path, Any]] = []

    def opener(file: Path, arguments: Mapping[str, Any]) -> Any:
        opened.append((file, arguments["journal"]))
        raise LookupError("no such card")

    watched: Task[..., int] = Task(
        decode.function, decode.name, decode.options, decode.options, inputs=("path",), opener=opener
    )
    assert not id_of(str(bad), journal="j", of=watched)
    assert not id_of(str(bad), journal="j", of=watched.with_options(priority=9))
    assert opened == [(bad, "j")] * 2


def test_an_opener_needs_something_to_open() -> None:
    with pytest.raises(OptionError, match=r"^opener is for the files of function: "):

        @task(opener=cast("Opener", open))
        def function(path: str) -> None: ...


def test_an_input_is_a_parameter() -> None:
    def function(path: str) -> None: ...

    for wrong in ("file", ("path", "file"), 7, None):
        with pytest.raises(OptionError, match=r"give the parameter of function that is a file.*: path$"):
            task(input=cast("str", wrong))(function)
    with pytest.raises(OptionError, match="input belongs to the task"):
        decode.with_options(input="path")
    assert decode.with_options(priority=9).inputs == ("path",)


# ---- a death that cannot be told -----------------------------------------------------------------


def test_one_death_takes_one_turn_however_often_it_is_told(
    jobs: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is away, so the same call is made until it is heard: the job waits no longer for that."""
    worker = Worker(jobs.worker_settings(concurrency=1))
    (slot,) = worker._pool.slots
    dead = SimpleNamespace(exitcode=-11, join=lambda: None)
    told: list[float] = []

    def crash(*_: Any, pause: float, token: int) -> None:
        assert token == slot.board.token
        told.append(pause)
        if len(told) % 3:
            raise StoreUnavailable("away")

    monkeypatch.setattr(worker._broker, "crash", crash)
    with contextlib.closing(worker._waker), contextlib.closing(worker._wakened):
        for token in (0, 1, 2, 3, 4, 5, 0):
            slot.process, slot.board, slot.has_ended = dead, Board(token=token), True
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    worker._pool.bury()
            worker._pool.bury()
    pauses = told[::3]
    assert told == [pause for pause in pauses for _ in range(3)]
    assert pauses == pytest.approx([0, 0, 0, 0, 1, 2, 0], abs=0.5)


# ---- a session -----------------------------------------------------------------------------------

PLUGIN = """
\"""A reader of JPEGs as somebody may have installed it, with a flaw: on one kind of picture it kills.\"""

import ctypes
from pathlib import Path

from PIL import Image, JpegImagePlugin

from junmai_jobs import task


class Fast(JpegImagePlugin.JpegImageFile):
    def load(self):
        if self.info.get("comment") == b"deadly":
            with Path("deaths").open("a") as deaths:
                deaths.write("x")
            ctypes.string_at(0)
        return super().load()


Image.register_open("JPEG", Fast, JpegImagePlugin._accept)


@task
def nothing():
    pass
"""


def test_a_photo_that_kills_its_process_harms_no_other(cli: CommandLine, tmp_path: Path) -> None:
    (shoot := tmp_path / "shoot").mkdir()
    for path in scenes():
        shutil.copy(path, shoot)
    with Image.open(scenes()[0]) as image:
        image.save(shoot / "deadly.jpg", comment=b"deadly")
    (cli.folder / "fast_reader.py").write_text(PLUGIN, "utf-8")
    cli = cli.having(JUNMAI_TASKS="fast_reader", JUNMAI_CONCURRENCY="2")

    def process(*arguments: str | Path) -> Any:
        with contextlib.closing(JobQueue(config=load_config(environ=cli.variables))) as jobs:
            done = finish_in_a_hurry(cli, cli.start("process", *arguments, "--json"), jobs)
        assert done.code == 1, done
        return json.loads(done.out)

    report = process(shoot)
    assert (report["photos"], report["succeeded"], report["failed"]) == (5, 4, 1)
    (failure,) = report["failures"]
    assert Path(failure["path"]).name == "deadly.jpg"
    assert "its worker died while running it (SIGSEGV)" in failure["error"]
    assert {Path(pick["path"]).name for pick in report["picks"]} <= {path.name for path in scenes()}
    assert report["picks"]

    (again := tmp_path / "another session").mkdir()
    shutil.copy(shoot / "deadly.jpg", again / "the same.jpg")
    for folder, name, photos in ((shoot, "deadly.jpg", 5), (again, "the same.jpg", 1)):
        report = process(folder)
        assert (report["photos"], report["failed"], len(report["failures"])) == (photos, 1, 1)
        assert (
            f"{name} is in quarantine: process_photo has died of it 3 times (SIGSEGV"
            in (report["failures"][0]["error"])
        )
    assert (cli.folder / "deaths").read_text() == "xxx"
