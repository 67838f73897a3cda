"""Of this computer: its settings, its folders, the catalog, its memory and its cards. No server is asked."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pynvml

from junmai_jobs.doctor.finding import Finding, fine, listed, size, together, unknown, wrong
from junmai_jobs.doctor.patient import Patient
from junmai_jobs.errors import ConfigError
from junmai_jobs.hints import misspelt
from junmai_jobs.inspector.base import STANDARD_QUEUES
from junmai_jobs.migrations import MIGRATIONS
from junmai_jobs.sensors import Sensors
from junmai_jobs.task import task_names

LEAST_IN_HOME = 2**30
"""Bytes: for the embedded server's log, which is written anew beside the old one, and for the catalog."""
_LEAST_IN_ROOT = 100 * 2**20
_MOST_DAMAGES = 3
_PATIENCE = 1.0
"""Seconds to wait for a catalog that another program holds."""


# ---- settings ------------------------------------------------------------------------------------


def check_configuration(patient: Patient) -> Finding:
    """Is config.json valid, and are its secrets kept? That it is valid is known from its having been read."""
    config = patient.config
    read = f"{config.file} is valid" if config.file else f"no config.json in {config.home}: all is as usual"
    remarks = f"; not used of it: {listed([*config.unused])}" if config.unused else ""
    for queue, hint in misspelt(config.shortest_first, {*STANDARD_QUEUES, *config.queue_order}):
        remarks += f"; queues.shortest_first names {queue!r}, {hint}"
    open_files = [config.file] if config.exposed and config.file else []
    open_files += filter(_is_open, [config.token_file])
    if not open_files:
        return fine(read + remarks)
    names = " ".join(shlex.quote(str(file)) for file in open_files)
    return wrong(f"{read}{remarks}; others may read the secrets in {names}", f"chmod 600 {names}")


def _is_open(file: Path) -> bool:
    """Whether others may read a file; where that is told in another way, it is not known."""
    try:
        return os.name == "posix" and bool(file.stat().st_mode & 0o077)
    except OSError:
        return False


def check_modules(patient: Patient) -> Finding:
    """Can the modules be imported that register tasks? If not, no worker starts."""
    try:
        patient.register_tasks()
    except ConfigError as error:
        return wrong(str(error), f"python -c 'import {', '.join(patient.config.tasks)}'")
    except ImportError as error:
        said = f"the photo tasks cannot be imported: {error}"
        return wrong(said, "pip install --force-reinstall 'junmai-jobs[photo]'")
    modules = ", ".join(patient.config.tasks) or "none is named"
    return fine(f"{len(task_names())} tasks are known here; modules of yours: {modules}")


# ---- folders -------------------------------------------------------------------------------------


def check_home(patient: Patient) -> Finding:
    """Can JUNMAI_HOME be written to, and is there room?"""
    home = patient.config.home
    there = next(each for each in (home, *home.parents) if each.exists())
    if not there.is_dir():
        return wrong(f"{home} is no folder: {there} is a file", "set JUNMAI_HOME to a folder")
    if not os.access(there, os.W_OK | os.X_OK):  # what others have around it stays theirs
        name = shlex.quote(str(home))
        fix = f"chown -R $USER {name}" if there == home else f"install -d -m 700 -o $USER {name}"
        return wrong(f"{home} cannot be written to", f"sudo {fix}")
    free = shutil.disk_usage(there).free
    if free < LEAST_IN_HOME:
        return wrong(f"{size(free)} free on the disk of {home}", "free some space there, or set JUNMAI_HOME")
    return fine(f"{home}: {size(free)} free")


def check_roots(patient: Patient) -> Finding:
    """Are the folders of ``photo.roots`` there, and can they be read?"""
    roots = patient.config.photo_roots
    if not roots:
        return fine("photo.roots names none; sessions bring their own folders")
    return together([_root(root) for root in roots])


def _root(root: Path) -> Finding:
    try:
        with os.scandir(root) as entries:
            next(entries, None)
        free = shutil.disk_usage(root).free
    except FileNotFoundError:
        return wrong(
            f"{root} is not there: its drive is away, or it was moved",
            f'"photo": {{"roots": [...]}} without {root}',
        )
    except NotADirectoryError:
        return wrong(f"{root} is no folder", f'"photo": {{"roots": ["{root.parent}"]}}')
    except OSError as error:
        return wrong(f"{root} cannot be read: {error.strerror}", f"chmod u+rx {shlex.quote(str(root))}")
    if free < _LEAST_IN_ROOT:
        return wrong(
            f"{root}: {size(free)} free, too little for sidecars", f"free some space on the drive of {root}"
        )
    return fine(f"{root}: {size(free)} free")


# ---- the catalog ---------------------------------------------------------------------------------


def check_catalog(patient: Patient) -> Finding:
    """Can the catalog be read, is it of a version known here, and is it whole? Nothing of it is changed."""
    try:
        from junmai_jobs.tasks.recording import CATALOG_FILE  # noqa: PLC0415 - of the extra `photo`
    except ImportError as error:
        return unknown(f"the extra `photo` is not installed ({error.name})")
    file = patient.config.home / CATALOG_FILE
    if not file.exists():
        return fine(f"{file} is not there yet; the first session makes it")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", _PATIENCE, uri=True)) as catalog:
            return _look_into(file, catalog)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return unknown(f"another program holds {file}")
        if isinstance(error, sqlite3.OperationalError):
            return wrong(f"{file} cannot be read: {error}", f"chmod 600 {shlex.quote(str(file))}")
        return wrong(f"{file} is damaged: {error}", _set_aside(file))


def _look_into(file: Path, catalog: sqlite3.Connection) -> Finding:
    version = int(catalog.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        newer = f"{file} is of version {version}, here {len(MIGRATIONS)} are known"
        return wrong(newer, "pip install --upgrade junmai-jobs")
    said = [str(row[0]) for row in catalog.execute(f"PRAGMA quick_check({_MOST_DAMAGES})")]
    if said != ["ok"]:
        return wrong(f"{file} is damaged: {'; '.join(said)}", _set_aside(file))
    behind = "" if version == len(MIGRATIONS) else ", which the next command brings up to date"
    return fine(f"{file} is whole: version {version}{behind}, {size(file.stat().st_size)}")


def _set_aside(file: Path) -> str:
    """With its log, which a new one must not meet. Photographs are judged anew; verdicts are lost."""
    name, aside = (shlex.quote(str(path)) for path in (file, file.with_name("damaged-catalog")))
    return f"mkdir {aside}; mv {name}* {aside}; junmai-jobs process FOLDER"


# ---- memory and cards ----------------------------------------------------------------------------


def check_computer(patient: Patient) -> Finding:
    """Has this computer memory left? The governor lets nothing run beyond the same threshold."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    most = max(patient.config.memory_critical_percent, patient.config.memory_limit_percent)
    said = f"{size(memory.available)} of {size(memory.total)} memory to be had, {size(swap.used)} swapped out"
    if memory.percent < most:
        return fine(said)
    fewer = max(1, patient.config.max_concurrent_jobs // 2)
    return wrong(
        f"{said}: {memory.percent:.0f} % are used, the limit is {most} %",
        patient.command(f"worker --concurrency {fewer} --max-memory-per-child 1024"),
    )


def check_cards(nvml: Any = pynvml) -> Finding:
    """Does the driver of NVIDIA's cards work, if there is one?"""
    try:
        nvml.nvmlInit()
    except (nvml.NVMLError, OSError, AttributeError) as error:
        if getattr(error, "value", None) == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return fine("no NVIDIA driver is installed: all runs on the CPU")
        return wrong(f"the NVIDIA driver does not work: {error}", _mend(error))
    try:
        return together(list(_cards(nvml)))
    finally:
        nvml.nvmlShutdown()


def _mend(error: Exception) -> str:
    mends = {
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "sudo modprobe nvidia",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "sudo reboot",
        pynvml.NVML_ERROR_NO_PERMISSION: "sudo usermod -aG video $USER",
    }
    return mends.get(getattr(error, "value", 0), "nvidia-smi")


def _cards(nvml: Any) -> Iterator[Finding]:
    sensors = Sensors(nvml)
    try:
        reading = sensors.read()
    finally:
        sensors.close()
    there = nvml.nvmlDeviceGetCount()
    if there and not reading.cards and reading.temperature is None:
        yield wrong(f"{there} NVIDIA cards are there, and tell nothing", "nvidia-smi")
        return
    heat = "" if reading.temperature is None else f", the hottest has {reading.temperature:.0f} C"
    room = "".join(f", {name}: {free:,} MB" for name, free in reading.cards.items())
    yield fine(f"{there} NVIDIA cards{heat}{room}" if there else "an NVIDIA driver, and no card")
