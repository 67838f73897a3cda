"""``worker --reload``: new code without a new start by hand, and nothing lost on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from junmai_jobs import ConfigError
from junmai_jobs.commands import reload
from junmai_jobs.commands.app import App
from junmai_jobs.commands.reload import Code
from junmai_jobs.config import load_config
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.command_line import CommandLine

TASKS = """
from pathlib import Path
from threading import Event

from freshly_helped import VERSION
from junmai_jobs import task

@task
def fresh_version():
    return VERSION

@task
def fresh_long_run(until):
    while not Path(until).exists():
        Event().wait(0.01)
    return VERSION
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current one, with a module ``freshly_made`` in it that imports ``freshly_helped``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "freshly_made.py").write_text("import freshly_helped\n", "utf-8")
    (tmp_path / "freshly_helped.py").write_text("", "utf-8")
    yield tmp_path
    for name in ("freshly_made", "freshly_helped"):
        sys.modules.pop(name, None)


def test_what_the_modules_import_beside_them_is_watched_and_nothing_that_is_installed(folder: Path) -> None:
    __import__("freshly_made")
    code, config = Code(["freshly_made"]), folder / "config.json"
    assert set(code.files) == {folder / "freshly_made.py", folder / "freshly_helped.py"}
    code = Code(["freshly_made"], config=config)
    config.write_text("{}", "utf-8")
    assert code.wait_for_change(threading.Event()) == config


def test_a_change_during_the_import_counts(folder: Path) -> None:
    file = folder / "freshly_helped.py"
    begun = file.stat().st_mtime_ns
    os.utime(folder / "freshly_made.py", ns=(begun - 1, begun - 1))
    __import__("freshly_made")
    code = Code(["freshly_made"], begun)
    assert [name for name, state in code.files.items() if state is None] == [file]
    assert code.wait_for_change(threading.Event()) == file


@pytest.mark.parametrize("text", ["def (:\n", "import freshly_lost\n", "1 / 0\n"])
def test_what_cannot_be_imported_is_watched(folder: Path, text: str) -> None:
    (folder / "freshly_helped.py").write_text(text, "utf-8")
    with pytest.raises((SyntaxError, ImportError, ZeroDivisionError)) as caught:
        __import__("freshly_made")
    code = Code(["freshly_made"])
    code.add_what_failed(caught.value)
    assert set(code.files) >= {folder / "freshly_made.py", folder / "freshly_helped.py"}
    assert ((folder / "freshly_lost.py") in code.files) == ("freshly_lost" in text)


@pytest.mark.timeout(300)
def test_a_worker_takes_new_code_and_waits_for_code_that_can_be_imported(
    cli: CommandLine, tmp_path: Path
) -> None:
    (cli.folder / "freshly_made.py").write_text(TASKS, "utf-8")
    helper, log, gate = cli.folder / "freshly_helped.py", tmp_path / "log", tmp_path / "gate"
    helper.write_text("VERSION = 1\n", "utf-8")
    cli = cli.having(JUNMAI_TASKS="freshly_made")

    def edit(text: str, awaited: str, times: int) -> None:
        helper.write_text(text, "utf-8")
        wait_until(lambda: log.read_text("utf-8").count(awaited) == times, 30, what=awaited)

    with log.open("w") as stderr:
        process = cli.start("worker", "--reload", "--concurrency", "1", "--grace", "60", stderr=stderr)
    try:
        running = cli.json("submit", "fresh_long_run", str(gate))["id"]
        wait_until(lambda: cli.json("show", running)["status"] == "running", 30, what="the run")
        edit("VERSION = 22\n", "freshly_helped.py has changed", 1)
        gate.touch()
        new = cli.json("submit", "fresh_version", "--wait")
        old = cli.json("show", running)
        assert (old["result"], [run["event"] for run in old["history"]]) == (1, ["succeeded"])
        assert new["result"] == 22
        edit("VERSION = (\n", "Waiting for the code to change", 1)
        assert "SyntaxError: '(' was never closed (freshly_helped.py, line 1)" in log.read_text("utf-8")
        edit("VERSION = 333\n", "watched for changes", 3)
        assert cli.json("submit", "fresh_version", "--wait")["result"] == 333
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)  # nobody is left to hand on a stop
        _, left = psutil.wait_procs(family, 20)
        assert not left
    finally:
        process.kill()
        process.communicate()


def test_a_module_that_never_was_ends_it_at_once(cli: CommandLine) -> None:
    done = cli.finish(cli.start("worker", "--reload", "--tasks", "freshly_none"))
    assert done.code == 2
    assert "there is no tasks module 'freshly_none'" in done.err


def test_no_code_at_all_ends_it_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "_WHICH", "first")
    app = App()
    app.config = load_config(environ={"JUNMAI_HOME": str(folder)})
    with pytest.raises(ConfigError, match=r"name their module with --tasks MODULE, or a config.json that do"):
        reload.register_tasks(app)
