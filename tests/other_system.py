"""A program whose worker does jobs as on another system: python -m tests.other_system SYSTEM URL HOME.

Only our own modules are on that system: what they import lacks the names and modules that are not there.
Underneath the libraries run as ever. Children are the same, since multiprocessing loads this program in each.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil

from tests.systems import lacking, systems_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEVER = {"watcher", "preload", "__main__"}
"""Modules that are run, and the one that a forkserver loads: they change the process that imports them."""


class Tamed(psutil.Process):
    """A process with Windows' priorities, which are not to be set here."""

    def nice(self, *_: object) -> int:  # type: ignore[override]
        return 32

    def ionice(self, *_: object) -> int:  # type: ignore[override]
        return 2


class Entry:
    """Something in a folder, with the attributes that Windows keeps of it: none."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self._entry = entry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> str:
        return self._entry.path

    def stat(self, *, follow_symlinks: bool = True) -> SimpleNamespace:
        found = self._entry.stat(follow_symlinks=follow_symlinks)
        fields = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return SimpleNamespace(**fields, st_file_attributes=0)


@contextlib.contextmanager
def scandir(folder: str | Path) -> Iterator[Iterator[Entry]]:
    with os.scandir(folder) as entries:
        yield map(Entry, entries)


def final_path(handle: ctypes.c_void_p, text: ctypes.Array[ctypes.c_wchar], _room: int, _how: int) -> int:
    """Where an open file is, as Windows gives it; Linux tells, too."""
    text.value = str(Path(f"/proc/self/fd/{handle.value}").readlink())
    return len(text.value)


class Seen(ModuleType):
    """A module as it is seen on the other system."""

    def __init__(self, module: ModuleType, hidden: frozenset[str], changed: Mapping[str, Any]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(changed)
        self.__dict__.update({"_module": module, "_hidden": hidden})

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_hidden"]:
            raise AttributeError(f"{self.__name__}.{name} is not on this system")
        return getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_module"], name, value)


WINDOWS: dict[str, dict[str, Any]] = {
    "sys": {"platform": "win32"},
    "os": {"name": "nt", "supports_dir_fd": set(), "scandir": scandir},
    "signal": {"SIGBREAK": signal.SIGUSR2, "CTRL_C_EVENT": 0, "CTRL_BREAK_EVENT": 1},
    "ctypes": {
        "windll": SimpleNamespace(
            kernel32=SimpleNamespace(
                SetThreadExecutionState=lambda _state: 1, GetFinalPathNameByHandleW=final_path
            )
        )
    },
    "psutil": {
        "LINUX": False, "POSIX": False, "WINDOWS": True, "Process": Tamed,
        "IDLE_PRIORITY_CLASS": 64, "BELOW_NORMAL_PRIORITY_CLASS": 16384, "IOPRIO_VERYLOW": 0, "IOPRIO_LOW": 1,
    },
    "multiprocessing": {"get_all_start_methods": lambda: ["spawn"]},
    "msvcrt": {"get_osfhandle": lambda descriptor: descriptor},
}  # fmt: skip
MACOS: dict[str, dict[str, Any]] = {
    "sys": {"platform": "darwin"},
    "psutil": {"LINUX": False, "MACOS": True},
    "multiprocessing": {"get_all_start_methods": lambda: ["spawn"]},  # so that children load this program
}


def pretend(system: str) -> None:
    """From now on what our modules import is as on this system."""
    load, changes = builtins.__import__, WINDOWS if system == "win32" else MACOS
    seen: dict[str, ModuleType] = {}

    def load_as_there(name: str, *rest: Any, **named: Any) -> ModuleType:
        importer = ((rest[0] if rest else named.get("globals")) or {}).get("__name__", "")
        if not importer.startswith("junmai_jobs") or name.startswith("junmai_jobs"):
            return load(name, *rest, **named)
        if system not in systems_with(name):
            raise ModuleNotFoundError(f"{name} is not on this system, and {importer} imports it")
        module = ModuleType(name) if name == "msvcrt" else load(name, *rest, **named)
        name = module.__name__
        changed, hidden = changes.get(name, {}), lacking(name, system)
        if not changed and not hidden:
            return module
        return seen.setdefault(name, Seen(module, hidden - changed.keys(), changed))

    builtins.__import__ = load_as_there


if __name__ in {"__main__", "__mp_main__"}:
    pretend(sys.argv[1])

from junmai_jobs import (  # noqa: E402
    JobCancelled,
    JobFailed,
    JobQueue,
    RetryPolicy,
    SoftTimeout,
    Status,
    StoreUnavailable,
    background,
    slot,
    task,
)
from junmai_jobs.config import load_config  # noqa: E402
from junmai_jobs.demo.shoot import draw_shoot  # noqa: E402
from junmai_jobs.plan import Wishes  # noqa: E402
from junmai_jobs.process import process  # noqa: E402
from junmai_jobs.tasks import register_photo_tasks  # noqa: E402
from tests.waiting import wait_until  # noqa: E402


@task
def add() -> int:
    return 1 + 2


@task(soft_timeout=0.2, timeout=60.0)
def sleep_long() -> str:
    """Longer than it may, in small pieces: without a timer signal a long call is not cut off."""
    try:
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline:
            time.sleep(0.01)
    except SoftTimeout:
        return "soft timeout"
    return "none"


@task(timeout=0.5, retry=RetryPolicy(max_retries=0))
def hang() -> None:
    time.sleep(60.0)


@task
def heed_nothing() -> None:
    """Go on whatever is asked for."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        with contextlib.suppress(BaseException):
            time.sleep(60.0)


@task(retry=RetryPolicy(max_retries=0))
def fail() -> None:
    raise ValueError("as it should")


def load_everything() -> None:
    """Every module of the package."""
    package = Path(importlib.import_module("junmai_jobs").__file__ or "").parent
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[-1] not in _NEVER:
            importlib.import_module(".".join(("junmai_jobs", *parts)).removesuffix(".__init__"))


def outcome(handle: Any) -> str:
    """The result, or why there is none."""
    try:
        return str(handle.result(timeout=60))
    except (JobFailed, JobCancelled) as error:
        return str(error).partition(f"job {handle.id} ")[2]


def work(jobs: JobQueue, home: Path) -> list[str]:
    """Do what a worker has to do on every system, and say what came of each job."""
    handles: list[Any] = [jobs.submit(each) for each in (add, sleep_long, fail, hang, heed_nothing)]
    with jobs.worker(log_file=str(home / "worker.log"), loglevel="INFO", grace=0.5):
        wait_until(lambda: handles[-1].status is Status.RUNNING)
        handles[-1].cancel()
        return [outcome(handle) for handle in handles]


def photographs(jobs: JobQueue, home: Path) -> str:
    """Do the main job, with a pool of its own, and say what came of a burst whose sharp frame is known."""
    register_photo_tasks()
    shoot = draw_shoot(home.parent / "shoot", 5)
    report = process(jobs, shoot.folder, Wishes(export=home.parent / "picks"))
    exported = [pick.exported for pick in report.picks if pick.path == str(shoot.bursts[0].sharp)]
    return (
        f"{report.succeeded} succeeded, {len(report.picks)} picked, {len(exported)} sharp, {report.failures}"
    )


def without_a_server(home: Path) -> str:
    """What is said to whoever has named none."""
    try:
        JobQueue(config=load_config(environ={"JUNMAI_HOME": str(home)})).broker.due()
    except StoreUnavailable as error:
        return str(error)
    return "there is one"


def main() -> None:
    """Load every module, do a few jobs, and print what came of it as JSON."""
    _, system, url, folder = sys.argv
    home = Path(folder)
    load_everything()
    jobs = JobQueue(url, config=load_config(environ={"JUNMAI_HOME": folder}))
    outcomes = work(jobs, home)
    main_job = photographs(jobs, home)
    family = psutil.Process().children(recursive=True)
    left = [" ".join(each.cmdline()) for each in family if "resource_tracker" not in str(each.cmdline())]
    said = without_a_server(home) if system == "win32" else ""
    sees = [vars(background)["sys"].platform, hasattr(vars(slot)["os"], "killpg")]
    told = {"outcomes": outcomes, "main job": main_job, "left": left, "without a server": said, "sees": sees}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
