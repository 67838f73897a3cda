"""What starts a worker by itself: units of systemd, a LaunchAgent, a task of Windows, containers.

The systems that they are for do not run here, but for systemd's own check of its units. So it is looked at
whether each file is whole and says only what its reader knows, and whether we understand what it calls.
"""

from __future__ import annotations

import json
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.in_process import typed

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRIB = Path(__file__).parents[1] / "contrib"
UNITS = sorted((CONTRIB / "systemd").glob("*.service"))
PLIST = CONTRIB / "macos" / "org.junmai-jobs.worker.plist"
TASK = CONTRIB / "windows" / "junmai-jobs-worker.xml"
DOCKERFILE, COMPOSE = (CONTRIB / "docker" / name for name in ("Dockerfile", "compose.yaml"))
GRACE = 10  # s, the worker's own
NO_SYSTEMD = shutil.which("systemd-analyze") is None and "CI" not in os.environ

TASK_SCHEDULER = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
KNOWN_SETTINGS = {
    "AllowHardTerminate", "AllowStartOnDemand", "DeleteExpiredTaskAfter", "DisallowStartIfOnBatteries",
    "Enabled", "ExecutionTimeLimit", "Hidden", "IdleSettings", "MultipleInstancesPolicy", "NetworkSettings",
    "Priority", "RestartOnFailure", "RunOnlyIfIdle", "RunOnlyIfNetworkAvailable", "StartWhenAvailable",
    "StopIfGoingOnBatteries", "WakeToRun",
}  # fmt: skip
"""What the schema of version 1.2 has in Settings."""
KNOWN_KEYS = {
    "EnvironmentVariables", "ExitTimeOut", "KeepAlive", "Label", "LowPriorityIO", "ProcessType",
    "ProgramArguments", "RunAtLoad", "ThrottleInterval",
}  # fmt: skip
"""Of launchd.plist(5), those that are used."""


def commands() -> Iterator[tuple[str, list[str]]]:
    """What each file calls, as the words after ``junmai-jobs``."""
    for unit in UNITS:
        for line in re.findall(
            r"^Exec\w+=/usr/bin/env junmai-jobs (.*)$", unit.read_text("utf-8"), re.MULTILINE
        ):
            yield unit.name, [word for word in shlex.split(line) if word != "$ARGUMENTS"]
    script = plistlib.loads(PLIST.read_bytes())["ProgramArguments"][2]
    yield PLIST.name, shlex.split(script.partition("exec junmai-jobs ")[2])
    yield TASK.name, shlex.split(_text(TASK, "Arguments").removeprefix("-m junmai_jobs "))
    for words in re.findall(r"^    command: \[(.*)\]$", COMPOSE.read_text("utf-8"), re.MULTILINE):
        yield COMPOSE.name, words.split(", ")
    yield DOCKERFILE.name, json.loads(DOCKERFILE.read_text("utf-8").rpartition("CMD ")[2])


def _text(file: Path, name: str) -> str:
    found = ET.parse(file).find(f".//{TASK_SCHEDULER}{name}")  # noqa: S314 - it is ours
    assert found is not None, f"there is no {name}"
    return found.text or ""


@pytest.mark.parametrize(
    ("file", "words"), [*commands()], ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_called_is_a_command_of_ours(file: str, words: list[str], tmp_path: Path) -> None:
    done = typed(tmp_path, *words, "--help")
    assert done.exit_code == 0, done.output
    assert typed(tmp_path, *words, "--no-such-option", "--help").exit_code == 2


def test_each_kind_of_file_calls_something() -> None:
    assert {name for name, _ in commands()} == {
        *(unit.name for unit in UNITS), PLIST.name, TASK.name, COMPOSE.name, DOCKERFILE.name,
    }  # fmt: skip
    assert len(UNITS) == 5


# ---- systemd -------------------------------------------------------------------------------------


def verified(unit: Path, runtime: Path) -> str:
    there = {"XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime)}
    command = ["systemd-analyze", "--user", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=there)
    return done.stdout + done.stderr


@pytest.mark.skipif(NO_SYSTEMD, reason="systemd is not on this system")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    assert verified(unit, tmp_path) == ""


@pytest.mark.skipif(NO_SYSTEMD, reason="systemd is not on this system")
def test_systemd_would_have_told_of_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text(UNITS[0].read_text("utf-8").replace("KillMode=", "KilMode="), "utf-8")
    assert "KilMode" in verified(wrong, tmp_path)


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if "worker" in unit.name], ids=lambda unit: unit.name
)
def test_a_worker_is_given_its_grace_and_outlives_a_task_out_of_memory(unit: Path) -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE))
    assert (said["KillMode"], said["KillSignal"], said["OOMPolicy"]) == ("mixed", "SIGTERM", "continue")
    assert int(said["TimeoutStopSec"]) > GRACE


# ---- macOS and Windows ---------------------------------------------------------------------------


def test_launchd_knows_every_key() -> None:
    said = plistlib.loads(PLIST.read_bytes())
    assert said.keys() == KNOWN_KEYS
    assert said["Label"] == PLIST.stem
    assert said["ExitTimeOut"] > GRACE
    assert said["KeepAlive"] == {"SuccessfulExit": False}


def test_windows_knows_every_element() -> None:
    task = ET.parse(TASK).getroot()  # noqa: S314 - it is ours
    assert task.tag == f"{TASK_SCHEDULER}Task"
    parts = [part.tag.removeprefix(TASK_SCHEDULER) for part in task]
    assert parts == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    (settings,) = task.findall(f"{TASK_SCHEDULER}Settings")
    assert {each.tag.removeprefix(TASK_SCHEDULER) for each in settings} <= KNOWN_SETTINGS
    (execution,) = task.findall(f"{TASK_SCHEDULER}Actions/*")
    assert [part.tag.removeprefix(TASK_SCHEDULER) for part in execution] == [
        "Command", "Arguments", "WorkingDirectory",
    ]  # fmt: skip
    assert _text(TASK, "ExecutionTimeLimit") == "PT0S"
    assert not TASK.read_text("utf-8").startswith("<?xml"), "as text it has no encoding to speak of"


# ---- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", str(DOCKERFILE)],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
    ],
    ids=lambda command: command[0],
)
def test_a_linter_finds_nothing(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_containers_are_nobody_and_no_secret_stands_in_their_files() -> None:
    dockerfile, compose = DOCKERFILE.read_text("utf-8"), COMPOSE.read_text("utf-8")
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)
    assert re.findall(r"^FROM \S+?:(\d+\.\d+\.\d+)-", dockerfile, re.MULTILINE) == ["3.13.5", "3.13.5"]
    services = compose.partition("\nservices:\n")[2].partition("\nsecrets:\n")[0]
    assert not re.search(r"(?i)(password|token)\s*:", services)
    assert '"127.0.0.1:5100:5100"' in services
