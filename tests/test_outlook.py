"""What a submission would take, told before it is made: to a program, by ``--plan`` and by ``--dry-run``."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import DiskFull, JobQueue
from junmai_jobs.config import ExportPreset
from junmai_jobs.estimates import OBSERVATION_BYTES, WINDOW, Like, Observation, lessons
from junmai_jobs.job import new_id
from junmai_jobs.outlook import NOTHING, Outlook, Share, latest
from junmai_jobs.photo.export.exporting import export
from junmai_jobs.photo.pictures.files import find_photos
from junmai_jobs.photo.pictures.opening import Roots, opened
from junmai_jobs.plan import Wishes
from junmai_jobs.process import begin, process
from junmai_jobs.room import MEGABYTE
from junmai_jobs.tasks.exports import export_photo, export_writes
from junmai_jobs.tasks.sizes import SIDECAR, export_size, photo_writes, settings_size, settings_writes
from tests.in_process import piped, typed
from tests.photographs import camera_photographs, copy_to
from tests.writing import write_megabytes

if TYPE_CHECKING:
    from pathlib import Path

MODULE = write_megabytes.function.__module__


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=MEGABYTE))


def teach(jobs: JobQueue, task: str, *seconds: float, memory: int | None = None) -> None:
    runs = {Like(task): [Observation(each, memory) for each in seconds]}
    jobs.broker.learn(new_id(), lessons(runs), most=WINDOW * OBSERVATION_BYTES)


def work(jobs: JobQueue, slots: int) -> None:
    """A worker says that it is there."""
    claimers = [f"w/{slot}" for slot in range(slots)]
    info = {"claimers": claimers, "concurrency": slots, "schema": "2", "host": "elsewhere"}
    jobs.broker.register("w", info)
    jobs.broker.extend("w", claimers)


def seconds_to(plan: dict[str, Any], name: str) -> float:
    return (datetime.fromisoformat(plan[name]) - datetime.now().astimezone()).total_seconds()


def planned(jobs: JobQueue, tmp_path: Path, *arguments: str, stdin: bytes | None = None) -> Any:
    options = ("--redis", jobs.server.describe(), "--tasks", MODULE, "submit", "--plan", *arguments)
    return piped(tmp_path / "home", stdin, *options)


def test_nothing_is_invented(jobs: JobQueue, tmp_path: Path) -> None:
    plan = json.loads(planned(jobs, tmp_path, "write_megabytes", "3", str(tmp_path), "--json").stdout)["plan"]
    names = ("expected_start", "expected_finish", "latest_finish", "seconds_each", "memory_bytes")
    assert [plan[name] for name in names] == [None] * 5
    assert (plan["jobs"], plan["queue"], plan["priority"], plan["fits"]) == (1, "default", 5, True)
    assert plan["unknown"] == ["how long write_megabytes takes is unknown until some have run"]
    assert plan["problems"] == ["no worker is alive: start one with `junmai-jobs worker`"]
    assert (plan["disk_bytes"], plan["disk_free_bytes"] > 0) == (3 * MEGABYTE, True)
    shown = planned(jobs, tmp_path, "write_megabytes", "3", str(tmp_path)).stdout
    assert "finished: nobody knows: how long write_megabytes takes is unknown until some have run" in shown
    assert jobs.stats()["total_pending"] == 0


def test_what_is_known_is_told(jobs: JobQueue, tmp_path: Path) -> None:
    teach(jobs, "write_megabytes", *([2.0] * 9), 6.0, memory=50 * MEGABYTE)
    work(jobs, slots=2)
    lines = b'{"args": [1, "%s"], "id": "first"}\n' % os.fsencode(tmp_path) * 1
    lines += b'\n{"args": [2, "%s"], "queue": "night", "priority": "high"}\n' % os.fsencode(tmp_path) * 40
    jobs.submit(write_megabytes.with_options(id="first"), 1, str(tmp_path))
    done = planned(jobs, tmp_path, "write_megabytes", "--stdin", "--json", stdin=lines)
    plan = json.loads(done.stdout)["plan"]
    assert (plan["jobs"], plan["existing"], plan["queue"], plan["seconds_each"]) == (41, 1, None, None)
    night = next(each for each in plan["tasks"] if each["queue"] == "night")
    assert (night["jobs"], night["at_once"], night["priority"]) == (40, 2, 9)
    assert (night["seconds_each"], night["memory_bytes"]) == (2.0, 50 * MEGABYTE)
    assert plan["disk_bytes"] == 81 * MEGABYTE
    assert seconds_to(plan, "expected_start") < 5
    # 42 jobs with the one that is there, of 2.4 s on average, in two slots
    assert seconds_to(plan, "expected_finish") == pytest.approx(50, rel=0.15)
    assert seconds_to(plan, "latest_finish") > seconds_to(plan, "expected_finish")
    assert plan["problems"] == plan["unknown"] == []


def test_what_does_not_fit_is_told_and_then_refused(jobs: JobQueue, tmp_path: Path, full: None) -> None:
    call = ("write_megabytes", "3", str(tmp_path))
    plan = json.loads(planned(jobs, tmp_path, *call, "--json").stdout)["plan"]
    assert (plan["fits"], plan["disks"][0]["fits"], plan["disk_free_bytes"]) == (False, False, MEGABYTE)
    problem = plan["problems"][-1]
    assert problem.startswith(f"{tmp_path} needs about 3.0 MB, and 3.0 MB are to stay free")
    assert f"problem: {problem}" in planned(jobs, tmp_path, *call).stdout
    options = ("--redis", jobs.server.describe(), "--tasks", MODULE, "submit")
    done = typed(tmp_path / "home", *options, *call)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {problem}\n")
    assert typed(tmp_path / "home", *options, *call, JUNMAI_DISK_RESERVE_MB="off").exit_code == 0


def test_what_is_there_already_needs_no_more_room(
    jobs: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = jobs.submit(write_megabytes.with_options(id="there"), 3, str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=MEGABYTE))
    again = jobs.submit(write_megabytes.with_options(id="there"), 3, str(tmp_path))
    assert (again.id, again.existing) == (there.id, True)
    with pytest.raises(DiskFull, match=r"needs about 2\.0 MB"):
        jobs.submit_all([(write_megabytes.with_options(id=name), {"megabytes": size, "folder": str(tmp_path)})
                         for name, size in (("there", 3), ("new", 2))])  # fmt: skip


def test_a_plan_waits_for_nothing(jobs: JobQueue, tmp_path: Path) -> None:
    done = planned(jobs, tmp_path, "write_megabytes", "--wait")
    assert (done.exit_code, "leave out --wait" in done.stderr) == (2, True)
    assert planned(jobs, tmp_path, "write_megabytes", "too few").exit_code == 2


def test_memory_that_is_short_is_a_problem() -> None:
    share = Share(
        task="t", queue="q", priority=5, jobs=9, at_once=4, known=NOTHING._replace(memory=400 * MEGABYTE)
    )
    crowded = Outlook(shares=[share], memory_free=1000 * MEGABYTE)
    assert crowded.fits
    (problem,) = crowded.problems
    assert problem.startswith("4 of t at once take about 1,600 MB of memory, and 1,000 MB are free: let 2")
    assert not replace(crowded, memory_free=300 * MEGABYTE).fits


def test_several_lots_end_with_the_last() -> None:
    assert latest([[1.0, 2.0, 9.0], [4.0]]) == [4.0, 4.0, 9.0]
    assert latest([[1.0], []]) == latest([]) == []


# ---- A session -----------------------------------------------------------------------------------


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    copy_to(tmp_path / "shoot")
    return tmp_path / "shoot"


def test_a_dry_run_tells_jobs_time_and_room(jobs: JobQueue, shoot: Path, tmp_path: Path) -> None:
    wishes = Wishes(export=tmp_path / "out")
    report = process(jobs, shoot, wishes, dry_run=True).as_dict()
    plan = report["plan"]
    assert (report["expected_seconds"], plan["expected_finish"]) == (None, None)
    assert plan["unknown"][0].startswith("how long process_photo, group_similar_photos, apply_preset")
    assert {each["task"]: each["jobs"] for each in plan["tasks"]} == {
        "process_photo": 12, "group_similar_photos": 1, "apply_preset": 12, "export_photo": 12,
        "finish_session": 1,
    }  # fmt: skip
    assert (plan["photos_to_do"], plan["photos_done"], plan["waiting"]) == (12, 0, 0)
    assert report["jobs"] == plan["jobs"] == 38
    assert report["disk_bytes"] == plan["disk_bytes"] > 12 * SIDECAR

    tasks = [each["task"] for each in plan["tasks"]]
    for task in tasks:
        teach(jobs, task, *[0.5] * 20, memory=80 * MEGABYTE)
    jobs.estimates._kept.clear()
    known = process(jobs, shoot, wishes, dry_run=True)
    # Three slots of a pool of its own: 4 rounds of photos, the groups, 8 of presets and exports, the end.
    assert known.as_dict()["expected_seconds"] == pytest.approx(14 * 0.5, abs=0.6)
    assert known.outlook
    assert (known.outlook.memory, known.outlook.obstacles) == (80 * MEGABYTE, [])
    assert known.outlook.as_dict()["tasks"][0]["at_once"] == jobs.config.max_concurrent_jobs


@pytest.mark.usefixtures("full")
def test_a_session_that_has_no_room_is_refused_before_a_single_job(
    jobs: JobQueue, shoot: Path, tmp_path: Path
) -> None:
    wishes = Wishes(export=tmp_path / "out")
    plan = process(jobs, shoot, wishes, dry_run=True).as_dict()["plan"]
    assert (plan["fits"], plan["disks"][0]["folder"]) == (False, str(tmp_path / "out"))
    with pytest.raises(DiskFull, match="needs about"):
        process(jobs, shoot, wishes)
    with pytest.raises(DiskFull, match="needs about"):
        begin(jobs, shoot, find_photos(shoot), wishes)
    assert jobs.stats()["total_pending"] == 0
    assert not (tmp_path / "out").exists()


def test_what_waits_already_is_promised_its_room(jobs: JobQueue, shoot: Path, tmp_path: Path) -> None:
    wishes = Wishes(export=tmp_path / "out")
    first = process(jobs, shoot, wishes, dry_run=True).as_dict()
    begin(jobs, shoot, find_photos(shoot), wishes)
    then = process(jobs, shoot, wishes, dry_run=True).as_dict()
    assert (then["jobs"], then["plan"]["waiting"]) == (0, 38)
    assert then["disk_bytes"] == first["disk_bytes"]
    assert then["expected_seconds"] is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_export_is_not_larger_than_was_told(tmp_path: Path, form: str) -> None:
    preset = ExportPreset(name="p", format=form, quality=95)
    for photo in camera_photographs()[:4]:
        final = tmp_path / f"{photo.stem}.{form.lower().replace('jpeg', 'jpg').replace('tiff', 'tif')}"
        with opened(photo, Roots((photo.parent,))) as source:
            made = export(source, preset, final)
        told = export_size(preset, photo, photo.stat().st_size)
        assert made["bytes"] <= told < 60 * made["bytes"]
        assert told <= export_size(preset, None)


def test_the_photo_tasks_tell_what_they_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUNMAI_HOME", str(tmp_path / "home"))
    assert list(photo_writes(1, tmp_path / "a.jpg")) == [tmp_path / "home"]
    ((folder, size),) = export_writes(1, None, tmp_path / "out" / "a").items()
    assert (folder, size) == (tmp_path / "out", export_size(ExportPreset(name="Web"), None))
    assert export_writes(1, "there is none") == export_writes(1) == {}
    named = {"photo_id": 1, "destination": tmp_path / "out" / "a", "session_id": 2, "companion": None}
    assert export_photo.new_job((), named).writes == {folder: size}
    assert settings_writes(1, write_into_files=True) == {}
    assert settings_size(tmp_path / "a.jpg", 9, into_file=True) == 9
    assert settings_size(tmp_path / "a.jpg", 9, into_file=False) == SIDECAR
    assert settings_size(tmp_path / "a.cr3", 9, into_file=True) == SIDECAR
