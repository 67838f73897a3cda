"""Wheel and sdist: what is in them, and that a new environment with nothing else in it can do its work."""

from __future__ import annotations

import email
import subprocess
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tests.distribution import ROOT, Installed, make, missing, wheel_of

if TYPE_CHECKING:
    from pathlib import Path

ASK_THE_BRIDGE = """
from flask import Flask
from junmai_jobs import JobQueue
from junmai_jobs.bridge import create_blueprint
app = Flask("host")
app.register_blueprint(create_blueprint(JobQueue()))
client = app.test_client()
for path in ("/healthz", "/queue/stats", "/metrics"):
    print(client.get(path).status_code)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("wheel"), "--wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sdist"), "--sdist")


def test_the_wheel_has_what_it_needs_and_nothing_else(wheel: Path) -> None:
    assert missing(wheel) == []


def test_the_sdist_makes_the_same_wheel_to_the_byte(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert wheel_of(sdist, tmp_path).read_bytes() == wheel.read_bytes()


def test_an_index_would_take_both(wheel: Path, sdist: Path) -> None:
    for command in (
        ["twine", "check", "--strict", str(wheel), str(sdist)],
        ["check_wheel_contents", str(wheel)],
    ):
        done = subprocess.run([sys.executable, "-m", *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_it_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        said = email.message_from_bytes(archive.read(name))
    assert (said["Name"], said["Requires-Python"]) == ("junmai-jobs", ">=3.11")
    assert {"photo", "bridge", "metrics", "testing", "all"} <= set(said.get_all("Provides-Extra", []))


@pytest.mark.timeout(300)
def test_in_a_new_environment_the_first_hour_goes_well(wheel: Path, tmp_path: Path) -> None:
    installed = Installed.of(f"{wheel}[photo]", tmp_path)
    installed.try_jobs()
    assert "1 burst, 1 sharp frame picked and exported" in installed.run("demo", "--photos", "6")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_the_extra_it_is_a_queue(sdist: Path, tmp_path: Path) -> None:
    installed = Installed.of(str(sdist), tmp_path)
    installed.try_jobs()
    assert "pip install 'junmai-jobs[photo]'" in installed.run("demo", code=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_oldest_versions_that_it_asks_for_will_do(wheel: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = map(Requirement, project["dependencies"] + extras["photo"] + extras["bridge"])
    oldest = tmp_path / "oldest.txt"
    oldest.write_text("\n".join(f"{each.name}{_at_the_floor(each)}" for each in asked), "utf-8")
    installed = Installed.of(f"{wheel}[photo,bridge]", tmp_path / "there", "--constraint", str(oldest))
    installed.try_jobs()
    assert "1 burst, 1 sharp frame picked and exported" in installed.run("demo", "--photos", "6")
    try:
        assert installed.run("-c", ASK_THE_BRIDGE, program="python").split() == ["200", "200", "200"]
    finally:
        installed.run("server", "stop")


def _at_the_floor(asked: Requirement) -> str:
    """``==8.0.1`` for ``>=8.0.1``, ``==8.0.*`` for ``>=8.0``: whatever else may be newer, this is not."""
    (floor,) = (each.version for each in asked.specifier if each.operator == ">=")
    return f"=={floor}" if floor.count(".") > 1 else f"=={floor}.*"
