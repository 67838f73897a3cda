"""What is loaded, and when: importing takes most of a short command's time, and much of a program's start."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import junmai_jobs
from junmai_jobs import cli
from tests.embedded_servers import ROOT
from tests.homes import in_home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartServer

PHOTO = {"PIL", "cv2", "numpy", "exifread", "sqlite3"}
WEB = {"flask", "werkzeug", "waitress", "http.server", "prometheus_client"}
MACHINE = {"psutil", "pynvml"}
RED = {"redis", "hiredis", "asyncio"}
TERMINAL = {"click", "rich", "textual"}
INTERRUPTING = "import signal\nsignal.raise_signal(signal.SIGINT)\n"


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (environment.pop("first", ""), str(ROOT))))
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | {"PYTHONPATH": path} | environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def loaded_by(code: str, **environment: str) -> set[str]:
    """The modules that a program has loaded at its end, and the packages that they are of."""
    begin = (
        "import atexit, sys\natexit.register(lambda: print('\\nloaded', *sys.modules, file=sys.stderr))\n"
        # redis-py loads the SDK where it is installed, and that psutil: for its users, as they have chosen.
        "sys.modules['opentelemetry'] = None\n"
    )
    done = run_python("-c", begin + code, **environment)
    assert done.returncode == 0, done
    names = done.stderr.rpartition("\nloaded ")[2].split()
    return {*names, *(name.split(".")[0] for name in names)}


def loaded_by_command(*arguments: str, **environment: str) -> set[str]:
    code = f"sys.argv[1:] = {arguments}\nfrom junmai_jobs.__main__ import main\nmain()"
    return loaded_by(code, **environment)


# ---- the library ---------------------------------------------------------------------------------


def test_importing_the_package_loads_nothing_of_it() -> None:
    assert {name for name in loaded_by("import junmai_jobs") if "junmai" in name} == {"junmai_jobs"}


def test_the_plugin_that_every_pytest_loads_loads_nothing_either() -> None:
    loaded = {name for name in loaded_by("import junmai_jobs.testing.plugin") if "junmai" in name}
    assert loaded == {"junmai_jobs", "junmai_jobs.testing", "junmai_jobs.testing.plugin"}


def test_a_program_that_submits_loads_what_it_needs() -> None:
    loaded = loaded_by("from junmai_jobs import JobQueue, task")
    assert "junmai_jobs.jobqueue" in loaded
    assert loaded.isdisjoint(PHOTO | WEB | TERMINAL | MACHINE | RED | {"multiprocessing"})


def test_every_name_is_what_its_module_has_whatever_was_imported_before() -> None:
    code = (
        "import junmai_jobs.task, junmai_jobs.jobqueue as module\n"
        "from junmai_jobs import *\n"
        "import junmai_jobs as package\n"
        "assert JobQueue is module.JobQueue is package.JobQueue\n"
        "print(task is module.as_task.__globals__['task'], task.__name__)"
    )
    assert run_python("-c", code).stdout == "True task\n"
    assert {getattr(junmai_jobs, name).__module__.split(".")[0] for name in junmai_jobs.__all__} == {
        "junmai_jobs"
    }
    assert set(dir(junmai_jobs)) >= set(junmai_jobs.__all__)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Job_Queue'"):
        exec("from junmai_jobs import Job_Queue")  # noqa: S102 - a type checker would rightly refuse it


# ---- the command line ----------------------------------------------------------------------------


def test_help_loads_what_the_commands_say_of_themselves() -> None:
    loaded = loaded_by_command("--help")
    assert "junmai_jobs.commands.worker" in loaded
    assert loaded.isdisjoint(PHOTO | WEB | MACHINE | RED | {"rich", "multiprocessing"})


def test_a_command_loads_its_own_module_and_prints_without_rich(
    redis_process: StartServer, tmp_path: Path
) -> None:
    loaded = loaded_by_command("--redis", redis_process().url, "stats", "--json", **in_home(tmp_path))
    assert {name for name in loaded if name.startswith("junmai_jobs.commands.")} == {
        f"junmai_jobs.commands.{name}" for name in ("app", "output", "queues")
    }
    assert loaded.isdisjoint(PHOTO | WEB | MACHINE | {"rich"})


def test_each_command_is_found_under_its_name() -> None:
    commands = cli.junmai_jobs.commands
    assert {command.name for command in commands.values()} == set(commands)


# ---- an interrupt while it loads -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "command"), [("click", "--help"), ("graphlib", "--help"), ("redis", "stats")]
)
def test_an_interrupt_during_the_imports_ends_it_without_a_word(
    tmp_path: Path, module: str, command: str
) -> None:
    """The first is imported before the command is known, the last when it is under way."""
    (tmp_path / f"{module}.py").write_text(INTERRUPTING, "utf-8")
    done = run_python("-m", "junmai_jobs", command, first=str(tmp_path), **in_home(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="there is nothing to inherit")
def test_an_interrupt_that_is_to_be_ignored_stays_so(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(INTERRUPTING + "raise SystemExit(3)\n", "utf-8")
    start = "import runpy, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    run = "runpy.run_module('junmai_jobs', run_name='__main__')"
    assert run_python("-c", start + run, first=str(tmp_path)).returncode == 3
