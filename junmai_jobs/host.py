"""Which host and process this is, so that workers on one host can tell whether another still lives.

``psutil`` is imported where it is needed: whoever only submits does without.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from junmai_jobs.errors import ConfigError

HOST_VARIABLE = "JUNMAI_HOST"
"""Names the host instead of its host name, where several machines share one."""
_SUPPLIES = Path("/sys/class/power_supply")


def current_folder() -> Path:
    """Where this process is.

    Raises:
        ConfigError: it is there no more, as where its drive was taken out.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError(
            "the current folder is gone: cd to one that is there, and start this again"
        ) from None


def host_name() -> str:
    """The name of this host, of characters that may stand in a worker's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", os.environ.get(HOST_VARIABLE) or socket.gethostname())


def host_id() -> str:
    """Tells this host, boot and space of process ids from all others: within it a pid means something."""
    import psutil  # noqa: PLC0415 - see above

    marks = [host_name()]
    try:
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        marks.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        marks.append(f"{psutil.boot_time():.0f}")
    return " ".join(marks)


def mark_of(pid: int) -> list[float]:
    """The pid and the start of a living process: together they are nobody else's.

    Raises:
        psutil.NoSuchProcess: it does not live.
    """
    import psutil  # noqa: PLC0415 - see above

    booted = psutil.boot_time() if psutil.LINUX else 0.0  # there, both move when the clock is set
    return [pid, psutil.Process(pid).create_time() - booted]


def is_alive(mark: Any) -> bool:
    """Whether the process with this mark still runs; a zombie does not, and no mark is no process."""
    import psutil  # noqa: PLC0415 - see above

    try:
        pid, started = mark
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and abs(mark_of(pid)[1] - started) < 2
    except psutil.AccessDenied:
        return True
    except (psutil.Error, TypeError, ValueError):
        return False


def version() -> str:
    """Of this package as it is installed; "0" where it runs without being so."""
    from importlib import metadata  # noqa: PLC0415 - who only submits does without

    try:
        return metadata.version("junmai-jobs")
    except metadata.PackageNotFoundError:
        return "0"


def describe_process() -> dict[str, Any]:
    """What a worker says of its process, for ``is_gone``."""
    process = {"host": host_name(), "host_id": host_id(), "pid": os.getpid(), "mark": mark_of(os.getpid())}
    return {**process, "version": version()}


def is_gone(info: Mapping[str, Any]) -> bool:
    """Whether a process of this host has ended, by its own description; False if that is not known here."""
    return info.get("host_id") == host_id() and not is_alive(info.get("mark"))


def battery() -> Any:
    """This machine's battery as ``psutil`` tells of it; None where there is none, or nobody knows."""
    import psutil  # noqa: PLC0415 - see above

    with contextlib.suppress(Exception):  # it is not there on every system, and reads what drivers wrote
        if not psutil.LINUX or any(map(_is_battery, _SUPPLIES.iterdir())):
            return psutil.sensors_battery()
    return None


def _is_battery(supply: Path) -> bool:
    """Whether this is a battery of the machine; that of a mouse, which ``psutil`` takes as well, is not."""
    scope = supply / "scope"
    of_device = scope.exists() and scope.read_text().strip() == "Device"
    return not of_device and (supply / "type").read_text().strip() == "Battery"


def worker_name(given: str | None = None) -> str:
    """A name no other worker has or will have: HOST:PID:START, or HOST:GIVEN:PID:START."""
    parts = (host_name(), given, str(os.getpid()), f"{time.time_ns() // 1_000_000:x}")
    return ":".join(part for part in parts if part)


def given_name(worker: str) -> str | None:
    """What a worker was called, by its name; None if nobody has called it anything."""
    parts = worker.split(":")
    return parts[1] if len(parts) > 3 else None
