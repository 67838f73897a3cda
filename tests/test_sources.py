"""By which code a value was made, or an input killed a process: also where that was replaced meanwhile."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from junmai_jobs import OptionError, photo, task
from junmai_jobs.cache import key_of
from junmai_jobs.forkserver import children_context
from junmai_jobs.job import Call
from junmai_jobs.quarantine import input_id
from junmai_jobs.sources import beginning, code_version, source_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from junmai_jobs import Task


def begin() -> None:
    """As a process that begins now."""
    for each in (beginning, code_version, source_digest):
        each.cache_clear()
    beginning()


def replace(file: Path, content: str = "def judge(path): return 2") -> None:
    """As an update does under a process that runs on."""
    file.write_text(content, "utf-8")
    later = time.time_ns() + 10**9  # the clock of a file system is a coarse one
    os.utime(file, ns=(later, later))


def replaced_long_ago(file: Path, content: str = "def judge(path): return 2") -> None:
    """As an update does before a process begins, which is now."""
    file.write_text(content, "utf-8")
    os.utime(file, ns=(10**18, 10**18))
    begin()


@pytest.fixture(autouse=True)
def _begin_and_leave_nothing() -> Iterator[None]:
    """Requested first, so what it does at the end comes last, when the path is as it was."""
    yield
    begin()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's: with a module, a file of weights, and what is known of its installation."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "judging"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "sharpness.py").write_text("def judge(path): return 1", "utf-8")
    (folder / "weights.bin").write_bytes(b"\x01")
    (tmp_path / "judging-1.0.dist-info").mkdir()
    begin()
    yield folder
    for name in [name for name in sys.modules if name.startswith("judging")]:
        sys.modules.pop(name)


@pytest.fixture
def judge(package: Path, monkeypatch: pytest.MonkeyPatch) -> Task[..., int]:
    """Its task, of which no worker of another test hears."""
    monkeypatch.setattr(sys.modules["junmai_jobs.task"], "_registry", {})
    module = importlib.import_module(f"{package.name}.sharpness")
    made: Task[..., int] = task(name="judge", input="path")(module.judge)
    return made


@pytest.mark.parametrize(
    ("name", "file", "counts"),
    [
        ("judging", "sharpness.py", True),
        ("judging", "weights.bin", True),
        ("judging", "__pycache__/sharpness.pyc", False),
        ("judging.sharpness", "sharpness.py", True),
        ("judging.sharpness", "weights.bin", False),
    ],
)
def test_changed_code_has_another_digest(package: Path, name: str, file: str, *, counts: bool) -> None:
    before = source_digest(name)
    assert before.is_sure
    (package / file).parent.mkdir(exist_ok=True)
    replace(package / file)
    assert source_digest(name) == before, "of the code that this process runs"
    replaced_long_ago(package / file)
    assert source_digest(name).is_sure
    assert (source_digest(name) != before) is counts


def test_code_in_an_archive_counts_by_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "studio.pyz"
    monkeypatch.syspath_prepend(archive)

    def write(result: int) -> None:
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("zipped_judge.py", f"def judge(path): return {result}")

    write(1)
    os.utime(archive, ns=(10**18, 10**18))
    begin()
    monkeypatch.setitem(sys.modules, "zipped_judge", importlib.import_module("zipped_judge"))
    before = source_digest("zipped_judge"), code_version("zipped_judge")
    write(2)
    os.utime(archive, ns=(10**18, 10**18))
    begin()
    after = source_digest("zipped_judge"), code_version("zipped_judge")
    assert all(each.is_sure for each in (*before, *after))
    assert before[0] != after[0]
    assert before[1] != after[1]
    write(3)
    begin()
    write(4)
    later = time.time_ns() + 10**9
    os.utime(archive, ns=(later, later))
    assert not source_digest("zipped_judge").is_sure


@pytest.mark.parametrize(
    "file",
    [
        "__init__.py", "quality/__init__.py", "quality/model.py", "quality/model.npz", "develop/presets.toml",
        "xmp/packet.py", "taste/another.py",
    ],
)  # fmt: skip
def test_all_that_judges_photographs_counts(package: Path, file: str) -> None:
    copy = Path(shutil.copytree(Path(photo.__file__).parent, package.parent / "judging_photos"))
    before = source_digest(copy.name)
    old = (copy / file).read_bytes() if (copy / file).exists() else b""
    (copy / file).write_bytes(old + b"\n")
    begin()
    assert source_digest(copy.name).digest != before.digest


def test_a_file_in_another_place_counts(package: Path) -> None:
    before = source_digest("judging")
    (package / "deep").mkdir()
    (package / "weights.bin").rename(package / "deep" / "weights.bin")
    begin()
    assert source_digest("judging").digest != before.digest


@pytest.mark.parametrize("name", ["no.such.module", "..relative", "no_such_package"])
def test_what_cannot_be_imported_has_none(name: str) -> None:
    with pytest.raises(OptionError, match="cannot be imported"):
        source_digest(name)


def test_a_task_is_of_its_module_and_of_all_that_is_installed(package: Path, judge: Task[..., int]) -> None:
    name = judge.function.__module__
    first = code_version(name)
    assert first.is_sure
    assert code_version("typed_in") != first
    replaced_long_ago(package / "sharpness.py")
    assert code_version(name) not in {first, code_version("typed_in")}
    replaced_long_ago(package / "sharpness.py", "def judge(path): return 1")
    assert code_version(name) == first
    (package.parent / "libdecode-1.2.dist-info").mkdir()
    begin()
    assert code_version(name).is_sure
    assert code_version(name) != first


def test_what_of_the_code_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "typed_in", typed_in := ModuleType("typed_in"))
    typed_in.__file__ = None
    begin()
    version = code_version("typed_in")
    (tmp_path / "None").write_text("no source of it", "utf-8")
    monkeypatch.syspath_prepend("x" * 300)  # the system refuses even to look there
    begin()
    assert code_version("typed_in") == version


@pytest.mark.parametrize("change", ["a module", "a file of weights", "an update", "an installation"])
def test_no_value_is_of_code_that_was_replaced_before_anybody_asked(
    package: Path, judge: Task[..., int], change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is in memory is old, what is on the disk is new: values of the one are not those of the other."""
    match change:
        case "a module":
            replace(package / "sharpness.py")
        case "a file of weights":
            replace(package / "weights.bin")
        case "an update":
            (package.parent / "judging-1.0.dist-info").rename(package.parent / "judging-2.0.dist-info")
        case _:
            (package.parent / "other-1.0.dist-info").mkdir()
    assert [key_of(judge, 7, code=["judging"]) for _ in range(2)] == ["", ""]
    assert caplog.text.count("judging") == len(caplog.records) > 0
    assert "start the worker again" in caplog.text


def test_another_folder_to_import_from_is_no_update(
    package: Path, judge: Task[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of the tasks' own project, which may have been installed from there."""
    before = key_of(judge, 7)
    (package.parent / "project" / "project.egg-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(package.parent / "project")
    code_version.cache_clear()
    assert "" != key_of(judge, 7) != before


def test_deaths_of_code_that_was_replaced_are_no_deaths_of_the_new(
    package: Path, judge: Task[..., int]
) -> None:
    (photograph := package.parent / "photo.jpg").touch()
    call = Call("judge", [str(photograph)])
    replace(package / "sharpness.py")
    of_the_old = input_id(judge, call)
    assert of_the_old == input_id(judge, call)
    replaced_long_ago(package / "sharpness.py")
    assert len(input_id(judge, call)) == len(of_the_old)
    assert input_id(judge, call) != of_the_old


def test_a_child_knows_when_what_it_found_loaded_was_loaded() -> None:
    """The first one may come long after its worker, as may any that takes another's place."""
    context = children_context()
    assert context.get_start_method() == "forkserver"
    known = []
    for _ in range(2):
        with ProcessPoolExecutor(1, mp_context=context) as child:
            known.append(child.submit(beginning).result(timeout=60))
    assert known[0] == known[1]
