"""What ``junmai-jobs init`` writes is as it should be written, and as the page quotes it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from junmai_jobs.commands.init import FILES
from tests.embedded_servers import ROOT
from tests.homes import in_home
from tests.in_process import typed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import RedisProcess


PAGE = (ROOT / "docs" / "first-task.md").read_text("utf-8")


def checked(folder: Path, *command: str) -> str:
    """What a tool says of it; it has nothing to complain of."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_tested_typed_and_formatted(tmp_path: Path) -> None:
    folder = tmp_path / "a new shoot"
    done = typed(tmp_path, "init", str(folder))
    assert done.exit_code == 0, done.output
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert "2 passed" in checked(folder, "pytest", "-q")
    checked(folder, "mypy", "--strict", "--cache-dir", str(ROOT / ".cache" / "mypy-examples"), ".")
    for command in (["check"], ["format", "--check"]):
        checked(folder, "ruff", *command, "--isolated", "--no-cache", ".")
    config = typed(tmp_path, "config", "show", JUNMAI_CONFIG=str(folder / "config.json"))
    assert config.exit_code == 0, config.output
    for name in ("tasks.py", "test_tasks.py"):
        assert f"```python\n{(folder / name).read_text('utf-8')}```" in PAGE


def test_its_task_is_known_in_every_folder(tmp_path: Path, server: RedisProcess) -> None:
    typed(tmp_path, "init", str(tmp_path / "a new shoot"))
    ours = in_home(tmp_path / "home") | {"JUNMAI_CONFIG": str(tmp_path / "a new shoot" / "config.json")}
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / "tasks.py").write_text("raise AssertionError('somebody else put it here')", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "junmai_jobs.cli", "--redis", server.url, "submit", "write_checksums", "."],
        cwd=elsewhere, env=os.environ | ours | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_tasks.py").write_text("mine", "utf-8")
    (tmp_path / "config.json").symlink_to(tmp_path / "nowhere")
    done = typed(tmp_path / "home", "init")
    assert done.exit_code == 1
    assert "has test_tasks.py, config.json already, so nothing was written" in done.output
    assert not (tmp_path / "tasks.py").exists()
    assert (tmp_path / "test_tasks.py").read_text("utf-8") == "mine"


@pytest.mark.skipif(os.name == "nt", reason="a shell's way to quote")
def test_what_it_says_to_type_can_be_typed_in_each_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "dl $HOME `x` it's"
    done = typed(tmp_path, "init", str(folder), "--json")
    told = json.loads(done.output)
    for steps in (told["next"], told["in_another_terminal"]):
        assert [shlex.split(steps[0]), steps[1]] == [
            ["cd", str(folder)],
            'export JUNMAI_CONFIG="$PWD/config.json"',
        ]
    assert "junmai-jobs worker --reload" in told["next"]


def test_where_a_package_would_hide_its_tasks_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "__init__.py").touch()
    done = typed(tmp_path / "home", "init", str(tmp_path))
    assert done.exit_code == 1
    assert "has a package tasks/, which Python imports in place of tasks.py" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["tasks"]


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_a_file_that_cannot_be_written_whole_is_named_and_none_is_left(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - not on Windows

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_300, before[1]))  # test_tasks.py is smaller
    try:
        done = typed(tmp_path / "home", "init", str(tmp_path / "full"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 1
    assert f"{tmp_path / 'full' / 'tasks.py'} cannot be written: File too large" in done.output
    assert not list((tmp_path / "full").iterdir())


def test_a_file_in_place_of_the_folder_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").touch()
    done = typed(tmp_path / "home", "init", str(tmp_path / "tasks.py"))
    assert (done.exit_code, "cannot be written: File exists; name another folder" in done.output) == (1, True)
