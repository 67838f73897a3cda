"""This computer: what is wrong with settings, folders, the catalog, its memory and its cards is named."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pynvml
import pytest

from junmai_jobs.catalog import Catalog
from junmai_jobs.config import load_config
from junmai_jobs.doctor import Patient, computer
from junmai_jobs.errors import ConfigError
from junmai_jobs.server import Server
from junmai_jobs.tasks.recording import CATALOG_FILE
from tests.homes import in_home
from tests.sensing import Card, Driver

ROOT = Path(__file__).parents[2]
ORIGINAL = {"version": "2.0", "ui": {"theme": "dark"}, "processing": {"auto_import": True}}


def at(home: Path, settings: object = None, mode: int = 0o600, **more: Any) -> Patient:
    """One who lives in this home."""
    home.mkdir(exist_ok=True)
    if settings is not None:
        (home / "config.json").write_text(json.dumps(settings), "utf-8")
        (home / "config.json").chmod(mode)
    return Patient(load_config(environ=in_home(home)), Server(None, home), "studio", **more)


# ---- settings ------------------------------------------------------------------------------------


def test_a_configuration_that_is_well(tmp_path: Path) -> None:
    assert computer.check_configuration(at(tmp_path / "h")).detail.startswith("no config.json in ")
    found = computer.check_configuration(at(tmp_path / "h", ORIGINAL, 0o644))
    assert (found.ok, found.fix) == (True, "")
    assert "is valid; not used of it: version, ui.theme, processing.auto_import" in found.detail
    mistyped = {"queues": {"shortest_first": ["hihg_priority", "night"]}}
    found = computer.check_configuration(at(tmp_path / "h", mistyped))
    assert (found.ok, found.fix) == (True, "")
    assert found.detail.endswith("shortest_first names 'hihg_priority', did you mean 'high_priority'?")


def test_secrets_that_others_may_read(tmp_path: Path) -> None:
    secret = {"redis": {"url": "redis://:s3cr3t@studio/0"}}
    assert computer.check_configuration(at(tmp_path, secret)).ok is True
    patient = at(tmp_path, secret, 0o644)
    patient.config.token_file.write_text("x" * 40)
    patient.config.token_file.chmod(0o640)
    found = computer.check_configuration(patient)
    assert (found.ok, "s3cr3t" in found.detail) == (False, False)
    subprocess.run(shlex.split(found.fix), check=True)
    assert computer.check_configuration(at(tmp_path, secret, 0o600)).ok is True
    assert not patient.config.token_file.stat().st_mode & 0o077


def test_modules(tmp_path: Path) -> None:
    assert computer.check_modules(at(tmp_path)).ok is True

    def register() -> None:
        raise ConfigError("there is no tasks module 'studio'")

    found = computer.check_modules(at(tmp_path, {"tasks": ["studio"]}, register_tasks=register))
    assert found == (False, "there is no tasks module 'studio'", "python -c 'import studio'")


def test_photo_tasks_that_cannot_be_imported(tmp_path: Path) -> None:
    def register() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    found = computer.check_modules(at(tmp_path, register_tasks=register))
    assert (found.ok, found.fix) == (False, "pip install --force-reinstall 'junmai-jobs[photo]'")


# ---- folders -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_home_with_and_without_room(small_disk: Path, tmp_path: Path) -> None:
    assert computer.check_home(at(tmp_path / "h")).ok is True
    found = computer.check_home(at(small_disk / "h"))
    assert (found.ok, f"MiB free on the disk of {small_disk / 'h'}" in found.detail) == (False, True)


def test_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    config = load_config(environ=in_home(tmp_path / "a" / "b"))
    assert computer.check_home(Patient(config, Server(None, config.home), "studio")).ok is True
    assert not (tmp_path / "a").exists(), "nothing is made"


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    config = load_config(environ=in_home(file / "h"))
    found = computer.check_home(Patient(config, Server(None, config.home), "studio"))
    assert (found.ok, found.fix) == (False, "set JUNMAI_HOME to a folder")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("inside", "fix"), [("", "sudo chown -R $USER {}"), ("a/b", "sudo install -d -m 700 -o $USER {}")]
)
def test_a_home_of_somebody_else(inside: str, fix: str) -> None:
    """Where it is not there yet, the folder in which it is to be is not given away."""
    with TemporaryDirectory() as folder:  # those of pytest are in one that nobody else may enter
        Path(folder).chmod(0o755)
        patient = at(Path(folder))
        home = Path(folder) / inside
        patient = replace(patient, config=replace(patient.config, home=home))
        receiving, sending = os.pipe()
        if (pid := os.fork()) == 0:
            try:
                os.setuid(65534)
                os.write(sending, json.dumps(computer.check_home(patient)).encode())
            finally:
                os._exit(0)
        os.close(sending)
        os.waitpid(pid, 0)
        with os.fdopen(receiving) as answer:
            found = json.load(answer)
    assert found == [False, f"{home} cannot be written to", fix.format(home)]


def test_roots(tmp_path: Path, small_disk: Path) -> None:
    assert computer.check_roots(at(tmp_path / "h")).ok is True
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").touch()
    good = {"photo": {"roots": [str(tmp_path / "photos")]}}
    assert computer.check_roots(at(tmp_path / "h", good)).ok is True
    bad = {"photo": {"roots": [str(tmp_path / name) for name in ("photos", "away", "file", "disk")]}}
    found = computer.check_roots(at(tmp_path / "h", bad))
    assert found.ok is False
    assert "away is not there: its drive is away, or it was moved" in found.detail
    assert "file is no folder" in found.detail
    assert "disk: 8 MiB free, too little for sidecars" in found.detail


# ---- the catalog ---------------------------------------------------------------------------------


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """That of the home at ``tmp_path / "h"``, with photos in it."""
    file = tmp_path / "h" / CATALOG_FILE
    with closing(Catalog(file)) as catalog:
        session = catalog.session(str(tmp_path), tmp_path)
        catalog.photo_ids(session, [tmp_path / f"IMG_{number:04}.jpg" for number in range(500)])
    return file


def test_a_catalog_that_is_well(catalog: Path) -> None:
    before = catalog.read_bytes()
    found = computer.check_catalog(at(catalog.parent))
    assert (found.ok, "is whole: version" in found.detail) == (True, True)
    assert catalog.read_bytes() == before


def test_a_catalog_that_others_write(catalog: Path) -> None:
    with closing(Catalog(catalog)) as writer:
        writer.session("another", catalog.parent)
        assert computer.check_catalog(at(catalog.parent)).ok is True


def test_a_catalog_that_another_program_holds(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        found = computer.check_catalog(at(catalog.parent))
    assert (found.ok, found.detail) == (None, f"not known: another program holds {catalog}")


def test_no_catalog_yet(tmp_path: Path) -> None:
    assert computer.check_catalog(at(tmp_path)).ok is True
    assert not (tmp_path / CATALOG_FILE).exists()


@pytest.mark.parametrize("at_byte", [0, 4096 * 9])
def test_a_catalog_that_is_damaged(catalog: Path, at_byte: int) -> None:
    with catalog.open("r+b") as file:
        file.seek(at_byte)
        file.write(b"\xa5" * 4096 * 8)
    found = computer.check_catalog(at(catalog.parent))
    assert (found.ok, "is damaged" in found.detail) == (False, True), found
    log = catalog.with_name(f"{catalog.name}-wal")
    log.touch()
    setting_aside, _, then = found.fix.rpartition("; ")
    assert then == "junmai-jobs process FOLDER"
    subprocess.run(["sh", "-c", setting_aside], check=True)
    assert not any(catalog.parent.glob(f"{catalog.name}*"))
    assert {catalog.name, log.name} <= {each.name for each in (catalog.parent / "damaged-catalog").iterdir()}


def test_a_catalog_of_another_version(catalog: Path) -> None:
    with closing(sqlite3.connect(catalog)) as db:
        db.execute("PRAGMA user_version = 1000")
        db.commit()
    found = computer.check_catalog(at(catalog.parent))
    assert (found.ok, found.fix) == (False, "pip install --upgrade junmai-jobs")
    with closing(sqlite3.connect(catalog)) as db:
        db.execute("PRAGMA user_version = 1")
        db.commit()
    found = computer.check_catalog(at(catalog.parent))
    assert (found.ok, "which the next command brings up to date" in found.detail) == (True, True)


# ---- memory and cards ----------------------------------------------------------------------------


def test_memory(tmp_path: Path) -> None:
    assert computer.check_computer(at(tmp_path)).ok is True
    strict = {"processing": {"memory_limit_percent": 1, "memory_critical_percent": 1}}
    found = computer.check_computer(at(tmp_path, strict))
    assert (found.ok, "the limit is 1 %" in found.detail) == (False, True)
    assert found.fix == "junmai-jobs worker --concurrency 1 --max-memory-per-child 1024"


def test_no_card(tmp_path: Path) -> None:
    driver = Driver()
    driver.error = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    assert computer.check_cards(driver) == (True, "no NVIDIA driver is installed: all runs on the CPU", "")


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "sudo modprobe nvidia"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "sudo reboot"),
        (pynvml.NVML_ERROR_UNKNOWN, "nvidia-smi"),
    ],
)
def test_a_driver_that_does_not_work(code: int, fix: str) -> None:
    driver = Driver()
    driver.error = pynvml.NVMLError(code)
    found = computer.check_cards(driver)
    assert (found.ok, found.fix) == (False, fix)
    assert "the NVIDIA driver does not work: " in found.detail


def test_cards() -> None:
    found = computer.check_cards(driver := Driver(Card("GPU-1", 51, 24), Card("GPU-2", 63, 24)))
    assert found == (True, "2 NVIDIA cards, the hottest has 63 C, GPU-1: 24,576 MB, GPU-2: 24,576 MB", "")
    assert driver.opened == 0
    assert computer.check_cards(Driver()).detail == "an NVIDIA driver, and no card"
    dumb = Card("GPU-1", None, 24, tells_memory=False)
    found = computer.check_cards(Driver(dumb))
    assert (found.ok, found.detail) == (False, "1 NVIDIA cards are there, and tell nothing")
