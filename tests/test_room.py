"""What a disk has no room for is refused before anything is sent, whoever submits it."""

from __future__ import annotations

import importlib
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from junmai_jobs import DiskFull, OptionError, result_of, task
from junmai_jobs.room import MEGABYTE, check_room, rooms
from tests.writing import write_megabytes

if TYPE_CHECKING:
    from junmai_jobs import JobQueue

FREE = 100 * MEGABYTE


@pytest.fixture(autouse=True)
def _full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=FREE))


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("junmai_jobs.task"), "_registry", {})


def waiting(jobs: JobQueue) -> int:
    return int(jobs.stats()["total_pending"])


def test_as_much_again_stays_free_up_to_the_reserve(tmp_path: Path) -> None:
    def fits(need: int, reserve: int) -> bool:
        (room,) = rooms([{tmp_path: need * MEGABYTE}], reserve * MEGABYTE)
        return room.is_enough

    assert [fits(need, 1024) for need in (1, 50, 51)] == [True, True, False]
    assert [fits(need, 20) for need in (80, 81)] == [True, False]
    assert [fits(need, 0) for need in (100, 101)] == [True, False]
    check_room([{tmp_path: 10**15}], None)


def test_needs_of_one_disk_add_up_and_what_is_elsewhere_is_not_looked_at(tmp_path: Path) -> None:
    new, elsewhere = tmp_path / "not" / "there" / "yet", Path(tmp_path.anchor, "of another computer", "x")
    (room,) = rooms([{tmp_path: 1, new: 5}, {}, {new: 5, elsewhere: 10**15}, {tmp_path: 0}], 0)
    assert (room.folder, room.bytes, room.free_bytes) == (new, 11, FREE)


def test_of_a_disk_that_does_not_tell_and_of_what_is_no_path_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(folder: Path) -> None:
        raise OSError(5, "gone", folder)

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: (0, 0, 0))
    assert rooms([{tmp_path: 1}, {Path("a\0b"): 1}], 0) == []
    monkeypatch.setattr(shutil, "disk_usage", fail)
    assert rooms([{tmp_path: 1}], 0) == []


def test_a_submission_is_refused_as_a_whole(jobs: JobQueue, tmp_path: Path) -> None:
    text = f"{tmp_path} needs about 60 MB, and 60 MB are to stay free, but its disk has 100 MB: free some"
    with pytest.raises(DiskFull, match=f"^{re.escape(text)}"):
        jobs.submit(write_megabytes, 60, tmp_path)
    with pytest.raises(DiskFull, match="needs about 60 MB"):
        jobs.submit_many(write_megabytes, ((1, tmp_path) for _ in range(60)))
    with pytest.raises(DiskFull, match="needs about 600 MB"):
        jobs.submit_many(write_megabytes, [(1, tmp_path)] * 600)  # three calls: none was sent
    with pytest.raises(DiskFull):
        jobs.submit_workflow(*(write_megabytes.plan(30, tmp_path) for _ in range(3)))
    assert waiting(jobs) == 0
    assert len(jobs.submit_many(write_megabytes, [(1, tmp_path)] * 50)) == waiting(jobs) == 50


@pytest.mark.usefixtures("_registry")
def test_other_jobs_of_the_submission_are_not_asked(jobs: JobQueue, tmp_path: Path) -> None:
    @task(name="write_nothing")
    def write_nothing() -> None: ...

    calls: list[Any] = [(write_nothing, ())] * 250
    with pytest.raises(DiskFull) as refused:
        jobs.submit_all([*calls, (write_megabytes, (60, tmp_path))])
    assert refused.value.__notes__ == ["the first 200 jobs were accepted before"]
    assert waiting(jobs) == 200


def test_who_reads_results_cannot_tell_yet(jobs: JobQueue, tmp_path: Path) -> None:
    first = jobs.submit(write_megabytes, 1, tmp_path)
    assert write_megabytes.new_job((result_of(first), tmp_path), {}).writes is None


def test_the_check_can_be_turned_off(jobs: JobQueue, tmp_path: Path) -> None:
    jobs.config = replace(jobs.config, disk_reserve="off")
    jobs.submit(write_megabytes, 10**6, tmp_path)
    jobs.config = replace(jobs.config, disk_reserve=0)
    jobs.submit(write_megabytes, 100, tmp_path)
    with pytest.raises(DiskFull, match=r"and 0\.0 MB are to stay free"):
        jobs.submit(write_megabytes, 101, tmp_path)


@pytest.mark.parametrize(
    ("disk", "said"),
    [
        (lambda path: {path: 1 / 0}, "ZeroDivisionError: division by zero"),
        (len, "TypeError: 'int' object is not iterable"),
        (lambda path: {path: "much"}, "ValueError: invalid literal"),
        (lambda: {1: 2}, r"TypeError: .*takes 0 positional arguments"),
        (lambda path: {path: -1}, "bytes cannot be negative"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("_registry")
def test_what_it_tells_must_be_bytes_by_folder(disk: Any, said: str) -> None:
    @task(name="write_wrongly", disk=disk)
    def write_wrongly(path: str) -> None: ...

    with pytest.raises(OptionError, match=rf"^disk of write_wrongly.*{said}"):
        write_wrongly.new_job(("x",), {})


@pytest.mark.usefixtures("_registry")
def test_it_must_be_a_function_and_belongs_to_the_task() -> None:
    with pytest.raises(OptionError, match=r"^disk is 5; give a function of the arguments of write_never"):

        @task(disk=5)  # type: ignore[call-overload, untyped-decorator]
        def write_never() -> None: ...

    with pytest.raises(OptionError, match="disk belongs to the task"):
        write_megabytes.with_options(disk=None)
